"""The judges at toy size: shapes, loading, and the published sizes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from sadtalker_core.metrics.architectures import ARCHITECTURES, LIP_EXPERT, SYNCNET_V2
from sadtalker_core.metrics.nets.syncnet_color import SyncNetColor, SyncNetColorConfig
from sadtalker_core.metrics.nets.syncnet_v2 import SyncNetV2, SyncNetV2Config
from sadtalker_core.weights.architecture import load
from sadtalker_core.weights.reader import read_weights

_MANIFESTS = Path(__file__).parents[1] / "parity" / "data" / "wav2lip"


def test_what_the_expert_says_has_length_one() -> None:
    torch.manual_seed(0)
    net = SyncNetColor(SyncNetColorConfig(4)).eval()
    heard, seen = net(torch.randn(2, 1, 80, 16), torch.rand(2, 15, 48, 96))
    assert heard.shape == seen.shape == (2, 64)
    assert torch.allclose(heard.norm(dim=1), torch.ones(2))
    assert (heard >= 0).all()
    assert (seen >= 0).all()


def test_syncnet_takes_five_frames_and_twenty_rows() -> None:
    net = SyncNetV2(SyncNetV2Config(2)).eval()
    assert net.of_lips(torch.rand(2, 3, 5, 224, 224) * 255).shape == (2, 64)
    assert net.of_sound(torch.randn(3, 1, 13, 20)).shape == (3, 64)


@pytest.mark.parametrize(
    ("architecture", "net", "shell"),
    [
        (LIP_EXPERT, SyncNetColor(SyncNetColorConfig(4)), "state_dict"),
        (SYNCNET_V2, SyncNetV2(SyncNetV2Config(2)), ""),
    ],
)
@pytest.mark.parametrize("is_old", [False, True])
def test_published_layouts_load(
    architecture: object, net: torch.nn.Module, shell: str, is_old: bool, tmp_path: Path
) -> None:
    state = dict(net.state_dict())
    if is_old:  # older torch saved no counters
        state = {k: v for k, v in state.items() if "num_batches" not in k}
    tree = {shell: state, "global_step": 3, "optimizer": {}} if shell else state
    torch.save(tree, tmp_path / "a.pth", _use_new_zipfile_serialization=not is_old)
    assert architecture in ARCHITECTURES
    loaded = load(architecture, read_weights(tmp_path / "a.pth"))  # type: ignore[arg-type]
    assert loaded.config == net.config
    name = next(iter(state))
    assert torch.equal(loaded.module.state_dict()[name], state[name])


@pytest.mark.parametrize(
    ("architecture", "manifest"), [(LIP_EXPERT, "syncnet_color"), (SYNCNET_V2, "syncnet_v2")]
)
def test_published_sizes(architecture: object, manifest: str) -> None:
    content = json.loads((_MANIFESTS / f"{manifest}.json").read_text())
    shapes = {key: tuple(shape) for key, (shape, _) in content.items()}
    assert architecture in ARCHITECTURES
    config = architecture.config_from(shapes)  # type: ignore[attr-defined]
    assert config == architecture.default()  # type: ignore[attr-defined]
    assert architecture.expected(config) == shapes  # type: ignore[attr-defined]
