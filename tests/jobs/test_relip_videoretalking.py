"""A whole job of new lips with VideoReTalking at toy size, from files to a file."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import pytest
import torch
from torch import Tensor

from sadtalker_core.errors import MediaError, NoFaceError, WeightsError
from sadtalker_core.jobs.relip import run_relip
from sadtalker_core.jobs.relip_settings import build_relip_job
from sadtalker_core.jobs.result import AnimateResult
from sadtalker_core.media.pictures import read_picture
from sadtalker_core.systems.videoretalking.config import VideoReTalkingOptions
from sadtalker_core.systems.videoretalking.files import needed_files
from sadtalker_core.weights.store import WeightStore
from tests.cli.running import run
from tests.conftest import speech_like, write_wav
from tests.media.samples import (
    TELLS_TRANSFER,
    decoded,
    turned_clockwise,
    write_hdr_video,
    write_plain_video,
    write_video_without_frames,
)
from tests.systems.videoretalking.toys import write_toy_files

pytestmark = pytest.mark.jobs


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    store = WeightStore(option=folder, environment={}, cache=folder)
    options = VideoReTalkingOptions(up_face="angry")
    paths = write_toy_files(folder, options)
    for file in needed_files(options):
        store.accept(file, paths[file.name])
    return folder


def test_a_video_says_another_sound(models: Path, tmp_path: Path, small_portrait: Path) -> None:
    rgb = read_picture(small_portrait).rgb
    frames = torch.stack([rgb.roll(index, 2) for index in range(3)])
    frames[1] = 128
    clip = write_plain_video(tmp_path / "c.mkv", frames, [0, 40, 80], Fraction(1, 1000))
    voice = write_wav(tmp_path / "v.wav", speech_like(0.12))
    words = ("--video", clip, "--audio", voice, "--models-dir", models, "--precision", "float32")
    done = run("relip", *words, "--out", tmp_path / "o.mkv", "--json")
    assert done.code == 0, done.err
    values = json.loads(done.out)
    # auto takes the best engine whose weights are there
    assert (values["engine"], values["frames"]) == ("videoretalking", 3)
    assert "no commercial use" in json.dumps(values).lower()
    made = decoded(tmp_path / "o.mkv")
    before = decoded(clip)
    changed = (made - before.to(made)).abs().gt(12).any(1).flatten(1).float().mean(1)
    assert changed[0] > 0
    assert changed[2] > 0
    assert changed[1] == 0


def _dubbed(
    models: Path, clip: Path, folder: Path, seconds: float = 0.12
) -> tuple[AnimateResult, Tensor]:
    voice = write_wav(folder / "v.wav", speech_like(seconds))
    out = folder / "o.mkv"
    values = {"video": clip, "audio": voice, "out": out, "models_dir": models}
    job = {"engine": "videoretalking", "precision": "float32", **values}
    result = run_relip(build_relip_job({name: str(value) for name, value in job.items()}))
    return result, decoded(out)


def _changed(after: Tensor, before: Tensor) -> Tensor:
    """(N,): the share of pixels of each frame that are other than a codec's noise."""
    return (after.int() - before.int()).abs().amax(1).gt(12).float().mean((1, 2))


def test_a_phone_held_upright_and_odd_sides(
    models: Path, tmp_path: Path, small_portrait: Path
) -> None:
    face = read_picture(small_portrait).rgb[:, :191, :189]
    lying = torch.rot90(torch.stack([face] * 3), 1, (2, 3))
    clip = turned_clockwise(
        write_plain_video(tmp_path / "c.mp4", lying, [0, 1, 2], Fraction(1, 25))
    )
    before = decoded(clip)
    result, after = _dubbed(models, clip, tmp_path)
    assert result.size == tuple(before.shape[2:]) == (191, 189)  # upright
    assert result.frames_without_face == 0
    assert _changed(after, before).min() > 0


def test_a_rate_that_changes(models: Path, tmp_path: Path, small_portrait: Path) -> None:
    face = read_picture(small_portrait).rgb
    clip = write_plain_video(
        tmp_path / "c.mkv", torch.stack([face] * 3), [0, 40, 160], Fraction(1, 1000)
    )
    before = decoded(clip)
    result, after = _dubbed(models, clip, tmp_path, 0.2)
    assert abs(result.duration_s - 0.2) <= float(1 / result.fps)
    assert len(after) == result.frames
    assert _changed(after[: len(before)], before[: len(after)]).min() > 0


@pytest.mark.skipif(not TELLS_TRANSFER, reason="this PyAV does not tell a frame's transfer")
def test_hdr_is_dubbed_as_it_is_shown(models: Path, tmp_path: Path, small_portrait: Path) -> None:
    plain = (read_picture(small_portrait).rgb.float() * 0.8).byte()
    clip = write_hdr_video(tmp_path / "hdr.mkv", plain, 3)
    before = decoded(clip)
    assert (before.float() - plain.float()).abs().mean() > 15  # its levels are not a screen's
    result, after = _dubbed(models, clip, tmp_path)
    assert (result.frames, result.frames_without_face) == (3, 0)
    assert _changed(after, before).min() > 0
    # what is not the face is what the video shows
    assert torch.equal(after[:, :, :, :12], before[:, :, :, :12])
    assert torch.equal(after[:, :, :, -12:], before[:, :, :, -12:])


def test_a_face_that_is_lost_half_way(models: Path, tmp_path: Path, small_portrait: Path) -> None:
    rgb = read_picture(small_portrait).rgb
    wall = torch.full_like(rgb, 91)
    wall[:, :, ::16] = 121
    frames = torch.stack([rgb] * 4 + [wall] * 4)
    clip = write_plain_video(
        tmp_path / "c.mkv", frames, [40 * k for k in range(8)], Fraction(1, 1000)
    )
    before = decoded(clip)
    result, after = _dubbed(models, clip, tmp_path, 0.32)
    assert result.frames == len(after) == 8
    assert result.frames_without_face == 4
    assert "4 of 8 frames do not show the face" in " ".join(result.warnings)
    assert "0.16 to 0.32 s" in " ".join(result.warnings)
    assert torch.equal(after[4:], before[4:])
    assert _changed(after[:4], before[:4]).min() > 0


def test_what_cannot_be_dubbed_leaves_nothing(models: Path, tmp_path: Path) -> None:
    grey = torch.full((3, 3, 64, 64), 90, dtype=torch.uint8)
    clip = write_plain_video(tmp_path / "grey.mkv", grey, [0, 40, 80], Fraction(1, 1000))
    with pytest.raises(NoFaceError):
        _dubbed(models, clip, tmp_path)
    empty = write_video_without_frames(tmp_path / "empty.mkv")
    with pytest.raises(MediaError, match=r"empty\.mkv"):
        _dubbed(models, empty, tmp_path)
    write_wav(tmp_path / "none.wav", torch.zeros(0))
    write_wav(tmp_path / "quiet.wav", torch.zeros(1600))
    for name in ("none.wav", "quiet.wav"):
        values = {"video": clip, "audio": tmp_path / name, "out": tmp_path / "o.mkv"}
        with pytest.raises(MediaError, match=name):
            run_relip(
                build_relip_job(
                    {"engine": "videoretalking", "models_dir": str(models)}
                    | {key: str(value) for key, value in values.items()}
                )
            )
    assert not (tmp_path / "o.mkv").exists()


def test_a_still_picture_with_somebodys_expression(
    models: Path, tmp_path: Path, small_portrait: Path
) -> None:
    voice = write_wav(tmp_path / "v.wav", speech_like(0.1))
    values = {
        "video": str(small_portrait),
        "audio": str(voice),
        "out": str(tmp_path / "o.mp4"),
        "engine": "videoretalking",
        "models_dir": str(models),
        "exp_img": str(small_portrait),
        "up_face": "angry",
        "reference_enhancer": "none",
    }
    result = run_relip(build_relip_job(values))
    assert (result.frames, result.size) == (3, (192, 192))
    used = [file.name for file in result.weights if file.repository or file.urls]
    assert "retalking-emotion" in used
    assert "gpen-512" not in used
    with pytest.raises(MediaError, match=r"nobody\.png"):
        run_relip(build_relip_job(values | {"exp_img": str(tmp_path / "nobody.png")}))
    with pytest.raises(WeightsError, match="2DFAN4"):
        run_relip(build_relip_job(values | {"finder": "original"}))
