"""Entry of ComfyUI, which loads this folder as a package; for everyone else it is empty.

When the nodes exist they are re-exported here behind ``importlib.util.find_spec("comfy_api")``:
not behind ``except ImportError``, which would hide our own mistakes.
"""
