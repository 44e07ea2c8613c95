"""Pickles are read as data: plain values come out right, everything else is refused."""

from __future__ import annotations

import collections
import pickle
import pickletools
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sadtalker_core.errors import WeightsError
from sadtalker_core.weights import pickle_data
from sadtalker_core.weights.pickle_data import PickleError, read_pickle
from sadtalker_core.weights.pickle_names import PLAIN_NAMES, TORCH_NAMES
from sadtalker_core.weights.reader import read_plain_pickle, read_weights

from .malice import as_legacy, as_zip, instance, nested_getattr, reduce_call, short

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


def plain_values() -> dict[Any, Any]:
    shared = [1, 2]
    return {
        "numbers": [0, -1, 255, 256, 70000, -(1 << 40), 1 << 90, 1.5, float("inf"), 1 + 2j],
        "others": (None, True, False, "å\n'\\", b"\x00\xff", b"", (), (1,), (1, 2), (1, 2, 3)),
        "long": "x" * 70000,
        "bytes": b"y" * 300,
        "many": list(range(2000)),
        "sets": {1, 2, 3},
        "twice": [shared, shared],
        3: {"nested": {"deeper": [{}]}},
        ("a", 1): "a flat key",
        "ordered": collections.OrderedDict([("b", 1), ("a", 2)]),
        "counted": collections.Counter("aab"),
    }


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_plain_values_come_back(protocol: int) -> None:
    values = plain_values()
    read = read_pickle(pickle.dumps(values, protocol), PLAIN_NAMES)
    assert read == values
    assert list(read["ordered"]) == ["b", "a"]
    assert read["twice"][0] is read["twice"][1]


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=np.float32).reshape(2, 3),
        np.asfortranarray(np.arange(6, dtype=np.float64).reshape(2, 3)),
        np.arange(3, dtype=">i2"),
        np.zeros((0, 4), np.uint8),
        np.array(7.5),
        np.array([True, False]),
        np.arange(24).reshape(2, 3, 4)[:, ::2],
    ],
    ids=["rows", "columns", "big-endian", "empty", "scalar", "bool", "strided"],
)
def test_numpy_arrays_come_back(protocol: int, array: np.ndarray) -> None:
    read = read_pickle(pickle.dumps({"x": array, "again": [array]}, protocol), PLAIN_NAMES)
    np.testing.assert_array_equal(read["x"], array)
    assert read["x"].dtype == array.dtype
    assert read["again"][0] is read["x"]
    read["x"].flags.writeable = True


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_numpy_scalars_come_back_as_numbers(protocol: int) -> None:
    read = read_pickle(
        pickle.dumps([np.float32(2.5), np.int64(3), np.bool_(True)], protocol), PLAIN_NAMES
    )
    assert read == [2.5, 3, True]


def test_names_of_older_numpy_are_known() -> None:
    new = pickle.dumps(np.arange(4.0), 2)
    for old, other in ((b"numpy._core", b"numpy.core"), (b"numpy.core", b"numpy._core")):
        read = read_pickle(new.replace(old, other), PLAIN_NAMES)
        assert read.tolist() == [0, 1, 2, 3]


def test_text_of_python_2_is_bytes_of_an_array() -> None:
    # Python 2 wrote the numbers of an array as a text: BINSTRING, U.
    written = (
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        b"(K\x01K\x02\x85cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xff"
        b"J\xff\xff\xff\xffK\x00tb\x89U\x02\x05\xfftb."
    )
    assert read_pickle(written, PLAIN_NAMES).tolist() == [5, 255]


FORBIDDEN = {
    "os.system": lambda marker: reduce_call("os", "system", f"touch {marker}"),
    "posix.system": lambda marker: reduce_call("posix", "system", f"touch {marker}", 4),
    "builtins.eval": lambda marker: reduce_call("builtins", "eval", f"open({marker!r}, 'w')"),
    "builtins.exec": lambda marker: reduce_call("builtins", "exec", f"open({marker!r}, 'w')", 4),
    "__builtin__.eval": lambda marker: reduce_call("__builtin__", "eval", f"open({marker!r}, 'w')"),
    "builtins.getattr": nested_getattr,
    "subprocess.Popen": lambda marker: reduce_call("subprocess", "Popen", f"touch {marker}"),
    "torch.load": lambda marker: reduce_call("torch", "load", marker),
    "numpy.load": lambda marker: reduce_call("numpy", "load", marker),
    "torch.storage._load_from_bytes": lambda marker: reduce_call(
        "torch.storage", "_load_from_bytes", marker
    ),
    # A dotted name would walk from an allowed object to a forbidden one.
    "collections.OrderedDict.fromkeys": lambda marker: reduce_call(
        "collections", "OrderedDict.fromkeys", marker, 4
    ),
    "os.path.os.system": lambda marker: reduce_call("os.path", "os.system", marker, 4),
    "os.getcwd": lambda marker: instance("os", "getcwd", marker),
}


@pytest.mark.parametrize("wrap", ["bare", "zip", "legacy"])
@pytest.mark.parametrize("name", FORBIDDEN)
def test_a_program_is_refused_by_name_and_does_nothing(
    name: str, wrap: str, tmp_path: Path
) -> None:
    marker = tmp_path / "ran"
    program = FORBIDDEN[name](str(marker))
    file = tmp_path / "innocent.safetensors"
    if wrap == "bare":
        file.write_bytes(program)
        read = read_plain_pickle
    else:
        (as_zip if wrap == "zip" else as_legacy)(file, program)
        read = read_weights
    before = set(sys.modules)
    with pytest.raises(WeightsError) as caught:
        read(file)
    assert repr(name) in str(caught.value)
    assert "nothing was run" in str(caught.value)
    assert str(file) in str(caught.value)
    assert not marker.exists()
    # zipfile may load a codec the first time; nothing else comes in.
    assert {name for name in set(sys.modules) - before if "encodings" not in name} == set()


def test_a_program_between_tensors_is_refused_too(tmp_path: Path) -> None:
    # Also where the value would have been dropped as an extra.
    marker = tmp_path / "ran"
    call = reduce_call("os", "system", f"touch {marker}")[2:-1]
    description = b"\x80\x02}X\x05\x00\x00\x00epoch" + call + b"s."
    with pytest.raises(WeightsError, match=r"'os\.system'"):
        read_weights(as_zip(tmp_path / "a.pth", description))
    assert not marker.exists()


def test_only_names_of_the_table_can_be_called() -> None:
    for description in (
        b"\x80\x02X\x02\x00\x00\x00osX\x01\x00\x00\x00a\x85R.",  # a text is called
        b"\x80\x02]X\x01\x00\x00\x00a\x85R.",  # a list is called
        b"\x80\x02cnumpy\nndarray\n)R.",  # a constant is called
        b"\x80\x02ctorch\nfloat32\n)\x81.",  # NEWOBJ of a constant
        b"\x80\x02(]K\x01o.",  # OBJ of a list
    ):
        with pytest.raises(PickleError, match="nothing was run"):
            read_pickle(description, TORCH_NAMES)


@pytest.mark.parametrize(
    ("description", "message"),
    [
        (b"\x80\x02\x82\x01.", "EXT1"),  # the registry of extensions
        (b"\x80\x05\x97.", "NEXT_BUFFER"),
        (b"\x80\x04)}\x92.", "NEWOBJ_EX"),
        (b"\x80\x02]K\x01b.", "sets the state of a list"),
        (b"\x80\x02K\x01Q.", "outside itself"),  # a persistent id where there are none
        (b"\x80\x09N.", "protocol 9"),
        (b"\x80\x02K\x01", "damaged|cut short"),
        (b"", "damaged|cut short"),
        (b"\x80\x02.", "stack is empty"),
        (b"\x80\x02K\x01a.", "stack is empty|something else"),
        (b"\x80\x02K\x01K\x02a.", "fills something else"),
        (b"\x80\x02h\x05.", "recalls"),
        (b"\x80\x02}(K\x01u.", "a key and no value"),
        (b"\x80\x02}]K\x01s.", "key of type list"),
        (b"\x80\x04K\x01K\x02\x93.", "not text"),
        (b"\xff\xff\xff", "damaged"),
        (b"\x80\x02cnumpy\ndtype\nX\x02\x00\x00\x00O8K\x00K\x01\x87R.", "not plain numbers"),
    ],
)
def test_damaged_and_odd_pickles_have_a_sentence(description: bytes, message: str) -> None:
    with pytest.raises(PickleError, match=message):
        read_pickle(description, PLAIN_NAMES)


def test_arrays_of_objects_are_refused() -> None:
    array = np.array([{"a": 1}, None], dtype=object)
    for protocol in PROTOCOLS:
        with pytest.raises(PickleError, match="not plain numbers"):
            read_pickle(pickle.dumps(array, protocol), PLAIN_NAMES)


def test_an_array_needs_as_many_bytes_as_its_shape_says() -> None:
    written = pickle.dumps(np.zeros(5, np.uint8), 2).replace(b"K\x05\x85", b"K\x07\x85")
    with pytest.raises(PickleError, match=r"\(7,\) comes with 5 bytes"):
        read_pickle(written, PLAIN_NAMES)


_HUGE = (1 << 60).to_bytes(8, "little")


@pytest.mark.parametrize(
    "description",
    [
        b"\x80\x04\x8e" + _HUGE + b"a.",  # BINBYTES8
        b"\x80\x04\x8d" + _HUGE + b"a.",  # BINUNICODE8
        b"\x80\x05\x96" + _HUGE + b"a.",  # BYTEARRAY8
        b"\x80\x02X\xff\xff\xff\x7fa.",  # BINUNICODE
        b"\x80\x02\x8b\xff\xff\xff\x7fa.",  # LONG4
    ],
)
def test_declared_sizes_take_no_memory(description: bytes) -> None:
    with pytest.raises(PickleError, match="declared"):
        read_pickle(description, PLAIN_NAMES)


def test_the_size_of_a_frame_is_only_advice() -> None:
    assert read_pickle(b"\x80\x04\x95" + _HUGE + b"N.", PLAIN_NAMES) is None


def test_a_pickle_longer_than_its_limit_is_refused() -> None:
    with pytest.raises(PickleError, match="declared"):
        read_pickle(pickle.dumps("x" * 1000), PLAIN_NAMES, limit=500)


def test_too_many_operations_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pickle_data, "_MAX_OPCODES", 50)
    with pytest.raises(PickleError, match="too many parts"):
        read_pickle(pickle.dumps([str(i) for i in range(60)]), PLAIN_NAMES)


def test_nested_keys_do_not_take_exponential_time() -> None:
    # t = (t, t) sixty times: hashing it would take 2**60 steps.
    nested = b"\x80\x02}K\x01" + b"q\x01h\x01\x86" * 60 + b"K\x01s."
    with pytest.raises(PickleError, match="key of type tuple"):
        read_pickle(nested, PLAIN_NAMES)
    inside_set = b"\x80\x04\x8f(K\x01" + b"q\x01h\x01\x86" * 60 + b"\x90."
    with pytest.raises(PickleError, match="key of type tuple"):
        read_pickle(inside_set, PLAIN_NAMES)


def test_deep_lists_are_no_trouble() -> None:
    deep = read_pickle(b"\x80\x02" + b"]" * 100_000 + b"a" * 99_999 + b".", PLAIN_NAMES)
    assert isinstance(deep, list)


def test_every_operation_of_the_language_is_known_or_refused() -> None:
    # An opcode that python adds later is refused until somebody thought about it.
    handled = {name[4:].upper() for name in dir(pickle_data._Machine) if name.startswith("_do_")}
    handled |= pickle_data._PUSHED | set(pickle_data._VALUES) | set(pickle_data._MADE) | {"STOP"}
    refused = {op.name for op in pickletools.opcodes} - handled
    assert refused <= {
        "EXT1",
        "EXT2",
        "EXT4",
        "NEXT_BUFFER",
        "READONLY_BUFFER",
        "NEWOBJ_EX",
    }
    assert handled <= {op.name for op in pickletools.opcodes}


def test_no_table_gives_anything_that_runs() -> None:
    # What a name stands for is one of our own functions or a constant without call.
    for name, value in TORCH_NAMES.items():
        if isinstance(value, pickle_data.Constant):
            continue
        assert getattr(value, "__module__", "") == "sadtalker_core.weights.pickle_names", name


def test_short_names() -> None:
    described = b"\x80\x04" + short("collections") + short("OrderedDict") + b"\x93)R."
    assert read_pickle(described, PLAIN_NAMES) == {}
