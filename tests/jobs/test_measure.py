"""A video measured from file to numbers, with judges of toy size."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import pytest
import torch

from sadtalker_core.errors import MediaError, NoFaceError, WeightsError
from sadtalker_core.jobs.measure import MeasureJob, run_measure
from sadtalker_core.media.options import VideoOptions
from sadtalker_core.media.pictures import read_picture
from sadtalker_core.media.video_out import write_video
from sadtalker_core.metrics.nets.syncnet_color import SyncNetColor, SyncNetColorConfig
from sadtalker_core.metrics.nets.syncnet_v2 import SyncNetV2, SyncNetV2Config
from sadtalker_core.runtime import Runtime
from sadtalker_core.structures import FrameStream
from sadtalker_core.weights import published_wav2lip as published
from sadtalker_core.weights.store import WeightStore
from tests.cli.running import run
from tests.conftest import speech_like, write_wav
from tests.parity.seeded_weights import describe, fill

pytestmark = pytest.mark.jobs


def _models(folder: Path, *, with_expert: bool) -> Path:
    store = WeightStore(option=folder, environment={}, cache=folder)
    nets = [(published.SYNCNET_V2, SyncNetV2(SyncNetV2Config(1)))]
    if with_expert:
        nets.append((published.LIP_EXPERT, SyncNetColor(SyncNetColorConfig(4))))  # type: ignore[arg-type]
    for file, net in nets:
        torch.save(fill(describe(net.state_dict())), folder / file.file)
        store.accept(file, folder / file.file)
    return folder


def _written(path: Path, frames: torch.Tensor, fps: Fraction, sound: Path) -> Path:
    size = int(frames.shape[2]), int(frames.shape[3])
    write_video(
        FrameStream(iter([frames]), len(frames), size, fps),
        path,
        audio=sound,
        options=VideoOptions(),
        metadata={},
        runtime=Runtime(),
    )
    return path


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory, small_portrait: Path) -> Path:
    """A second of a face at 30 frames a second, with sound; the face is gone in the middle."""
    folder = tmp_path_factory.mktemp("clip")
    rgb = read_picture(small_portrait).flattened()
    frames = torch.stack([torch.roll(rgb, k % 4, 2) for k in range(30)])
    frames[12:18] = 90
    sound = write_wav(folder / "s.wav", speech_like(1.0))
    return _written(folder / "c.mp4", frames, Fraction(30), sound)


def test_both_judges(clip: Path, tmp_path: Path) -> None:
    models = _models(tmp_path, with_expert=True)
    found = run_measure(MeasureJob(clip, models_dir=str(models)))
    assert found.lse is not None
    assert found.expert is not None
    assert found.frames == 25
    assert 4 <= found.frames_without_face <= 6
    assert found.lse.windows == 20
    assert found.expert.sync.windows == 20
    done = run("measure", str(clip), "--models-dir", str(models), "--json")
    assert done.code == 0
    values = json.loads(done.out)
    assert values["lse_d"] == pytest.approx(found.lse.distance, abs=1e-3)
    assert values["expert_agreement"] == pytest.approx(found.expert.agreement, abs=1e-3)
    assert values["offset_s"] == values["offset_frames"] / 25


def test_one_judge_and_another_sound(clip: Path, tmp_path: Path) -> None:
    models = _models(tmp_path, with_expert=False)
    own = run_measure(MeasureJob(clip, models_dir=str(models)))
    assert own.expert is None
    assert "expert_loss" not in own.as_dict()
    other = write_wav(tmp_path / "o.wav", speech_like(0.7, seed=5).flip(0))
    found = run_measure(MeasureJob(clip, other, models_dir=str(models)))
    assert own.lse is not None
    assert found.lse is not None
    assert found.lse.windows == 12
    assert found.lse.distance != own.lse.distance
    said = run("measure", str(clip), "--models-dir", str(models)).out
    assert "LSE-D" in said
    assert "was not seen" in said


def test_what_is_missing_is_said(clip: Path, tmp_path: Path, small_portrait: Path) -> None:
    with pytest.raises(WeightsError, match="syncnet_v2.model"):
        run_measure(MeasureJob(clip, models_dir=str(tmp_path)))
    with pytest.raises(MediaError):
        run_measure(MeasureJob(tmp_path / "no.mp4"))
    models = _models(tmp_path, with_expert=False)
    grey = torch.full((10, 3, 64, 64), 90, dtype=torch.uint8)
    sound = write_wav(tmp_path / "s.wav", speech_like(0.4))
    _written(tmp_path / "g.mp4", grey, Fraction(25), sound)
    with pytest.raises(NoFaceError):
        run_measure(MeasureJob(tmp_path / "g.mp4", models_dir=str(models)))
