"""What the dataclasses of ``structures`` have in common: moving, dictionaries, checks of shape."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from typing import Any, ClassVar

import torch
from torch import Tensor
from typing_extensions import Self

from .errors import StructureError

SCHEMA_VERSION = 1


class TensorRecord:
    """``to``, ``to_dict`` and ``from_dict`` of a frozen dataclass.

    Attributes:
        inner_records: types of the fields that are records themselves.
    """

    inner_records: ClassVar[dict[str, type[TensorRecord]]] = {}

    def to(self, device: torch.device | str, dtype: torch.dtype | None = None) -> Self:
        """A copy with every tensor on ``device``; ``dtype`` applies to floating point tensors."""
        moved: dict[str, Any] = {}
        for field in dataclasses.fields(self):  # type: ignore[arg-type]
            value = getattr(self, field.name)
            if isinstance(value, Tensor):
                wanted = dtype if dtype is not None and value.is_floating_point() else None
                moved[field.name] = value.to(device=device, dtype=wanted)
            elif isinstance(value, TensorRecord):
                moved[field.name] = value.to(device, dtype)
        return dataclasses.replace(self, **moved)  # type: ignore[type-var]

    def to_dict(self) -> dict[str, Any]:
        """Plain tensors, numbers and text, with the type's name and a version: safe on a wire."""
        values: dict[str, Any] = {"type": type(self).__name__, "version": SCHEMA_VERSION}
        for field in dataclasses.fields(self):  # type: ignore[arg-type]
            value = getattr(self, field.name)
            if isinstance(value, TensorRecord):
                value = value.to_dict()
            values[field.name] = str(value) if isinstance(value, Fraction) else value
        return values

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """The inverse of ``to_dict``. Raises ``StructureError`` for another type or version."""
        if values.get("type") != cls.__name__ or values.get("version") != SCHEMA_VERSION:
            raise StructureError(
                f"expected a {cls.__name__} of version {SCHEMA_VERSION}, "
                f"got {values.get('type')!r} of version {values.get('version')!r}."
            )
        names = {field.name for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
        kept = {name: value for name, value in values.items() if name in names}
        if "fps" in kept:
            kept["fps"] = Fraction(kept["fps"])
        for name, record in cls.inner_records.items():
            if isinstance(kept.get(name), dict):
                kept[name] = record.from_dict(kept[name])
        return cls(**kept)


def check_shape(owner: str, name: str, value: Tensor, axes: tuple[int | None, ...]) -> None:
    """Raises ``StructureError`` unless ``value`` has these axes: exact sizes, or None for any."""
    fits = value.ndim == len(axes) and all(
        wanted is None or wanted == got for wanted, got in zip(axes, value.shape)
    )
    if not fits:
        wanted_text = ", ".join("*" if axis is None else str(axis) for axis in axes)
        raise StructureError(
            f"{owner}.{name} must have shape ({wanted_text}), got {tuple(value.shape)}."
        )


def check_fps(owner: str, fps: Fraction) -> None:
    """Raises ``StructureError`` unless frames per second are a positive ``Fraction``."""
    if not isinstance(fps, Fraction) or fps <= 0:
        raise StructureError(f"{owner}.fps must be a positive Fraction, got {fps!r}.")
