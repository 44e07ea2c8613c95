"""A whole job of new lips with Wav2Lip at toy size, from files to a file."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import pytest
import torch

from sadtalker_core.errors import WeightsError
from sadtalker_core.jobs.relip import run_relip
from sadtalker_core.jobs.relip_settings import build_relip_job
from sadtalker_core.media.pictures import read_picture
from tests.cli.running import run
from tests.conftest import speech_like, write_wav
from tests.media.samples import decoded, write_plain_video
from tests.systems.wav2lip.toys import toy_model

pytestmark = pytest.mark.jobs


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    toy_model(folder)
    return folder


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory, small_portrait: Path) -> Path:
    """Six frames of a face, 25 a second."""
    rgb = read_picture(small_portrait).flattened()
    frames = torch.stack([rgb.roll(index, 2) for index in range(6)])
    path = tmp_path_factory.mktemp("clip") / "clip.mkv"
    return write_plain_video(path, frames, [40 * k for k in range(6)], Fraction(1, 1000))


def test_a_video_says_another_sound(clip: Path, models: Path, tmp_path: Path) -> None:
    voice = write_wav(tmp_path / "v.wav", speech_like(0.5))
    words = ("--video", clip, "--audio", voice, "--models-dir", models, "--pad-bottom", "4")
    done = run("relip", *words, "--out", tmp_path / "o.mkv", "--json")
    assert done.code == 0, done.err
    values = json.loads(done.out)
    # auto takes it where its weights are and those of better engines are not
    assert (values["engine"], values["frames"]) == ("wav2lip", 13)
    assert "Research and personal use only" in json.dumps(values)
    made = decoded(tmp_path / "o.mkv")
    before = decoded(clip)
    changed = (made[:6] != before).any(1).flatten(1).float().mean(1)
    assert (changed > 0).all()
    assert (changed < 0.4).all()


def test_a_still_picture_and_missing_weights(
    models: Path, tmp_path: Path, small_portrait: Path
) -> None:
    voice = write_wav(tmp_path / "v.wav", speech_like(0.3))
    values = {
        "video": str(small_portrait),
        "audio": str(voice),
        "out": str(tmp_path / "o.mp4"),
        "engine": "wav2lip",
        "models_dir": str(models),
        "paste": "hard",
    }
    result = run_relip(build_relip_job(values))
    assert (result.frames, result.size) == (8, (192, 192))
    assert [file.name for file in result.weights if file.repository] == ["wav2lip-gan"]
    with pytest.raises(WeightsError, match="s3fd"):
        run_relip(build_relip_job(values | {"finder": "original"}))
