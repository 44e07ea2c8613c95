"""Lips and sound measured from streams by toy judges, against the same done at once."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from sadtalker_core.audio.mfcc import mfcc
from sadtalker_core.audio.wav2lip_mel import wav2lip_mel
from sadtalker_core.errors import Cancelled, StructureError
from sadtalker_core.faces.networks import load_face_nets
from sadtalker_core.geometry.resize import resize_linear
from sadtalker_core.media.pictures import read_picture
from sadtalker_core.metrics.lip_crops import (
    LipCrop,
    at_25,
    expert_crop,
    followed,
    syncnet_crop,
)
from sadtalker_core.metrics.lipsync import _windows, measure_expert, measure_lse
from sadtalker_core.metrics.lse import lip_sync_of
from sadtalker_core.metrics.nets.syncnet_color import SyncNetColor, SyncNetColorConfig
from sadtalker_core.metrics.nets.syncnet_v2 import SyncNetV2, SyncNetV2Config
from sadtalker_core.runtime import Runtime
from tests.conftest import speech_like
from tests.parity.seeded_weights import describe, fill


@pytest.fixture(scope="module")
def syncnet() -> SyncNetV2:
    net = SyncNetV2(SyncNetV2Config(1))
    net.load_state_dict(fill(describe(net.state_dict())))
    return net.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def expert() -> SyncNetColor:
    net = SyncNetColor(SyncNetColorConfig(4))
    net.load_state_dict(fill(describe(net.state_dict())))
    return net.eval().requires_grad_(False)


def faces(count: int, size: int = 40) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (count, 3, size, size), dtype=torch.uint8, generator=generator)


@pytest.mark.parametrize(("frames", "seconds"), [(17, 1.0), (30, 0.62)])
def test_lse_of_a_stream_is_that_of_the_whole(
    syncnet: SyncNetV2, frames: int, seconds: float
) -> None:
    shown, sound = faces(frames), speech_like(seconds)
    windows = min(frames, len(sound) // 640) - 5
    assert windows == (12 if frames == 17 else 10)
    large = torch.stack([resize_linear(rgb, (224, 224)) for rgb in shown]).flip(1).float()
    rows = mfcc(sound).float()
    with torch.inference_mode():
        lips = torch.cat(
            [syncnet.of_lips(large[f : f + 5].transpose(0, 1)[None]) for f in range(windows)]
        )
        said = torch.cat(
            [syncnet.of_sound(rows[4 * f : 4 * f + 20].T[None, None]) for f in range(windows)]
        )
    wanted = lip_sync_of([(lips, said)])
    found = measure_lse(syncnet, shown.split(4), sound.split(1000), len(sound))
    assert found.windows == windows
    assert torch.allclose(found.mean_distance, wanted.mean_distance, rtol=1e-4)
    assert found.distance == pytest.approx(wanted.distance, rel=1e-4)
    assert found.confidence == pytest.approx(wanted.confidence, rel=1e-3)
    again = measure_lse(syncnet, shown.split(1), [sound], len(sound))
    assert torch.equal(again.mean_distance, found.mean_distance)


def test_the_expert_on_a_stream_is_that_on_the_whole(expert: SyncNetColor) -> None:
    shown, sound = faces(16), speech_like(1.0)
    small = torch.stack([resize_linear(rgb, (96, 96)) for rgb in shown]).flip(1).float() / 255
    mel = wav2lip_mel(sound, mirrored=True)
    heard, seen = [], []
    with torch.inference_mode():
        for f in range(11):
            start = int(80 * f / 25)
            window = small[f : f + 5, :, 48:].flatten(0, 1)
            said, lips = expert(mel[None, None, :, start : start + 16], window[None])
            heard.append(said)
            seen.append(lips)
    cosines = (torch.cat(heard) * torch.cat(seen)).sum(1)
    found = measure_expert(expert, shown.split(3), sound.split(999), len(sound))
    assert found.agreement == pytest.approx(float(cosines.mean()), rel=1e-4)
    loss = F.binary_cross_entropy(cosines.clamp(max=1), torch.ones(11))
    assert found.loss == pytest.approx(float(loss), rel=1e-3)
    assert found.sync.windows == 11
    # the sound's last whole window ends it as well: 81 columns hold 21
    assert measure_expert(expert, [faces(60)], [sound], len(sound)).sync.windows == 21


def test_five_frames_in_a_row_none_of_them_the_last() -> None:
    shown = faces(9, 8)
    found = list(_windows(shown.split(2), 8, 99))
    assert len(found) == 4
    assert torch.equal(found[3], shown[3:8].transpose(0, 1))
    assert len(list(_windows([shown], 8, 2))) == 2


def test_too_little_to_measure(syncnet: SyncNetV2, expert: SyncNetColor) -> None:
    sound = speech_like(1.0)
    for frames, seconds in ((5, 1.0), (30, 0.1)):
        part = sound[: int(16000 * seconds)]
        with pytest.raises(StructureError, match="nothing to measure"):
            measure_lse(syncnet, [faces(frames)], [part], len(part))
        with pytest.raises(StructureError, match="nothing to measure"):
            measure_expert(expert, [faces(frames)], [part], len(part))
    with pytest.raises(StructureError, match="uint8"):
        measure_lse(syncnet, [faces(9).float()], [sound], len(sound))
    with pytest.raises(Cancelled):
        measure_lse(syncnet, [faces(9)], [sound], 16000, Runtime(cancelled=lambda: True))


def test_few_frames_are_held(expert: SyncNetColor) -> None:
    alive: list[weakref.ref[Tensor]] = []
    most = 0

    def shown() -> Iterator[Tensor]:
        nonlocal most
        for _ in range(150):
            frame = torch.zeros((1, 3, 96, 96), dtype=torch.uint8)
            alive.append(weakref.ref(frame))
            yield frame
            most = max(most, sum(ref() is not None for ref in alive))

    gc.collect()
    sound = speech_like(6.0)
    measure_expert(expert, shown(), sound.split(4000), len(sound))
    assert most < 30


# Where the judges look.


@pytest.mark.parametrize(
    ("fps", "wanted"),
    [
        (Fraction(25), [0, 1, 2, 3, 4, 5]),
        (Fraction(50), [0, 2, 4]),
        (Fraction(30), [0, 1, 2, 3, 4]),
        (Fraction(10), [0, 0, 0, 1, 1, 2, 2, 2, 3, 3, 4, 4, 4, 5, 5]),
    ],
)
def test_frames_at_25_a_second(fps: Fraction, wanted: list[int]) -> None:
    chunks = torch.arange(6)[:, None, None, None].split(4)
    assert [int(frame) for frame in at_25(chunks, fps)] == wanted


def test_squares_around_a_face() -> None:
    rgb = torch.zeros((3, 200, 200), dtype=torch.uint8)
    rgb[0] = torch.arange(200)[None]
    rgb[1] = torch.arange(200)[:, None]
    crop = LipCrop(rgb, (80.0, 60.0, 120.0, 100.0), True)
    wide = syncnet_crop(crop, 56)  # 20 * 1.4 to both sides, 40 * 1.4 down
    assert wide[0, 0, [0, -1]].tolist() == [72, 127]
    assert wide[1, [0, -1], 0].tolist() == [60, 115]
    box = expert_crop(crop, 40)
    assert box[0, 0, [0, -1]].tolist() == [80, 119]
    assert box[1, [0, -1], 0].tolist() == [60, 99]
    outside = syncnet_crop(LipCrop(rgb, (-40.0, -40.0, 0.0, 0.0), True), 56)
    assert outside[2, 0, 0] == 110
    assert outside[2, 45, 50] == 0


def test_a_face_is_followed_with_a_median_of_its_place(demo_portrait: Path) -> None:
    scene = read_picture(demo_portrait).flattened()[:, :224, 114:338]
    frames = [torch.roll(scene, 2 * k, 2) for k in range(9)]
    frames[4] = torch.full_like(scene, 90)
    found = list(followed(iter(frames), load_face_nets()))
    assert [crop.valid for crop in found] == [k != 4 for k in range(9)]
    assert all(torch.equal(crop.rgb, rgb) for crop, rgb in zip(found, frames))
    middle = [(crop.box[0] + crop.box[2]) / 2 for crop in found]
    # the median of the first is that of frames 0 to 6, of the last of 2 to 8
    assert middle[0] == pytest.approx(middle[8] - 4, abs=3)
    assert middle == sorted(middle)
    side = found[0].box[2] - found[0].box[0]
    assert side == pytest.approx(found[0].box[3] - found[0].box[1])
