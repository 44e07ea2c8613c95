"""What names in a pickle may stand for: tensors, numpy arrays and plain containers."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from .pickle_data import Constant, Names, PickleError, Unfinished


@dataclass(frozen=True)
class Storage:
    """Where the numbers of tensors lie: ``key`` in the file, ``length`` elements of ``dtype``.

    ``dtype`` is None for untyped storages, whose length is in bytes.
    """

    key: str
    dtype: torch.dtype | None
    length: int
    offset: int = 0

    @property
    def size(self) -> int:
        """Bytes."""
        return self.length * (1 if self.dtype is None else self.dtype.itemsize)


@dataclass(frozen=True)
class TensorRecord:
    """A tensor that is described but not read yet. ``offset`` and ``stride`` count elements."""

    storage: Storage
    dtype: torch.dtype
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]

    @property
    def count(self) -> int:
        """Elements."""
        return math.prod(self.shape)


_STORAGES: dict[str, torch.dtype] = {
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
    "ComplexFloatStorage": torch.complex64,
    "ComplexDoubleStorage": torch.complex128,
}
_DTYPES: dict[str, torch.dtype] = {
    "float64": torch.float64,
    "float32": torch.float32,
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
    "int64": torch.int64,
    "int32": torch.int32,
    "int16": torch.int16,
    "int8": torch.int8,
    "uint8": torch.uint8,
    "bool": torch.bool,
    "complex64": torch.complex64,
    "complex128": torch.complex128,
}


@dataclass(frozen=True)
class StorageKind:
    """Stands for a torch storage class; never called."""

    dtype: torch.dtype | None


def _whole_numbers(values: Any, what: str) -> tuple[int, ...]:
    if not isinstance(values, (tuple, list)) or not all(
        type(value) is int and 0 <= value < 1 << 48 for value in values
    ):
        raise PickleError(f"A tensor's {what} is not made of whole numbers.")
    return tuple(values)


def _tensor(
    storage: Any, offset: Any, shape: Any, stride: Any, dtype: torch.dtype | None
) -> TensorRecord:
    if not isinstance(storage, Storage):
        raise PickleError("A tensor has no storage.")
    kind = storage.dtype if dtype is None else dtype
    if kind is None:
        raise PickleError("A tensor has no type.")
    (first,) = _whole_numbers((offset,), "offset")
    sizes, steps = _whole_numbers(shape, "shape"), _whole_numbers(stride, "stride")
    if len(sizes) != len(steps):
        raise PickleError(f"A tensor has {len(sizes)} sizes and {len(steps)} strides.")
    record = TensorRecord(storage, kind, first, sizes, steps)
    held = storage.size // kind.itemsize
    last = first + sum((size - 1) * step for size, step in zip(sizes, steps))
    # The second rule refuses a small storage repeated into a huge tensor.
    if record.count and (last >= held or record.count > held):
        raise PickleError(
            f"A tensor of shape {sizes} needs more than the {held} numbers that its storage has."
        )
    return record


def _rebuild_tensor(storage: Any, offset: Any, shape: Any, stride: Any) -> TensorRecord:
    return _tensor(storage, offset, shape, stride, None)


def _rebuild_tensor_v2(
    storage: Any, offset: Any, shape: Any, stride: Any, _gradient: Any, _hooks: Any, _: Any = None
) -> TensorRecord:
    return _tensor(storage, offset, shape, stride, None)


def _rebuild_tensor_v3(
    storage: Any,
    offset: Any,
    shape: Any,
    stride: Any,
    _gradient: Any,
    _hooks: Any,
    dtype: Any,
    _: Any = None,
) -> TensorRecord:
    if not isinstance(dtype, torch.dtype):
        raise PickleError("A tensor has no type.")
    return _tensor(storage, offset, shape, stride, dtype)


def _record(value: Any, *_: Any) -> TensorRecord:
    if not isinstance(value, TensorRecord):
        raise PickleError("A parameter is not a tensor.")
    return value


def _no_call(*_: Any) -> Any:
    raise PickleError("A tensor class is called, which weights never do.")


def _from_type(make: Any, _kind: Any, arguments: Any, _state: Any) -> TensorRecord:
    # The rebuilding function arrives as a name of this very table, never as anything else.
    for build in (_rebuild_tensor, _rebuild_tensor_v2, _rebuild_tensor_v3):
        if getattr(make, "build", None) is build:
            return build(*arguments)
    raise PickleError("A tensor is rebuilt by something unknown.")


def _shape(values: Any = ()) -> tuple[int, ...]:
    return _whole_numbers(values, "shape")


def _device(*parts: Any) -> str:
    return ":".join(str(part) for part in parts if isinstance(part, (str, int)))


def _mapping(items: Any = ()) -> dict[Any, Any]:
    pairs = items.items() if isinstance(items, dict) else items
    made: dict[Any, Any] = {}
    for key, value in pairs:
        if not isinstance(key, (str, int)):
            raise PickleError("A dictionary has a key that is not text.")
        made[key] = value
    return made


def _set(items: Any = ()) -> set[Any]:
    if not all(isinstance(item, (str, int, float)) for item in items):
        raise PickleError("A set holds something else than numbers and text.")
    return set(items)


def _encode(text: Any, encoding: Any = "latin1") -> bytes:
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise PickleError("Bytes are written in an unknown way.")
    return text.encode("latin-1")


def _bytes(data: Any = b"") -> bytes:
    # Protocols 0 to 2 write no bytes as bytes(); others have operations of their own.
    if not isinstance(data, (bytes, bytearray)):
        raise PickleError("Bytes are written in an unknown way.")
    return bytes(data)


def _complex(real: Any = 0.0, imaginary: Any = 0.0) -> complex:
    if not isinstance(real, (int, float)) or not isinstance(imaginary, (int, float)):
        raise PickleError("A complex number is not made of numbers.")
    return complex(real, imaginary)


# numpy. Object arrays ("O") would hold anything, so only plain numbers pass.
_PLAIN_DTYPE = re.compile(r"[<>=|]?(b1|[iu][1248]|f[248]|c8|c16)")


def _plain_dtype(text: Any) -> np.dtype[Any]:
    if not isinstance(text, str) or not _PLAIN_DTYPE.fullmatch(text):
        raise PickleError(f"A numpy array holds {str(text)[:20]!r}, not plain numbers.")
    return np.dtype(text)


def _numpy_dtype(text: Any, *_: Any) -> Unfinished:
    dtype = _plain_dtype(text)

    def finish(state: Any) -> np.dtype[Any]:
        order = state[1] if isinstance(state, tuple) and len(state) > 1 else "="
        if order not in ("<", ">", "=", "|"):
            raise PickleError("A numpy array has an unknown byte order.")
        return dtype.newbyteorder(order)

    return Unfinished(finish)


def _raw(data: Any) -> bytes:
    # Python 2 wrote bytes as text.
    if isinstance(data, str):
        return data.encode("latin-1")
    if not isinstance(data, (bytes, bytearray)):
        raise PickleError("A numpy array holds objects, not plain numbers.")
    return bytes(data)


def _array(data: Any, dtype: Any, shape: Any, order: Any, axes: Any = None) -> np.ndarray[Any, Any]:
    if axes is not None:
        raise PickleError("A numpy array has its axes in an unusual order.")
    if not isinstance(dtype, np.dtype):
        raise PickleError("A numpy array has no type.")
    _plain_dtype(dtype.str)
    sizes, raw = _whole_numbers(shape, "shape"), _raw(data)
    if math.prod(sizes) * dtype.itemsize != len(raw):
        raise PickleError(f"A numpy array of shape {sizes} comes with {len(raw)} bytes.")
    flat = np.frombuffer(raw, dtype) if raw else np.empty(0, dtype)
    return flat.reshape(sizes, order="F" if order == "F" else "C").copy()


def _reconstruct(kind: Any, _shape: Any, _code: Any) -> Unfinished:
    if kind is not _NUMPY_ARRAY:
        raise PickleError("A numpy array has an unknown class.")

    def finish(state: Any) -> np.ndarray[Any, Any]:
        if not isinstance(state, tuple) or len(state) != 5:
            raise PickleError("A numpy array has an unknown state.")
        _, shape, dtype, is_fortran, data = state
        return _array(data, dtype, shape, "F" if is_fortran else "C")

    return Unfinished(finish)


def _scalar(dtype: Any, data: Any = b"") -> Any:
    return _array(data, dtype, (), "C")[()].item()


_NUMPY_ARRAY = object()


def _numpy_names() -> Names:
    made: dict[str, Any] = {
        "numpy.ndarray": Constant(_NUMPY_ARRAY),
        "numpy.dtype": _numpy_dtype,
        "_codecs.encode": _encode,
    }
    # numpy 2 renamed numpy.core; files carry the name of the numpy that wrote them.
    for core in ("numpy.core", "numpy._core"):
        made[f"{core}.multiarray._reconstruct"] = _reconstruct
        made[f"{core}.multiarray.scalar"] = _scalar
        made[f"{core}.numeric._frombuffer"] = _array
    return made


def _plain_names() -> Names:
    made: dict[str, Any] = {
        "collections.OrderedDict": _mapping,
        "collections.Counter": _mapping,
    }
    for builtins in ("builtins", "__builtin__"):
        made[f"{builtins}.set"] = _set
        made[f"{builtins}.complex"] = _complex
        made[f"{builtins}.bytes"] = _bytes
    return made


def _torch_names() -> Names:
    made: dict[str, Any] = {
        "torch._utils._rebuild_tensor": _rebuild_tensor,
        "torch._utils._rebuild_tensor_v2": _rebuild_tensor_v2,
        "torch._utils._rebuild_tensor_v3": _rebuild_tensor_v3,
        "torch._utils._rebuild_parameter": _record,
        "torch._utils._rebuild_parameter_with_state": _record,
        "torch._tensor._rebuild_from_type_v2": _from_type,
        "torch.Tensor": _no_call,
        "torch.nn.parameter.Parameter": _no_call,
        "torch.Size": _shape,
        "torch.device": _device,
        "torch.storage.UntypedStorage": Constant(StorageKind(None)),
        "torch.UntypedStorage": Constant(StorageKind(None)),
    }
    for name, dtype in _STORAGES.items():
        made[f"torch.{name}"] = made[f"torch.cuda.{name}"] = Constant(StorageKind(dtype))
    for name, dtype in _DTYPES.items():
        made[f"torch.{name}"] = Constant(dtype)
    return made


PLAIN_NAMES: Names = {**_plain_names(), **_numpy_names()}
TORCH_NAMES: Names = {**PLAIN_NAMES, **_torch_names()}
