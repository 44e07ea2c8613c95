"""The example graphs, one function each."""

from __future__ import annotations

from collections.abc import Callable

from ..graph import Graph
from ..schemas import Schemas
from . import editing

# ComfyUI's own nodes that the graphs use.
CORE = (
    *("LoadImage", "LoadAudio", "LoadVideo", "SaveVideo", "SaveImage", "PreviewImage"),
    *("PreviewAny", "CreateVideo", "GetVideoComponents", "CheckpointLoaderSimple"),
    *("CLIPTextEncode", "EmptyLatentImage", "KSampler", "VAEDecode"),
    *("UpscaleModelLoader", "ImageUpscaleWithModel", "ImageScaleBy"),
    "MaskPreview",
)

GRAPHS: tuple[Callable[[Schemas], Graph], ...] = (
    editing.edit_expression,
    editing.liveportrait_sliders,
    editing.retarget_eyes_and_lips,
    editing.expression_over_time,
)
