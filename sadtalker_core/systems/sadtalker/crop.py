"""Which part of the picture SadTalker looks at: the five preprocess modes.

The rectangle is FFHQ's alignment without its rotation (SadTalker ``src/utils/croper.py``), found
from 68 landmarks. Coordinates here are pixel edges: a box (x0, y0, x1, y1) covers the columns
from x0 up to and without x1. Landmarks are taken as the original takes them.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from ...errors import FaceError, OptionError, StructureError
from ...faces.ffhq import Box, ffhq_rectangle
from ...geometry.resize import resize_linear
from .config import PREPROCESS_MODES


@dataclass(frozen=True)
class CropPlan:
    """What is cut from a picture, and where it belongs.

    The original keeps its box in pixels of the shrunk picture although it pastes into the whole
    one, so that faces larger than 1024 pixels land in the wrong place, and lets it reach over the
    border, where pasting fails. ``box_px`` is always in the picture's own pixels and inside it.

    Attributes:
        mode: the preprocess mode.
        size: side of the cut picture, pixels; its aspect is not that of the box.
        frame_size: (H, W) of the picture.
        resized: (H, W) to which the picture is resized before the cut.
        cut_box: what is cut, in the resized picture.
        box_px: the same in the picture's own pixels; whole numbers unless it was shrunk.
        inner_size: (H, W) of the face's box in the resized picture, without the margin that the
            ``ext`` modes add: the original gives their videos this aspect.
    """

    mode: str
    size: int
    frame_size: tuple[int, int]
    resized: tuple[int, int]
    cut_box: Box
    box_px: tuple[float, float, float, float]
    inner_size: tuple[int, int]

    @property
    def is_pasted(self) -> bool:
        """True in the modes whose face goes back into the picture; they need 73 coefficients."""
        return "full" in self.mode

    @property
    def cut_size(self) -> tuple[int, int]:
        """(H, W) of what is cut, in the resized picture, before it becomes a square."""
        x0, y0, x1, y1 = self.cut_box
        return y1 - y0, x1 - x0

    def to_crop(self, points_px: Tensor) -> Tensor:
        """Points (..., 2) of the picture in the cut one; both have pixel centres at integers."""
        x0, y0, x1, y1 = self.box_px
        corner = points_px.new_tensor([x0, y0])
        scale = points_px.new_tensor([self.size / (x1 - x0), self.size / (y1 - y0)])
        return (points_px + 0.5 - corner) * scale - 0.5


def plan_crop(
    frame_size: tuple[int, int], landmarks68: Tensor | None, mode: str, size: int = 256
) -> CropPlan:
    """What ``mode`` cuts from a picture of ``frame_size`` (H, W).

    Args:
        frame_size: (H, W) of the picture.
        landmarks68: (68, 2) x, y in its pixels; ``resize`` needs none.
        mode: crop (the face), extcrop (the head), resize (all), full, extfull (as the first two,
            to be pasted back).
        size: side of the network's picture, 256 or 512.

    Raises:
        FaceError: when the face lies outside of the picture or is upside down.
    """
    if mode not in PREPROCESS_MODES:
        known = ", ".join(PREPROCESS_MODES)
        raise OptionError(f"preprocess is {mode!r}, known values are: {known}.")
    height, width = frame_size
    if mode == "resize":
        whole = (0, 0, width, height)
        return CropPlan(mode, size, frame_size, frame_size, whole, whole, frame_size)
    if landmarks68 is None:
        raise StructureError(f"Mode {mode} needs landmarks of the face; resize needs none.")
    found = ffhq_rectangle(frame_size, landmarks68)
    if float(landmarks68[[48, 54], 1].mean()) < float(landmarks68[36:48, 1].mean()):
        raise FaceError(
            "The face is upside down: its mouth lies above its eyes. SadTalker knows upright faces "
            "only; turn the picture first."
        )
    x0, y0, x1, y1 = found.crop
    # the original's slices: whole pixels, and never beyond the outer box
    left, top, right, bottom = (int(value) for value in (*found.inner[:3], found.bottom))
    inner_box = (x0 + left, y0 + top, min(x0 + right, x1), min(y0 + bottom, y1))
    cut_box = found.crop if mode.startswith("ext") else inner_box
    if cut_box[0] >= cut_box[2] or cut_box[1] >= cut_box[3]:
        raise FaceError(
            f"The face lies outside of the {width}x{height} picture. Use a picture with the whole "
            "face in it."
        )
    across, down = width / found.resized[1], height / found.resized[0]
    box = (cut_box[0] * across, cut_box[1] * down, cut_box[2] * across, cut_box[3] * down)
    inner_size = (max(inner_box[3] - inner_box[1], 0), max(inner_box[2] - inner_box[0], 0))
    return CropPlan(mode, size, frame_size, found.resized, cut_box, box, inner_size)


def cut_box(rgb: Tensor, plan: CropPlan) -> Tensor:
    """What the plan cuts of ``rgb`` (3, H, W) uint8, before it becomes a square: (3, h, w)."""
    if tuple(rgb.shape[1:]) != plan.frame_size:
        raise StructureError(
            f"The plan is for a picture of {plan.frame_size[1]}x{plan.frame_size[0]} pixels, "
            f"got {rgb.shape[2]}x{rgb.shape[1]}."
        )
    x0, y0, x1, y1 = plan.cut_box
    return resize_linear(rgb, plan.resized)[:, y0:y1, x0:x1]


def cut(rgb: Tensor, plan: CropPlan) -> Tensor:
    """The network's picture (3, size, size) uint8 of ``rgb`` (3, H, W) uint8, on the CPU.

    Bilinear in 8 bits, as the original resizes; its aspect is not kept.
    """
    return resize_linear(cut_box(rgb, plan), (plan.size, plan.size)).contiguous()
