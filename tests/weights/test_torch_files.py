"""Both formats of torch.save, read without torch.load."""

from __future__ import annotations

import collections
import pickle
import random
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from sadtalker_core.errors import OutputError, WeightsError
from sadtalker_core.weights.reader import (
    read_plain_pickle,
    read_shapes,
    read_weights,
    write_weights,
)

from .malice import as_legacy, as_zip

BOTH = pytest.mark.parametrize("new", [True, False], ids=["zip", "legacy"])


def save(value: Any, path: Path, new: bool) -> Path:
    torch.save(value, path, _use_new_zipfile_serialization=new)
    return path


def state() -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {
        "conv.weight": torch.randn(4, 3, 3, generator=generator),
        "conv.bias": torch.randn(4, generator=generator).half(),
        "norm.running_var": torch.rand(4, generator=generator).double(),
        "norm.num_batches_tracked": torch.tensor(7),
        "mask": torch.tensor([True, False, True]),
        "levels": torch.arange(5, dtype=torch.uint8),
        "brain": torch.ones(3, dtype=torch.bfloat16),
        "none": torch.zeros(0, 3),
    }


def same(read: dict[str, Tensor], wanted: dict[str, Tensor]) -> None:
    assert list(read) == list(wanted)
    for key, value in wanted.items():
        assert read[key].dtype == value.dtype, key
        assert torch.equal(read[key], value), key
        assert read[key].is_contiguous(), key


@BOTH
def test_a_state_dict_comes_back(new: bool, tmp_path: Path) -> None:
    # The name says nothing.
    file = save(state(), tmp_path / "weights.bin.tar.safetensors", new)
    same(read_weights(file), state())
    assert read_shapes(file) == {key: tuple(value.shape) for key, value in state().items()}


@BOTH
def test_a_real_training_checkpoint(new: bool, tmp_path: Path) -> None:
    net = torch.nn.Sequential(torch.nn.Conv1d(2, 3, 1), torch.nn.BatchNorm1d(3))
    optimizer = torch.optim.Adam(net.parameters())
    net(torch.randn(2, 2, 4)).sum().backward()
    optimizer.step()
    checkpoint = {
        "state_dict": collections.OrderedDict(
            (f"module.{key}", value) for key, value in net.state_dict().items()
        ),
        "optimizer": optimizer.state_dict(),
        "epoch": 20,
        "loss": np.float64(0.25),
        "device": torch.device("cpu"),
        "dtype": torch.float32,
        "size": torch.Size([1, 2]),
    }
    same(read_weights(save(checkpoint, tmp_path / "c.pth", new)), dict(net.state_dict()))


@BOTH
def test_a_state_dict_with_its_metadata_and_parameters(new: bool, tmp_path: Path) -> None:
    net = torch.nn.Linear(2, 3)
    full = net.state_dict(keep_vars=True)  # parameters, and _metadata as an attribute
    same(read_weights(save(full, tmp_path / "c.pth", new)), dict(net.state_dict()))


@BOTH
def test_views_share_a_storage_and_come_out_right(new: bool, tmp_path: Path) -> None:
    base = torch.arange(24.0).reshape(4, 6)
    views = {"rows": base[1:3], "turned": base.t(), "step": base[::2, ::3], "all": base}
    same(read_weights(save(views, tmp_path / "v.pth", new)), views)


@BOTH
def test_a_small_view_does_not_hold_its_large_storage(new: bool, tmp_path: Path) -> None:
    file = save({"x": torch.zeros(100_000)[:3]}, tmp_path / "v.pth", new)
    assert read_weights(file)["x"].untyped_storage().nbytes() == 12


@BOTH
def test_weights_are_their_own(new: bool, tmp_path: Path) -> None:
    file = save({"x": torch.zeros(3)}, tmp_path / "v.pth", new)
    read_weights(file)["x"].add_(1)
    assert read_weights(file)["x"].tolist() == [0, 0, 0]


@BOTH
def test_a_prefix_reads_only_its_part(
    new: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = save({"a.x": torch.ones(2), "b.x": torch.zeros(3)}, tmp_path / "v.pth", new)
    assert {key: value.tolist() for key, value in read_weights(file, "a").items()} == {"x": [1, 1]}
    with pytest.raises(WeightsError, match="nothing under 'c'"):
        read_weights(file, "c")


def test_the_prefix_of_a_safetensors_file(tmp_path: Path) -> None:
    file = tmp_path / "v.safetensors"
    write_weights({"a.x": torch.ones(2), "ab.x": torch.zeros(3)}, file)
    assert list(read_weights(file, "a")) == ["x"]
    with pytest.raises(WeightsError, match="nothing under 'c'"):
        read_weights(file, "c")
    assert read_shapes(file) == {"a.x": (2,), "ab.x": (3,)}


def test_a_plain_pickle_of_arrays_is_weights_too(tmp_path: Path) -> None:
    file = tmp_path / "v.pkl"
    file.write_bytes(pickle.dumps({"x": np.arange(3, dtype=">f4"), "name": "n"}))
    assert read_weights(file)["x"].tolist() == [0, 1, 2]
    assert read_plain_pickle(file)["name"] == "n"


@BOTH
@pytest.mark.parametrize("keep", [0.999, 0.9, 0.5, 0.1, 0.01])
def test_a_torch_file_cut_short(new: bool, keep: float, tmp_path: Path) -> None:
    file = save({"x": torch.zeros(1000)}, tmp_path / "v.pth", new)
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * keep)])
    with pytest.raises(WeightsError, match=r"v\.pth"):
        read_weights(file)


def test_a_changed_number_is_noticed(tmp_path: Path) -> None:
    file = save({"x": torch.zeros(1000)}, tmp_path / "v.pth", True)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(bytes(content))
    with pytest.raises(WeightsError, match="damaged"):
        read_weights(file)


def test_a_zip_bomb_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "v.pth"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02}.")
        archive.writestr("archive/data/0", bytes(50_000_000))
    assert file.stat().st_size < 100_000
    with pytest.raises(WeightsError, match="would unpack to 50000004 bytes"):
        read_weights(file)


@pytest.mark.parametrize(
    ("entry", "message"),
    [("other.txt", "no data.pkl"), ("archive/constants.pkl", "without a module")],
)
def test_other_zip_files(entry: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "v.zip"
    if entry.startswith("archive"):
        as_zip(file, b"\x80\x02}.")
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr(entry, "x")
    with pytest.raises(WeightsError, match=message):
        read_weights(file)


def test_a_file_of_another_byte_order(tmp_path: Path) -> None:
    file = as_zip(tmp_path / "v.pth", b"\x80\x02}.")
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("archive/byteorder", "big")
    with pytest.raises(WeightsError, match="byte order"):
        read_weights(file)


def tensor_of(
    shape: bytes, stride: bytes, length: bytes = b"K\x04", offset: bytes = b"K\x00"
) -> bytes:
    """A state dict with one float tensor over the storage "0" of ``length`` numbers."""
    return (
        b"\x80\x02}X\x01\x00\x00\x00xctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storage"
        b"ctorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpu"
        + length
        + b"tQ"
        + offset
        + shape
        + stride
        + b"\x89}tRs."
    )


@pytest.mark.parametrize(
    ("description", "message"),
    [
        (tensor_of(b"K\x05\x85", b"K\x01\x85"), "needs more than the 4 numbers"),
        (tensor_of(b"K\x04\x85", b"K\x01\x85", offset=b"K\x01"), "needs more than the 4"),
        (tensor_of(b"K\x02\x85", b"K\x04\x85"), "needs more than the 4"),
        # one number repeated into a tensor of four billion
        (tensor_of(b"J\x00\x00\x01\x00J\x00\x00\x01\x00\x86", b"K\x00K\x00\x86"), "needs more"),
        (tensor_of(b"K\x02\x85", b"J\xff\xff\xff\xff\x85"), "stride is not"),
        (tensor_of(b"K\x02\x85", b"K\x01K\x01\x86"), "1 sizes and 2 strides"),
        (tensor_of(b"X\x01\x00\x00\x00a\x85", b"K\x01\x85"), "shape is not"),
        (tensor_of(b"K\x04\x85", b"K\x01\x85", length=b"K\x64"), "numbers of part '0' are missing"),
    ],
)
def test_impossible_tensors(description: bytes, message: str, tmp_path: Path) -> None:
    file = as_zip(tmp_path / "v.pth", description)
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("archive/data/0", bytes(16))
    with pytest.raises(WeightsError, match=message):
        read_weights(file)


def test_the_same_tensor_with_honest_sizes_is_read(tmp_path: Path) -> None:
    file = as_zip(tmp_path / "v.pth", tensor_of(b"K\x02K\x02\x86", b"K\x02K\x01\x86"))
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("archive/data/0", np.arange(4, dtype="<f4").tobytes())
    assert read_weights(file)["x"].tolist() == [[0, 1], [2, 3]]


def test_a_legacy_file_that_lies_about_its_size(tmp_path: Path) -> None:
    lie = tensor_of(b"K\x02\x85", b"K\x01\x85", length=b"J\xff\xff\xff\x7f").replace(b"tQ", b"NtQ")
    with pytest.raises(WeightsError, match="more than the file has"):
        read_weights(as_legacy(tmp_path / "v.pth", lie))
    absent = tensor_of(b"K\x02\x85", b"K\x01\x85").replace(b"tQ", b"NtQ")
    with pytest.raises(WeightsError, match="part '0' are missing"):
        read_weights(as_legacy(tmp_path / "v.pth", absent))


def test_views_of_storages_in_very_old_files(tmp_path: Path) -> None:
    # Before torch 0.4 a storage could be a window of another one: here numbers 1 to 2 of 0 to 3.
    window = tensor_of(b"K\x02\x85", b"K\x01\x85")
    view = b"X\x02\x00\x00\x000vK\x01K\x02\x87tQ"
    file = as_legacy(tmp_path / "v.pth", window.replace(b"tQ", view), [5, 6, 7, 8])
    assert read_weights(file)["x"].tolist() == [6, 7]
    view = b"X\x02\x00\x00\x000vK\x03K\x02\x87tQ"
    as_legacy(file, window.replace(b"tQ", view), [5, 6, 7, 8])
    with pytest.raises(WeightsError, match="larger than the storage"):
        read_weights(file)
    as_legacy(file, window.replace(b"tQ", b"NtQ"), [5, 6, 7])
    with pytest.raises(WeightsError, match="another size than described"):
        read_weights(file)


def test_odd_references_of_a_torch_file(tmp_path: Path) -> None:
    module = b"\x80\x02(X\x06\x00\x00\x00moduleK\x01K\x02K\x03K\x04tQ."
    with pytest.raises(WeightsError, match="something else than a storage"):
        read_weights(as_zip(tmp_path / "v.pth", module))


@BOTH
def test_nothing_by_name(new: bool, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"no tensors by name; its keys are epoch"):
        read_weights(save({"epoch": 3}, tmp_path / "v.pth", new))
    with pytest.raises(WeightsError, match=r"no tensors by name \(a list\)"):
        read_weights(save([torch.ones(2)], tmp_path / "v.pth", new))


def test_canonical_writing(tmp_path: Path) -> None:
    shared = torch.arange(6.0).reshape(2, 3)
    file = tmp_path / "deep" / "v.safetensors"
    write_weights({"b": shared.t(), "a": shared}, file)
    assert torch.equal(read_weights(file)["b"], shared.t())
    first = file.read_bytes()
    write_weights({"a": shared, "b": shared.t()}, file)
    assert file.read_bytes() == first
    assert [path.name for path in file.parent.iterdir()] == ["v.safetensors"]
    (tmp_path / "usual").touch()
    assert file.stat().st_mode == (tmp_path / "usual").stat().st_mode
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="cannot be written"):
        write_weights({"a": shared}, tmp_path / "file" / "v.safetensors")


def test_files_damaged_at_random_are_errors_of_ours(tmp_path: Path) -> None:
    """Whatever a byte is changed to: weights or a sentence, never another exception."""
    chance = random.Random(5)
    file = tmp_path / "v.pth"
    contents: list[bytes] = []
    for new in (True, False):
        save({"state_dict": {"a": torch.zeros(3, 4), "b": torch.arange(5)}, "o": 1}, file, new)
        contents.append(file.read_bytes())
    contents.append(pickle.dumps({"a": np.arange(6.0), "b": [(1,), {2}]}, 2))
    refused = 0
    for _ in range(150):
        damaged = bytearray(chance.choice(contents))
        for _ in range(chance.choice([1, 3])):
            place = chance.randrange(len(damaged))
            damaged[place : place + chance.randrange(3)] = chance.randbytes(chance.randrange(3))
        file.write_bytes(damaged)
        for read in (read_weights, read_plain_pickle):
            try:
                read(file)
            except WeightsError:
                refused += 1
    assert refused > 40
