"""How visible the border is along which something was pasted into a picture.

A seam is a change across the border that natural content does not have. Lines are drawn parallel
to the border, at the border itself and at depths within the zone where the paste fades; across
each the energy of steps (differences over 1, 2, 4 and 8 pixels) is averaged over short stretches,
and what exceeds the energy of the untouched picture in the same stretch is the seam. Content
that only moved has about the energy it had, an edge that was not there stands out, and a neck that
breaks shows in its stretch although the rest of the border is smooth.

The border is a box that is known (``seam_energy``), or the outline of whatever changed
(``change_seam``).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import StructureError

STEPS_PX = (1, 2, 4, 8)
DEPTHS = (0.0, 0.02, 0.04, 0.06)  # parts of the box's shorter side, inward from the border
STRETCHES = 12  # along each side
_RAYS = 120  # from the middle of what changed to its outline
_TOLERANCE = 1.5  # natural content varies: this many times its own energy is no seam
_FLOOR = 2.0  # levels; what nobody sees


def seam_energy(
    frames: Tensor,
    picture: Tensor,
    box_px: Sequence[float],
    depths: Sequence[float] = DEPTHS,
) -> Tensor:
    """Strength of the seam around a pasted box, in levels of 255; 0 where none is to be seen.

    Sides of the box on the picture's own border do not count.

    Args:
        frames: (N, 3, H, W) RGB, uint8 or float in [0, 1], with something pasted in the box.
        picture: (3, H, W) the same picture before.
        box_px: x0, y0, x1, y1 of the box, pixel edges.
        depths: where lines are drawn, parts of the box's shorter side inward from the border.

    Returns:
        (N,) root of the mean excess of squared steps: for each stretch the worst depth, averaged
        over all stretches of all sides. A hard-edged paste that differs by d levels everywhere
        has about d.
    """
    stretches = seam_profile(frames, picture, box_px, depths)
    if stretches.shape[1] == 0:
        return stretches.new_zeros(len(frames))
    return stretches.square().mean(1).sqrt()


def seam_profile(
    frames: Tensor,
    picture: Tensor,
    box_px: Sequence[float],
    depths: Sequence[float] = DEPTHS,
) -> Tensor:
    """The seam by stretch of the border: (N, sides * 12) levels, left, top, right, bottom.

    Arguments as of ``seam_energy``. Sides on the picture's own border are left out.
    """
    if frames.ndim != 4 or picture.ndim != 3 or frames.shape[1:] != picture.shape:
        raise StructureError(
            f"frames (N, 3, H, W) must fit the picture (3, H, W), got {tuple(frames.shape)} "
            f"and {tuple(picture.shape)}."
        )
    both = torch.cat((_levels(picture[None]), _levels(frames)))
    found = [_side(strip, depths, size) for strip, size in _sides(both, box_px)]
    return torch.cat(found, 1) if found else both.new_zeros(len(frames), 0)


def border_change(frames: Tensor, picture: Tensor, box_px: Sequence[float]) -> Tensor:
    """How far the pasted box differs from the picture at its very border, in levels of 255.

    Beyond the border the picture stands still, so whatever differs just inside slides along it.

    Args:
        frames: (N, 3, H, W); picture: (3, H, W); box_px: as of ``seam_energy``.

    Returns:
        (N,) root mean square of the difference in the outermost two pixels inside the box.
    """
    both = torch.cat((_levels(picture[None]), _levels(frames)))
    rows = [strip[..., _REACH : _REACH + 2, :] for strip, _ in _sides(both, box_px)]
    if not rows:
        return both.new_zeros(len(frames))
    inside = torch.cat([row.flatten(2) for row in rows], 2)
    return (inside[1:] - inside[:1]).square().mean((1, 2)).sqrt()


def change_seam(frames: Tensor, originals: Tensor, depths: Sequence[float] = DEPTHS) -> Tensor:
    """Strength of the seam along the outline of what changed in each frame, levels of 255.

    Args:
        frames: (T, 3, H, W) RGB, uint8 or float in [0, 1], untouched pixels equal to the bit.
        originals: (T, 3, H, W) the frames before.
        depths: where lines are drawn, parts of the shorter side of the changed part's box, inward
            from its outline.

    Returns:
        (T,) as of ``seam_energy``. A hard edge of d levels around one round or square part has 0.8
        to 0.97 d, less around small parts (0.65 at 24 pixels), crescents and several parts, as the
        outline keeps to it less well. Where it comes within eight pixels of the frame's own border
        does not count, and a frame without a change has 0.
    """
    if frames.ndim != 4 or frames.shape != originals.shape:
        raise StructureError(
            f"frames (T, 3, H, W) must fit the originals, got {tuple(frames.shape)} and "
            f"{tuple(originals.shape)}."
        )
    found = [_change_seam(*pair, depths) for pair in zip(_levels(frames), _levels(originals))]
    return torch.stack(found) if found else torch.zeros(0)


def changed_outline(frame: Tensor, original: Tensor) -> Tensor | None:
    """(K, 2) x, y in pixels: the changed pixels farthest from the middle, around it, K at most 120;
    None where nothing changed. Both pictures are (3, H, W)."""
    rows, columns = torch.nonzero((frame != original).any(0), as_tuple=True)
    if not len(rows):
        return None
    pixels = torch.stack((columns, rows), 1).double()
    middle = (pixels.amin(0) + pixels.amax(0)) / 2
    spokes = pixels - middle
    away = spokes.norm(dim=1)
    turn = torch.atan2(spokes[:, 1], spokes[:, 0]) / (2 * math.pi) % 1
    ray = (turn * _RAYS).long().clamp(max=_RAYS - 1)
    farthest = away.new_zeros(_RAYS).scatter_reduce(0, ray, away, "amax")
    at = torch.nonzero(away == farthest[ray])[:, 0]
    last = torch.full((_RAYS,), -1, device=frame.device).scatter_reduce(0, ray[at], at, "amax")
    last = last[last >= 0]  # a small part has fewer pixels around it than rays
    # pixels end half a pixel farther out than their middles
    return middle + spokes[last] * (1 + 0.5 / away[last].clamp(min=0.5))[:, None]


_REACH = max(STEPS_PX)


def _change_seam(frame: Tensor, original: Tensor, depths: Sequence[float]) -> Tensor:
    outline = changed_outline(frame, original)
    if outline is None:
        return frame.new_zeros(())
    size = float((outline.amax(0) - outline.amin(0)).amin())
    strip = _unrolled(torch.stack((original, frame)), outline, max(depths) * size)
    if strip.shape[-1] < STRETCHES:
        return frame.new_zeros(())
    return _side(strip, depths, size)[0].square().mean().sqrt()


def _unrolled(frames: Tensor, outline: Tensor, depth: float) -> Tensor:
    """Rows along a closed outline (K, 2), going inward: (N, 3, rows, along); 8 lie outside.

    Columns that begin beyond the frame are left out.
    """
    following = outline.roll(-1, 0)
    lengths = (following - outline).norm(dim=1)
    points: list[Tensor] = []
    inward: list[Tensor] = []
    for start, end, length in zip(outline, following, lengths):
        steps = torch.arange(max(1, round(float(length))), dtype=torch.float64)[:, None]
        steps = steps.to(outline)
        points.append(start + (end - start) * steps / len(steps))
        along = (end - start) / length.clamp(min=1e-6)
        # the outline goes round clockwise as it is seen: inside is to its right
        inward.append(torch.stack((-along[1], along[0])).expand(len(steps), 2))
    rows = torch.arange(-_REACH, round(depth) + _REACH, dtype=torch.float64) + 0.5
    rows = rows.to(outline)
    places = torch.cat(points) + rows[:, None, None] * torch.cat(inward)  # (rows, along, 2)
    limit = places.new_tensor([frames.shape[-1] - 1, frames.shape[-2] - 1])
    within = ((places >= 0) & (places <= limit)).all(2).all(0)
    grid = (places[:, within] / limit * 2 - 1).to(frames)
    return F.grid_sample(frames, grid.expand(len(frames), -1, -1, -1), align_corners=True)


def _levels(frames: Tensor) -> Tensor:
    return frames.float() if frames.dtype == torch.uint8 else frames.float() * 255


def _sides(frames: Tensor, box_px: Sequence[float]) -> Iterator[tuple[Tensor, float]]:
    """Each side that has picture beyond it, turned so that rows go inward: (N, 3, rows, along).

    The first 8 rows lie outside of the box. With it the box's shorter side.
    """
    height, width = frames.shape[-2:]
    x0, y0, x1, y1 = (round(float(value)) for value in box_px)
    size = float(min(x1 - x0, y1 - y0))
    left, top, right, bottom = max(x0, 0), max(y0, 0), min(x1, width), min(y1, height)
    if right - left < 2 * _REACH or bottom - top < 2 * _REACH:
        return
    half_x, half_y = (left + right) // 2, (top + bottom) // 2
    if x0 >= _REACH:
        yield frames[..., top:bottom, x0 - _REACH : half_x].transpose(-1, -2), size
    if y0 >= _REACH:
        yield frames[..., y0 - _REACH : half_y, left:right], size
    if x1 <= width - _REACH:
        yield frames[..., top:bottom, half_x : x1 + _REACH].flip(-1).transpose(-1, -2), size
    if y1 <= height - _REACH:
        yield frames[..., half_y : y1 + _REACH, left:right].flip(-2), size


def _side(strip: Tensor, depths: Sequence[float], size: float) -> Tensor:
    """(N, 12) seam of one side; row 0 of ``strip`` (1 + N, 3, rows, along) is the picture."""
    worst = strip.new_zeros(len(strip) - 1, STRETCHES)
    for depth in depths:
        at = _REACH + round(depth * size)  # the line runs between rows at - 1 and at
        if at + _REACH > strip.shape[-2]:
            continue
        energy = torch.stack([_steps(strip, at, step) for step in STEPS_PX]).mean(0)
        before, after = energy[:1], energy[1:]
        excess = (after - _TOLERANCE * before - _FLOOR**2).clamp(min=0)
        worst = torch.maximum(worst, excess)
    return worst.sqrt()


def _steps(strip: Tensor, at: int, step: int) -> Tensor:
    """(1 + N, 12) mean squared difference of the means of ``step`` rows before and after a line.

    A step of 1 pixel sees a hard edge, one of 8 also a soft one.
    """
    outside = strip[..., at - step : at, :].mean(-2)
    inside = strip[..., at : at + step, :].mean(-2)
    squared = (inside - outside).square().mean(1)  # (1 + N, along)
    return F.adaptive_avg_pool1d(squared[:, None], STRETCHES)[:, 0]
