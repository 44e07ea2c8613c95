"""Entry of ComfyUI, which loads this folder as a package; for everyone else it is empty.

Not behind ``except ImportError``, which would hide our own mistakes.
"""

import importlib.util

if importlib.util.find_spec("comfy_api") is not None:
    from .nodes import comfy_entrypoint

    WEB_DIRECTORY = "./web"
    __all__ = ["WEB_DIRECTORY", "comfy_entrypoint"]
