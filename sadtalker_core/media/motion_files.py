"""Motion in files: safetensors whose header says type, version and frame rate.

Such a file holds numbers only; reading one can run nothing. Files have no secret contents either:
``safetensors`` shows names, shapes and header to anyone.
"""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from ..errors import MediaError, StructureError
from ..structures import Coeff3DMM, ImplicitMotion, KeypointTrack, LiteMotion
from .files import check_input_file, replaced_when_complete

Motion = Coeff3DMM | LiteMotion | ImplicitMotion | KeypointTrack

FORMAT = "talking-portraits motion"
VERSION = 1
_TYPES: dict[str, type[Motion]] = {
    "Coeff3DMM": Coeff3DMM,
    "LiteMotion": LiteMotion,
    "ImplicitMotion": ImplicitMotion,
    "KeypointTrack": KeypointTrack,
}


def save_motion(motion: Motion, path: str | Path) -> Path:
    """Write a motion to ``path``, which has its name only when it is complete.

    Values are stored as float32, whatever device and type they have.

    Returns:
        The path.

    Raises:
        StructureError: it is no motion, or holds numbers that are not finite.
        OutputError: the file cannot be written.
    """
    kind = type(motion).__name__
    if kind not in _TYPES:
        raise StructureError(f"a motion must be one of {', '.join(_TYPES)}, got {kind}.")
    tensors: dict[str, Tensor] = {}
    for field in dataclasses.fields(motion):
        value = getattr(motion, field.name)
        if isinstance(value, Tensor):
            tensors[field.name] = value.detach().to("cpu", torch.float32).contiguous().clone()
    check_finite(tensors, f"this {kind}")
    header = {"format": FORMAT, "version": str(VERSION), "type": kind, "fps": str(motion.fps)}
    if isinstance(motion, ImplicitMotion) and motion.is_relative:
        header["is_relative"] = "true"
    target = Path(path)
    data = save(tensors, header)
    with replaced_when_complete(target) as temporary:
        temporary.write_bytes(data)
    return target


def load_motion(path: str | Path, kind: type[Motion] | None = None) -> Motion:
    """Read a motion that ``save_motion`` wrote.

    Args:
        path: the file.
        kind: the type that is needed; None takes any.

    Returns:
        The motion, float32 on the CPU.

    Raises:
        MediaError: the file is missing, damaged, no motion, of another type or version, or holds
            numbers that are not finite or fields that do not fit together.
    """
    file = Path(path)
    check_input_file(file, "motion")
    try:
        with safe_open(str(file), framework="pt", device="cpu") as opened:
            header = dict(opened.metadata() or {})
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise MediaError(
            f"{file} is damaged or is not a motion file ({error}). Save the motion again."
        ) from error
    found = _type_of(header, file)
    if kind is not None and found is not kind:
        raise MediaError(
            f"{file} holds {found.__name__}, {kind.__name__} is needed; give a motion of "
            "that kind, or one made for the same engine."
        )
    _check_names(tensors, found, file)
    try:
        check_finite(tensors, str(file))
        facts: dict[str, Any] = {"is_relative": True} if header.get("is_relative") == "true" else {}
        return found(**tensors, fps=_fps(header, file), **facts)
    except StructureError as error:
        raise MediaError(f"{file} cannot be used: {error}") from error


def _type_of(header: dict[str, str], file: Path) -> type[Motion]:
    if header.get("format") != FORMAT:
        raise MediaError(
            f"{file} is a safetensors file but not a motion: its header lacks "
            f'"format": "{FORMAT}". Give a file that was saved as motion.'
        )
    if header.get("version") != str(VERSION):
        raise MediaError(
            f"{file} has version {header.get('version')!r}, this program reads version {VERSION}; "
            "it was saved by another version of the program."
        )
    found = _TYPES.get(header.get("type", ""))
    if found is None:
        raise MediaError(
            f"{file} holds a {header.get('type')!r}, known motions are: {', '.join(_TYPES)}."
        )
    return found


def _fps(header: dict[str, str], file: Path) -> Fraction:
    text = header.get("fps", "")
    try:
        return Fraction(text)
    except (ValueError, ZeroDivisionError) as error:
        raise MediaError(f"{file} has no usable frame rate: its header says {text!r}.") from error


def _check_names(tensors: dict[str, Tensor], kind: type[Motion], file: Path) -> None:
    fields = [f for f in dataclasses.fields(kind) if f.name not in ("fps", "is_relative")]
    needed = {field.name for field in fields if field.default is dataclasses.MISSING}
    missing = sorted(needed - tensors.keys())
    extra = sorted(tensors.keys() - {field.name for field in fields})
    if missing or extra:
        what = [f"lacks {', '.join(missing)}"] if missing else []
        what += [f"has {', '.join(extra[:3])} that no {kind.__name__} has"] if extra else []
        raise MediaError(f"{file} {' and '.join(what)}. Save the motion again.")


def check_finite(tensors: dict[str, Tensor], owner: str) -> None:
    """Raise ``StructureError`` unless all are float32, one row per frame, and finite.

    Args:
        tensors: (T, ...) by name.
        owner: what they belong to, for the message.
    """
    for name, value in tensors.items():
        if value.dtype != torch.float32:
            raise StructureError(f"{name} of {owner} must be float32, got {value.dtype}.")
        if value.ndim == 0:
            raise StructureError(f"{name} of {owner} must have one row per frame, got one number.")
        bad = ~torch.isfinite(value)
        if bool(bad.any()):
            first = int(bad.reshape(len(value), -1).any(1).nonzero()[0, 0])
            raise StructureError(
                f"{name} of {owner} is not a finite number in frame {first} "
                f"({int(bad.sum())} of {value.numel()} numbers)."
            )
