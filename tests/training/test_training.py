"""The training loop on made-up data: it learns, and its parts keep sound and lips together."""

from __future__ import annotations

import math
import wave
from pathlib import Path

import numpy as np
import pytest
import torch

from sadtalker_core.audio.mel import SPEECH_MEL
from sadtalker_core.systems.lite.mouth_net import MouthNet, MouthNetConfig
from sadtalker_core.training.augment import augment, change_speed
from sadtalker_core.training.evaluate_lite_motion import read_net, score_clip, table
from sadtalker_core.training.fit_mouth import (
    around,
    correlation,
    direct_kernel,
    estimate_lags,
    fit,
    lip_loss,
)
from sadtalker_core.training.lip_clips import LipClip, at_places
from sadtalker_core.training.other_sounds import other_sound
from sadtalker_core.training.pretrain_mouth import (
    ROWS,
    other_sounds,
    phone_loss,
    pretrain,
    speech_batch,
)
from sadtalker_core.training.speech_corpus import Utterance, read_corpus
from sadtalker_core.training.train_lite_motion import write_net

TINY = MouthNetConfig(channels=16, dilations=(1, 2))


def toy_utterance(seed: int) -> Utterance:
    """Silence, open and shut phones, each with a spectrum of its own."""
    generator = torch.Generator().manual_seed(seed)
    phones = torch.randint(0, 3, (30,), generator=generator) * torch.tensor(5)
    phones = phones.clamp(max=5).repeat_interleave(10)  # 0 or 5
    log_mel = torch.full((600, 80), -12.0)
    loud = phones.repeat_interleave(2) == 5
    log_mel[loud, 10:40] += 8.0
    return Utterance(log_mel + 0.3 * torch.randn(600, 80, generator=generator), phones)


def toy_clip(name: str, seed: int, lag_s: float = 0.0) -> LipClip:
    """Lips that open with the loudness of the middle bands, ``lag_s`` late."""
    generator = torch.Generator().manual_seed(seed)
    moments = torch.arange(800) / 100
    beat = torch.sin(2 * math.pi * 1.3 * moments + seed) + torch.sin(5.1 * moments + 2 * seed)
    log_mel = -10.0 + 0.2 * torch.randn(800, 80, generator=generator)
    log_mel[:, 20:50] += 2.0 * beat[:, None]
    frames = (torch.arange(200) + 0.5) / 25 - lag_s
    opening = torch.sin(2 * math.pi * 1.3 * frames + seed) + torch.sin(5.1 * frames + 2 * seed)
    measures = torch.stack([opening, -opening, opening, opening, opening], dim=1) * 0.03 + 0.1
    return LipClip(name, name.split("_")[0], log_mel, measures, 25.0)


def test_pre_training_learns_phones() -> None:
    torch.manual_seed(0)
    net = MouthNet(TINY)
    utterances = [toy_utterance(seed) for seed in range(6)]
    others = other_sounds(2, seed=0)
    batch = speech_batch(utterances, others, 8, torch.Generator().manual_seed(5))
    before = float(phone_loss(net, batch).detach())
    pretrain(net, utterances, others, 40, batch=4, rate=1e-2)
    assert float(phone_loss(net, batch).detach()) < 0.6 * before


def test_fitting_learns_lips_of_clips_it_has_not_seen() -> None:
    torch.manual_seed(0)
    net = MouthNet(TINY)
    clips = [toy_clip(f"toy_{seed}", seed) for seed in range(4)]
    fit(net, clips[:3], [], other_sounds(1, seed=0), 10, batch=4)
    score = score_clip(net, clips[3])
    assert min(score.network) > 0.8
    assert "mean of  1 toy" in table([score])


def test_clips_out_of_step_are_found() -> None:
    torch.manual_seed(0)
    clips = [toy_clip(f"{seed}_a", seed, lag_s=0.08 if seed == 2 else 0.0) for seed in range(4)]
    lags = [clip.lag_rows for clip in estimate_lags(MouthNet(TINY).eval(), clips)]
    assert lags[2] - lags[0] in (3, 4, 5)
    assert abs(lags[1] - lags[0]) <= 1


def test_targets_undo_the_lag() -> None:
    late, right = toy_clip("a_b", 1, lag_s=0.08), toy_clip("a_b", 1)
    undone = LipClip("a_b", "a", late.log_mel, late.measures, 25.0, lag_rows=4).targets()
    torch.testing.assert_close(undone[50:350], right.targets()[50:350], atol=0.12, rtol=0)


def test_the_linear_filter_is_the_ridge_it_came_from() -> None:
    net = MouthNet(MouthNetConfig())
    rows, weight = torch.randn(100, 80), torch.randn(440, 5)
    with torch.no_grad():
        net.direct.weight.copy_(direct_kernel(weight, 80))
        net.direct.bias.zero_()  # type: ignore[union-attr]
        filtered = net.direct(rows.T[None])[0].T
    torch.testing.assert_close(filtered, around(rows) @ weight, atol=1e-4, rtol=1e-4)


def test_loss_prefers_the_right_lips() -> None:
    wanted = torch.randn(2, 50, 5, generator=torch.Generator().manual_seed(0))
    assert float(lip_loss(wanted, wanted)) < float(lip_loss(0.5 * wanted, wanted))
    assert float(lip_loss(0.5 * wanted, wanted)) < float(lip_loss(-wanted, wanted))


def test_augmenting_keeps_length_and_stays_finite() -> None:
    generator = torch.Generator().manual_seed(0)
    log_mel = toy_utterance(0).log_mel
    for _ in range(30):
        changed = augment(log_mel, generator)
        assert changed.shape == log_mel.shape
        assert torch.isfinite(changed).all()
    assert change_speed(log_mel, 300).shape == (300, 80)


def test_other_sounds_are_seeded_and_bounded() -> None:
    one = other_sound(1.0, np.random.default_rng(3))
    assert torch.equal(one, other_sound(1.0, np.random.default_rng(3)))
    assert one.shape == (16000,)
    assert 0.05 < float(one.abs().max()) <= 0.9001
    assert not torch.equal(one, other_sound(1.0, np.random.default_rng(4)))


def test_corpus_is_read_with_its_phones(tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "espeak_de_0.wav"), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(SPEECH_MEL.sample_rate)
        sound.writeframes(np.zeros(16000, np.int16).tobytes())
    (tmp_path / "espeak_de_0.phones").write_text("0.0 0.2 _\n0.2 0.6 aʊ\n0.6 1.0 m\n", "utf-8")
    (tmp_path / "without_phones.wav").write_bytes(b"")
    (utterance,) = read_corpus(tmp_path)
    assert utterance.log_mel.shape == (100, 80)
    expected = [0] * 10 + [5] * 10 + [3] * 10 + [1] * 20
    assert utterance.phones.tolist() == expected


def test_a_corpus_of_another_rate_is_an_error(tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "a.wav"), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(b"\0\0" * 80)
    (tmp_path / "a.phones").write_text("0 0.1 a\n")
    with pytest.raises(ValueError, match="16000"):
        read_corpus(tmp_path)


def test_weights_survive_saving(tmp_path: Path) -> None:
    net = MouthNet(TINY).eval()
    write_net(net, tmp_path / "net.safetensors")
    again = read_net(tmp_path / "net.safetensors")
    assert again.config == TINY
    rows = torch.randn(1, ROWS, 80)
    with torch.inference_mode():
        torch.testing.assert_close(net(rows)[0], again(rows)[0], atol=2e-3, rtol=1e-2)


def test_interpolation_and_correlation() -> None:
    rows = torch.tensor([[0.0], [2.0], [4.0]])
    assert at_places(rows, torch.tensor([-1.0, 0.5, 9.0]))[:, 0].tolist() == [0.0, 1.0, 4.0]
    up = torch.arange(10.0)[:, None]
    assert float(correlation(up, 3 * up + 1)) == pytest.approx(1.0, abs=1e-5)
    assert float(correlation(up, -up)) == pytest.approx(-1.0, abs=1e-5)
