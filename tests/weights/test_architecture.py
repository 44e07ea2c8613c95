"""Networks are known by keys and shapes; toy networks of real layers stand for the real ones."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from sadtalker_core.errors import WeightsError
from sadtalker_core.weights.architecture import (
    Architecture,
    count_keys,
    detect,
    detect_one,
    load,
    report_unknown,
    shapes_of,
    verify,
)
from sadtalker_core.weights.families import FAMILIES
from sadtalker_core.weights.reader import read_shapes, read_weights

_MANIFESTS = Path(__file__).parent.parent / "parity" / "data"


@dataclass(frozen=True)
class ToyConfig:
    channels: int = 4
    classes: int = 2


class Toy(nn.Module):
    def __init__(self, config: ToyConfig) -> None:
        super().__init__()
        self.first = nn.Conv1d(3, config.channels, 1)
        self.norm = nn.BatchNorm1d(config.channels)
        self.head = nn.Linear(config.channels, config.classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.norm(self.first(x)).mean(-1))


class Windowed(nn.Module):
    """A network with numbers that are not saved."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.line = nn.Linear(width, width)
        self.register_buffer("window", torch.arange(float(width)), persistent=False)


def toy_config(shapes: Any) -> ToyConfig:
    return ToyConfig(shapes["first.weight"][0], shapes["head.weight"][0])


TOY = Architecture(
    "toy",
    "the toy net",
    {"first.weight": (None, 3, 1), "head.bias": None},
    toy_config,
    Toy,
    default=ToyConfig,
)
WINDOWED = Architecture(
    "windowed",
    "the windowed net",
    {"line.weight": (None, None)},
    lambda shapes: shapes["line.weight"][0],
    Windowed,
)
KNOWN = [WINDOWED, TOY]


def weights(channels: int = 4, classes: int = 2) -> dict[str, Tensor]:
    torch.manual_seed(0)
    state = Toy(ToyConfig(channels, classes)).state_dict()
    return {key: torch.rand_like(value.float()).to(value.dtype) for key, value in state.items()}


def found(shapes: Any, known: Any = KNOWN) -> list[tuple[str, str]]:
    return [(entry.architecture.id, entry.prefix) for entry in detect(shapes, known)]


@pytest.mark.parametrize("channels", [1, 4, 9])
@pytest.mark.parametrize("classes", [1, 5])
def test_every_size_is_found_and_built(channels: int, classes: int) -> None:
    state = weights(channels, classes)
    assert found(shapes_of(state)) == [("toy", "")]
    model = load(TOY, state)
    assert model.config == ToyConfig(channels, classes)
    assert model.architecture is TOY
    for key, value in model.module.state_dict().items():
        assert torch.equal(value, state[key])
    assert not model.module.training
    assert not any(value.requires_grad for value in model.module.parameters())
    assert model.module(torch.zeros(1, 3, 2)).shape == (1, classes)


def test_several_networks_in_one_file() -> None:
    state = {f"a.{key}": value for key, value in weights().items()}
    state |= {f"b.{key}": value for key, value in Windowed(3).state_dict().items()}
    state["c.unknown"] = torch.ones(1)
    assert found(shapes_of(state)) == [("windowed", "b"), ("toy", "a")]


def test_a_shape_that_differs_is_another_network() -> None:
    state = weights()
    state["first.weight"] = torch.zeros(4, 3, 2)
    assert found(shapes_of(state)) == []
    state["first.weight"] = torch.zeros(4, 3)
    assert found(shapes_of(state)) == []


def test_the_longer_signature_wins() -> None:
    plain = Architecture("plain", "plain", {"head.bias": None}, toy_config, Toy)
    assert found(shapes_of(weights()), [plain, TOY]) == [("toy", "")]
    assert found(shapes_of(weights()), [TOY, plain]) == [("toy", "")]


def test_counters_of_batches_may_be_absent() -> None:
    state = weights()
    del state["norm.num_batches_tracked"]
    assert load(TOY, state).module.norm.num_batches_tracked == 0


def test_half_precision_becomes_what_is_asked_for() -> None:
    state = {
        key: value.half() if value.is_floating_point() else value
        for key, value in weights().items()
    }
    assert load(TOY, state).module.head.weight.dtype == torch.float32
    assert load(TOY, state, dtype=None).module.head.weight.dtype == torch.float16
    assert load(TOY, state, dtype=torch.bfloat16).module.head.weight.dtype == torch.bfloat16


def test_weights_are_not_held_twice() -> None:
    state = weights()
    assert load(TOY, state).module.head.weight.data_ptr() == state["head.weight"].data_ptr()


def test_numbers_that_are_not_saved_are_made() -> None:
    model = load(WINDOWED, Windowed(3).state_dict())
    assert model.module.get_buffer("window").tolist() == [0, 1, 2]


def test_loading_is_strict() -> None:
    state = weights()
    del state["norm.weight"]
    with pytest.raises(WeightsError, match=r"the toy net do not fit.*1 missing: norm\.weight"):
        load(TOY, state)
    with pytest.raises(WeightsError, match=r"1 not known: more"):
        load(TOY, weights() | {"more": torch.ones(1)})
    with pytest.raises(WeightsError, match=r"norm\.bias \(5,\) instead of \(4,\)"):
        load(TOY, weights() | {"norm.bias": torch.ones(5)})
    with pytest.raises(WeightsError, match=r"not weights of the toy net.*0 of|not weights of"):
        load(TOY, {"x": torch.ones(1)})


def test_the_report_on_an_unknown_file() -> None:
    state = weights(6, 3)
    for key in ("head.bias", "norm.weight", "norm.bias", "norm.running_mean"):
        del state[key]
    # Compared with the network of this file's own sizes: 6 channels, not the usual 4.
    assert report_unknown(shapes_of(state), KNOWN) == (
        "It is no network that is known here (5 tensors, the first is first.weight). "
        "The nearest is the toy net: 5 of 9 keys match; missing or of another shape: norm.weight, "
        "norm.bias, norm.running_mean, ...."
    )
    under = {f"net.{key}": value for key, value in state.items()}
    assert "the toy net: 5 of 9 keys match" in report_unknown(shapes_of(under), KNOWN)
    # Without the key that tells the sizes: the usual ones.
    del state["head.weight"]
    assert "the toy net: 1 of 9 keys match" in report_unknown(shapes_of(state), KNOWN)
    bare = replace(TOY, default=None)
    assert "the toy net: 1 of 2 keys match" in report_unknown(shapes_of(state), [bare])
    assert "Not one of its keys" in report_unknown({"x": (1,)}, KNOWN)
    assert "(0 tensors)" in report_unknown({}, KNOWN)


def test_sizes_of_something_else_do_not_end_the_report() -> None:
    def explode(shapes: Any) -> Any:
        raise ZeroDivisionError

    odd = replace(TOY, config_from=explode)
    assert "the toy net: 2 of 9" in report_unknown({"head.bias": (2,), "norm.bias": (4,)}, [odd])


def test_every_key_is_compared() -> None:
    state = shapes_of({f"a.{key}": value for key, value in weights().items()})
    (entry,) = detect(state, KNOWN)
    verify(entry, state)
    verify(entry, {key: shape for key, shape in state.items() if "num_batches" not in key})
    verify(entry, state | {"b.c": (1,)})  # of another network
    with pytest.raises(WeightsError, match=r"the toy net do not fit.*missing: norm\.bias"):
        verify(entry, {key: shape for key, shape in state.items() if key != "a.norm.bias"})
    with pytest.raises(WeightsError, match=r"not known: more"):
        verify(entry, state | {"a.more": (1,)})
    with pytest.raises(WeightsError, match=r"norm\.bias \(5,\) instead of \(4,\)"):
        verify(entry, state | {"a.norm.bias": (5,)})


def test_what_a_network_ignores() -> None:
    lenient = replace(TOY, ignored=("inner.*", "*.running_old"))
    old = {**weights(6, 3), "norm.running_old": torch.ones(2)}
    inner = {f"inner.{key}": value for key, value in weights(4, 2).items()}
    assert found(shapes_of(old | inner), (lenient,)) == [("toy", "")]
    assert load(lenient, old | inner).config == ToyConfig(6, 3)
    verify(detect(shapes_of(old | inner), (lenient,))[0], shapes_of(old | inner))
    with pytest.raises(WeightsError, match="outer"):
        load(lenient, {**old, "outer.a": torch.ones(1)})
    # a network under another prefix is one still
    under = {f"a.{key}": value for key, value in weights().items()}
    assert found(shapes_of(under), (lenient,)) == [("toy", "a")]


def test_looking_for_one_network() -> None:
    state = {f"a.{key}": value for key, value in weights().items()}
    assert detect_one(shapes_of(state), TOY, KNOWN, "f.pth").prefix == "a"
    with pytest.raises(WeightsError, match=r"f\.pth holds the toy net, not the windowed net"):
        detect_one(shapes_of(state), WINDOWED, KNOWN, "f.pth")
    with pytest.raises(WeightsError, match=r"f\.pth: It is no network that is known"):
        detect_one({"x": (1,)}, WINDOWED, KNOWN, "f.pth")


def test_from_a_misnamed_training_checkpoint_to_a_network(tmp_path: Path) -> None:
    file = tmp_path / "SadTalker_V0.0.2_256.safetensors"
    state = {f"module.{key}": value for key, value in weights(6, 3).items()}
    torch.save({"state_dict": state, "epoch": 1}, file)
    assert found(read_shapes(file)) == [("toy", "")]
    assert load(TOY, read_weights(file)).config == ToyConfig(6, 3)


# The published networks, by the manifests of their names and shapes.

_PUBLISHED = {
    "sadtalker/face_3drecon": "sadtalker/face_3drecon",
    "sadtalker/audio2exp": "sadtalker/audio2exp",
    "sadtalker/audio2pose": "sadtalker/audio2pose",
    "sadtalker/kp_extractor": "sadtalker/kp_extractor",
    "sadtalker/generator": "sadtalker/generator",
    "sadtalker/mapping_70": "sadtalker/mapping",
    "sadtalker/mapping_73": "sadtalker/mapping",
    "sadtalker/fan_wflw98": "faces/fan98",
    "enhance/retinaface_r50": "faces/retinaface",
    "enhance/gfpgan": "enhance/gfpgan",
    "enhance/gpen_bfr_512": "enhance/gpen",
    "enhance/parsenet": "enhance/parsenet",
    "enhance/bisenet": "enhance/bisenet",
    "retalking/fan_2d4": "faces/fan68",
    "wav2lip/s3fd": "faces/s3fd",
    "wav2lip/wav2lip": "wav2lip/generator",
    "wav2lip/syncnet_color": "metrics/lip_expert",
    "wav2lip/syncnet_v2": "metrics/syncnet_v2",
    "liveportrait/appearance_feature_extractor": "liveportrait/appearance",
    "liveportrait/motion_extractor": "liveportrait/motion",
    "liveportrait/warping_module": "liveportrait/warping",
    "liveportrait/spade_generator": "liveportrait/generator",
    "liveportrait/stitching": "liveportrait/stitching",
    "liveportrait/retarget_eye": "liveportrait/eyes",
    "liveportrait/retarget_lip": "liveportrait/lips",
    "retalking/dnet": "videoretalking/dnet",
    "retalking/lnet": "videoretalking/lnet",
    "retalking/enet": "videoretalking/enet",
    "retalking/ganimation": "videoretalking/ganimation",
}


def manifest(name: str) -> dict[str, tuple[int, ...]]:
    content = json.loads((_MANIFESTS / f"{name}.json").read_text())
    return {key: tuple(shape) for key, (shape, _) in content.items()}


@pytest.mark.parametrize("name", _PUBLISHED)
def test_published_networks_are_known(name: str) -> None:
    assert found(manifest(name), FAMILIES) == [(_PUBLISHED[name], "")]


def test_every_family_is_of_a_published_network() -> None:
    assert {family.id for family in FAMILIES} == set(_PUBLISHED.values())


def test_the_bundle_of_sadtalker() -> None:
    bundle = {
        f"{family.prefix}.{key}": shape
        for family in FAMILIES
        if family.prefix and family.id.startswith("sadtalker")
        for key, shape in manifest(family.id).items()
    }
    assert len(bundle) == 1305
    assert found(bundle, FAMILIES) == [
        ("sadtalker/face_3drecon", "face_3drecon"),
        ("sadtalker/audio2exp", "audio2exp"),
        ("sadtalker/audio2pose", "audio2pose"),
        ("sadtalker/kp_extractor", "kp_extractor"),
        ("sadtalker/generator", "generator"),
    ]


def test_a_family_alone_cannot_be_built() -> None:
    with pytest.raises(WeightsError, match="cannot be built here"):
        load(FAMILIES[0], {"x": torch.ones(1)})


def test_numbered_keys_are_counted_up_to_the_first_gap() -> None:
    shapes = {f"body.{number}.weight": (1,) for number in (0, 1, 2, 4)}
    assert count_keys(shapes, "body.", ".weight") == 3
    assert count_keys(shapes, "body.", ".weight", start=1) == 2
    assert count_keys(shapes, "body.", ".bias") == 0
