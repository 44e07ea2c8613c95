"""Saved ComfyUI graphs of abandoned packs, rewritten for our nodes."""
