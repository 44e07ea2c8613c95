"""The fast generator gives the plain one's numbers."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from sadtalker_core.systems.blocks.fast.convolution import Arithmetic
from sadtalker_core.systems.blocks.fast.precision import Mix, choose_mix
from sadtalker_core.systems.sadtalker.fast import optimise

from .toy_renderer import SIDE, toy_generator, toy_keypoints

CPU = torch.device("cpu")
EXACT = Arithmetic(torch.float32, tile=4, fourier=True)


def frames_of(mix: Mix | None, seed: int, is_compiled: bool = False) -> Tensor:
    plain = toy_generator(seed=seed)
    net = plain if mix is None else optimise(plain, mix, is_compiled)
    random = torch.Generator().manual_seed(3)
    volume = net.encode(torch.rand(1, 3, SIDE, SIDE, generator=random))
    source, driving = toy_keypoints(3)
    with torch.inference_mode():
        return net.frames(volume, net.compress(volume), source, driving)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(
    "mix",
    [Mix(), Mix(EXACT, EXACT, EXACT, EXACT), choose_mix("float32", CPU)],
    ids=["plain convolutions", "tiles", "chosen"],
)
def test_fast_frames_are_the_plain_frames(
    mix: Mix, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Toy nets have few channels: let them take the tiles that full ones take.
    monkeypatch.setattr("sadtalker_core.systems.blocks.fast.convolution.FEWEST_CHANNELS", 2)
    torch.testing.assert_close(frames_of(mix, seed), frames_of(None, seed), atol=1e-4, rtol=1e-4)


def test_half_precision_stays_near() -> None:
    mix = choose_mix("bfloat16", CPU)
    found, want = frames_of(mix, 0), frames_of(None, 0)
    assert found.dtype == torch.float32
    error = (found - want).square().mean()
    assert 0 < error < 1e-3


def test_compiled_parts_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    used: list[nn.Module] = []

    def remember(module: nn.Module) -> None:
        used.append(module)

    monkeypatch.setattr(nn.Module, "compile", remember)
    found = frames_of(Mix(), 0, is_compiled=True)
    assert [type(part).__name__ for part in used] == ["FastDenseMotion", "FastDecoder"]
    torch.testing.assert_close(found, frames_of(Mix(), 0))
