"""Sizes are read from shapes, and every container of the publications loads the same networks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from sadtalker_core.errors import WeightsError
from sadtalker_core.runtime import Runtime
from sadtalker_core.systems.liveportrait.architectures import (
    APPEARANCE,
    ARCHITECTURES,
    EYE_RETARGETING,
    GENERATOR,
    LIP_RETARGETING,
    MOTION,
    STITCHER,
    WARPING,
)
from sadtalker_core.systems.liveportrait.config import LivePortraitRenderOptions
from sadtalker_core.systems.liveportrait.files import needed_files, older_files
from sadtalker_core.systems.liveportrait.weights import LivePortraitNets, load_nets
from sadtalker_core.weights.architecture import detect
from sadtalker_core.weights.reader import read_shapes

from . import toy_nets
from .toy_files import write_toy_files

MANIFESTS = Path(__file__).parents[2] / "parity" / "data" / "liveportrait"
HUMAN = LivePortraitRenderOptions()
ANIMAL = LivePortraitRenderOptions(species="animal")


@pytest.mark.parametrize(
    ("manifest", "architecture"),
    [
        ("appearance_feature_extractor", APPEARANCE),
        ("motion_extractor", MOTION),
        ("warping_module", WARPING),
        ("spade_generator", GENERATOR),
        ("stitching", STITCHER),
        ("retarget_eye", EYE_RETARGETING),
        ("retarget_lip", LIP_RETARGETING),
    ],
)
def test_published_shapes_give_the_published_sizes(manifest: str, architecture) -> None:
    content = json.loads((MANIFESTS / f"{manifest}.json").read_text())
    shapes = {key: tuple(shape) for key, (shape, _) in content.items()}
    config = architecture.config_from(shapes)
    assert config == architecture.default()
    assert architecture.expected(config) == shapes
    assert [found.architecture.id for found in detect(shapes, ARCHITECTURES)] == [architecture.id]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("originals")


@pytest.fixture(scope="module")
def human(folder: Path) -> LivePortraitNets:
    store = write_toy_files(folder)
    return load_nets(store.require(needed_files(HUMAN), "test"), HUMAN, Runtime())


def numbers(nets: LivePortraitNets) -> list[torch.Tensor]:
    modules = (nets.motion, *vars(nets.retarget).values(), *vars(nets.render).values())
    return [value for module in modules for value in module.state_dict().values()]


def same(a: LivePortraitNets, b: LivePortraitNets) -> bool:
    return all(torch.equal(x, y) for x, y in zip(numbers(a), numbers(b)))


def test_originals_and_copies_hold_the_same(human: LivePortraitNets, tmp_path: Path) -> None:
    store = write_toy_files(tmp_path, copies=True)
    files = store.require(older_files(HUMAN), "test")
    assert {path.suffix for path in files.values()} == {".safetensors"}
    assert same(human, load_nets(files, HUMAN, Runtime()))


def test_sizes_and_parts(human: LivePortraitNets, folder: Path) -> None:
    assert human.motion.config == toy_nets.MOTION
    assert human.render.appearance(torch.zeros(1, 3, 16, 16)).shape == (1, 4, 2, 4, 4)
    assert human.landmarks is None
    found = {
        name: net(torch.zeros(1, size)).shape[1]
        for name, net, size in (
            ("stitching", human.retarget.stitching, 126),
            ("eye", human.retarget.eye, 66),
            ("lip", human.retarget.lip, 65),
        )
    }
    assert found == {"stitching": 65, "eye": 63, "lip": 63}
    parts = read_shapes(folder / "stitching_retargeting_module.pth")
    assert {key.split(".")[0] for key in parts} == {
        "retarget_shoulder",
        "retarget_eye",
        "retarget_mouth",
    }


def test_animals_have_networks_of_their_own_and_the_same_stitching(
    human: LivePortraitNets, folder: Path
) -> None:
    files = {file.name: folder / file.file for file in needed_files(ANIMAL)}
    animal = load_nets(files, ANIMAL, Runtime())
    assert not same(human, animal)
    x = torch.rand(1, 126)
    assert torch.equal(animal.retarget.stitching(x), human.retarget.stitching(x))


def test_landmark_network_is_handed_on(folder: Path) -> None:
    options = LivePortraitRenderOptions(landmarks="original")
    files = {file.name: folder / file.file for file in needed_files(options)}
    files["liveportrait-landmarks"].write_bytes(b"onnx")
    nets = load_nets(files, options, Runtime())
    assert nets.landmarks == folder / "landmark.onnx"
    assert older_files(options)[-1] == needed_files(options)[-1]


def test_a_missing_network_is_named(folder: Path) -> None:
    files = {file.name: folder / file.file for file in needed_files(HUMAN)}
    del files["liveportrait-warping"]
    with pytest.raises(WeightsError, match="LivePortrait's warping network is in none of these"):
        load_nets(files, HUMAN, Runtime())
