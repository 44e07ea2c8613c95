"""SadTalker from files to a file, with networks of toy size out of real files."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import torch

from sadtalker_core.errors import Cancelled, OptionError, WeightsError
from sadtalker_core.jobs.animate import run_animate
from sadtalker_core.jobs.devices import make_runtime
from sadtalker_core.jobs.result import AnimateResult
from sadtalker_core.jobs.settings import build_job
from sadtalker_core.media.motion_files import load_motion, save_motion
from sadtalker_core.media.pictures import read_picture
from sadtalker_core.structures import Coeff3DMM, LiteMotion
from sadtalker_core.transfer.expression_map import (
    COEFF_NAMES,
    FILE_NAME,
    LITE_NAMES,
    ExpressionMap,
    save_expression_map,
)
from sadtalker_core.transfer.head_pose import lite_from_coeff
from tests.media.samples import decoded
from tests.systems.sadtalker.toy_files import write_toy_files

pytestmark = pytest.mark.jobs


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    write_toy_files(folder)
    return folder


@pytest.fixture
def job(models: Path, voice: Path, small_portrait: Path, tmp_path: Path) -> dict[str, Any]:
    """A job in plain values; lossless, so that frames can be compared."""
    return {
        "engine": "sadtalker",
        "models_dir": str(models),
        "portrait": str(small_portrait),
        "audio": str(voice),
        "out": str(tmp_path / "o.mkv"),
    }


def made(values: dict[str, Any]) -> tuple[AnimateResult, torch.Tensor]:
    result = run_animate(build_job(values))
    return result, decoded(result.path)


@pytest.mark.parametrize(
    ("mode", "size"),
    [("full", (192, 192)), ("extfull", (192, 192)), ("resize", (256, 256))],
)
def test_modes_have_their_sizes(job: dict[str, Any], mode: str, size: tuple[int, int]) -> None:
    result, frames = made({**job, "preprocess": mode})
    assert result.frames == len(frames) == 10
    assert result.size == size
    assert result.fps == 25
    assert [file.name for file in result.weights if file.urls] == [
        "sadtalker-256",
        "sadtalker-mapping-full" if "full" in mode else "sadtalker-mapping-crop",
    ]
    assert all(file.licence for file in result.weights)


@pytest.mark.parametrize("mode", ["crop", "extcrop"])
def test_cut_modes_keep_the_shape_of_what_is_cut(job: dict[str, Any], mode: str) -> None:
    result, frames = made({**job, "preprocess": mode, "idle": 0.3, "audio": None})
    assert len(frames) == 7
    assert result.size[1] == 256
    assert 200 < result.size[0] < 320


def test_full_modes_change_the_face_and_nothing_around_it(job: dict[str, Any]) -> None:
    _, frames = made(job)
    still = read_picture(job["portrait"]).flattened()
    changed = (frames != still).any(1).float().mean(0)
    assert changed[96, 96] > 0.9
    assert changed[:2].amax() == changed[:, :4].amax() == changed[-3:].amax() == 0


def test_same_seed_same_motion_whatever_the_chunk(job: dict[str, Any]) -> None:
    motions = []
    for chunk, seed in ((8, 3), (1, 3), (8, 4)):
        path = Path(job["out"]).with_name(f"{chunk}-{seed}.safetensors")
        values = {**job, "chunk": chunk, "seed": seed, "save_motion": str(path)}
        # Stopped at the first frame: the motion is there by then.
        runtime = make_runtime(build_job(values).run, cancelled=path.exists)
        with pytest.raises(Cancelled):
            run_animate(build_job(values), runtime)
        motions.append(load_motion(path, Coeff3DMM))
    assert torch.equal(motions[0].rows(), motions[1].rows())
    assert not torch.equal(motions[0].rows(), motions[2].rows())


def test_other_frame_rates_keep_the_duration(job: dict[str, Any]) -> None:
    result, frames = made({**job, "fps": "50"})
    assert len(frames) == 21
    assert result.fps == 50


def test_saved_motion_gives_the_same_video(job: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    _, first = made({**job, "save_motion": str(path)})
    _, again = made({**job, "load_motion": str(path)})
    assert torch.equal(first, again)
    result, alone = made({**job, "audio": None, "load_motion": str(path)})
    assert torch.equal(first, alone)
    assert result.warnings == ()
    told = {"load_motion": str(path), "still": True, "pose_style": 4, "yaw": "20"}
    result, turned = made({**job, **told})
    assert not torch.equal(first, turned)  # angles by hand belong to the rendering
    assert len(result.warnings) == 1
    assert "used as it is: pose_style, still would change" in result.warnings[0]


def test_motion_of_the_other_engine_moves_the_head(job: dict[str, Any], tmp_path: Path) -> None:
    mine, turned, kept = (tmp_path / f"{name}.safetensors" for name in ("a", "b", "c"))
    motion = replace(
        LiteMotion.rest(10, Fraction(25)),
        rotation_rad=torch.linspace(0, 0.2, 10)[:, None] * torch.tensor([[0.2, 1.0, -0.3]]),
    )
    save_motion(motion, turned)
    result, _ = made({**job, "load_motion": str(turned), "save_motion": str(kept)})
    assert "of another engine" in result.warnings[0]
    made({**job, "save_motion": str(mine)})
    own, borrowed = load_motion(mine, Coeff3DMM), load_motion(kept, Coeff3DMM)
    assert isinstance(own, Coeff3DMM)
    assert isinstance(borrowed, Coeff3DMM)
    assert torch.equal(own.expression, borrowed.expression)
    back = lite_from_coeff(borrowed, borrowed[:1])
    torch.testing.assert_close(back.rotation_rad, motion.rotation_rad, atol=1e-5, rtol=0)


def test_a_fitted_map_hands_over_the_expression(
    job: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TALKING_PORTRAITS_MODELS", str(tmp_path))
    shown, kept = tmp_path / "shown.safetensors", tmp_path / "kept.safetensors"
    weight = torch.zeros(64, 9)
    weight[3, 0] = 0.1  # the fourth number of expression opens the mouth
    kinds = ("coeff3dmm", "lite", COEFF_NAMES, LITE_NAMES)
    save_expression_map(
        ExpressionMap(*kinds, weight, weight.mT * 100, torch.ones(9)),
        tmp_path / FILE_NAME,
    )
    rows = torch.zeros(11, 70)
    rows[5:, 3] = 0.8
    save_motion(Coeff3DMM.from_rows(rows, Fraction(25)), shown)
    values = {**job, "engine": "lite", "load_motion": str(shown), "save_motion": str(kept)}
    result, _ = made(values)
    assert result.warnings == ()
    lite = load_motion(kept, LiteMotion)
    assert isinstance(lite, LiteMotion)
    torch.testing.assert_close(lite.open, rows[:, 3] * 0.1)
    back = tmp_path / "back.safetensors"
    made({**job, "load_motion": str(kept), "save_motion": str(back)})
    moved = rows_of(back)[:, 3]
    torch.testing.assert_close(moved - moved[0], rows[:10, 3], atol=1e-4, rtol=0)


def test_coefficients_move_the_head_of_the_built_in_engine(
    job: dict[str, Any], tmp_path: Path
) -> None:
    path, kept = tmp_path / "m.safetensors", tmp_path / "k.safetensors"
    rows = torch.zeros(10, 70)
    rows[:, 65] = torch.linspace(0.1, 0.3, 10)
    save_motion(Coeff3DMM.from_rows(rows, Fraction(25)), path)
    values = {**job, "engine": "lite", "load_motion": str(path), "save_motion": str(kept)}
    result, frames = made(values)
    assert len(frames) == result.frames == 11
    found = load_motion(kept, LiteMotion)
    assert isinstance(found, LiteMotion)
    assert found.rotation_rad[0].abs().max() < 1e-6
    assert found.rotation_rad[9, 1].abs() == pytest.approx(0.2, abs=1e-4)
    assert found.open.max() > 0


def rows_of(path: Path) -> torch.Tensor:
    motion = load_motion(path, Coeff3DMM)
    assert isinstance(motion, Coeff3DMM)
    return motion.rows()


def test_reference_videos(job: dict[str, Any], tmp_path: Path, small_portrait: Path) -> None:
    video = tmp_path / "reference.mkv"
    lively = {"portrait": str(small_portrait), "idle": 0.5, "fps": 30, "pose_scale": 3}
    run_animate(build_job({**lively, "engine": "lite", "out": str(video)}))
    kept = [tmp_path / f"{name}.safetensors" for name in ("plain", "pose", "blink", "all")]
    flags = [{}, {"ref_pose": video}, {"ref_eyeblink": video}, {"ref_all": video, "audio": None}]
    videos = [made({**job, "save_motion": str(path), **extra}) for path, extra in zip(kept, flags)]
    result, frames = videos[-1]
    assert len(frames) == 12  # half a second of the reference's own motion
    assert result.duration_s == pytest.approx(0.48)
    plain, pose, blink, whole = (rows_of(path) for path in kept)
    assert torch.equal(plain[:, :64], pose[:, :64])
    assert not torch.equal(plain[:, 64:70], pose[:, 64:70])
    assert torch.equal(plain[:, 64:], blink[:, 64:])
    assert not torch.equal(plain[:, :64], blink[:, :64])
    assert not torch.equal(plain[:, :70], whole[:10, :70])


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ({"smile": 0.5}, "smile is an option of the engines liveportrait and lite, but the eng"),
        ({"engine": "lite", "preprocess": "crop"}, "preprocess is an option of the engine sadt"),
        ({"engine": "lite", "ref_pose": "x.mp4"}, "ref_pose is for engines that borrow motion"),
        ({"ref_pose": "x.mp4", "ref_all": "x.mp4"}, "ref_all takes the whole motion; leave ref_p"),
        ({"load_motion": "m.safetensors", "ref_pose": "x.mp4"}, "load_motion is a motion already"),
        ({"yaw": "0:0, 1:200"}, "yaw"),
        ({"size": "300"}, "size is '300', known values are: 256, 512"),
    ],
)
def test_what_does_not_fit_is_said(job: dict[str, Any], extra: dict[str, Any], words: str) -> None:
    with pytest.raises(OptionError, match=words):
        build_job({**job, **extra})


def test_auto_takes_what_is_there_and_says_what_is_not(
    job: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert build_job({**job, "engine": "auto"}).engine.id == "sadtalker"
    assert build_job({**job, "engine": "auto", "smile": 0.2}).engine.id == "lite"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("TALKING_PORTRAITS_MODELS", raising=False)
    monkeypatch.delenv("SADTALKER_CHECKPOINTS", raising=False)
    empty = {**job, "models_dir": str(tmp_path / "none")}
    fallback = build_job({**empty, "engine": "auto"})
    assert fallback.engine.id == "lite"
    said: list[str] = []
    run_animate(fallback, announce=said.append)
    notes = [sentence for sentence in said if "models download sadtalker" in sentence]
    assert len(notes) == 1
    with pytest.raises(WeightsError) as caught:
        run_animate(build_job(empty))
    text = str(caught.value)
    for words in (
        "SadTalker_V0.0.2_256.safetensors",
        "mapping_00109-model.pth.tar",
        str(tmp_path / "none"),
        "talking-portraits models download sadtalker",
        "Basel Face Model",
    ):
        assert words in text
    assert caught.value.exit_code == 6
    # An option that only this engine has asks for it, also with auto.
    assert build_job({**empty, "engine": "auto", "preprocess": "crop"}).engine.id == "sadtalker"


def test_a_network_for_other_modes_is_refused(job: dict[str, Any], models: Path) -> None:
    from sadtalker_core.systems.sadtalker.config import SadTalkerRenderOptions
    from sadtalker_core.systems.sadtalker.weights import load_nets

    files = {
        "sadtalker-256": models / "SadTalker_V0.0.2_256.safetensors",
        "sadtalker-mapping-full": models / "mapping_00229-model.pth.tar",
    }
    runtime = make_runtime(build_job(job).run)
    with pytest.raises(WeightsError, match="70 coefficients; the mode full needs the one for 73"):
        load_nets(files, SadTalkerRenderOptions(), runtime)


def test_cancel_within_a_chunk_and_previews(job: dict[str, Any]) -> None:
    seen: list[torch.Tensor] = []
    runtime = make_runtime(build_job(job).run, cancelled=lambda: len(seen) >= 2)
    runtime = replace(runtime, preview=seen.append)
    with pytest.raises(Cancelled):
        run_animate(build_job(job), runtime)
    assert 2 <= len(seen) <= 3
    assert seen[0].shape == (3, 192, 192)
    assert not Path(job["out"]).exists()


def test_a_video_gives_its_first_frame(job: dict[str, Any], tmp_path: Path) -> None:
    video = tmp_path / "portrait.mkv"
    values = {"portrait": job["portrait"], "idle": 0.2, "engine": "lite", "out": str(video)}
    run_animate(build_job(values))
    result, _ = made({**job, "portrait": str(video), "idle": 0.2, "audio": None})
    assert "its first frame is the portrait" in result.warnings[0]
