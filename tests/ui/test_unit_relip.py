"""The parts Re-lip and Enhance without a browser: their jobs, their words, what may be named."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from sadtalker_core.enhance.options import ENHANCER_IDS
from sadtalker_core.enhance.report import EnhanceReport
from sadtalker_core.errors import OptionError
from sadtalker_core.faces.options import FaceOptions
from sadtalker_core.jobs.enhance import EnhanceResult
from sadtalker_core.jobs.enhance_settings import EnhanceJob
from sadtalker_core.jobs.relip_settings import RELIP, RelipJob
from sadtalker_core.ui import (
    again,
    any_job,
    batch,
    enhance,
    keeping,
    page,
    relip,
    restorers,
    versions,
)
from sadtalker_core.ui.any_job import ENHANCE
from sadtalker_core.ui.controls import (
    Form,
    check_named,
    choices_of,
    defaults_of,
    label_of_name,
    names_shown,
    sections,
    specs_of,
)
from sadtalker_core.ui.desk import Desk
from sadtalker_core.ui.host import LocalHost
from sadtalker_core.ui.words import for_page, result_sentence
from sadtalker_core.weights.published_enhance import GFPGAN_14
from sadtalker_core.weights.store import WeightStore

from .conftest import needs_gradio


@pytest.fixture
def uploaded(tmp_path: Path, host: LocalHost) -> Any:
    def made(name: str) -> str:
        path = tmp_path / "uploads" / name
        path.write_bytes(b"x")
        return str(path)

    return made


def job_of(host: LocalHost, files: dict[str, Any], **values: Any) -> RelipJob:
    return relip.job_from(Desk(host), files, values)


def test_relip_job(host: LocalHost, uploaded: Any) -> None:
    clip, voice, still = uploaded("clip.mov"), uploaded("hello.wav"), uploaded("me.png")
    job = job_of(host, {"video": clip, "audio": voice}, repeat="hold", who="1", format="webm")
    assert (job.video, job.audio, job.run.repeat, job.run.who) == (
        *map(Path, (clip, voice)),
        "hold",
        1,
    )
    assert job.out.parent == host.output_folder()
    assert job.out.name.startswith("clip-hello-")
    assert job.out.suffix == ".webm"
    assert job.engine.id == "lite"
    assert job_of(host, {"picture": still, "sound_file": clip}).video == Path(still)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"audio"}, r"Choose a video first, .* something else\.$"),
        (set(), r"Choose a video first, .*, and choose or record what they are to say\.$"),
        ({"video"}, "what they are to say"),
        ({"video", "picture", "audio"}, "take one of them out"),
        ({"video", "audio", "sound_file"}, "Two sounds"),
    ],
)
def test_what_is_missing_or_twice_is_said(
    host: LocalHost, uploaded: Any, given: set[str], says: str
) -> None:
    with pytest.raises(OptionError, match=says):
        job_of(host, {name: uploaded(f"{name}.mp4") for name in given})


def test_an_expression_is_an_uploaded_picture_and_no_other_file(
    host: LocalHost, uploaded: Any
) -> None:
    files = {"video": uploaded("clip.mp4"), "audio": uploaded("hello.wav")}
    files["expression"] = uploaded("grin.png")
    job = job_of(host, files, engine="videoretalking")
    assert job.lips.exp_img == files["expression"]
    assert not hasattr(job_of(host, files).lips, "exp_img"), "its field is not shown then"
    settings = any_job.settings_of(job)
    assert settings["expression"] == ["grin.png"]
    assert "exp_img" not in settings["lips"]
    assert str(host.output_folder().parent) not in json.dumps(settings)
    assert any_job.files_of(job)["expression"] == [Path(files["expression"])]
    assert relip._places(any_job.files_of(job))["expression"] == Path(files["expression"])


@pytest.mark.parametrize("name", ["exp_img", "upscaler"])
def test_no_text_names_a_file_of_the_machine(host: LocalHost, uploaded: Any, name: str) -> None:
    form = Form(RELIP)
    form.components["engine"] = None
    form.specs[name], form.components[name] = specs_of(RELIP)[name], None
    with pytest.raises(OptionError, match=f"{name} must be one of"):
        form.values(["videoretalking", "/etc/passwd"])
    check_named({name: specs_of(RELIP)[name].choices[-1]})
    listed = Path(uploaded("jobs.jsonl"))
    row = {"command": "relip", "video": "clip.mp4", "audio": "hello.wav", name: "/etc/passwd"}
    listed.write_text(json.dumps(row))
    files = [Path(uploaded("clip.mp4")), Path(uploaded("hello.wav"))]
    (line,) = batch.lines_of_list(Desk(host), listed, files, {})
    assert line.job is None
    assert "must be one of" in line.error


def test_lists_have_all_kinds_of_jobs_and_only_engines_that_do_them(
    host: LocalHost, uploaded: Any
) -> None:
    listed = Path(uploaded("jobs.jsonl"))
    rows = ['{"command": "relip", "video": "clip.mp4", "audio": "hello.wav"}']
    rows += ['{"command": "enhance", "input": "me.png"}']
    rows += ['{"command": "enhance", "input": "clip.mp4", "format": "webm"}']
    listed.write_text("\n".join(rows))
    files = [Path(uploaded(name)) for name in ("clip.mp4", "hello.wav", "me.png")]
    options = {"engine": "sadtalker", "pose_scale": 0.5, "crf": 30}
    lines = batch.lines_of_list(Desk(host), listed, files, options)
    assert [line.error for line in lines] == ["", "", ""]
    first, *rest = [line.job for line in lines]
    assert isinstance(first, RelipJob)
    assert (first.engine.id, first.file.crf) == ("lite", 30)
    suffixes = [job.out.suffix for job in rest if isinstance(job, EnhanceJob)]
    assert suffixes == [".png", ".webm"]


def test_who_speaks_is_clicked() -> None:
    options = FaceOptions(face_point="3,4")
    assert relip._speaker("", options) is options
    assert relip._speaker(None, options) is options
    chosen = relip._speaker("2", options)
    assert (chosen.face_index, chosen.face_point) == (2, "")


def test_what_the_page_says_of_it_is_its_own() -> None:
    assert for_page("choose another with --who.", command="relip") == (
        'choose another with "Who speaks".'
    )
    assert label_of_name("who", "drive") == "Faces that move"
    assert dict(choices_of(specs_of(RELIP)["repeat"]))["cut the speech"] == "trim"


def test_an_engine_has_its_own_default_where_engines_differ() -> None:
    """Wav2Lip's room below the face is not VideoReTalking's, and one control shows both."""
    name = "pad_bottom"
    own = {one: defaults_of(RELIP, one)[name] for one in ("wav2lip", "videoretalking")}
    assert own["wav2lip"] != own["videoretalking"]
    form = Form(RELIP)
    form.components["engine"] = None
    form.specs[name], form.components[name] = specs_of(RELIP)[name], None
    for engine, default in own.items():
        values = form.values([engine, default])
        assert values.get(name, default) == default
        other = form.values([engine, default + 1])
        assert other[name] == default + 1
    shown = form.values(["wav2lip", own["videoretalking"]])
    assert shown[name] == own["videoretalking"], "what is shown is used"


def test_the_switch_of_a_section_comes_first() -> None:
    for kind in (RELIP, RELIP):
        (specs,) = [specs for section, specs in sections(kind) if section == "enhance"]
        assert specs[0].name == "enhance"


def test_enhance_job(host: LocalHost, uploaded: Any) -> None:
    clip, still = uploaded("clip.mp4"), uploaded("me.jpg")
    desk = Desk(host)
    job = enhance.job_from(desk, None, still, {"enhance_strength": 0.5, "format": "webm"})
    assert (job.input, job.out.suffix, job.enhance.enhance_strength) == (Path(still), ".png", 0.5)
    job = enhance.job_from(desk, clip, None, {"format": "webm", "upscale": 2})
    assert (job.input, job.out.suffix, job.video.format) == (Path(clip), ".webm", "webm")
    with pytest.raises(OptionError, match="take one of them out"):
        enhance.job_from(desk, clip, still, {})
    with pytest.raises(OptionError, match="Choose a video or a picture"):
        enhance.job_from(desk, None, None, {})


def result_of(job: EnhanceJob, frames: int) -> EnhanceResult:
    return EnhanceResult(
        path=job.out,
        frames=frames,
        fps=Fraction(25),
        size=(96, 64),
        device="cpu",
        report=EnhanceReport(),
        seconds={"render": 3.0},
        weights=(GFPGAN_14,),
        warnings=(),
    )


def test_a_restored_video_is_told_and_its_settings_are_kept(host: LocalHost, uploaded: Any) -> None:
    desk = Desk(host)
    job = enhance.job_from(desk, uploaded("clip.mp4"), None, {"enhance_region": "mouth"})
    said = result_sentence(result_of(job, 50), "/out")
    assert "2.0 s of 64x96 at 25 fps" in said
    assert "GFPGAN 1.4 on cpu" in said
    assert said.endswith("It is in /out.")
    assert "fps" not in result_sentence(result_of(job, 1))
    keeping.keep_settings(job.out, job, result_of(job, 50))
    found = keeping.read_settings(job.out)
    assert (found["command"], found["settings"]["input"]) == ("enhance", ["clip.mp4"])
    assert found["result"]["duration_s"] == 2.0
    assert again.target_name(found) == "enhance"
    assert again.flat_settings(found)["enhance_region"] == "mouth"
    assert "models_dir" not in found["settings"]["run"]
    assert again.target_name({"command": "relip"}) == "relip"
    assert enhance._places(any_job.files_of(job)) == {"video": job.input}


def test_what_is_not_here_is_told_with_the_line_that_gets_it(
    host: LocalHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = restorers.missing_html(host, "gfpgan-1.3")
    assert "GFPGAN 1.3 is not on this machine" in said
    assert "<pre" in said
    assert "talking-portraits models download gfpgan-1.3</pre>" in said
    assert "Apache-2.0" in said
    assert restorers.first_here(host.weights()) == "gfpgan-1.4"
    titles = [title for title, _ in restorers.choices(host.weights())]
    assert all("needs a download" in title for title in titles)
    folder = tmp_path / "my models"
    folder.mkdir()
    monkeypatch.setattr(host, "models_dir", lambda: str(folder))
    assert f"--models-dir &#x27;{folder}&#x27;" in restorers.missing_html(host, "gfpgan-1.3")
    there = WeightStore(option=folder, environment={}, cache=tmp_path / "cache")
    (folder / "GFPGANv1.2.pth").write_bytes(b"x")
    monkeypatch.setattr(host, "weights", lambda: there)
    assert restorers.missing_html(host, "gfpgan-1.2") == ""
    assert restorers.first_here(there) == "gfpgan-1.2"
    assert dict(restorers.choices(there))["GFPGAN 1.2 (ready)"] == "gfpgan-1.2"
    assert restorers.missing_html(host, "<b>") == ""


def test_all_networks_have_titles_and_all_options_a_place() -> None:
    assert {name for name in ENHANCER_IDS if restorers.title_of(name) == name} == set()
    shown = names_shown(RELIP, "videoretalking", WeightStore(environment={}, cache=Path("/none")))
    assert {"exp_img", "up_face", "repeat"} <= shown
    assert "expression_scale" not in shown
    assert {"enhancer", "upscale", "crf"} <= set(specs_of(ENHANCE))


@needs_gradio
def test_the_network_that_is_here_is_chosen_at_first(
    host: LocalHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enhance, "first_here", lambda store: "gfpgan-1.2")
    made: dict[str, Any] = {}
    monkeypatch.setattr(
        enhance, "Target", lambda **known: made.update(known) or again.Target(**known)
    )
    page.build(lambda: host)
    form = made["form"]
    shown = form.components["enhancer"].value
    assert shown == ("GFPGAN 1.2 (needs a download)" if versions.is_old() else "gfpgan-1.2")
    values = {
        name: each.preprocess(each.value) if name == "enhancer" else form.specs[name].default
        for name, each in form.components.items()
    }
    assert form.values([*values.values()]) == {"enhancer": "gfpgan-1.2"}
    assert not form.components["fidelity"].visible
