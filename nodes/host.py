"""ComfyUI's node API, of the version that we are written for.

Every node takes ``io`` and ``ui`` from here, so that the version is chosen in one place: the pinned
one where the host has it, the newest elsewhere.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # ComfyUI has next to no types, and is not where the types are checked
    ComfyExtension: Any
    InputImpl: Any
    io: Any
    ui: Any
elif find_spec("comfy_api.v0_0_2") is not None:
    from comfy_api.v0_0_2 import ComfyExtension, InputImpl, io, ui
else:
    from comfy_api.latest import ComfyExtension, InputImpl, io, ui

__all__ = ["ComfyExtension", "InputImpl", "io", "ui"]
