"""LivePortrait's motion templates: a driving video's motion without its pictures.

The original keeps them as pickles, which can run a program when they are opened; ours are
safetensors (``media.motion_files``). Originals of every age are read as data alone: newer files
call the rotation ``R`` and the ratios ``c_eyes_lst`` and ``c_lip_lst``, older ones ``R_d``,
``c_d_eyes_lst`` and ``c_d_lip_lst``; some hold no ratios, and those of animals neither ratios nor
keypoints. Values pass unchanged to the bit in both directions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..errors import MediaError, StructureError
from ..media.files import check_input_file, replaced_when_complete
from ..media.motion_files import check_finite, load_motion, save_motion
from ..structures import ImplicitMotion
from ..weights.pickle_data import PickleError, read_pickle
from ..weights.pickle_names import PLAIN_NAMES
from .template_pickle import PlainData, pickled

KEYPOINTS = 21
_FPS_DENOMINATOR = 1001  # 29.97 is 30000/1001
_FPS_RANGE = (0.1, 1000.0)
_POINTS = (KEYPOINTS, 3)
# Field, the names that files have for it, its shape in one frame.
_NEEDED: tuple[tuple[str, tuple[str, ...], tuple[int, ...]], ...] = (
    ("expression", ("exp",), _POINTS),
    ("rotation", ("R", "R_d"), (3, 3)),
    ("translation", ("t",), (3,)),
    ("scale", ("scale",), (1,)),
)
_OPTIONAL: tuple[tuple[str, tuple[str, ...], tuple[int, ...]], ...] = (
    ("canonical", ("kp",), _POINTS),
    ("keypoints", ("x_s",), _POINTS),
)
_RATIOS: tuple[tuple[str, tuple[str, ...], tuple[int, ...]], ...] = (
    ("eye_ratios", ("c_eyes_lst", "c_d_eyes_lst"), (2,)),
    ("lip_ratio", ("c_lip_lst", "c_d_lip_lst"), (1,)),
)


def load_template(path: str | Path) -> ImplicitMotion:
    """Read a motion template, ours or an original ``.pkl``; what it is is seen from its content.

    Nothing in the file is run, imported or called.

    Returns:
        The motion, float32 on the CPU, at least one frame, 21 keypoints.

    Raises:
        MediaError: the file is missing, damaged, asks for anything but plain numbers, is no
            template, has no frames, another number of keypoints, or numbers that are not finite.
    """
    file = Path(path)
    check_input_file(file, "motion template")
    with file.open("rb") as opened:
        if _is_pickle(opened.read(9), file.suffix):
            opened.seek(0)
            try:
                found = read_pickle(opened, PLAIN_NAMES)
            except PickleError as error:
                raise MediaError(f"{file} is not read as a motion template. {error}") from error
            return motion_from_template(found, str(file))
    motion = cast(ImplicitMotion, load_motion(file, ImplicitMotion))
    _check_usable(motion, str(file))
    return motion


def save_template(motion: ImplicitMotion, path: str | Path) -> Path:
    """Write a template: as the original's pickle if ``path`` ends in ``.pkl``, else safetensors.

    The path has its name only when the file is complete. A pickle cannot say that a motion is
    relative to rest: such a one gets a frame of rest in front, which the original then takes for
    the driver's rest, and is so one frame longer.

    Raises:
        StructureError: there are no frames, not 21 keypoints, or numbers that are not finite.
        OutputError: the file cannot be written.
    """
    target = Path(path)
    try:
        _check_usable(motion, "this motion")
    except MediaError as error:
        raise StructureError(str(error)) from error
    if target.suffix.lower() != ".pkl":
        return save_motion(motion, target)
    data = pickled(template_from_motion(_with_rest_first(motion)))
    with replaced_when_complete(target) as temporary:
        temporary.write_bytes(data)
    return target


def template_from_motion(motion: ImplicitMotion) -> dict[str, PlainData]:
    """The dictionary that LivePortrait keeps in a template, with the newer names.

    Without ratios the two lists are empty: the original then loads the file, and fails only if it
    is asked to retarget eyes or lips.

    Raises ``StructureError`` for numbers that are not finite.
    """
    rows: dict[str, NDArray[np.float32]] = {}
    for field, names, shape in (*_NEEDED, *_OPTIONAL):
        value: Tensor | None = getattr(motion, field)
        if value is not None:
            check_finite({field: value.float()}, "this motion")
            rows[names[0]] = _numbers(value).reshape(len(motion), 1, *shape)
    lists: dict[str, PlainData] = {}
    for field, names, shape in _RATIOS:
        value = getattr(motion, field)
        if value is not None:
            check_finite({field: value.float()}, "this motion")
            lists[names[0]] = list(_numbers(value).reshape(len(motion), 1, *shape))
        else:
            lists[names[0]] = []
    frames = [{name: value[k] for name, value in rows.items()} for k in range(len(motion))]
    fps = motion.fps
    whole = fps.numerator if fps.denominator == 1 else float(fps)
    return {"n_frames": len(motion), "output_fps": whole, "motion": frames, **lists}


def motion_from_template(found: object, owner: str = "the template") -> ImplicitMotion:
    """The motion in a template's dictionary; ``owner`` names it in messages.

    Raises ``MediaError`` as ``load_template``.
    """
    template = _dictionary(found, owner)
    frames = _frames(template, owner)
    fields: dict[str, Any] = {}
    for field, names, shape in (*_NEEDED, *_OPTIONAL):
        name = next((name for name in names if name in frames[0]), None)
        if name is not None:
            fields[field] = _stacked([frame.get(name) for frame in frames], name, shape, owner)
        elif (field, names, shape) in _NEEDED:
            raise MediaError(
                f"{owner} is no motion template: frame 0 lacks {' or '.join(names)}, "
                f"it has {_some(frames[0])}."
            )
    for field, names, shape in _RATIOS:
        listed = ((name, _listed(template.get(name))) for name in names)
        name, values = next(((name, rows) for name, rows in listed if rows), (None, None))
        if name is not None:
            if not isinstance(values, (list, tuple)) or len(values) < len(frames):
                raise MediaError(
                    f"{name} of {owner} must be a list of {len(frames)} ratios, one per frame."
                )
            fields[field] = _stacked(values[: len(frames)], name, shape, owner)
    try:
        check_finite(fields, owner)
    except StructureError as error:
        raise MediaError(f"{error} Make the template again.") from error
    return ImplicitMotion(**fields, fps=_fps(template.get("output_fps", 25), owner))


def _is_pickle(head: bytes, suffix: str) -> bool:
    # Safetensors begin with the length of their header in eight bytes, which may look like the
    # first bytes of a pickle, and then a brace, which no pickle has after six zeros.
    is_safetensors = head[8:9] == b"{" and head[5:8] == bytes(3)
    return not is_safetensors and (head[:1] == b"\x80" or suffix.lower() == ".pkl")


def _dictionary(found: object, owner: str) -> dict[str, Any]:
    if not isinstance(found, dict) or "motion" not in found:
        what = _some(cast("dict[str, Any]", found)) if isinstance(found, dict) else "no dictionary"
        raise MediaError(f"{owner} is no motion template: it lacks a list 'motion' ({what}).")
    return cast("dict[str, Any]", found)


def _frames(template: dict[str, Any], owner: str) -> list[dict[str, Any]]:
    motion, count = template["motion"], template.get("n_frames")
    if not isinstance(motion, (list, tuple)):
        raise MediaError(f"{owner} is no motion template: its 'motion' is no list.")
    listed = list(cast("Sequence[Any]", motion))
    if count is None:
        count = len(listed)
    if not isinstance(count, int) or count > len(listed):
        raise MediaError(f"{owner} says that it has {count} frames, it holds {len(listed)}.")
    if count < 1:
        raise MediaError(f"{owner} has no frames; make the template from a video with a face.")
    for k, frame in enumerate(listed[:count]):
        if not isinstance(frame, dict):
            raise MediaError(f"frame {k} of {owner} is no dictionary of numbers.")
    return cast("list[dict[str, Any]]", listed[:count])


def _listed(value: Any) -> Any:
    """An array as the list of its rows; anything else as it is."""
    return list(cast("NDArray[Any]", value)) if isinstance(value, np.ndarray) else value


def _stacked(values: Sequence[Any], name: str, shape: tuple[int, ...], owner: str) -> Tensor:
    """(T, *shape) float32 of one value per frame."""
    rows = np.empty((len(values), *shape), np.float32)
    for k, value in enumerate(values):
        if value is None:
            raise MediaError(f"frame {k} of {owner} lacks {name}, which frame 0 has.")
        try:
            row = np.asarray(value, dtype=np.float32)
        except (TypeError, ValueError, OverflowError) as error:
            raise MediaError(f"{name} in frame {k} of {owner} is not made of numbers.") from error
        if row.size != math.prod(shape):
            if shape == _POINTS and row.size % 3 == 0:
                raise MediaError(
                    f"{name} in frame {k} of {owner} has {row.size // 3} keypoints, LivePortrait "
                    f"has {KEYPOINTS}; give a template that LivePortrait made."
                )
            raise MediaError(
                f"{name} in frame {k} of {owner} has shape {row.shape}, (1, "
                f"{', '.join(map(str, shape))}) is needed."
            )
        rows[k] = row.reshape(shape)
    return torch.from_numpy(rows)


def _fps(value: Any, owner: str) -> Fraction:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    low, high = _FPS_RANGE
    if not is_number or not low <= value <= high:
        raise MediaError(
            f"{owner} has no usable frame rate: its output_fps is {_short(value)}, "
            f"allowed is {low:g} to {high:g}."
        )
    return Fraction(value).limit_denominator(_FPS_DENOMINATOR)


def _short(value: Any) -> str:
    # Whole numbers may have more digits than Python writes.
    if isinstance(value, int) and value.bit_length() > 64:
        return "a huge number"
    return repr(value)[:20]


def _check_usable(motion: ImplicitMotion, owner: str) -> None:
    if len(motion) == 0:
        raise MediaError(f"{owner} has no frames; make the template from a video with a face.")
    if motion.expression.shape[1] != KEYPOINTS:
        raise MediaError(
            f"{owner} has {motion.expression.shape[1]} keypoints, LivePortrait has {KEYPOINTS}; "
            "give a template that LivePortrait made."
        )


def _with_rest_first(motion: ImplicitMotion) -> ImplicitMotion:
    if not motion.is_relative:
        return motion
    like = motion.expression
    rest = ImplicitMotion(
        torch.zeros_like(like[:1]),
        torch.eye(3).to(like)[None],
        like.new_zeros(1, 3),
        like.new_ones(1, 1),
        motion.fps,
    )
    names = ("expression", "rotation", "translation", "scale")
    rows: dict[str, Any] = {
        name: torch.cat((getattr(rest, name), getattr(motion, name))) for name in names
    }
    return ImplicitMotion(**rows, fps=motion.fps)


def _numbers(value: Tensor) -> NDArray[np.float32]:
    return value.detach().to("cpu", torch.float32).numpy()


def _some(values: dict[str, Any]) -> str:
    return f"found: {', '.join(str(name)[:20] for name in list(values)[:5]) or 'nothing'}"
