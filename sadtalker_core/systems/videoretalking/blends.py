"""How drawn lips become part of the frame: teeth restored, face blended, around the face alone.

The original takes the whole frame through 512 x 512 pixels twice (``blends_original``), which makes
everything soft. Here the same steps work on a square around the face in the frame's own pixels. The
pyramids let the face's colours run out past the mask; ``reach_of`` ends that a little beside the
face, and what lies farther off stays to the bit. One face is parsed once for both masks, where the
original parses the whole box and then the aligned face again.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ...enhance.gpen_process import FACE_CLASSES
from ...enhance.nets.parsenet import is_class
from ...enhance.restore import AlignedFace, emptied, image_from_crop, paste_square
from ...faces.steady_boxes import Box
from ...geometry.filters import blur, erode, warp
from ...geometry.pyramid import blend_pyramids
from .lips import at_box

MOUTH_CLASSES = (10, 11, 12)  # of ParseNet: the mouth's inside, upper and lower lip
_MARGIN = 0.35  # of the box's side, on each side: how far colours may adapt
_EDGE = 0.12  # of the region's side, in which changes fade out
_BORDER = 20  # of the face's mask, pixels of 512
_COARSE = 4  # levels by which the face's pyramid is lower than the mouth's
_BESIDE = 0.1  # of the face box's longer side: how far beside the mask pixels may change


@dataclass(frozen=True)
class Region:
    """A part x0, y0, x1, y1 of frames of ``size`` (H, W)."""

    box: Box
    size: tuple[int, int]

    @classmethod
    def around(cls, box: Box, size: tuple[int, int]) -> Region:
        """A square around a face's box, as far as the frame goes."""
        x0, y0, x1, y1 = box
        half = max(x1 - x0, y1 - y0) * (0.5 + _MARGIN)
        x, y = (x0 + x1) / 2, (y0 + y1) / 2
        height, width = size
        left, top = max(0, int(x - half)), max(0, int(y - half))
        right, bottom = min(width, int(x + half) + 1), min(height, int(y + half) + 1)
        return cls((left, top, right, bottom), size)

    def of(self, rgb: Tensor) -> Tensor:
        """The part of (..., H, W); a view."""
        x0, y0, x1, y1 = self.box
        return rgb[..., y0:y1, x0:x1]

    def inside(self, box: Box) -> Box:
        """A box of the frame in the part's own pixels."""
        x0, y0, _, _ = self.box
        return box[0] - x0, box[1] - y0, box[2] - x0, box[3] - y0

    def points(self, points: Tensor) -> Tensor:
        """Points (K, 2) of the frame in the part's own pixels."""
        return points - points.new_tensor(self.box[:2])

    def fade(self) -> Tensor:
        """(h, w) in [0, 1]: 1 in the middle, 0 at the sides that are not the frame's own."""
        x0, y0, x1, y1 = self.box
        height, width = self.size
        reach = max(1.0, _EDGE * max(x1 - x0, y1 - y0))
        across = _ramp(x1 - x0, reach, x0 > 0, x1 < width)
        down = _ramp(y1 - y0, reach, y0 > 0, y1 < height)
        return across * down[:, None]


def _ramp(length: int, reach: float, fades_low: bool, fades_high: bool) -> Tensor:
    steps = torch.arange(length, dtype=torch.float32)
    values = torch.ones(length)
    if fades_low:
        values = torch.minimum(values, steps / reach)
    if fades_high:
        values = torch.minimum(values, (length - 1 - steps) / reach)
    values = values.clamp(0, 1)
    return values * values * (3 - 2 * values)


def with_face(part: Tensor, face: Tensor, box: Box) -> Tensor:
    """A copy of ``part`` (3, h, w) uint8 with ``face`` (3, 384, 384) uint8 in its box."""
    x0, y0, x1, y1 = box
    result = part.clone()
    result[:, y0:y1, x0:x1] = at_box(face, (y1 - y0, x1 - x0))
    return result


def blend_region(
    original: Tensor,
    painted: Tensor,
    box: Box,
    aligned: AlignedFace,
    restored: Tensor | None,
    scores: Tensor,
) -> Tensor:
    """Teeth restored and the face blended into what was filmed.

    Args:
        original: (3, h, w) uint8, the region as filmed.
        painted: the same with the drawn face in ``box``.
        box: x0, y0, x1, y1 in the region.
        aligned: the painted face as the restorer saw it.
        restored: (3, S, S) uint8, restored; None leaves the teeth as they are drawn.
        scores: (1, classes, S, S) of ParseNet for the restored face, or the aligned one.

    Returns:
        (3, h, w) float levels in 0 to 255; those of ``original`` farther from the face's mask than
        ``margin_of`` says.
    """
    _, back = image_from_crop(aligned.crop_from_image, 1)
    size = (original.shape[1], original.shape[2])
    levels = max(1, min(size).bit_length())
    x0, y0, x1, y1 = box
    if restored is not None:
        pasted = paste_square(painted.float(), restored, back, 1).clamp(0, 255).to(torch.uint8)
        lips = _placed(is_class(scores, MOUTH_CLASSES).float().cpu(), back, size)
        # only what is surely mouth, as the original keeps of its mask in bytes
        hard = torch.zeros(size)
        hard[y0:y1, x0:x1] = (lips > 0.999)[y0:y1, x0:x1].float()
        mixed = blend_pyramids(pasted, painted, hard, levels)
        painted = mixed.clamp(0, 255).to(torch.uint8)
    side = scores.shape[-1]
    whole = is_class(scores, FACE_CLASSES).float().cpu()
    edge = emptied(whole, max(1, _BORDER * side // 512))
    mask = blur(_placed(edge, back, size), 9, 1.0)
    inside = torch.zeros(size)
    # five rows less at the chin, as in the original
    inside[y0 : max(y0, y1 - 5), x0:x1] = 1
    mask = mask * inside
    blended = blend_pyramids(painted, original, mask, max(1, levels - _COARSE)).clamp(0, 255)
    filmed = original.float()
    return filmed + reach_of(mask, margin_of(box)) * (blended - filmed)


def margin_of(box: Box) -> int:
    """How many pixels beside the mask of a face in ``box`` may change; even."""
    x0, y0, x1, y1 = box
    return 2 * max(2, round(_BESIDE * max(x1 - x0, y1 - y0) / 2))


def reach_of(mask: Tensor, margin: int) -> Tensor:
    """(H, W) in [0, 1]: 1 on the mask and in half of the margin around it, then smoothly down to
    exactly 0 at ``margin`` pixels (an even number, along rows and columns) from it."""
    size = margin + 1
    wider = 1 - erode((mask <= 0.5).float(), size)
    return blur(wider, size)


def _placed(mask: Tensor, back: Tensor, size: tuple[int, int]) -> Tensor:
    return warp(mask[None], back, size)[0, 0]


def put_back(rgb: Tensor, blended: Tensor, region: Region, strength: float = 1.0) -> Tensor:
    """A copy of the frame (3, H, W) uint8 with the region's new levels, fading out at its sides;
    ``strength`` below 1 lets the old ones through everywhere."""
    result = rgb.clone()
    before = region.of(rgb).float()
    shown = before + strength * region.fade() * (blended - before)
    region.of(result).copy_(shown.round().clamp(0, 255).to(torch.uint8))
    return result
