"""What is known of abandoned ComfyUI packs' nodes: their sockets, and how values are saved.

The table is data; ``read_values`` reads a saved node with it, whatever version saved it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

KJ = "ComfyUI-LivePortraitKJ"
PHM = "ComfyUI-AdvancedLivePortrait"
HAOMOLE = "Comfyui-SadTalker"

Value = str | int | float | bool
_SWITCH = {"true": True, "false": False, "enable": True, "disable": False, "1": True, "0": False}


@dataclass(frozen=True)
class Field:
    """A value of an old node.

    Attributes:
        default: what its node started with; its type is the field's.
        choices: allowed texts; empty where any is.
        low: smallest number.
        high: largest number.
    """

    default: Value
    choices: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None

    def read(self, value: Any) -> Value | None:
        """A saved value as the host would read it, or None where it can mean nothing here."""
        if isinstance(self.default, bool):
            return _SWITCH.get(str(value).lower())
        if isinstance(self.default, str):
            if not isinstance(value, str) or (self.choices and value not in self.choices):
                return None
            return value
        try:
            number = float(value)
        except (TypeError, ValueError):
            return None
        if number != number or (self.low is not None and number < self.low - 1e-9):
            return None
        if self.high is not None and number > self.high + 1e-9:
            return None
        return int(number) if isinstance(self.default, int) else number


@dataclass(frozen=True)
class OldNode:
    """A node of an abandoned pack.

    Attributes:
        pack: its repository's name.
        sockets: names of inputs that have no widget.
        outputs: names of its outputs.
        fields: its values, in the order in which the newest version saves them.
        older: orders of older versions, told apart by number and kind of the values.
        also: values that only older versions have.
        mark: an input or output that other packs' nodes of this id do not have.
    """

    pack: str
    sockets: tuple[str, ...]
    outputs: tuple[str, ...]
    fields: Mapping[str, Field] = field(default_factory=dict[str, Field])
    older: tuple[tuple[str, ...], ...] = ()
    also: Mapping[str, Field] = field(default_factory=dict[str, Field])
    mark: str = ""


def _of(low: float, high: float, default: float = 0.0) -> Field:
    return Field(default, low=low, high=high)


def _number(low: int, high: int, default: int) -> Field:
    return Field(default, low=low, high=high)


def _one_of(*choices: str, default: str = "") -> Field:
    return Field(default or choices[0], choices)


PRECISIONS = ("fp16", "fp32", "auto")
FACE_ORDERS = (
    *("large-small", "left-right", "right-left", "top-bottom", "bottom-top", "small-large"),
    "distance-from-retarget-face",
)
MOTION_MODES = (
    *("relative", "source_video_smoothed", "relative_rotation_only", "single_frame", "off"),
)
SLIDERS: dict[str, Field] = {
    "rotate_pitch": _of(-20, 20),
    "rotate_yaw": _of(-20, 20),
    "rotate_roll": _of(-20, 20),
    "blink": _of(-20, 5),
    "eyebrow": _of(-10, 15),
    "wink": _of(0, 25),
    "pupil_x": _of(-15, 15),
    "pupil_y": _of(-15, 15),
    "aaa": _of(-30, 120),
    "eee": _of(-20, 15),
    "woo": _of(-20, 15),
    "smile": _of(-0.3, 1.3),
}
SAMPLE_PARTS = ("OnlyExpression", "OnlyRotation", "OnlyMouth", "OnlyEyes", "All")

_DEVICES = ("CPU", "CUDA", "ROCM", "CoreML", "torch_gpu")
_CROP: dict[str, Field] = {
    "dsize": _number(64, 2048, 512),
    "scale": _of(1.0, 4.0, 2.3),
    "vx_ratio": _of(-1.0, 1.0, 0.0),
    "vy_ratio": _of(-1.0, 1.0, -0.125),
}
_CODES: dict[str, Field] = {
    name: made
    for number in range(1, 6)
    for name, made in (
        (f"code{number}", _number(-(10**6), 10**6, 0)),
        (f"value{number}", _of(-100, 100)),
    )
}
_RETARGETING = (
    *("eye_retargeting", "eyes_retargeting_multiplier"),
    *("lip_retargeting", "lip_retargeting_multiplier"),
)
_EDITOR: dict[str, Field] = {
    **SLIDERS,
    "src_ratio": _of(0, 1, 1.0),
    "sample_ratio": _of(-0.2, 1.2, 1.0),
    "sample_parts": _one_of(*SAMPLE_PARTS),
    "crop_factor": _of(1.5, 2.5, 1.7),
}
_PLAYER: dict[str, Field] = {
    "retargeting_eyes": _of(0, 1),
    "retargeting_mouth": _of(0, 1),
    "crop_factor": _of(1.5, 2.5, 1.7),
    "turn_on": Field(True),
    "tracking_src_vid": Field(False),
    "animate_without_vid": Field(False),
    "command": Field(""),
}


def _without(fields: Mapping[str, Field], *names: str) -> tuple[str, ...]:
    return tuple(name for name in fields if name not in names)


OLD_NODES: dict[str, OldNode] = {
    "DownloadAndLoadLivePortraitModels": OldNode(
        KJ,
        (),
        ("live_portrait_pipe",),
        {"precision": _one_of(*PRECISIONS, default="auto"), "mode": _one_of("human", "animal")},
        (("precision",), ()),
    ),
    "LivePortraitLoadCropper": OldNode(
        KJ,
        (),
        ("cropper",),
        {
            "onnx_device": _one_of(*_DEVICES),
            "keep_model_loaded": Field(True),
            "detection_threshold": _of(0.05, 1.0, 0.5),
        },
        (("onnx_device", "keep_model_loaded"),),
    ),
    "LivePortraitLoadMediaPipeCropper": OldNode(
        KJ,
        (),
        ("cropper",),
        {"landmarkrunner_onnx_device": _one_of(*_DEVICES), "keep_model_loaded": Field(True)},
    ),
    "LivePortraitLoadFaceAlignmentCropper": OldNode(
        KJ,
        (),
        ("cropper",),
        {
            "face_detector": _one_of("blazeface", "blazeface_back_camera", "sfd"),
            "landmarkrunner_device": _one_of(*_DEVICES, default="torch_gpu"),
            "face_detector_device": _one_of("cuda", "cpu", "mps"),
            "face_detector_dtype": _one_of("fp16", "bf16", "fp32"),
            "keep_model_loaded": Field(True),
        },
    ),
    "LivePortraitCropper": OldNode(
        KJ,
        ("pipeline", "cropper", "source_image"),
        ("cropped_image", "crop_info"),
        {
            **_CROP,
            "face_index": _number(0, 100, 0),
            "face_index_order": _one_of(*FACE_ORDERS),
            "rotate": Field(True),
        },
        ((*_CROP, "face_index", "reserved", "onnx_device", "rotate"),),
        also={"reserved": Field(False), "onnx_device": _one_of(*_DEVICES)},
    ),
    "LivePortraitRetargeting": OldNode(
        KJ,
        ("driving_crop_info",),
        ("retargeting_info",),
        {
            "eye_retargeting": Field(False),
            "eyes_retargeting_multiplier": _of(0.01, 10.0, 1.0),
            "lip_retargeting": Field(False),
            "lip_retargeting_multiplier": _of(0.01, 10.0, 1.0),
        },
    ),
    "LivePortraitProcess": OldNode(
        KJ,
        ("pipeline", "crop_info", "source_image", "driving_images", "opt_retargeting_info", "mask"),
        ("cropped_image", "output"),
        {
            "lip_zero": Field(False),
            "lip_zero_threshold": _of(0.001, 4.0, 0.03),
            "stitching": Field(True),
            "delta_multiplier": _of(-100.0, 100.0, 1.0),
            "mismatch_method": _one_of("constant", "cycle", "mirror", "cut"),
            "relative_motion_mode": _one_of(*MOTION_MODES),
            "driving_smooth_observation_variance": _of(1e-11, 1e-2, 3e-6),
            "expression_friendly": Field(False),
            "expression_friendly_multiplier": _of(0.01, 100.0, 1.0),
        },
        (
            (
                *("lip_zero", "lip_zero_threshold", "stitching", "delta_multiplier"),
                *("mismatch_method", "relative_motion_mode"),
                "driving_smooth_observation_variance",
            ),
            (
                *("lip_zero", "lip_zero_threshold", "stitching", "relative"),
                *("delta_multiplier", "mismatch_method"),
            ),
            (
                *("lip_zero", "lip_zero_threshold", *_RETARGETING, "stitching", "relative"),
                "mismatch_method",
            ),
            (*_CROP, "lip_zero", *_RETARGETING, "stitching", "relative", "onnx_device"),
            (*_CROP, "lip_zero", *_RETARGETING, "stitching", "relative"),
            (*_CROP, "lip_zero", "eye_retargeting", "lip_retargeting", "stitching", "relative"),
            tuple(_CROP),
            (),
        ),
        also={
            **_CROP,
            "eye_retargeting": Field(False),
            "eyes_retargeting_multiplier": _of(0.01, 10.0, 1.0),
            "lip_retargeting": Field(False),
            "lip_retargeting_multiplier": _of(0.01, 10.0, 1.0),
            "relative": Field(True),
            "onnx_device": _one_of(*_DEVICES),
        },
        mark="driving_images",
    ),
    "LivePortraitComposite": OldNode(
        KJ,
        ("source_image", "cropped_image", "liveportrait_out", "mask"),
        ("full_images", "mask"),
    ),
    "KeypointsToImage": OldNode(
        KJ, ("crop_info",), ("keypoints_image",), {"draw_lines": Field(False)}, ((),)
    ),
    "ExpressionEditor": OldNode(
        PHM,
        ("src_image", "motion_link", "sample_image", "add_exp"),
        ("image", "motion_link", "save_exp"),
        _EDITOR,
        (_without(_EDITOR, "sample_parts"), _without(_EDITOR, "sample_parts", "crop_factor")),
        mark="motion_link",
    ),
    "AdvancedLivePortrait": OldNode(
        PHM,
        ("src_images", "motion_link", "driving_images"),
        ("images",),
        _PLAYER,
        (
            _without(_PLAYER, "tracking_src_vid", "animate_without_vid"),
            _without(_PLAYER, "tracking_src_vid", "animate_without_vid", "crop_factor"),
        ),
    ),
    "LoadExpData": OldNode(PHM, (), ("exp",), {"file_name": Field(""), "ratio": _of(0, 1, 1.0)}),
    "SaveExpData": OldNode(PHM, ("save_exp",), ("file_name",), {"file_name": Field("")}),
    "ExpData": OldNode(PHM, ("add_exp",), ("exp",), _CODES, mark="add_exp"),
    "PrintExpData:": OldNode(PHM, ("exp",), ("exp",), {"cut_noise": _of(0, 100)}),
    "SadTalker": OldNode(
        HAOMOLE,
        ("image", "audio", "refVideo"),
        ("video_path", "show_video_path"),
        {
            "poseStyle": _number(0, 46, 0),
            "faceModelResolution": _one_of("256", "512"),
            "preprocess": _one_of("crop", "resize", "full", "extcrop", "extfull"),
            "stillMode": Field(False),
            "batchSizeInGeneration": _number(0, 10, 2),
            "gfpganAsFaceEnhancer": Field(False),
            "useIdleMode": Field(False),
            "idleModeTime": _number(1, 90, 5),
            "useRefVideo": Field(False),
            "refInfo": _one_of("pose", "blink", "pose+blink", "all"),
        },
        (
            (
                *("poseStyle", "faceModelResolution", "preprocess", "stillMode"),
                *("batchSizeInGeneration", "gfpganAsFaceEnhancer"),
            ),
        ),
        mark="show_video_path",
    ),
    "ShowVideo": OldNode(HAOMOLE, ("show_video_path",), (), mark="show_video_path"),
    "ShowText": OldNode(HAOMOLE, ("text",), ("STRING",), mark="text"),
    "ShowAudio": OldNode(HAOMOLE, (), ("AUDIO",), {"audio": Field("")}),
    "LoadRefVideo": OldNode(
        HAOMOLE, (), ("video", "video_path"), {"video": Field("")}, mark="video_path"
    ),
}


def read_values(kind: OldNode, saved: Any) -> tuple[dict[str, Value], list[str]]:
    """Values of an old node by name, and the names of those that could not be read.

    Args:
        kind: what its values are.
        saved: ``widgets_values``: a list in some version's order, or values by name.

    Returns:
        A value for every field of the newest version, and those of an older one that were saved.
    """
    known = {**kind.also, **kind.fields}
    given: dict[str, Any] = {}
    if isinstance(saved, Mapping):
        given = {name: value for name, value in saved.items() if name in known}
    elif isinstance(saved, list):
        given = dict(zip(_order_of(kind, saved), saved))
    values = {name: entry.default for name, entry in kind.fields.items()}
    unread: list[str] = []
    for name, value in given.items():
        read = known[name].read(value)
        if read is None and value is not None:
            unread.append(name)
        elif read is not None:
            values[name] = read
    return values, unread


def _order_of(kind: OldNode, saved: list[Any]) -> tuple[str, ...]:
    """The version whose values these can be: by their number, then by their kinds."""
    orders = (tuple(kind.fields), *kind.older)
    known = {**kind.also, **kind.fields}
    fitting = [order for order in orders if len(order) == len(saved)]
    for order in fitting:
        if all(v is None or known[name].read(v) is not None for name, v in zip(order, saved)):
            return order
    return fitting[0] if fitting else orders[0]
