"""TorchScript files give their tensors, and their program stays where it is."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from sadtalker_core.errors import WeightsError
from sadtalker_core.faces.nets.fan68 import Fan68, Fan68Config
from sadtalker_core.weights.reader import read_shapes, read_weights

from .malice import as_zip

pytestmark = pytest.mark.filterwarnings("ignore")  # torch.jit goes out of use

_TOY = Fan68Config(stacks=2, channels=16, depth=2)


class _Net(nn.Module):
    """Attributes of all kinds that torch writes down."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
        self.twice = self.inner[0]
        self.sizes = [1, 2]
        self.words = ["a"]
        self.scale = 0.5

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x) * self.scale * self.sizes[0]


def _script(path: Path, state: bytes) -> Path:
    as_zip(path, b"\x80\x02" + state + b".")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("archive/constants.pkl", b"\x80\x02).")
    return path


def _module(body: bytes, name: bytes = b"__torch__\nFAN") -> bytes:
    return b"c" + name + b"\n)\x81}(" + body + b"ub"


def test_a_landmark_network_as_face_alignment_publishes_it(tmp_path: Path) -> None:
    net = Fan68(_TOY).eval()
    file = tmp_path / "2DFAN4.zip"
    torch.jit.trace(net, torch.rand(1, 3, 64, 64), check_trace=False).save(  # type: ignore[union-attr]
        str(file)
    )
    assert any(entry.compress_type for entry in zipfile.ZipFile(file).infolist())
    wanted = net.state_dict()
    assert read_shapes(file) == {key: tuple(value.shape) for key, value in wanted.items()}
    found = read_weights(file)
    assert all(torch.equal(found[key], value) for key, value in wanted.items())


def test_what_is_no_tensor_is_left_out(tmp_path: Path) -> None:
    net = _Net().eval()
    torch.jit.script(net).save(str(tmp_path / "a.zip"))  # type: ignore[union-attr]
    assert set(read_weights(tmp_path / "a.zip")) == set(net.state_dict())


def test_names_in_it_are_never_looked_up(tmp_path: Path) -> None:
    for text in (b"os\nsystem", b"__torch__os\nsystem", b"builtins\neval"):
        with pytest.raises(WeightsError, match="refused"):
            read_weights(_script(tmp_path / "a.zip", b"c" + text + b"\n"))
    # under the prefix a name is a table, and calling it does no more
    file = _script(tmp_path / "b.zip", b"c__torch__.os\nsystem\nX\x01\x00\x00\x00x\x85R")
    with pytest.raises(WeightsError, match="without a module"):
        read_weights(file)


def test_the_prefix_means_nothing_outside_of_script_files(tmp_path: Path) -> None:
    file = as_zip(tmp_path / "a.pth", b"\x80\x02" + _module(b"") + b".")
    with pytest.raises(WeightsError, match="refused"):
        read_weights(file)


def test_modules_that_hold_themselves_end(tmp_path: Path) -> None:
    # 40 modules, each of which holds the one before twice
    body = b"c__torch__\nA\nq\x00)\x81}bq\x01"
    for _ in range(40):
        body += b"h\x00)\x81}(X\x01\x00\x00\x00ah\x01X\x01\x00\x00\x00bh\x01ubq\x01"
    with pytest.raises(WeightsError, match="hold each other"):
        read_weights(_script(tmp_path / "a.zip", body))


def test_a_module_needs_named_attributes(tmp_path: Path) -> None:
    file = _script(tmp_path / "a.zip", b"c__torch__\nA\n)\x81]b")
    with pytest.raises(WeightsError, match="no attributes by name"):
        read_weights(file)


def test_parts_beside_the_program_are_never_unpacked(tmp_path: Path) -> None:
    file = _script(tmp_path / "a.zip", _module(b""))
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data/0", bytes(1_000_000))
    with pytest.raises(WeightsError, match="would unpack"):
        read_weights(file)
