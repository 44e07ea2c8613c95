"""Networks out of files: sizes from shapes, and what the authors' files have beside them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from sadtalker_core.errors import WeightsError
from sadtalker_core.runtime import Runtime
from sadtalker_core.systems.videoretalking import architectures as known
from sadtalker_core.systems.videoretalking import weights
from sadtalker_core.systems.videoretalking.config import VideoReTalkingOptions
from sadtalker_core.systems.videoretalking.files import needed_files
from sadtalker_core.systems.videoretalking.weights import load_nets, read_templates
from sadtalker_core.weights.architecture import shapes_of

from . import toys

_DATA = Path(__file__).parents[2] / "parity" / "data" / "retalking"


@pytest.mark.parametrize(
    ("name", "architecture"),
    [
        ("dnet", known.DNET),
        ("lnet", known.LNET),
        ("enet", known.ENET),
        ("ganimation", known.GANIMATION),
    ],
)
def test_published_sizes_are_read_from_the_file(name: str, architecture: Any) -> None:
    content = json.loads((_DATA / f"{name}.json").read_text())
    shapes = architecture.own({key: tuple(shape) for key, (shape, _) in content.items()})
    config = architecture.config_from(shapes)
    assert config == architecture.default()
    assert architecture.expected(config) == shapes


@pytest.mark.parametrize(
    ("architecture", "config", "build"),
    [
        (known.DNET, toys.DNET, toys.DNet),
        (known.LNET, toys.LNET, toys.LNet),
        (known.ENET, toys.ENET, toys.ENet),
        (known.GANIMATION, toys.GANIMATION, toys.GANimation),
        (known.RECON, toys.RECON, toys.Recon3D),
    ],
)
def test_other_sizes_too(architecture: Any, config: Any, build: Any) -> None:
    with torch.device("meta"):
        shapes = shapes_of(build(config).state_dict())
    assert architecture.config_from(shapes) == config


def test_the_authors_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # as loaded, before anything is folded
    monkeypatch.setattr(weights, "quicken", lambda net, dtype: net)
    options = VideoReTalkingOptions(up_face="angry")
    files = toys.write_toy_files(tmp_path, options)
    nets = load_nets(files, options, Runtime())
    states = toys.toy_states()
    # DNet's average, LNet of its own file and not what ENet's file holds
    average = states["retalking-expression"]["net_G_ema"]
    assert _same(nets.dnet.state_dict(), average)
    lips = states["retalking-lips"]["state_dict"]
    assert _same(nets.enet.low_res.state_dict(), _bare(lips))
    detail = _bare(states["retalking-detail"]["state_dict"])
    mine = {key: value for key, value in detail.items() if not key.startswith("low_res.")}
    assert _same({k: nets.enet.state_dict()[k] for k in mine}, mine)
    assert nets.emotion is not None
    assert nets.gpen is not None
    assert nets.gfpgan is not None
    assert nets.original is None
    assert nets.templates["neutral"].shape == (64,)
    difference = nets.templates["smile"] - nets.templates["neutral"]
    torch.testing.assert_close(difference, torch.ones(64))


def _bare(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {key.removeprefix("module."): value for key, value in state.items()}


def _same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return first.keys() == second.keys() and all(
        torch.equal(first[key], second[key]) for key in first
    )


def test_a_network_in_the_wrong_file(tmp_path: Path) -> None:
    options = VideoReTalkingOptions()
    files = toys.write_toy_files(tmp_path, options)
    files["retalking-lips"].write_bytes(files["retalking-detail"].read_bytes())
    with pytest.raises(WeightsError, match="LNet is in none of these files"):
        load_nets(files, options, Runtime())


def test_left_over_keys_are_an_error(tmp_path: Path) -> None:
    options = VideoReTalkingOptions()
    files = toys.write_toy_files(tmp_path, options)
    state = toys.toy_states()["retalking-expression"]["net_G_ema"]
    torch.save({"net_G_ema": {**state, "more": torch.ones(1)}}, files["retalking-expression"])
    with pytest.raises(WeightsError, match="more"):
        load_nets(files, options, Runtime())


def test_templates(tmp_path: Path) -> None:
    file = tmp_path / "t.mat"
    numbers = torch.arange(130, dtype=torch.float64).reshape(2, 65).numpy()
    file.write_bytes(toys.mat_file({"expression_center": numbers, "expression_mouth": numbers[1:]}))
    found = read_templates(file)
    assert found["neutral"].tolist() == list(range(64))
    assert found["smile"].tolist() == list(range(65, 129))
    file.write_bytes(
        toys.mat_file({"expression_center": numbers[:, :63], "expression_mouth": numbers})
    )
    with pytest.raises(WeightsError, match=r"expression_center in .* is \(2, 63\)"):
        read_templates(file)


def test_only_what_the_options_need_is_asked_for() -> None:
    plain = {file.name for file in needed_files(VideoReTalkingOptions())}
    assert {"retalking-lips", "gpen-512", "gfpgan-1.3", "parsenet"} <= plain
    assert not {"retalking-emotion", "s3fd", "landmarks-68", "retinaface"} & plain
    least = VideoReTalkingOptions(reference_enhancer="none", mouth_enhancer="none")
    assert plain - {file.name for file in needed_files(least)} == {"gpen-512", "gfpgan-1.3"}
    more = VideoReTalkingOptions(up_face="sad", finder="original")
    assert {file.name for file in needed_files(more)} - plain == {
        "retalking-emotion",
        "s3fd",
        "landmarks-68",
        "retinaface",
    }
