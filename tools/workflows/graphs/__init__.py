"""The example graphs, one function each."""

from __future__ import annotations

from collections.abc import Callable

from ..graph import Graph
from ..schemas import Schemas
from . import dubbing, editing, motions, reports, speech, starters, videos

# ComfyUI's own nodes that the graphs use.
CORE = (
    *("LoadImage", "LoadAudio", "LoadVideo", "SaveVideo", "SaveImage", "PreviewImage"),
    *("PreviewAny", "CreateVideo", "GetVideoComponents", "CheckpointLoaderSimple"),
    *("CLIPTextEncode", "EmptyLatentImage", "KSampler", "VAEDecode"),
    *("UpscaleModelLoader", "ImageUpscaleWithModel", "ImageScaleBy"),
    *("MaskPreview", "AudioConcat", "AudioMerge"),
)

GRAPHS: tuple[Callable[[Schemas], Graph], ...] = (
    starters.talking_portrait,
    starters.drive_by_video,
    editing.edit_expression,
    speech.sadtalker_step_by_step,
    editing.liveportrait_sliders,
    videos.liveportrait_drive,
    speech.liveportrait_speech,
    speech.two_people,
    starters.text_to_talking_portrait,
    starters.hour_long_speech,
    editing.retarget_eyes_and_lips,
    editing.expression_over_time,
    videos.edit_a_video,
    motions.motion_lab,
    videos.face_crop_and_paste,
    reports.licences_and_models,
    motions.motion_files,
    dubbing.dub_a_video,
    dubbing.dub_with_emotion,
    dubbing.enhance_after_render,
    dubbing.upscale_a_video,
    dubbing.wav2lip_measured,
)
