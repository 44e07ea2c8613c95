"""Whole jobs of driving and editing, with the built-in engine and with toy-size LivePortrait."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import torch

from sadtalker_core.errors import MediaError, OptionError, OutputError, StructureError, WeightsError
from sadtalker_core.jobs.animate import run_animate
from sadtalker_core.jobs.drive import run_drive
from sadtalker_core.jobs.drive_settings import build_drive_job
from sadtalker_core.jobs.result import AnimateResult
from sadtalker_core.jobs.settings import build_job
from sadtalker_core.jobs.template import build_template_job, run_template
from sadtalker_core.media.motion_files import load_motion, save_motion
from sadtalker_core.media.pictures import read_picture
from sadtalker_core.media.provenance import read_provenance
from sadtalker_core.media.video_in import open_video
from sadtalker_core.structures import ImplicitMotion, LiteMotion
from sadtalker_core.transfer.motion_templates import load_template
from tests.conftest import speech_like, write_wav
from tests.media.samples import decoded
from tests.systems.liveportrait.toy_files import write_toy_files

pytestmark = pytest.mark.jobs

ENGINES = ("lite", "liveportrait")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    write_toy_files(folder)
    return folder


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory, small_portrait: Path) -> Path:
    """The sample portrait speaking: 5 frames with sound."""
    path = tmp_path_factory.mktemp("driver") / "driver.mkv"
    voice = write_wav(path.with_suffix(".wav"), speech_like(0.2))
    values = {"portrait": str(small_portrait), "audio": str(voice), "out": str(path)}
    run_animate(build_job({**values, "engine": "lite", "pose_scale": 2}))
    return path


@pytest.fixture
def job(models: Path, small_portrait: Path, driver: Path, tmp_path: Path) -> dict[str, Any]:
    return {
        "models_dir": str(models),
        "portrait": str(small_portrait),
        "driving": [str(driver)],
        "out": str(tmp_path / "o.mkv"),
    }


@pytest.fixture(scope="module")
def plain(
    models: Path, small_portrait: Path, driver: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[AnimateResult, torch.Tensor, Path]]:
    """The portrait driven by each engine with its defaults, and the motion that was kept."""
    found: dict[str, tuple[AnimateResult, torch.Tensor, Path]] = {}
    for engine in ENGINES:
        folder = tmp_path_factory.mktemp(engine)
        values = {"portrait": str(small_portrait), "driving": str(driver), "engine": engine}
        values |= {"models_dir": str(models), "out": str(folder / "o.mkv")}
        kept = folder / "m.safetensors"
        found[engine] = (*made({**values, "save_motion": str(kept)}), kept)
    return found


def made(values: dict[str, Any]) -> tuple[AnimateResult, torch.Tensor]:
    result = run_drive(build_drive_job(values))
    if result.path.suffix == ".png":
        return result, read_picture(result.path).flattened()[None]
    return result, decoded(result.path)


Plain = dict[str, tuple[AnimateResult, torch.Tensor, Path]]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_video_drives_a_picture(
    engine: str, plain: Plain, small_portrait: Path, driver: Path
) -> None:
    result, frames, _ = plain[engine]
    source = open_video(driver)
    assert (result.engine, result.fps) == (engine, source.fps)
    assert len(frames) == result.frames == source.frame_count
    assert open_video(result.path).has_audio
    assert frames.shape[1:] == read_picture(small_portrait).flattened().shape
    assert (frames[0].float() - frames[-1].float()).abs().mean() > 0.05
    assert read_provenance(result.path)


@pytest.mark.parametrize("engine", ENGINES)
def test_saved_motion_drives_as_the_video_did_whatever_the_chunk(
    engine: str, plain: Plain, job: dict[str, Any]
) -> None:
    _, first, kept = plain[engine]
    _, again = made({**job, "engine": engine, "driving": str(kept), "chunk": 1})
    # In bfloat16, where the machine has it, frames differ by what is computed beside them.
    assert (first.int() - again.int()).abs().max() <= (0 if engine == "lite" else 3)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_slider_changes_a_picture(engine: str, job: dict[str, Any], tmp_path: Path) -> None:
    edit = {**job, "driving": None, "engine": engine, "out": str(tmp_path / "e.png")}
    result, (smiling,) = made({**edit, "smile": 1})
    assert result.frames == 1
    _, (turned,) = made({**edit, "rotate_yaw": 10})
    assert not torch.equal(smiling, turned)


@pytest.mark.parametrize("engine", ENGINES)
def test_keyframes_make_a_video(engine: str, job: dict[str, Any]) -> None:
    values = {**job, "driving": None, "engine": engine, "aaa": "0:0, 0.12:60"}
    result, frames = made(values)
    assert len(frames) == result.frames == 4  # the last keyframe is shown
    assert not torch.equal(frames[0], frames[-1])
    _, longer = made({**values, "seconds": 0.3, "fps": 20})
    assert len(longer) == 6
    assert (longer[-2].int() - longer[-1].int()).abs().max() <= 3  # held, in bfloat16


@pytest.mark.parametrize("engine", ENGINES)
def test_sliders_come_on_top_of_a_driver(engine: str, plain: Plain, job: dict[str, Any]) -> None:
    kept = str(plain[engine][2])
    _, smiling = made({**job, "engine": engine, "driving": kept, "smile": 1.2})
    assert len(smiling) == len(plain[engine][1])
    assert not torch.equal(plain[engine][1][0], smiling[0])


@pytest.mark.parametrize("engine", ENGINES)
def test_a_video_is_edited(engine: str, job: dict[str, Any], driver: Path) -> None:
    result, frames = made(
        {**job, "driving": None, "portrait": str(driver), "engine": engine, "smile": 1}
    )
    own = decoded(driver)
    assert len(frames) == result.frames == len(own)
    assert frames.shape == own.shape
    assert open_video(result.path).has_audio
    assert not torch.equal(frames, own)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_video_is_driven(engine: str, job: dict[str, Any], driver: Path) -> None:
    result, frames = made({**job, "portrait": str(driver), "engine": engine})
    assert len(frames) == result.frames == open_video(driver).frame_count


@pytest.mark.parametrize("engine", ENGINES)
def test_options_reach_the_frames(engine: str, job: dict[str, Any]) -> None:
    _, still = made({**job, "engine": engine, "multiplier": 0})
    assert (still[0].int() - still[-1].int()).abs().max() <= 1


def test_motion_of_one_engine_drives_the_other(plain: Plain, job: dict[str, Any]) -> None:
    kinds = {"lite": LiteMotion, "liveportrait": ImplicitMotion}
    for engine, other in (("lite", "liveportrait"), ("liveportrait", "lite")):
        path = plain[other][2]
        assert isinstance(load_motion(path), kinds[other])
        result, frames = made({**job, "engine": engine, "driving": str(path)})
        assert len(frames) == len(load_motion(path))
        assert result.warnings == ()


def test_a_picture_drives_liveportrait_only(job: dict[str, Any], small_portrait: Path) -> None:
    values = {**job, "driving": [str(small_portrait)]}
    result, _ = made({**values, "engine": "liveportrait"})
    assert result.frames == 1
    with pytest.raises(OptionError, match="needs a video"):
        made({**values, "engine": "lite"})


def test_other_rates_keep_the_duration(job: dict[str, Any]) -> None:
    result, frames = made({**job, "engine": "lite", "fps": 50})
    assert result.fps == Fraction(50)
    assert abs(len(frames) / 50 - 5 / 25) <= 2 / 25


def test_templates_change_their_form(job: dict[str, Any], driver: Path, tmp_path: Path) -> None:
    kept, pickled = tmp_path / "t.safetensors", tmp_path / "t.pkl"
    values = {"engine": "liveportrait", "models_dir": job["models_dir"]}
    result = run_template(build_template_job(driver, kept, values))
    assert result.frames == open_video(driver).frame_count
    run_template(build_template_job(kept, pickled, values))
    one, other = load_template(kept), load_template(pickled)
    assert torch.equal(one.expression, other.expression)
    assert torch.equal(one.rotation, other.rotation)
    with pytest.raises(OutputError, match="safetensors or .pkl"):
        run_template(build_template_job(kept, tmp_path / "t.mat", values))
    slow = run_template(build_template_job(kept, tmp_path / "s.safetensors", {"fps": "12.5"}))
    assert (slow.fps, slow.frames) == (12.5, 3)
    for name in ("who", "sound"):
        with pytest.raises(OptionError, match=f"{name} is not an option here"):
            build_template_job(kept, tmp_path / "s.safetensors", {name: "all"})


def test_the_built_in_engines_motion_is_kept_as_a_template_too(
    job: dict[str, Any], tmp_path: Path
) -> None:
    kept = tmp_path / "m.pkl"
    made({**job, "engine": "lite", "save_motion": str(kept)})
    assert len(load_template(kept)) == 6  # rest is put in front


def test_one_frame_of_motion_drives_a_whole_video(
    job: dict[str, Any], driver: Path, plain: Plain, tmp_path: Path
) -> None:
    kept = load_motion(plain["lite"][2])
    assert isinstance(kept, LiteMotion)
    path = tmp_path / "one.safetensors"
    save_motion(kept[2:3], path)
    values = {**job, "portrait": str(driver), "driving": [str(path)], "sound": "driving"}
    with pytest.raises(OptionError, match="a video has a length of its own"):
        made({**values, "driving": None, "smile": 1, "seconds": 2, "engine": "lite"})
    result, frames = made({**values, "engine": "lite"})
    assert len(frames) == result.frames == open_video(driver).frame_count
    assert any("no sound" in warning for warning in result.warnings)
    result, _ = made({**values, "portrait": job["portrait"], "smile": "0:0, 1:1", "engine": "lite"})
    assert result.frames == 1
    assert any("not shown" in warning for warning in result.warnings)


def test_speech_moves_liveportrait(job: dict[str, Any], voice: Path, tmp_path: Path) -> None:
    values = {"portrait": job["portrait"], "audio": str(voice), "out": str(tmp_path / "s.mkv")}
    values |= {"models_dir": job["models_dir"], "engine": "liveportrait"}
    kept = tmp_path / "m.safetensors"
    result = run_animate(build_job({**values, "save_motion": str(kept)}))
    assert result.frames == 11
    motion = load_motion(kept)
    assert isinstance(motion, ImplicitMotion)
    assert motion.is_relative
    assert motion.expression.abs().max() > 0.005
    frames = decoded(result.path)
    run_animate(build_job({**values, "load_motion": str(kept)}))
    assert torch.equal(frames, decoded(result.path))


Change = Callable[[dict[str, Any]], dict[str, Any]]


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"driving": None}, OptionError, "nothing moves the face"),
        ({"seconds": 2}, OptionError, "length of its own"),
        ({"out": "o.png"}, OutputError, "many frames"),
        ({"engine": "sadtalker"}, OptionError, "by sound"),
        ({"who": "0,0"}, OptionError, "numbers of faces"),
        ({"who": "3"}, OptionError, "the command faces"),
        ({"driving": ["a.mp4", "b.mp4"]}, OptionError, "2 drivers do not fit 1 face:"),
        ({"driving": ["a.mp4", "b.mp4"], "who": "0,1,2"}, OptionError, "fit 3 faces"),
        ({"driver_face": "tallest"}, OptionError, "driver_face must be"),
        ({"save_motion": "m.mat"}, OutputError, "safetensors or .pkl"),
        ({"driving": ["missing.mp4"]}, MediaError, "missing.mp4"),
        ({"smile": "9"}, OptionError, "allowed is"),
        ({"engine": "liveportrait", "models_dir": "nowhere"}, WeightsError, "models download"),
        ({"engine": "lite", "stitching": "no"}, OptionError, "engine liveportrait"),
    ],
)
def test_refused_at_once(
    change: dict[str, Any],
    error: type[Exception],
    words: str,
    job: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=words):
        made({"engine": "lite", **job, **change})
    assert not Path(job["out"]).exists()


def test_a_motion_file_with_a_wrong_number_of_keypoints_is_refused(
    job: dict[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "k.safetensors"
    zeros = torch.zeros(4, 5, 3)
    turn = torch.eye(3).expand(4, 3, 3)
    ones = torch.ones(4, 1)
    save_motion(ImplicitMotion(zeros, turn, zeros[:, 0], ones, Fraction(25)), path)
    with pytest.raises(StructureError, match="has 5 keypoints, these networks have 21"):
        made({**job, "engine": "liveportrait", "driving": [str(path)]})
