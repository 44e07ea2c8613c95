"""The fast renderer gives the plain one's numbers, for a still and for a source video."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from sadtalker_core.systems.blocks.fast.convolution import Arithmetic
from sadtalker_core.systems.blocks.fast.precision import Mix
from sadtalker_core.systems.liveportrait.fast import PlainRenderer, choose_mix, optimise

from .toy_nets import toy_generator, toy_keypoints, toy_warping

CPU = torch.device("cpu")
EXACT = Arithmetic(torch.float32, tile=4, fourier=True)
FRAMES = 3


def frames_of(mix: Mix | None, volumes: int, is_compiled: bool = False) -> Tensor:
    nets = toy_warping(), toy_generator()
    net = PlainRenderer(*nets) if mix is None else optimise(*nets, mix, is_compiled)
    volume = torch.randn(volumes, 4, 2, 16, 16, generator=torch.Generator().manual_seed(3))
    source, driving = toy_keypoints(FRAMES)
    if volumes > 1:
        source = source + 0.05 * torch.arange(volumes).view(-1, 1, 1)
    with torch.inference_mode():
        return net.frames(volume, net.compress(volume), source, driving)


@pytest.mark.parametrize("volumes", [1, FRAMES], ids=["still", "video"])
@pytest.mark.parametrize(
    "mix",
    [Mix(), Mix(EXACT, EXACT, EXACT, EXACT), choose_mix("float32", CPU)],
    ids=["plain convolutions", "tiles", "chosen"],
)
def test_fast_frames_are_the_plain_frames(
    mix: Mix, volumes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Toy nets have few channels: let them take the tiles that full ones take.
    monkeypatch.setattr("sadtalker_core.systems.blocks.fast.convolution.FEWEST_CHANNELS", 2)
    want = frames_of(None, volumes)
    assert want.shape == (FRAMES, 3, 128, 128)
    assert (want[0] - want[1]).abs().max() > 1e-4
    torch.testing.assert_close(frames_of(mix, volumes), want, atol=1e-4, rtol=1e-4)


def test_half_precision_stays_near() -> None:
    found, want = frames_of(choose_mix("bfloat16", CPU), 1), frames_of(None, 1)
    assert found.dtype == torch.float32
    assert 0 < (found - want).square().mean() < 1e-4  # 40 dB


def test_first_blocks_keep_their_digits_on_a_processor() -> None:
    mix = choose_mix("bfloat16", CPU)
    assert (mix.decoder.dtype, mix.early) == (torch.bfloat16, mix.steering)
    decoder = optimise(toy_warping(), toy_generator(), mix).decoder
    dtypes = [block.norm_0.dtype for block in decoder.middle]
    assert dtypes == [torch.float32] * 2 + [torch.bfloat16] * 4
    assert choose_mix("float32", CPU).early is None
    assert choose_mix("auto", torch.device("cuda")).early is None
    # All of it in bfloat16 is further from the plain frames.
    want = frames_of(None, 1)
    ours, worse = frames_of(mix, 1), frames_of(replace(mix, early=None), 1)
    assert (ours - want).square().mean() < (worse - want).square().mean()


def test_small_weights_of_proposals_are_kept() -> None:
    net = optimise(toy_warping(), toy_generator(), Mix()).warp.motion
    logits = torch.zeros(1, 2, 4, 4, 22)
    logits[..., 5] = 12.0
    shift = torch.randn(1, 22, 3, generator=torch.Generator().manual_seed(0)) * 1e4
    shift[:, 5] = 0
    mask = logits.softmax(-1)
    assert mask.min() < 1e-5
    found = net._deformation(logits, shift) - net._deformation(logits, torch.zeros_like(shift))
    torch.testing.assert_close(found, (mask.unsqueeze(-1) * shift).sum(-2), atol=1e-2, rtol=1e-4)


def test_compiled_parts_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    used: list[nn.Module] = []

    def remember(module: nn.Module) -> None:
        used.append(module)

    monkeypatch.setattr(nn.Module, "compile", remember)
    found = frames_of(Mix(), 1, is_compiled=True)
    assert [type(part).__name__ for part in used] == ["FastDenseMotion", "FastDecoder"]
    torch.testing.assert_close(found, frames_of(Mix(), 1))
