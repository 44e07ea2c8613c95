"""Editing motions as values: time, order, mixture, strength. Every function returns a new motion.

Works for every motion with one row per frame. Frame k stands at k / fps seconds. A region is a
part of a motion: ``head`` and ``face`` in every type; ``mouth``, ``eyes`` and ``brows`` where the
type keeps them apart (3DMM expression coefficients do not). Rotation matrices go the short way
round between frames and stay rotations.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from typing import TypeVar

import torch
from torch import Tensor

from ..errors import OptionError, StructureError
from ..geometry.slerp import nearest_rotation, rotation_part, slerp
from ..structures import Coeff3DMM, ImplicitMotion, LiteMotion, frames_for
from ..systems.liveportrait.config import KEYPOINTS
from ..systems.liveportrait.regions import gain_mask

Motion = Coeff3DMM | LiteMotion | ImplicitMotion
M = TypeVar("M", bound=Motion)
Weight = float | Tensor

_LITE_REGIONS: dict[str, tuple[str, ...]] = {
    "mouth": ("open", "width", "pucker", "corners", "jaw", "press"),
    "eyes": ("lids", "gaze"),
    "brows": ("brows",),
    "head": ("rotation_rad", "translation"),
}
_COEFF_REGIONS: dict[str, tuple[str, ...]] = {
    "expression": ("expression",),
    "head": ("rotation_rad", "translation", "crop"),
}
_IMPLICIT_REGIONS: dict[str, tuple[str, ...]] = {
    "expression": ("expression", "eye_ratios", "lip_ratio"),
    "head": ("rotation", "translation", "scale"),
}
# Some of the expression's numbers; which, is known for the published networks.
_IMPLICIT_PARTS: dict[str, tuple[str, ...]] = {
    "mouth": ("expression", "lip_ratio"),
    "eyes": ("expression", "eye_ratios"),
    "brows": ("expression",),
}
_PART_GAINS = {"mouth": ("lips", "jaw"), "eyes": ("eyes",), "brows": ("brows",)}
# Of the face that was filmed, in no region; keypoints no longer fit once a motion is changed.
_FILMED = ("canonical", "keypoints")


def regions_of(motion: Motion) -> dict[str, tuple[str, ...]]:
    """Names of the regions of a motion with the fields that they hold, or hold a part of."""
    if isinstance(motion, ImplicitMotion):
        parts = _IMPLICIT_PARTS if motion.expression.shape[1] == KEYPOINTS else {}
        return {**_IMPLICIT_REGIONS, **parts, "face": _IMPLICIT_REGIONS["expression"]}
    own = _LITE_REGIONS if isinstance(motion, LiteMotion) else _COEFF_REGIONS
    face = tuple(name for region, names in own.items() if region != "head" for name in names)
    return {**own, "face": face}


def retime(motion: M, fps: Fraction, frames: int | None = None) -> M:
    """The same motion at another frame rate, linear between frames.

    Where a new frame falls on an old one it is that frame, to the bit.

    Args:
        motion: at its own rate.
        fps: the new rate.
        frames: how many; what lies beyond the end holds the last frame. By default as many as
            cover the motion's duration.
    """
    if fps <= 0:
        raise OptionError(f"fps must be positive, got {fps}.")
    count = frames_for(len(motion) / motion.fps, fps) if frames is None else frames
    if count < 0:
        raise OptionError(f"frames must not be negative, got {count}.")
    step = motion.fps / fps
    return dataclasses.replace(_at(motion, Fraction(0), step, count), fps=fps)


def offset(motion: M, seconds: float | Fraction) -> M:
    """The motion later by ``seconds`` (earlier if negative), as long as before; ends are held."""
    if not math.isfinite(seconds):
        raise OptionError(f"seconds must be a finite number, got {seconds}.")
    shift = Fraction(seconds).limit_denominator(1_000_000) * motion.fps
    return _at(motion, -shift, Fraction(1), len(motion))


def concatenate(motions: Sequence[M], ease_s: float = 0.0) -> M:
    """Motions one after another.

    Args:
        motions: of one type and rate. What only some of them have (crop) is left out.
        ease_s: seconds before each join over which a motion already goes toward the first frame
            of the next, so that nothing jumps; the length stays the sum of all.
    """
    if not motions:
        raise StructureError("concatenate needs at least one motion.")
    first = motions[0]
    for other in motions[1:]:
        _check_alike(first, other)
    parts = [
        _eased(motion, motions[k + 1], ease_s) if k + 1 < len(motions) else motion
        for k, motion in enumerate(motions)
    ]
    shared = set.intersection(*({*_rows(part)} for part in parts))
    rows = {name: torch.cat([getattr(part, name) for part in parts]) for name in shared}
    return _with_rows(first, rows)


def loop(motion: M, frames: int, ease_s: float = 0.0) -> M:
    """The motion repeated until it has ``frames`` frames; ``ease_s`` as in ``concatenate``."""
    if len(motion) == 0 or frames < 0:
        raise StructureError(f"cannot make {frames} frames of {len(motion)}.")
    turns = max(1, -(-frames // len(motion)))
    once = _eased(motion, motion, ease_s)
    index = torch.arange(frames) % len(motion)
    last = index + len(motion) * (torch.arange(frames) // len(motion))
    rows: dict[str, Tensor] = {}
    for name, value in _rows(once).items():
        repeated = value[index.to(value.device)]
        # the last turn is not followed by another: it ends as the motion ends
        tail = last >= len(motion) * (turns - 1)
        end = getattr(motion, name)[index.to(value.device)]
        rows[name] = torch.where(_column(tail.to(value.device), value), end, repeated)
    return _with_rows(motion, rows)


def blend(a: M, b: M, weight: Weight | Mapping[str, Weight]) -> M:
    """Between two motions of one type, rate and length: 0 is ``a``, 1 is ``b``.

    Args:
        a: first motion; regions that ``weight`` does not name are its own.
        b: second motion.
        weight: for everything, or by region; a number or one per frame (T,). Values outside of
            0 to 1 exaggerate.
    """
    _check_alike(a, b)
    if len(a) != len(b):
        raise StructureError(
            f"blend needs motions of one length, got {len(a)} and {len(b)} frames; "
            "use retime, loop or a slice."
        )

    def mixed(name: str, value: Tensor, share: Weight) -> Tensor:
        other = getattr(b, name)
        if other is None:
            return value
        return _between(name, value, other.to(value), _frames_weight(share, value))

    return _by_region(a, weight, mixed)


def gain(motion: M, amount: Weight | Mapping[str, Weight]) -> M:
    """A motion made stronger or weaker: 1 leaves it, 0 is rest.

    Expression and controls scale from zero, their rest. The head of a ``LiteMotion`` too, because
    it is relative to the picture; that of a ``Coeff3DMM`` is absolute and scales about its first
    frame, and so does all of an ``ImplicitMotion`` that is not relative.

    Args:
        motion: the motion.
        amount: for everything, or by region; a number or one per frame (T,).
    """
    absolute: Iterable[str] = ()
    if isinstance(motion, Coeff3DMM):
        absolute = _COEFF_REGIONS["head"]
    elif isinstance(motion, ImplicitMotion):
        absolute = ("eye_ratios", "lip_ratio") if motion.is_relative else _rows(motion)

    def scaled(name: str, value: Tensor, factor: Weight) -> Tensor:
        rest = value[:1] if name in absolute else _rest(name, value)
        column = _frames_weight(factor, value)
        if name == "rotation":
            found = rotation_part(value @ rest.mT, column[:, 0, 0]) @ rest
        else:
            found = rest + (value - rest) * column
        if name in ("eye_ratios", "lip_ratio"):
            found = found.clamp(min=0)
        return torch.where(column == 1, value, found)

    return _by_region(motion, amount, scaled)


def smooth(motion: M, seconds: float, regions: Iterable[str] | None = None) -> M:
    """Gaussian smoothing over time with a standard deviation of ``seconds``; ends are held.

    Args:
        motion: the motion.
        seconds: 0 leaves it as it is.
        regions: what is smoothed, all by default.
    """
    if not math.isfinite(seconds) or seconds < 0:
        raise OptionError(f"seconds must be 0 or more, got {seconds}.")
    sigma = seconds * float(motion.fps)
    if sigma < 1e-3 or len(motion) < 2:
        return motion
    reach = max(1, math.ceil(3 * sigma))
    steps = torch.arange(-reach, reach + 1, dtype=torch.float64)
    kernel = torch.exp(-0.5 * (steps / sigma) ** 2)
    kernel = kernel / kernel.sum()

    def smoothed(name: str, value: Tensor, weight: Weight) -> Tensor:
        wide_type = torch.float32 if value.device.type == "mps" else torch.float64
        flat = value.reshape(len(value), -1).to(wide_type)
        ends = flat[:1].expand(reach, -1), flat[-1:].expand(reach, -1)
        wide = torch.cat((ends[0], flat, ends[1])).T[:, None]
        calm = torch.nn.functional.conv1d(wide, kernel.to(flat)[None, None])[:, 0].T
        calm = calm.reshape(value.shape).to(value)
        return nearest_rotation(calm) if name == "rotation" else calm

    chosen = None if regions is None else dict.fromkeys(regions, 1.0)
    return _by_region(motion, 1.0 if chosen is None else chosen, smoothed)


def _rows(motion: Motion) -> dict[str, Tensor]:
    """The fields with one row per frame."""
    names = [name for fields in regions_of(motion).values() for name in fields]
    if isinstance(motion, ImplicitMotion):
        names += _FILMED
    return {name: value for name in names if (value := getattr(motion, name)) is not None}


def _with_rows(motion: M, rows: Mapping[str, Tensor]) -> M:
    dropped = dict.fromkeys(_rows(motion).keys() - rows.keys())
    return dataclasses.replace(motion, **rows, **dropped)


def _at(motion: M, start: Fraction, step: Fraction, count: int) -> M:
    """The motion at ``count`` places, counted in frames; exact at whole ones, ends are held."""
    last = len(motion) - 1
    if last < 0:
        raise StructureError("a motion without frames has no values between them.")
    # whole numbers of the common denominator: no rounding, however long
    whole = math.lcm(start.denominator, step.denominator)
    places = torch.arange(count, dtype=torch.long) * int(step * whole) + int(start * whole)
    places = places.clamp(0, last * whole)
    left = places // whole
    share = (places % whole).double() / whole
    rows: dict[str, Tensor] = {}
    for name, value in _rows(motion).items():
        low = value[left.to(value.device)]
        high = value[(left + 1).clamp(max=last).to(value.device)]
        rows[name] = _between(name, low, high, _column(share.to(value), value))
    return _with_rows(motion, rows)


def _eased(motion: M, following: M, seconds: float) -> M:
    """The motion whose last frames go toward the first frame of ``following``."""
    if not math.isfinite(seconds) or seconds < 0:
        raise OptionError(f"ease_s must be 0 or more seconds, got {seconds}.")
    count = min(len(motion), round(seconds * float(motion.fps)))
    if count == 0 or len(following) == 0:
        return motion
    t = torch.arange(1, count + 1, dtype=torch.float64) / (count + 1)
    weight = torch.cat((torch.zeros(len(motion) - count, dtype=torch.float64), t * t * (3 - 2 * t)))
    rows: dict[str, Tensor] = {}
    for name, value in _rows(motion).items():
        goal = getattr(following, name)
        if goal is not None:
            share = _column(weight.to(value), value)
            rows[name] = _between(name, value, goal[:1].to(value).expand_as(value), share)
    return _with_rows(motion, {**_rows(motion), **rows})


def _by_region(
    motion: M,
    amounts: Weight | Mapping[str, Weight],
    change: Callable[[str, Tensor, Weight], Tensor],
) -> M:
    known = regions_of(motion)
    if isinstance(amounts, Mapping):
        wanted = [(region, amounts[region]) for region in amounts]
    else:
        wanted = [("face", amounts), ("head", amounts)]
    rows = _rows(motion)
    changed = {name: value for name, value in rows.items() if name != "keypoints"}
    for region, amount in wanted:
        if region not in known:
            raise OptionError(
                f"a {type(motion).__name__} has no region {region!r}, it has: {', '.join(known)}."
            )
        for name in known[region]:
            if name in rows:
                new, mask = change(name, rows[name], amount), _part(region, name, rows[name])
                changed[name] = new if mask is None else torch.where(mask, new, changed[name])
    return _with_rows(motion, changed)


def _part(region: str, name: str, value: Tensor) -> Tensor | None:
    """Which numbers of a field (T, K, 3) a region holds; None where it is all of them."""
    if name != "expression" or value.ndim != 3 or region not in _PART_GAINS:
        return None
    masks = [gain_mask(part, value.device) for part in _PART_GAINS[region]]
    return torch.stack(masks).any(0)


def _rest(name: str, value: Tensor) -> Tensor:
    """(1, ...) what a field of relative motion is where nothing is changed."""
    if name == "rotation":
        return torch.eye(3).to(value)[None]
    return torch.ones_like(value[:1]) if name == "scale" else torch.zeros_like(value[:1])


def _between(name: str, a: Tensor, b: Tensor, share: Tensor) -> Tensor:
    """From ``a`` at 0 to ``b`` at 1, exact at both; ``share`` is a column beside them."""
    if name == "rotation":
        return slerp(a, b, share[:, 0, 0])
    return torch.lerp(a, b, share.expand_as(a))


def _frames_weight(weight: Weight, value: Tensor) -> Tensor:
    """A weight beside (T, ...) values: (1, ...) or (T, 1, ...)."""
    found = torch.as_tensor(weight).to(value)
    if found.ndim == 0:
        return _column(found[None], value)
    if found.shape != value.shape[:1]:
        raise StructureError(
            f"a weight is a number or one per frame ({len(value)}), got {tuple(found.shape)}."
        )
    return _column(found, value)


def _column(rows: Tensor, value: Tensor) -> Tensor:
    """(T,) as (T, 1, ...) with as many axes as ``value``."""
    return rows.reshape(len(rows), *(1 for _ in value.shape[1:]))


def _check_alike(a: Motion, b: Motion) -> None:
    if type(a) is not type(b):
        raise StructureError(
            f"motions must be of one type, got {type(a).__name__} and {type(b).__name__}."
        )
    if a.fps != b.fps:
        raise StructureError(
            f"motions must have one frame rate, got {a.fps} and {b.fps}; use retime."
        )
    if isinstance(a, ImplicitMotion) and isinstance(b, ImplicitMotion):
        counts = a.expression.shape[1], b.expression.shape[1]
        if counts[0] != counts[1]:
            raise StructureError(
                f"motions must have the same keypoints, got {counts[0]} and {counts[1]}."
            )
        if a.is_relative != b.is_relative:
            raise StructureError("one motion is a change, the other is what was seen.")
