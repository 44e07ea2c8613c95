"""Results shown again: which there are, their settings once more, and away with them."""

from __future__ import annotations

import json
import os
import zipfile
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from sadtalker_core.errors import MediaError, OptionError
from sadtalker_core.jobs.result import AnimateResult
from sadtalker_core.jobs.settings import ANIMATE, build_job
from sadtalker_core.ui import again, gallery, keeping
from sadtalker_core.ui.controls import Form
from sadtalker_core.ui.desk import Desk
from sadtalker_core.ui.host import LocalHost

from .conftest import DEMO_PORTRAIT


@pytest.fixture
def uploads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "uploads"
    folder.mkdir()
    monkeypatch.setattr(keeping.versions, "upload_folder", lambda: folder)
    return folder


@pytest.fixture(params=[False, True], ids=["local", "shared"])
def host(request: pytest.FixtureRequest, tmp_path: Path, uploads: Path) -> LocalHost:
    return LocalHost(tmp_path / "out", tmp_path / "temp", is_shared=request.param)


STAMP = "-20260101-000000-0123abcd"


def result(host: LocalHost, name: str) -> Path:
    path = host.output_folder() / name
    path.write_bytes(DEMO_PORTRAIT.read_bytes())
    keeping.settings_path(path).write_text('{"command": "animate"}')
    return path


def sequence(host: LocalHost, name: str = "me-20260101-000000-0000aaaa") -> Path:
    folder = host.output_folder() / name
    folder.mkdir()
    for index in range(3):
        (folder / f"frame_{index:06d}.png").write_bytes(DEMO_PORTRAIT.read_bytes())
    (folder / "audio.wav").write_bytes(b"RIFF")
    keeping.settings_path(folder).write_text('{"command": "animate"}')
    return folder


def test_a_result_goes_with_its_settings_and_copies(host: LocalHost, uploads: Path) -> None:
    pages = keeping.Pages(host)
    path, other = result(host, f"a{STAMP}.png"), result(host, "b.png")
    copy = uploads / "0123" / path.name
    copy.parent.mkdir()
    copy.write_bytes(b"x")
    for each in (path, other):
        pages.made("me", each)
    poster = host.temp_folder() / "posters" / f"{path.name}-1.jpg"
    poster.parent.mkdir()
    poster.write_bytes(b"x")
    pages.delete("me", path)
    assert not poster.exists()
    assert {each.name for each in host.output_folder().iterdir()} == {"b.json", "b.png"}
    assert not copy.exists()
    assert pages.results("me") == [other]
    with pytest.raises(MediaError, match="not there any more"):
        pages.delete("me", path)


def test_on_a_shared_page_nobody_deletes_or_reuses_what_others_made(
    tmp_path: Path, uploads: Path
) -> None:
    host = LocalHost(tmp_path / "out", tmp_path / "temp", is_shared=True)
    pages = keeping.Pages(host)
    path = result(host, "a.png")
    portrait = uploads / "me.png"
    portrait.write_bytes(b"x")
    pages.made("me", path, {"portrait": [portrait]})
    for bad in (path, host.output_folder() / ".." / "out" / "a.png", tmp_path):
        with pytest.raises(MediaError, match="not there"):
            pages.delete("stranger", bad)
    assert path.is_file()
    assert pages.files_for("stranger", path) == {}
    assert pages.files_for("me", path) == {"portrait": [portrait]}


def test_nothing_but_results_is_deleted(host: LocalHost, tmp_path: Path) -> None:
    precious = tmp_path / "precious.png"
    precious.write_bytes(b"x")
    own = host.output_folder() / "my holiday"
    own.mkdir()
    (own / "frame_000000.png").write_bytes(b"x")
    mixed = sequence(host, "mixed")
    (mixed / "notes.txt").write_text("mine")
    link = host.output_folder() / "link"
    link.symlink_to(tmp_path, target_is_directory=True)
    keeping.settings_path(link).write_text("{}")
    pages = keeping.Pages(host)
    for path in (precious, own, mixed, link, host.output_folder()):
        with pytest.raises(MediaError, match="not there"):
            pages.delete("me", path)
    assert precious.is_file()
    assert (own / "frame_000000.png").is_file()
    assert (mixed / "notes.txt").is_file()


def test_a_folder_of_pictures_is_a_result(host: LocalHost) -> None:
    desk = Desk(host)
    folder = sequence(host)
    desk.pages.made("me", folder)
    ((path, poster),), count = gallery.posters(desk, "me", 60)
    assert (path, count) == (folder, 1)
    assert poster.read_bytes()[:2] == b"\xff\xd8"
    archive = desk.pages.archive_of(folder)
    with zipfile.ZipFile(archive) as file:
        assert len(file.namelist()) == 4
    desk.pages.delete("me", folder)
    assert not folder.exists()
    assert not archive.exists()


def test_many_results_are_shown_in_parts_the_newest_first(host: LocalHost) -> None:
    desk = Desk(host)
    for number in range(130):
        path = host.output_folder() / f"{number:03d}.png"
        os.link(result(host, "one.png"), path)
        os.utime(path, (1000 + number, 1000 + number))
        desk.pages.made("me", path)
    found, count = gallery.posters(desk, "me", gallery.MOST)
    assert len(found) == gallery.MOST
    assert count >= 130
    said = gallery.where_html(desk, len(found), count)
    assert f"60 of {count} results" in said
    assert (str(host.output_folder()) in said) != host.is_shared
    assert len(gallery.posters(desk, "me", 2 * gallery.MOST)[0]) == 120


def test_a_picture_has_no_length_and_engines_have_titles() -> None:
    facts = [("frames", 1), ("fps", 25), ("duration_s", 0.04), ("engine", "lite"), ("seed", 1)]
    assert gallery._told(facts) == [("engine", "Built-in engine"), ("seed", 1)]
    facts[0] = ("frames", 50)
    assert len(gallery._told(facts)) == 5


def test_files_stay_for_who_takes_them_up_again(host: LocalHost, uploads: Path) -> None:
    pages = keeping.Pages(host)
    path = result(host, "a.png")
    portrait, voice = uploads / "me.png", uploads / "gone.wav"
    portrait.write_bytes(b"x")
    pages.uploaded("first", [portrait])
    pages.made("me", path, {"portrait": [portrait], "audio": [voice]})
    assert pages.files_for("me", path) == {"portrait": [portrait]}
    pages.left("first")
    assert portrait.is_file(), "another page uses it now"
    pages.left("me")
    assert not portrait.exists()


def test_settings_beside_a_result_tell_no_folder_of_the_machine(
    host: LocalHost, tmp_path: Path
) -> None:
    secret = tmp_path / "somebody"
    portrait, voice = (DEMO_PORTRAIT.with_name(name) for name in ("portrait.png", "voice.flac"))
    path = host.output_folder() / "me.mp4"
    values = {
        "portrait": portrait,
        "audio": voice,
        "out": path,
        "models_dir": str(secret),
        "seed": 7,
    }
    made = AnimateResult(
        path=path,
        frames=25,
        fps=Fraction(25),
        duration_s=1.0,
        size=(64, 64),
        engine="lite",
        device="cpu",
        seed=7,
        faces_found=1,
        face_box_px=(),
        seconds={},
        first_frame_s=1.0,
        weights=(),
        warnings=(),
    )
    keeping.keep_settings(path, build_job(values), made)
    text = keeping.settings_path(path).read_text()
    assert str(tmp_path) not in text
    assert str(DEMO_PORTRAIT.parent) not in text
    found = json.loads(text)["settings"]
    assert (found["portrait"], found["run"]["seed"]) == (["portrait.png"], 7)


FOUND: dict[str, Any] = {
    "command": "animate",
    "result": {"engine": "lite", "frames": 25},
    "settings": {
        "portrait": ["me.png"],
        "audio": ["hello.wav"],
        "run": {"engine": "auto", "seed": 7, "idle": None, "fps": "30", "models_dir": "/x"},
        "motion": {"pose_scale": 0.5, "expression_scale": 99.0, "still": True},
        "face": {"face_index": 1},
    },
}


def test_controls_show_the_settings_again_and_defaults_where_they_do_not_fit() -> None:
    form = Form(ANIMATE)
    form.components["engine"] = None
    known = {spec.name: spec for engine in ANIMATE.engines for spec in specs_for(engine)}
    for name in ("seed", "idle", "fps", "pose_scale", "expression_scale", "still", "face_index"):
        form.specs[name] = known[name]
        form.components[name] = None
    values = {**again.flat_settings(FOUND), "engine": again.result_engine(FOUND)}
    assert form.filled(values) == ["lite", 7, "", "30", 0.5, 1.0, True, "1"]
    assert form.filled({"engine": "made up"})[0] == "auto"


def specs_for(engine: Any) -> list[Any]:
    from sadtalker_core.options import option_specs

    return [spec for cls in ANIMATE.sections(engine).values() for spec in option_specs(cls)]


def test_files_that_are_gone_are_asked_for_by_name() -> None:
    files = {"portrait": [Path("/up/me.png")]}
    missing = again.asked_for(FOUND, files)
    assert missing == ["hello.wav"]
    assert again.sentence("a.mp4", missing).endswith("Choose again: hello.wav.")
    assert "Choose" not in again.sentence("a.mp4", [])


@pytest.mark.parametrize(
    ("found", "part"),
    [
        (FOUND, "talk"),
        ({"command": "drive", "result": {"frames": 1}, "settings": {}}, "edit"),
        ({"command": "drive", "result": {"frames": 1}, "settings": {"driving": ["a"]}}, "drive"),
        ({"command": "drive", "result": {"frames": 9}, "settings": {}}, "drive"),
        ({}, ""),
        ({"command": "rm", "settings": [], "result": "x"}, ""),
        ({"command": "drive", "settings": 3, "result": None}, "drive"),
    ],
)
def test_each_result_goes_back_where_it_was_made(found: dict[str, Any], part: str) -> None:
    assert again.target_name(found) == part
    assert isinstance(again.flat_settings(found), dict)
    assert again.result_engine(found)
    assert isinstance(again.asked_for(found, {}), list)


def test_a_result_of_another_program_says_so(host: LocalHost) -> None:
    with pytest.raises(OptionError, match="made elsewhere"):
        again.fill(Desk(host), json.loads("{}"), {}, "a.mp4")


def test_what_a_job_reads_stays_until_its_end(host: LocalHost, uploads: Path) -> None:
    pages = keeping.Pages(host)
    own, others = uploads / "own.png", uploads / "others.png"
    for path in (own, others):
        path.write_bytes(b"x")
    pages.uploaded("a", [own, others])
    with pages.reading([own, others]):
        with pages.reading([own]):  # a second job of a program
            pages.left("a")
            assert own.is_file()
        assert own.is_file()
        pages.uploaded("b", [others])
    assert not own.exists(), "nobody has it any more"
    assert others.is_file(), "another page has it"
    pages.left("b")
    assert not others.exists()


def test_what_others_put_beside_our_results_stays(host: LocalHost, uploads: Path) -> None:
    pages = keeping.Pages(host)
    upload = uploads / "0123" / "portrait.png"
    upload.parent.mkdir()
    upload.write_bytes(b"x")
    folder = host.output_folder()
    for name in ("portrait.png", "*.png", "film.png", "film.mp4"):
        (folder / name).write_bytes(b"x")
        pages.made("me", folder / name)
    (folder / "portrait.json").write_text('{"of": "another program"}')
    (folder / "film.json").write_text('{"command": "animate"}')
    for name in ("portrait.png", "*.png", "film.png"):
        pages.delete("me", folder / name)
    assert upload.is_file(), "it only has the same name"
    assert (folder / "portrait.json").is_file()
    assert (folder / "film.json").is_file(), "it is the other film's"
    pages.delete("me", folder / "film.mp4")
    assert not (folder / "film.json").exists()
