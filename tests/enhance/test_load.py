"""Networks by keys and shapes, out of files as they are published."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from sadtalker_core.enhance.align import ffhq_points, gpen_points
from sadtalker_core.enhance.architectures import ARCHITECTURES, BISENET, GFPGAN, GPEN, PARSENET
from sadtalker_core.enhance.files import needed_files
from sadtalker_core.enhance.foreign import ForeignRestorer, load_upscaler
from sadtalker_core.enhance.load import load_enhancer
from sadtalker_core.enhance.nets.bisenet import BiSeNet, BiSeNetConfig
from sadtalker_core.enhance.nets.gfpgan import Gfpgan, GfpganConfig
from sadtalker_core.enhance.nets.gpen import Gpen, GpenConfig
from sadtalker_core.enhance.nets.parsenet import ParseNet, ParseNetConfig
from sadtalker_core.enhance.options import ENHANCER_IDS, EnhanceOptions
from sadtalker_core.errors import WeightsError
from sadtalker_core.runtime import Runtime
from sadtalker_core.weights.architecture import Architecture, detect, load, shapes_of

from .toys import toy_file

_SIZES = (
    (GFPGAN, Gfpgan, GfpganConfig(64, 6, 2, (8, 6, 4, 4, 2), (2, 3, 4, 5, 6))),
    (GPEN, Gpen, GpenConfig(6, 2, (8, 6, 4, 2))),
    (PARSENET, ParseNet, ParseNetConfig((4, 5, 6), 2, 7)),
    (BISENET, BiSeNet, BiSeNetConfig(8, 5)),
)


@pytest.mark.parametrize(("entry", "make", "config"), _SIZES, ids=lambda value: str(value)[:20])
def test_every_size_is_read_from_the_shapes(
    entry: Architecture[nn.Module], make: type[nn.Module], config: object
) -> None:
    weights = make(config).state_dict()
    assert [found.architecture.id for found in detect(shapes_of(weights), ARCHITECTURES)] == [
        entry.id
    ]
    loaded = load(entry, weights)
    assert loaded.config == config
    assert loaded.module.state_dict().keys() == weights.keys()


def test_toy_networks_give_pictures_of_their_size() -> None:
    faces = torch.rand(2, 3, 64, 64) * 2 - 1
    with torch.inference_mode():
        assert Gfpgan(_SIZES[0][2])(faces).shape == faces.shape  # type: ignore[arg-type]
        small = faces[..., :32, :32]
        assert Gpen(_SIZES[1][2])(small).shape == small.shape  # type: ignore[arg-type]
        assert ParseNet(_SIZES[2][2])(faces).shape == (2, 7, 64, 64)  # type: ignore[arg-type]


def test_a_batch_is_its_faces_one_by_one() -> None:
    torch.manual_seed(1)
    faces = torch.rand(3, 3, 64, 64) * 2 - 1
    net = Gfpgan(_SIZES[0][2]).eval()  # type: ignore[arg-type]
    with torch.inference_mode():
        one_by_one = torch.cat([net(face[None]) for face in faces])
        assert torch.allclose(net(faces), one_by_one, atol=1e-4)
        assert torch.equal(net(faces[:1]), net(faces[:1]))  # no fresh noise


def test_the_published_wrapping_and_the_templates(tmp_path: Path) -> None:
    file = toy_file(tmp_path)
    options = EnhanceOptions(enhancer="gfpgan-1.2")
    enhancer = load_enhancer({"gfpgan-1.2": file}, options, Runtime())
    assert enhancer.size == 64
    assert torch.equal(enhancer.points, ffhq_points(64))
    torch.save(Gpen(GpenConfig(6, 2, (8, 6, 4, 2))).state_dict(), tmp_path / "gpen.pth")
    gpen = load_enhancer(
        {"gpen-512": tmp_path / "gpen.pth"}, EnhanceOptions(enhancer="gpen-512"), Runtime()
    )
    assert gpen.size == 32
    assert torch.equal(gpen.points, gpen_points(32))
    with pytest.raises(WeightsError, match="GPEN is in none"):
        load_enhancer({"gpen-512": file}, EnhanceOptions(enhancer="gpen-512"), Runtime())


@pytest.mark.parametrize("enhancer", ENHANCER_IDS)
def test_every_enhancer_has_a_file(enhancer: str) -> None:
    (file,) = needed_files(EnhanceOptions(enhancer=enhancer))
    assert file.name == enhancer
    more = needed_files(
        EnhanceOptions(
            enhancer=enhancer, enhance_way="original", upscale=2, upscaler="realesrgan-x2"
        )
    )
    assert [one.name for one in more] == [enhancer, "retinaface", "parsenet", "realesrgan-x2"]


@pytest.mark.parametrize(
    ("enhancer", "package"),
    [("codeformer", "spandrel_extra_arches"), ("restoreformer", "spandrel")],
)
def test_without_spandrel_one_sentence_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, enhancer: str, package: str
) -> None:
    monkeypatch.setitem(sys.modules, "spandrel", None)
    file = toy_file(tmp_path)
    with pytest.raises(WeightsError, match=f"pip install .*{package}$"):
        load_enhancer({enhancer: file}, EnhanceOptions(enhancer=enhancer), Runtime())
    with pytest.raises(WeightsError, match="pip install spandrel$"):
        load_upscaler(file, torch.device("cpu"))


def test_a_foreign_network_is_a_module_that_hosts_can_move() -> None:
    class Doubled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.factor = nn.Parameter(torch.tensor(2.0))

        def forward(self, faces: Tensor, weight: float = 0.0) -> tuple[Tensor, None]:
            return faces * self.factor + weight, None

    made = ForeignRestorer(Doubled(), {"weight": 0.5})
    assert torch.equal(made(torch.ones(1)), torch.tensor([2.5]))
    assert [name for name, _ in made.named_parameters()] == ["network.factor"]
    assert torch.equal(ForeignRestorer(Doubled(), {})(torch.ones(1)), torch.tensor([2.0]))
