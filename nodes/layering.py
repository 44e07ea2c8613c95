"""Frames laid over frames by masks, a few at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from ..sadtalker_core.errors import OptionError
from ..sadtalker_core.structures import FrameStream

_CELLS = 128  # side of the small maps on which colours are compared
_AT_ONCE_BYTES = 200_000_000
_ANY_RATE = Fraction(25)


def matched(changed: Tensor, original: Tensor, mask: Tensor, strength: float) -> Tensor:
    """Changed frames over their originals inside a mask, colours agreeing along its edge.

    Args:
        changed: IMAGE (T, H, W, C).
        original: IMAGE (1 or T, H, W, C).
        mask: MASK (1 or T, h, w).
        strength: how much of the difference along the edge is taken away, 0 to 1.

    Raises:
        OptionError: sizes or lengths do not fit.
    """
    from ..sadtalker_core.faces.border_match import colour_field_in

    _check_sizes(changed, original, "original")
    count, (height, width) = len(changed), (int(changed.shape[1]), int(changed.shape[2]))
    _check_length(original, count, "pictures of original")
    mask = _check_mask(mask, count)

    def shown(part: slice) -> Tensor:
        own, still = _planes(changed, part), _planes(original, part)
        weight = _mask_for(mask, part, (height, width)).to(own)
        small = interpolate(own, size=(_CELLS, _CELLS), mode="area")
        small_still = interpolate(still.to(own), size=(_CELLS, _CELLS), mode="area")
        small_mask = interpolate(weight, size=(_CELLS, _CELLS), mode="area")
        field = colour_field_in(small, small_still, small_mask)
        colour = interpolate(field, size=(height, width), mode="bilinear", align_corners=False)
        fitted = (own + strength * colour).clamp_(0, 1)
        return torch.lerp(still.to(own).expand_as(fitted), fitted, weight)

    return _collected(shown, count, (height, width), changed.device)


def combined(
    frames_a: Tensor, frames_b: Tensor, mask_a: Tensor | None, mask_b: Tensor
) -> tuple[Tensor, Tensor]:
    """Two renders of one picture as one.

    Args:
        frames_a: IMAGE (T, H, W, C).
        frames_b: IMAGE (U, H, W, C).
        mask_a: MASK (1 or T, h, w) where A moves, or None.
        mask_b: MASK (1 or U, h, w) where B moves.

    Returns:
        IMAGE (max(T, U), H, W, 3), MASK of where either moves: (1 or max(T, U), H, W).

    Raises:
        OptionError: sizes or lengths do not fit.
    """
    _check_sizes(frames_a, frames_b, "frames_b")
    size = (int(frames_a.shape[1]), int(frames_a.shape[2]))
    count = max(len(frames_a), len(frames_b))
    of_a = None if mask_a is None else _check_mask(mask_a, len(frames_a))
    of_b = _check_mask(mask_b, len(frames_b))

    def weights(part: slice) -> tuple[Tensor, Tensor]:
        """(N, 1, H, W): how much of B is shown, and where either moves.

        Where only one of them counts the other shows the picture itself: sharing is safe.
        """
        b = _mask_for(of_b, part, size)
        if of_a is None:
            return b, b
        a = _mask_for(of_a, part, size).to(b)
        return b / (a + b).clamp(min=1e-6), torch.maximum(a, b)

    def shown(part: slice) -> Tensor:
        own, other = _planes(frames_a, part), _planes(frames_b, part)
        weight = weights(part)[0].to(own)
        return torch.lerp(own, other.to(own), weight)

    made = _collected(shown, count, size, frames_a.device)
    many = count if max(len(of_b), 1 if of_a is None else len(of_a)) > 1 else 1
    return made, weights(slice(0, many))[1][:, 0].to(made.device)


def _collected(
    shown: Callable[[slice], Tensor], count: int, size: tuple[int, int], device: torch.device
) -> Tensor:
    from .bridge import at_work, collect

    at_once = max(1, _AT_ONCE_BYTES // (size[0] * size[1] * 3 * 4 * 4))

    def chunks() -> Iterator[Tensor]:
        for start in range(0, count, at_once):
            yield shown(slice(start, min(start + at_once, count)))

    with at_work() as runtime:
        return collect(FrameStream(chunks(), count, size, _ANY_RATE), runtime)


def _held(values: Tensor, part: slice) -> Tensor:
    """A range of frames; beyond the end the last one."""
    last = len(values) - 1
    return values[[min(index, last) for index in range(part.start, part.stop)]]


def _planes(image: Tensor, part: slice) -> Tensor:
    """(N, 3, H, W) float of a range of an IMAGE, held at its end."""
    return _held(image, part)[..., :3].movedim(-1, 1).float()


def _mask_for(mask: Tensor, part: slice, size: tuple[int, int]) -> Tensor:
    found = _held(mask, part)[:, None].float()
    if tuple(found.shape[2:]) == size:
        return found
    return interpolate(found, size=size, mode="bilinear", align_corners=False)


def _check_mask(mask: Tensor, count: int) -> Tensor:
    planes = mask[None] if mask.ndim == 2 else mask
    if planes.ndim != 3 or 0 in planes.shape:
        raise OptionError(f"a mask of shape {tuple(mask.shape)} cannot be used.")
    _check_length(planes, count, "masks")
    return planes


def _check_length(values: Tensor, count: int, what: str) -> None:
    if len(values) not in (1, count):
        raise OptionError(f"{len(values)} {what} do not fit {count} frames: give 1 or {count}.")


def _check_sizes(frames: Tensor, other: Tensor, name: str) -> None:
    if 0 in frames.shape or 0 in other.shape or frames.shape[1:3] != other.shape[1:3]:
        raise OptionError(
            f"{name} has {other.shape[2]}x{other.shape[1]} pixels ({len(other)} frames), the other "
            f"frames have {frames.shape[2]}x{frames.shape[1]} ({len(frames)} frames); they must be "
            "of one size, and there must be some."
        )
