"""Which node stands in place of which old one: data, for ComfyUI's own replacement and for the
command ``workflows convert``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .old_nodes import SLIDERS, Value

PREFIX = "TalkingPortraits"
TEXT_NODE = "PrimitiveStringMultiline"


@dataclass(frozen=True)
class Replacement:
    """One node of ours, or of ComfyUI's own, in place of an old one.

    Attributes:
        old: id of the old node.
        new: id of the new one.
        inputs: new input to old input; the value or link is carried over as it is.
        values: new input to the value that it gets.
        outputs: old output to new output, by number.
        note: one sentence on what is different.
    """

    old: str
    new: str
    inputs: Mapping[str, str] = field(default_factory=dict[str, str])
    values: Mapping[str, Value] = field(default_factory=dict[str, Value])
    outputs: Mapping[int, int] = field(default_factory=dict[int, int])
    note: str = ""


def _same(*names: str) -> dict[str, str]:
    return {name: name for name in names}


def _needless(old: str) -> Replacement:
    text = f"{old} is not needed any more: faces are found without it. This can be deleted."
    return Replacement(old, TEXT_NODE, values={"value": text}, note=text)


# ComfyUI replaces one node by one. Where that is not enough the command adds nodes; where it loses
# something the note says what.
REPLACEMENTS: tuple[Replacement, ...] = (
    Replacement(
        "DownloadAndLoadLivePortraitModels",
        f"{PREFIX}LoadLivePortrait",
        inputs={"species": "mode"},
        outputs={0: 0},
        note="The precision is chosen by itself; nothing is downloaded.",
    ),
    _needless("LivePortraitLoadCropper"),
    _needless("LivePortraitLoadMediaPipeCropper"),
    _needless("LivePortraitLoadFaceAlignmentCropper"),
    Replacement(
        "LivePortraitCropper",
        f"{PREFIX}PreparePortrait",
        inputs={
            "model": "pipeline",
            "image": "source_image",
            "face_index": "face_index",
            "crop_scale": "scale",
            "crop_x": "vx_ratio",
            "crop_y": "vy_ratio",
            "crop_rotate": "rotate",
        },
        outputs={1: 0},
        note="Faces are counted from the largest one.",
    ),
    Replacement(
        "LivePortraitProcess",
        f"{PREFIX}LivePortraitProcess",
        inputs={
            "model": "pipeline",
            "portrait": "crop_info",
            **_same("driving_images", "relative_motion_mode", "delta_multiplier"),
            **_same("driving_smooth_observation_variance", "expression_friendly"),
            **_same("expression_friendly_multiplier", "stitching", "lip_zero"),
            **_same("lip_zero_threshold"),
        },
        outputs={0: 0, 1: 1},
        note="Retargeting of eyes and lips is switched on in the node itself.",
    ),
    Replacement(
        "LivePortraitComposite",
        f"{PREFIX}PasteBack",
        inputs={"portrait": "liveportrait_out", "faces": "cropped_image"},
        outputs={0: 0, 1: 1},
        note="The face is laid over the portrait's own picture.",
    ),
    Replacement(
        "ExpressionEditor",
        f"{PREFIX}EditExpression",
        inputs={"image": "src_image", **_same(*SLIDERS)},
        outputs={0: 0},
        note="Connect Load LivePortrait to model; without it the built-in engine is used.",
    ),
    Replacement(
        "SadTalker",
        f"{PREFIX}TalkingPortrait",
        inputs={**_same("image", "audio"), "pose_style": "poseStyle", "still": "stillMode"},
        outputs={0: 0, 1: 0},
        note="Connect Load SadTalker to model; without it the built-in engine is used. "
        "The result is a VIDEO, not the name of a file.",
    ),
    Replacement(
        "ShowVideo",
        "SaveVideo",
        inputs={"video": "show_video_path"},
        values={"filename_prefix": "video/talking_portrait"},
    ),
    Replacement("ShowText", "PreviewAny", inputs={"source": "text"}),
    Replacement("ShowAudio", "LoadAudio", inputs=_same("audio"), outputs={0: 0}),
    Replacement("LoadRefVideo", "LoadVideo", inputs={"file": "video"}, outputs={0: 0, 1: 0}),
)
BY_OLD: dict[str, Replacement] = {row.old: row for row in REPLACEMENTS}
