"""The built-in engine: nothing to download."""
