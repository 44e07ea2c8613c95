"""Measures of rendered pictures and of motions, for the node that shows them."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ..sadtalker_core.errors import OptionError
from ..sadtalker_core.metrics.image import psnr, ssim
from ..sadtalker_core.metrics.motion import jitter, measure_motion
from ..sadtalker_core.metrics.seam import seam_energy
from ..sadtalker_core.structures import Coeff3DMM, LiteMotion
from .packing import Motion
from .portraits import PortraitValue

if TYPE_CHECKING:
    from ..sadtalker_core.runtime import Runtime

NOT_MEASURED = -1.0
_EQUAL_DB = 100.0  # shown for equal pictures: a socket cannot carry infinity into a file
_CHUNK = 8
_FACE_MEASURES = ("mouth_jitter", "blinks", "blinks_per_minute", "mouth_open_range")


def picture_metrics(images: Tensor, reference: Tensor, runtime: Runtime) -> dict[str, float]:
    """PSNR and SSIM of two IMAGEs, mean and worst over all frames.

    Args:
        images: (B, H, W, 3).
        reference: the same, or one picture that all are compared with.
        runtime: progress and cancel.

    Raises:
        OptionError: numbers or sizes do not fit.
    """
    if reference.shape[0] not in (1, images.shape[0]) or reference.shape[1:3] != images.shape[1:3]:
        raise OptionError(
            f"pictures of one size are compared, as many as there are or one with all: images are "
            f"{_shape(images)}, the reference is {_shape(reference)}."
        )
    levels: list[Tensor] = []
    likeness: list[Tensor] = []
    for start in range(0, len(images), _CHUNK):
        runtime.check_cancelled()
        part = _planes(images[start : start + _CHUNK])
        other = reference if len(reference) == 1 else reference[start : start + _CHUNK]
        shown = _planes(other).expand_as(part)
        levels.append(psnr(part, shown).clamp(max=_EQUAL_DB))
        likeness.append(ssim(part, shown))
        runtime.progress("metrics", min(start + _CHUNK, len(images)), len(images))
    found, alike = torch.cat(levels), torch.cat(likeness)
    return {
        "psnr_db": float(found.mean()),
        "psnr_db_worst": float(found.min()),
        "ssim": float(alike.mean()),
        "ssim_worst": float(alike.min()),
    }


def seam_metrics(images: Tensor, value: PortraitValue, runtime: Runtime) -> dict[str, float]:
    """How visible the border of the pasted face is, mean and worst over all frames.

    Empty where nothing is pasted: the built-in engine, faces shown alone, videos.
    """
    boxes = pasted_boxes(value)
    if not boxes or value.picture is None:
        return {}
    if tuple(images.shape[1:3]) != tuple(value.picture.shape[1:]):
        raise OptionError(
            f"the seam is measured in whole frames of the portrait's size, images are "
            f"{_shape(images)}, the portrait has {value.picture.shape[2]}x{value.picture.shape[1]}."
        )
    seams: list[Tensor] = []
    for start in range(0, len(images), _CHUNK):
        runtime.check_cancelled()
        part = _planes(images[start : start + _CHUNK])
        still = value.picture.to(part.device)
        each = [seam_energy(part, still, box) for box in boxes]
        seams.append(torch.stack(each).amax(0))
    found = torch.cat(seams)
    return {"seam_levels": float(found.mean()), "seam_levels_worst": float(found.max())}


def pasted_boxes(value: PortraitValue) -> list[tuple[float, float, float, float]]:
    """x0, y0, x1, y1 of what an engine pastes into the picture; around it where it is turned."""
    if value.engine.id == "sadtalker":
        plan = value.prepared.source.plan
        return [plan.box_px] if plan.is_pasted else []
    if value.engine.id != "liveportrait" or value.picture is None:
        return []
    from ..sadtalker_core.systems.liveportrait.crop import CROP_SIZE
    from ..sadtalker_core.systems.liveportrait.paste import reach_of
    from ..sadtalker_core.systems.liveportrait.prepared import is_pasted

    if not is_pasted(value.options):
        return []
    size = value.size
    return [reach_of(face.image_from_crop, CROP_SIZE, size) for face in value.prepared.faces]


def motion_metrics(motion: Motion) -> dict[str, Any]:
    """Trembling, blinks and ranges of a motion; SadTalker's face has no controls to measure."""
    from ..sadtalker_core.transfer.borrowed import as_kind
    from ..sadtalker_core.transfer.head_pose import lite_from_coeff

    if isinstance(motion, Coeff3DMM):
        found = dataclasses.asdict(measure_motion(lite_from_coeff(motion)))
        for name in _FACE_MEASURES:
            del found[name]
        return {**found, "expression_jitter": jitter(motion.expression)}
    lite = as_kind(motion, LiteMotion)
    assert isinstance(lite, LiteMotion)
    return dataclasses.asdict(measure_motion(lite))


def metrics_text(found: dict[str, Any]) -> str:
    """One measure a line, with its unit."""
    lines = [
        f"{title}: {found[name]:.{places}f}{unit}"
        for name, title, unit, places in _LINES
        if name in found
    ]
    return "\n".join(lines)


_LINES = (
    ("psnr_db", "PSNR, mean", " dB", 2),
    ("psnr_db_worst", "PSNR, worst frame", " dB", 2),
    ("ssim", "SSIM, mean", "", 4),
    ("ssim_worst", "SSIM, worst frame", "", 4),
    ("seam_levels", "Seam of the pasted face, mean", " levels of 255", 2),
    ("seam_levels_worst", "Seam, worst frame", " levels of 255", 2),
    ("frames", "Frames of motion", "", 0),
    ("seconds", "Length of motion", " s", 2),
    ("head_jitter_deg", "Trembling of the head", " degrees", 4),
    ("pitch_range_deg", "Range of nodding", " degrees", 2),
    ("yaw_range_deg", "Range of turning", " degrees", 2),
    ("roll_range_deg", "Range of leaning", " degrees", 2),
    ("mouth_jitter", "Trembling of the mouth", " E", 5),
    ("mouth_open_range", "Range of the mouth's opening", " E", 4),
    ("blinks", "Blinks", "", 0),
    ("blinks_per_minute", "Blinks per minute", "", 1),
    ("expression_jitter", "Trembling of the expression coefficients", "", 4),
)


def _planes(images: Tensor) -> Tensor:
    return images[..., :3].movedim(-1, 1)


def _shape(images: Tensor) -> str:
    return f"{images.shape[0]} of {images.shape[2]}x{images.shape[1]}"
