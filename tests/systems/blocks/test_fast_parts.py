"""Parts of the fast renderers give torch's numbers."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sadtalker_core.errors import OptionError
from sadtalker_core.systems.blocks import dense_motion
from sadtalker_core.systems.blocks.encoder import VolumeEncoder
from sadtalker_core.systems.blocks.fast import motion, precision
from sadtalker_core.systems.blocks.fast.convolution import (
    Arithmetic,
    PlainConv,
    WinogradConv,
    winograd_matrices,
)
from sadtalker_core.systems.blocks.fast.decoder import instance_norm_terms
from sadtalker_core.systems.blocks.fast.encoder import FastEncoder
from sadtalker_core.systems.blocks.fast.enlarged import DoubledConv3d, EnlargedConv
from sadtalker_core.systems.blocks.fast.folding import fold_norm
from sadtalker_core.systems.blocks.fast.fourier import FourierConv
from sadtalker_core.systems.blocks.fast.precision import choose_mix
from sadtalker_core.systems.blocks.fast.warp import bend
from sadtalker_core.systems.blocks.layers import SameBlock2d, coordinate_grid

from .toys import moved_keypoints, randomise

CPU = torch.device("cpu")
EXACT = Arithmetic(torch.float32, tile=4, fourier=True)


def close(found: Tensor, want: Tensor) -> None:
    torch.testing.assert_close(found, want, atol=5e-5, rtol=5e-5)


def last(x: Tensor) -> Tensor:
    """Channels first to channels last."""
    return x.movedim(1, -1).contiguous()


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("tile", [2, 4])
def test_winograd_matrices_multiply_polynomials(tile: int) -> None:
    output, kernel, values = winograd_matrices(tile)
    line, taps = random(tile + 2).double(), random(3, seed=1).double()
    want = torch.stack([line[i : i + 3] @ taps for i in range(tile)])
    torch.testing.assert_close(output @ ((kernel @ taps) * (values @ line)), want)


@pytest.mark.parametrize("tile", [2, 4])
@pytest.mark.parametrize("size", [(8, 12), (7, 5)])
def test_winograd_convolution(tile: int, size: tuple[int, int]) -> None:
    x, weight, bias = random(2, 6, *size), random(5, 6, 3, 3), random(5)
    found = WinogradConv(weight, bias, torch.float32, tile)(last(x))
    close(found, last(F.conv2d(x, weight, bias, padding=1)))


def test_winograd_convolution_of_volumes_in_strips(monkeypatch: pytest.MonkeyPatch) -> None:
    module = "sadtalker_core.systems.blocks.fast.convolution.TILES_AT_ONCE"
    x, weight = random(2, 4, 3, 12, 8), random(3, 4, 3, 3, 3)
    conv = WinogradConv(weight, None, torch.float32, 4)
    want = last(F.conv3d(x, weight, padding=1))
    for at_once in (1, 24, 1000):
        monkeypatch.setattr(module, at_once)
        strips = list(conv.strips(last(x)))
        assert len(strips) == {1: 3, 24: 2, 1000: 1}[at_once]
        close(torch.cat([part for _, part in strips], 2), want)
        close(conv(last(x)), want)


def test_arithmetic_takes_tiles_only_where_they_pay() -> None:
    wide = torch.zeros(48, 48, 3, 3)
    assert isinstance(EXACT.conv(wide, None), WinogradConv)
    assert isinstance(EXACT.conv(wide, None, is_small=True), PlainConv)
    assert isinstance(EXACT.conv(wide[:16], None), PlainConv)
    assert isinstance(EXACT.conv(wide[..., :1, :1], None), PlainConv)
    assert isinstance(Arithmetic().conv(wide, None), PlainConv)


@pytest.mark.parametrize("factor", [2, 4])
def test_convolution_of_an_enlarged_map(factor: int) -> None:
    x, weight, bias = random(2, 3, 5, 6), random(4, 3, 3, 3), random(4)
    large = x.repeat_interleave(factor, 2).repeat_interleave(factor, 3)
    want = F.conv2d(large, weight, bias, padding=1).relu()
    found = EnlargedConv((weight, bias), factor, torch.float32, torch.float32)(last(x))
    close(found, last(want))


def test_convolution_of_a_doubled_volume() -> None:
    x, weight, bias = random(2, 3, 4, 5, 6), random(4, 3, 3, 3, 3), random(4)
    large = x.repeat_interleave(2, 3).repeat_interleave(2, 4)
    out = torch.full((2, 4, 10, 12, 5), 7.0)
    DoubledConv3d((weight, bias), torch.float32).write(last(x), out[..., :4])
    want = last(F.conv3d(large, weight, bias, padding=1).relu())
    close(out[..., :4], want)
    assert (out[..., 4] == 7).all()


@pytest.mark.parametrize("size", [(10, 9), (34, 41)])
def test_convolution_in_frequencies(size: tuple[int, int]) -> None:
    x, weight, bias = random(2, 3, 4, *size), random(2, 3, 7, 7, 7), random(2)
    found = FourierConv(weight, bias)(last(x))
    want = last(F.conv3d(x, weight, bias, padding=3))
    torch.testing.assert_close(found, want, atol=1e-4, rtol=1e-4)


def test_folded_norm() -> None:
    block = SameBlock2d(3, 5).eval()
    randomise(block, 0)
    x = random(2, 3, 6, 6)
    weight, bias = fold_norm(block)
    want = block.norm(block.conv(x))
    close(F.conv2d(x, weight, bias, padding=1), want)
    with pytest.raises(TypeError, match="block with a batch norm, got Conv2d"):
        fold_norm(nn.Conv2d(1, 1, 1))


def test_instance_norm_terms_survive_a_large_mean() -> None:
    x = random(2, 8, 8, 3) * torch.tensor([1.0, 5.0, 0.1]) + 100
    multiplier, offset = instance_norm_terms(x)
    want = F.instance_norm(x.movedim(-1, 1).double()).movedim(1, -1)
    torch.testing.assert_close((x * multiplier + offset).double(), want, atol=2e-3, rtol=0)
    assert (x * multiplier + offset).mean((1, 2)).abs().max() < 1e-3


def test_moved_volume_is_the_sampled_one() -> None:
    volume, shifts = random(2, 4, 6, 8), random(5, 3) * 0.4
    grid = coordinate_grid((4, 6, 8), volume)
    want = dense_motion.sample_volume(volume[None], grid + shifts[:, None, None, None])
    close(motion.move_volume(volume, shifts), want)


TOY = dense_motion.DenseMotionConfig(3, 4, 4, 2, 4, 16, 2)


def test_deformation_drops_small_weights_as_the_plain_one_does() -> None:
    net = motion.FastDenseMotion(dense_motion.DenseMotionNetwork(TOY), Arithmetic())
    source, driving = moved_keypoints(2)
    size = (4, 6, 8)
    logits = 5 * random(2, *size, 4)
    mask = logits.softmax(-1).movedim(-1, 1)
    floor = net.config.mask_floor
    assert 0.05 < (mask < floor).float().mean() < 0.95
    want = dense_motion.combine(mask, dense_motion.sparse_motions(size, source, driving), floor)
    shift = torch.cat([torch.zeros(2, 1, 3), source - driving], 1)
    close(net._deformation(logits, shift), want)


def test_heatmaps_are_the_plain_ones() -> None:
    source, driving = moved_keypoints(2)
    size = (4, 6, 8)
    want = dense_motion.heatmap_change(size, source, driving)[:, 1:, 0]
    found = motion.gaussians(size, driving) - motion.gaussians(size, source)
    close(found, want)


def test_bent_volume_is_the_sampled_one() -> None:
    volume, places = random(1, 3, 4, 6, 8), random(2, 4, 6, 8, 3).clamp(-1.2, 1.2)
    want = dense_motion.sample_volume(volume, places).flatten(1, 2)
    close(bend(volume, places), last(want))


def test_precision_is_what_was_asked_for() -> None:
    assert choose_mix("auto", CPU, has_bfloat16=True) == choose_mix("bfloat16", CPU)
    assert choose_mix("auto", CPU, has_bfloat16=False) == choose_mix("float32", CPU)
    exact = choose_mix("float32", CPU)
    parts = (exact.motion, exact.bent, exact.steering, exact.decoder)
    assert {part.dtype for part in parts} == {torch.float32}
    half = choose_mix("bfloat16", CPU)
    assert half.decoder.dtype == torch.bfloat16
    assert half.motion.dtype == half.steering.dtype == torch.float32
    card = torch.device("cuda")
    assert choose_mix("auto", card).decoder.dtype == torch.float16
    mix = choose_mix("bfloat16", card)
    assert mix.decoder == Arithmetic(torch.bfloat16)
    assert mix.motion == mix.bent == mix.steering == choose_mix("float32", card).motion
    with pytest.raises(OptionError, match="float16 is for graphics cards"):
        choose_mix("float16", CPU)
    with pytest.raises(OptionError, match="got 'fast'"):
        choose_mix("fast", CPU)


def test_cpu_flags_are_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.delattr(torch.cpu, name, raising=False)
    cpuinfo = tmp_path / "cpuinfo"

    def find(_: str) -> Path:
        return cpuinfo

    monkeypatch.setattr(precision, "Path", find)
    assert not precision.cpu_has_bfloat16()
    cpuinfo.write_text("processor: 0\nflags\t: fpu avx512f avx512_bf16 sse\n")
    assert precision.cpu_has_bfloat16()
    cpuinfo.write_text("processor: 0\nflags\t: fpu avx512f sse\n")
    assert not precision.cpu_has_bfloat16()


@pytest.mark.parametrize("arithmetic", [Arithmetic(), EXACT], ids=["plain", "tiles"])
def test_fast_encoder_is_the_plain_one(
    arithmetic: Arithmetic, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Toy nets have few channels: let them take the tiles that full ones take.
    monkeypatch.setattr("sadtalker_core.systems.blocks.fast.convolution.FEWEST_CHANNELS", 2)
    plain = VolumeEncoder(width=4, channels=3, depth=4, resblocks=2).eval().requires_grad_(False)
    randomise(plain, 0)
    pictures = random(2, 3, 32, 32).sigmoid()
    found = FastEncoder(plain, arithmetic)(pictures)
    assert found.is_contiguous()
    close(found, plain.encode(pictures))
