"""The main job from files to a file."""

from __future__ import annotations

import wave
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import pytest
import torch

from sadtalker_core.errors import Cancelled, OptionError
from sadtalker_core.jobs.animate import clock_text, run_animate
from sadtalker_core.jobs.devices import available_devices, find_device, make_runtime
from sadtalker_core.jobs.settings import AnimateJob, RunOptions, build_job
from sadtalker_core.media.pictures import read_picture
from sadtalker_core.media.provenance import read_provenance
from sadtalker_core.media.video_in import open_video
from sadtalker_core.systems.lite.config import LiteRenderOptions

pytestmark = pytest.mark.jobs


def frames_of(path: Path) -> torch.Tensor:
    return torch.cat(list(open_video(path).frames(8)))


def test_one_second_of_speech(tmp_path: Path, small_portrait: Path, short_voice: Path) -> None:
    out = tmp_path / "out [1] 视频.mp4"
    preview = tmp_path / "sheet.png"
    stages: list[str] = []
    said: list[str] = []
    job = AnimateJob(small_portrait, out, short_voice, preview, run=RunOptions(seed=4))
    runtime = make_runtime(job.run, lambda stage, done, total: stages.append(stage))
    result = run_animate(job, runtime, said.append)
    assert result.path == out
    assert (result.frames, result.size, result.fps) == (25, (192, 192), Fraction(25))
    assert result.duration_s == 1.0
    assert result.engine == "lite"
    assert result.seed == 4
    assert result.faces_found == 1
    assert 0 < result.first_frame_s <= result.total_s
    assert result.realtime_factor == pytest.approx(result.total_s)
    assert result.warnings == ()
    assert result.weights
    assert all(file.licence for file in result.weights)
    assert [s for i, s in enumerate(stages) if s not in stages[:i]][0] == "face"
    assert stages[-1] == "render"
    assert any("25 frames at 25 fps from a picture of 192x192" in sentence for sentence in said)
    with av.open(str(out)) as container:
        assert container.streams.video[0].codec_context.name == "h264"
        assert len(container.streams.audio) == 1
        video, sound = container.streams.video[0], container.streams.audio[0]
        assert video.duration is not None
        assert sound.duration is not None
        ends = [float(s.duration * s.time_base) for s in (video, sound)]  # type: ignore[operator]
        assert abs(ends[0] - ends[1]) < 0.06
    assert "engine" in read_provenance(out)
    assert "ynthetic" in read_provenance(out)["comment"]
    assert read_picture(preview).size[0] > 192
    assert {path.name for path in tmp_path.iterdir()} == {out.name, preview.name}
    assert result.as_dict()["fps"] == "25"


def test_mouth_moves_and_background_stays(
    tmp_path: Path, demo_portrait: Path, short_voice: Path
) -> None:
    out = tmp_path / "out.mkv"
    values = {"portrait": demo_portrait, "audio": short_voice, "out": out, "fps": 12}
    result = run_animate(build_job(values))
    frames = frames_of(out).float()
    source = read_picture(demo_portrait).rgb.float()
    spread = frames.std(0).mean(0)
    x0, y0, x1, y1 = (int(value) for value in result.face_box_px)
    assert spread[(y0 + y1) // 2 : y1, x0:x1].mean() > 0.5, "the lower face moves"
    corner = (slice(None), slice(0, 40), slice(-40, None))
    assert (frames[:, corner[0], corner[1], corner[2]] - source[corner]).abs().max() <= 2


def test_a_picture_that_is_made_smaller_says_so(
    tmp_path: Path, small_portrait: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sadtalker_core.systems.lite.pipeline.LARGEST_PX", 128)
    job = AnimateJob(small_portrait, tmp_path / "a.mp4", run=RunOptions(idle=0.2))
    result = run_animate(job)
    assert max(result.size) == 128
    (said,) = result.warnings
    assert "is made" in said
    assert f"{result.size[1]}x{result.size[0]}" in said
    wanted = replace(job, render=LiteRenderOptions(frame="resize", frame_size=128))
    assert run_animate(wanted).warnings == ()


def test_same_seed_same_video_and_chunk_never_matters(tmp_path: Path, small_portrait: Path) -> None:
    def make(name: str, seed: int, chunk: int) -> torch.Tensor:
        values = {"portrait": small_portrait, "idle": 1.5, "fps": 12, "out": tmp_path / name}
        run_animate(build_job({**values, "seed": seed, "chunk": chunk}))
        return frames_of(tmp_path / name)

    first = make("a.mkv", 1, 8)
    assert torch.equal(first, make("b.mkv", 1, 5))
    assert not torch.equal(first, make("c.mkv", 2, 8))


@pytest.mark.parametrize("fps", ["12", "30000/1001", "120"])
def test_video_covers_the_sound_at_any_rate(
    tmp_path: Path, small_portrait: Path, short_voice: Path, fps: str
) -> None:
    values = {"portrait": small_portrait, "audio": short_voice, "out": tmp_path / "o.mp4"}
    result = run_animate(build_job({**values, "fps": fps}))
    assert 0 <= result.duration_s - 1.0 < 1 / result.fps
    assert open_video(tmp_path / "o.mp4").fps == result.fps


def test_two_faces_are_announced_and_one_can_be_chosen(
    tmp_path: Path, two_faces: Path, short_voice: Path
) -> None:
    values = {"portrait": two_faces, "idle": 0.3, "fps": 12, "out": tmp_path / "o.mp4"}
    largest = run_animate(build_job(values))
    assert largest.faces_found == 2
    assert any("--face-index" in sentence for sentence in largest.warnings)
    other = run_animate(build_job({**values, "face_index": 1}))
    assert other.warnings == ()
    assert other.face_box_px[0] < 165 <= largest.face_box_px[0]


def test_ten_hours_are_accepted_and_announced_first(tmp_path: Path, small_portrait: Path) -> None:
    sound = tmp_path / "long.wav"
    rate, seconds = 1000, 36000
    with wave.open(str(sound), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(1)
        file.setframerate(rate)
        file.writeframes(bytes(range(100, 150)) * (rate * seconds // 50))
    said: list[str] = []
    job = build_job({"portrait": small_portrait, "audio": sound, "out": tmp_path / "o.mp4"})
    runtime = make_runtime(job.run, cancelled=lambda: any("frames at" in s for s in said))
    with pytest.raises(Cancelled):
        run_animate(job, runtime, said.append)
    announced = next(sentence for sentence in said if "frames at" in sentence)
    assert announced.startswith("10:00:00 of sound, 900000 frames at 25 fps from a picture")
    assert announced.endswith(" of work.")
    assert ":" in announced.partition("about ")[2], "hours, not seconds"
    assert [path.name for path in tmp_path.iterdir()] == ["long.wav"]


def test_cancel_leaves_the_old_file_alone(tmp_path: Path, small_portrait: Path) -> None:
    out = tmp_path / "o.mp4"
    out.write_bytes(b"an older video")
    job = build_job({"portrait": small_portrait, "idle": 2, "out": out})
    seen: list[int] = []
    runtime = make_runtime(job.run, lambda stage, done, total: seen.append(done))
    runtime = replace(runtime, cancelled=lambda: bool(seen) and seen[-1] >= 16)
    with pytest.raises(Cancelled):
        run_animate(job, runtime)
    assert out.read_bytes() == b"an older video"
    assert [path.name for path in tmp_path.iterdir()] == ["o.mp4"]


def test_folders_made_for_a_failed_job_are_removed(tmp_path: Path, small_portrait: Path) -> None:
    out = tmp_path / "a" / "b" / "o.mp4"
    job = build_job({"portrait": small_portrait, "idle": 1, "out": out})
    with pytest.raises(Cancelled):
        run_animate(job, make_runtime(job.run, cancelled=lambda: True))
    assert list(tmp_path.iterdir()) == []


def test_video_as_sound(tmp_path: Path, small_portrait: Path, short_voice: Path) -> None:
    base = {"portrait": small_portrait, "fps": 12}
    run_animate(build_job({**base, "audio": short_voice, "out": tmp_path / "a.mp4"}))
    result = run_animate(
        build_job({**base, "audio": tmp_path / "a.mp4", "out": tmp_path / "b.mp4"})
    )
    assert result.frames in (12, 13)


def test_devices() -> None:
    assert available_devices()[-1] == "cpu"
    assert find_device("cpu") == torch.device("cpu")
    assert str(find_device("auto")) == available_devices()[0]
    for wrong in ("abacus", "cuda:99", "xpu:0", ""):
        with pytest.raises(OptionError, match="device"):
            find_device(wrong)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (9.94, "9.9 s"), (59.4, "59 s"), (60, "1:00 min"), (3599.6, "1:00:00")],
)
def test_clock_text(seconds: float, text: str) -> None:
    assert clock_text(seconds) == text
