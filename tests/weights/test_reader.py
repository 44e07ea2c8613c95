from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from sadtalker_core.errors import WeightsError
from sadtalker_core.weights.reader import (
    load_assigned,
    load_strict,
    read_shapes,
    read_weights,
    with_prefix,
)


def net() -> nn.Module:
    return nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))


def test_reads_what_was_written(tmp_path: Path) -> None:
    file = tmp_path / "å b.safetensors"
    save_file({"net.a": torch.arange(3.0), "net.b": torch.ones(2, dtype=torch.float16)}, file)
    weights = read_weights(file)
    assert weights["net.a"].tolist() == [0, 1, 2]
    assert weights["net.b"].dtype == torch.float16


def test_absent_file(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="does not exist"):
        read_weights(tmp_path / "none.safetensors")
    with pytest.raises(WeightsError, match="does not exist"):
        read_weights(tmp_path)


@pytest.mark.parametrize("content", [b"", b"hello", b"\xff" * 64])
def test_a_file_of_another_kind(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "net.safetensors"
    file.write_bytes(content)
    with pytest.raises(WeightsError, match="damaged or is not"):
        read_weights(file)


def test_a_file_cut_short(tmp_path: Path) -> None:
    file = tmp_path / "net.safetensors"
    save_file({"a": torch.zeros(1000)}, file)
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(WeightsError, match="damaged"):
        read_weights(file)


def test_with_prefix_splits_at_the_dot() -> None:
    one = torch.ones(1)
    assert list(with_prefix({"mesh.a": one, "meshes.b": one, "iris.mesh.c": one}, "mesh")) == ["a"]


def test_half_precision_weights_fill_a_float_module() -> None:
    module = net()
    weights = {
        key: torch.full_like(value, 0.5).half() for key, value in module.state_dict().items()
    }
    load_strict(module, weights, "a net")
    for value in module.state_dict().values():
        assert value.dtype == torch.float32
        assert value.eq(0.5).all()


def test_missing_keys_are_named() -> None:
    module = net()
    before = module[0].weight.clone()  # type: ignore[index]
    with pytest.raises(
        WeightsError, match=r"toy.*0 of 4.*4 missing: 0\.weight, 0\.bias, 1\.weight, \.\.\."
    ):
        load_strict(module, {}, "toy")
    only = {"0.weight": torch.zeros(3, 2)}
    with pytest.raises(WeightsError, match=r"3 missing: 0\.bias, 1\.weight, 1\.bias\."):
        load_strict(module, only, "toy")
    assert torch.equal(module[0].weight, before)  # type: ignore[index]


def test_left_over_and_misshapen_keys_are_named() -> None:
    module = net()
    weights = module.state_dict() | {"old": torch.ones(1), "0.bias": torch.ones(4)}
    with pytest.raises(
        WeightsError,
        match=r"3 of 4.*1 not known: old; 1 misshapen: 0\.bias \(4,\) instead of \(3,\)",
    ):
        load_strict(module, weights, "toy")


def test_a_module_without_numbers_takes_those_of_the_file() -> None:
    with torch.device("meta"):
        module = net()
    weights = {key: torch.ones_like(value) for key, value in net().state_dict().items()}
    weights["0.bias"] = weights["0.bias"].half()
    load_assigned(module, weights, "toy")
    assert module.get_parameter("0.weight").data_ptr() == weights["0.weight"].data_ptr()
    assert module.get_parameter("0.bias").dtype == torch.float32
    assert module(torch.ones(1, 2)).item() == 10
    with pytest.raises(WeightsError, match=r"toy.*1 missing: 0\.weight"):
        load_assigned(net(), {k: v for k, v in weights.items() if k != "0.weight"}, "toy")


def test_a_module_with_numbers_of_its_own_is_not_built_on_meta() -> None:
    with torch.device("meta"):
        module = nn.Linear(1, 1)
        module.register_buffer("window", torch.ones(3), persistent=False)
    with pytest.raises(RuntimeError, match="toy makes window itself"):
        load_assigned(module, nn.Linear(1, 1).state_dict(), "toy")


def test_counters_of_batches_may_be_absent() -> None:
    module = nn.BatchNorm1d(2)
    module.num_batches_tracked.fill_(5)  # type: ignore[operator,union-attr]
    weights = {k: v for k, v in nn.BatchNorm1d(2).state_dict().items() if "num" not in k}
    load_strict(module, weights, "toy")
    assert module.num_batches_tracked == 0
    with pytest.raises(WeightsError, match="1 missing: running_mean"):
        load_strict(module, {k: v for k, v in weights.items() if k != "running_mean"}, "toy")


@pytest.mark.parametrize("length", [0x80, 0x280, 0x480])
def test_headers_whose_length_looks_like_a_pickle(tmp_path: Path, length: int) -> None:
    # A pickle begins with 0x80 and its protocol; so do headers of these lengths.
    header = b'{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'.ljust(length)
    file = tmp_path / "net.bin"
    file.write_bytes(length.to_bytes(8, "little") + header + b"\x00\x00\x80\x3f")
    assert read_weights(file)["x"].tolist() == [1]
    assert read_shapes(file) == {"x": (1,)}
