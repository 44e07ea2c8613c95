"""Networks of spandrel at work: here it is installed, as in every ComfyUI."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from sadtalker_core.enhance.background import enlarged
from sadtalker_core.enhance.foreign import load_upscaler
from sadtalker_core.enhance.load import load_enhancer
from sadtalker_core.enhance.options import EnhanceOptions
from sadtalker_core.errors import WeightsError
from sadtalker_core.runtime import Runtime

pytestmark = pytest.mark.hosts
CPU = torch.device("cpu")


def saved(net: torch.nn.Module, path: Path, key: str = "") -> Path:
    state = net.state_dict()
    torch.save({key: state} if key else state, path)
    return path


def upscaling_network(kind: str) -> Any:
    torch.manual_seed(0)
    if kind == "compact x2":
        from spandrel.architectures.Compact.__arch.SRVGG import SRVGGNetCompact  # pyright: ignore

        return SRVGGNetCompact(num_feat=8, num_conv=2, upscale=2, act_type="prelu")
    from spandrel.architectures.ESRGAN.__arch.RRDB import RRDBNet  # pyright: ignore

    if kind == "esrgan x4":
        return RRDBNet(in_nc=3, out_nc=3, num_filters=8, num_blocks=1, scale=4)
    # Real-ESRGAN's x2 folds four pixels into one, and so wants even sides
    return RRDBNet(in_nc=12, out_nc=3, num_filters=8, num_blocks=1, scale=4, shuffle_factor=2)


@pytest.mark.parametrize("kind", ["compact x2", "esrgan x4", "esrgan x2"])
def test_pictures_are_enlarged_in_tiles_as_in_one(tmp_path: Path, kind: str) -> None:
    upscaler = load_upscaler(saved(upscaling_network(kind), tmp_path / "up.pth"), CPU)
    scale = int(kind[-1])
    assert upscaler.scale == scale
    rgb = torch.randint(0, 256, (3, 401, 77), dtype=torch.uint8)
    with torch.inference_mode():
        shown = enlarged(rgb, (401 * scale, 77 * scale), upscaler)
        whole = (upscaler.run(rgb[None].float() / 255)[0].clamp(0, 1) * 255).round()
        assert float((shown.float() - whole).abs().max()) <= 1
        assert enlarged(rgb, (602, 116), upscaler).shape == (3, 602, 116)


def test_a_network_that_enlarges_nothing_is_refused(tmp_path: Path) -> None:
    from spandrel.architectures.Compact.__arch.SRVGG import SRVGGNetCompact  # pyright: ignore

    net = SRVGGNetCompact(num_feat=8, num_conv=2, upscale=1, act_type="prelu")
    with pytest.raises(WeightsError, match="enlarges nothing"):
        load_upscaler(saved(net, tmp_path / "same.pth"), CPU)


def face_network(name: str) -> Any:
    if name == "restoreformer":
        from spandrel.architectures.RestoreFormer import RestoreFormer  # pyright: ignore

        return RestoreFormer()
    from spandrel_extra_arches.architectures.CodeFormer import CodeFormer  # pyright: ignore

    return CodeFormer()


@pytest.mark.parametrize(
    ("name", "key", "size"), [("codeformer", "params_ema", 512), ("restoreformer", "", 128)]
)
def test_faces_are_restored(tmp_path: Path, name: str, key: str, size: int) -> None:
    torch.manual_seed(0)
    net = face_network(name).eval()
    path = saved(net, tmp_path / "net.pth", key)
    options = EnhanceOptions(enhancer=name, fidelity=0.3)
    made = load_enhancer({name: path}, options, Runtime())
    faces = torch.rand(1, 3, size, size) * 2 - 1
    with torch.inference_mode():
        settings = {"weight": 0.3} if name == "codeformer" else {}
        wanted = net(faces, **settings)[0]
        assert torch.equal(made.restore(faces), wanted)
    other = "restoreformer" if name == "codeformer" else "codeformer"
    with pytest.raises(WeightsError, match=f"not the enhancer {other}|knows"):
        load_enhancer({other: path}, EnhanceOptions(enhancer=other), Runtime())
