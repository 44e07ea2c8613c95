"""The example graphs, one function each."""

from __future__ import annotations

from collections.abc import Callable

from ..graph import Graph
from ..schemas import Schemas

# ComfyUI's own nodes that the graphs use.
CORE = (
    *("LoadImage", "LoadAudio", "LoadVideo", "SaveVideo", "SaveImage", "PreviewImage"),
    *("PreviewAny", "CreateVideo", "GetVideoComponents", "CheckpointLoaderSimple"),
    *("CLIPTextEncode", "EmptyLatentImage", "KSampler", "VAEDecode"),
    *("UpscaleModelLoader", "ImageUpscaleWithModel", "ImageScale", "ImageScaleBy"),
    *("MaskPreview", "SaveAudio", "ImageCompositeMasked"),
)

GRAPHS: tuple[Callable[[Schemas], Graph], ...] = ()
