"""LivePortrait's golden of the motion pipeline on our code: 43 combinations of options."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sadtalker_core.structures import ImplicitMotion
from sadtalker_core.systems.liveportrait.config import LivePortraitMotionOptions
from sadtalker_core.systems.liveportrait.motion import drive
from sadtalker_core.systems.liveportrait.points import SourcePoints
from sadtalker_core.systems.liveportrait.retarget import FaceRatios, RetargetNets, ratios_of_203

from .liveportrait_nets import EYES, LIPS, STITCHING, retargeting

_CASES = Path(__file__).parent / "data" / "liveportrait" / "pipeline_cases.json"
_FPS = Fraction(25)
# The original's names of the options, and ours.
_NAMES = {
    "flag_relative_motion": "relative",
    "animation_region": "region",
    "driving_option": "driving_option",
    "driving_multiplier": "multiplier",
    "flag_normalize_lip": "normalize_lip",
    "flag_eye_retargeting": "eye_retargeting",
    "flag_lip_retargeting": "lip_retargeting",
    "flag_source_video_eye_retargeting": "source_video_eye_retargeting",
    "driving_smooth_observation_variance": "smooth",
}


def points_of(inputs: dict[str, Tensor], who: str) -> SourcePoints:
    """``src`` or ``drv`` of a golden's inputs."""
    part = {name: inputs[f"{who}.{name}"] for name in ("kp", "exp", "t", "scale")}
    angles = torch.cat([inputs[f"{who}.{name}"] for name in ("pitch", "yaw", "roll")], 1)
    return SourcePoints.of_pose(part["kp"], part["exp"], angles, part["t"], part["scale"])


def retarget_nets(seed: int, calm: bool = False) -> RetargetNets:
    """Full-size networks with seeded weights."""
    return RetargetNets(
        stitching=retargeting(STITCHING, seed, calm),
        eye=retargeting(EYES, seed),
        lip=retargeting(LIPS, seed),
    )


def landmarks_of(inputs: dict[str, Tensor], state: str) -> Tensor:
    """The source's landmarks, ``open`` or with eyes and lips ``closed``."""
    landmarks = inputs["lmk"].clone()
    if state == "closed":
        landmarks[:, [102, 18, 42]] = landmarks[:, [90, 6, 30]]
    return landmarks


def options_of(case: dict[str, Any]) -> LivePortraitMotionOptions:
    """Our options for the settings of a case."""
    return LivePortraitMotionOptions(
        **{ours: case[name] for name, ours in _NAMES.items() if name in case}
    )


def pipeline(inputs: dict[str, Tensor], seed: int, meta: dict[str, str]) -> dict[str, Tensor]:
    source, driver = points_of(inputs, "src"), points_of(inputs, "drv")
    nets = retarget_nets(seed)
    driver_ratios = FaceRatios(inputs["c_eyes"].flatten(1), inputs["c_lip"].flatten(1))
    motion = driver.motion(_FPS, driver_ratios)
    outputs = {"x_s.image": source.x[:1], "x_s.video": source.x}
    for name, case in json.loads(_CASES.read_text(encoding="utf-8")).items():
        if f"shape:{name}" in meta:
            outputs[name] = _driven(case, source, motion, inputs, nets)
    return outputs


def _driven(
    case: dict[str, Any],
    source: SourcePoints,
    motion: ImplicitMotion,
    inputs: dict[str, Tensor],
    nets: RetargetNets,
) -> Tensor:
    is_video = case.get("source") == "video"
    is_picture = case.get("driving") == "image"
    ratios = ratios_of_203(landmarks_of(inputs, case.get("landmarks", "open")))
    return drive(
        source if is_video else source[:1],
        motion[:1] if is_picture else motion,
        options_of(case),
        nets,
        ratios=ratios if is_video else ratios[:1],
        stitching=case["flag_stitching"],
        animal=case.get("animal", False),
        source_is_video=is_video,
        driving_is_picture=is_picture,
    ).driving


CASES = {"liveportrait/pipeline": pipeline}
