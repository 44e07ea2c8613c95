"""The library's frozen dataclasses as plain data and back.

A record becomes a dictionary of its fields with its type and a version. Tensors stay the very
tensors, arrays become tensors that share their memory, so packing costs nothing.
"""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import torch

from ..sadtalker_core.errors import StructureError
from ..sadtalker_core.records import SCHEMA_VERSION
from ..sadtalker_core.structures import Coeff3DMM, ImplicitMotion, LiteMotion

_LIBRARY = "sadtalker_core"

# Where records may come from: nothing else is imported, whatever a dictionary says.
_PARTS = ("faces.", "systems.", "geometry.", "structures")
_MOTIONS = {kind.__name__: kind for kind in (LiteMotion, Coeff3DMM, ImplicitMotion)}

Motion = LiteMotion | Coeff3DMM | ImplicitMotion


def pack(value: Any, left_out: tuple[type, ...] = ()) -> Any:
    """``value`` as tensors, numbers, text, lists and dictionaries.

    Args:
        value: a dataclass of the library, or what its fields hold.
        left_out: types that are not data (networks, open files): a mark stands in their place, and
            ``unpack`` is given them again.

    Raises:
        StructureError: something in it is not data.
    """
    if left_out and isinstance(value, left_out):
        return {"type": "left out", "kind": type(value).__name__}
    if value is None or isinstance(value, (bool, int, float, str, torch.Tensor)):
        return value
    if isinstance(value, np.ndarray):
        return {"type": "array", "values": torch.from_numpy(value)}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Fraction):
        return {"type": "Fraction", "value": str(value)}
    if isinstance(value, tuple):
        return {"type": "tuple", "values": [pack(item, left_out) for item in value]}
    if isinstance(value, list):
        return [pack(item, left_out) for item in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {
            field.name: pack(getattr(value, field.name), left_out)
            for field in dataclasses.fields(value)
        }
        return {"type": _name_of(type(value)), "version": SCHEMA_VERSION, **fields}
    raise StructureError(f"{type(value).__name__} is not data and cannot travel between nodes.")


def _name_of(kind: type) -> str:
    module = kind.__module__.rpartition(f"{_LIBRARY}.")[2]
    return f"{module}:{kind.__qualname__}"


def unpack(data: Any, given: Mapping[str, Any] | None = None) -> Any:
    """The inverse of ``pack``.

    Args:
        data: what ``pack`` gave, perhaps moved or copied by other nodes.
        given: what was left out, by the name of its type.

    Raises:
        StructureError: it is of an unknown type or version.
    """
    if isinstance(data, list):
        return [unpack(item, given) for item in data]
    if not isinstance(data, dict):
        return data
    kind = data.get("type")
    if kind == "array":
        return data["values"].cpu().numpy()
    if kind == "Fraction":
        return Fraction(data["value"])
    if kind == "tuple":
        return tuple(unpack(item, given) for item in data["values"])
    if kind == "left out":
        return (given or {})[data["kind"]]
    found = _record(str(kind), data.get("version"))
    names = {field.name for field in dataclasses.fields(found)}
    return found(**{name: unpack(data[name], given) for name in names if name in data})


def _record(name: str, version: Any) -> Any:
    module, _, title = name.partition(":")
    if version != SCHEMA_VERSION or not title or not module.startswith(_PARTS):
        raise StructureError(
            f"{name!r} of version {version!r} is not known here (version {SCHEMA_VERSION} is); "
            "run the node that made it again."
        )
    found = getattr(importlib.import_module(f"..{_LIBRARY}.{module}", __package__), title, None)
    if not (isinstance(found, type) and dataclasses.is_dataclass(found)):
        raise StructureError(f"{name!r} is no record; run the node that made it again.")
    return found


def motion_of(data: Any) -> Motion:
    """The motion in a ``PORTRAIT_MOTION``.

    Raises:
        StructureError: it holds something else.
    """
    kind = _MOTIONS.get(data.get("type", "")) if isinstance(data, dict) else None
    if kind is None:
        raise StructureError(
            f"a motion was expected, got {data.get('type') if isinstance(data, dict) else data!r}; "
            "connect a node that makes motion."
        )
    return kind.from_dict(data)
