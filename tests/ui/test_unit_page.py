"""Controls and the page as gradio sees it: built, never served."""

from __future__ import annotations

import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sadtalker_core.enhance.options import ENHANCER_IDS
from sadtalker_core.errors import MediaError, OptionError
from sadtalker_core.jobs.drive_settings import DRIVE, DriveJob
from sadtalker_core.jobs.relip_settings import RELIP
from sadtalker_core.jobs.settings import ANIMATE, AnimateJob
from sadtalker_core.options import option_specs
from sadtalker_core.ui import batch, drive, edit, keeping, models_page, page, talk, versions
from sadtalker_core.ui.any_job import ENHANCE
from sadtalker_core.ui.controls import (
    Form,
    choices_of,
    engine_sentence,
    info_of,
    is_slider,
    label_of,
    names_shown,
    specs_of,
    step_of,
)
from sadtalker_core.ui.desk import Desk
from sadtalker_core.ui.host import LocalHost
from sadtalker_core.ui.plain_words import CHOICES, HELP, LABELS, OWN_WORDS
from sadtalker_core.ui.work import Run
from sadtalker_core.weights.store import WeightStore

from .conftest import DEMO_PORTRAIT, needs_gradio


@pytest.fixture
def portrait(tmp_path: Path, host: LocalHost) -> str:
    path = tmp_path / "uploads" / "me.png"
    path.write_bytes(DEMO_PORTRAIT.read_bytes())
    return str(path)


@pytest.fixture
def voice(tmp_path: Path, host: LocalHost) -> str:
    path = tmp_path / "uploads" / "hello.wav"
    path.write_bytes(b"RIFF")
    return str(path)


_OF_RESULTS = {"duration_s", "total_s"}  # what is told of a result
KINDS = [ANIMATE, DRIVE, RELIP, ENHANCE]


@pytest.mark.parametrize("kind", KINDS)
def test_every_slider_reaches_its_default_in_whole_steps(kind: Any) -> None:
    for spec in specs_of(kind).values():
        if is_slider(spec):
            assert spec.low is not None
            steps = (spec.default - spec.low) / step_of(spec)
            assert abs(steps - round(steps)) < 1e-6, spec.name


def test_every_expression_slider_has_a_place_that_leaves_the_face_alone() -> None:
    known = edit.slider_specs()
    grouped = [name for names in edit._GROUPS.values() for name in names]
    assert sorted([*grouped, *edit._VISIBLE]) == sorted(known)
    at_rest = [edit.as_it_is(name) for name in known]
    assert edit.moved(list(known), at_rest) == {}
    assert edit.moved(["mov_z", "smile"], [1.05, 0.0]) == {"mov_z": "1.05"}
    assert edit.moved(["lip_open_ratio"], [0.0]) == {"lip_open_ratio": "0"}


@pytest.mark.parametrize("name", ["enhance_region", "enhance_faces", "face_select"])
def test_help_says_more_than_the_label_above_it(name: str) -> None:
    for kind in KINDS:
        if spec := specs_of(kind).get(name):
            label = label_of(spec, kind.name).lower()
            assert not info_of(spec, kind.name).lower().startswith(label)


def test_the_head_of_the_page_is_true_for_all_parts() -> None:
    for word in ("portraits speak", "videos say other words", "faces become clearer"):
        assert word in page._HEAD.lower()


@needs_gradio
def test_help_of_a_slider_says_where_an_engine_stops() -> None:
    with versions.blocks("x"):
        assert "near 15" in edit.slider(edit.slider_specs()["rotate_yaw"]).info


def test_labels_are_words() -> None:
    for kind in KINDS:
        for spec in specs_of(kind).values():
            assert "_" not in label_of(spec, kind.name)
            assert label_of(spec, kind.name)[0].isupper()


@pytest.mark.parametrize("kind", KINDS)
def test_words_of_the_page_belong_to_options_and_name_no_others(kind: Any) -> None:
    every = {name: spec for each in KINDS for name, spec in specs_of(each).items()}
    assert set(CHOICES) | set(HELP) | set(LABELS) - _OF_RESULTS <= set(every)
    assert {name for _, name in OWN_WORDS} <= set(every)
    for name, spec in specs_of(kind).items():
        assert set(CHOICES.get(name, {})) <= set(spec.choices), name
        shown = info_of(spec, kind.name)
        assert not [other for other in every if "_" in other and other in shown], shown
    assert dict(choices_of(specs_of(DRIVE)["region"]))["the expression"] == "exp"


def test_options_of_engines_that_cannot_run_are_not_shown(tmp_path: Path) -> None:
    empty = WeightStore(environment={}, cache=tmp_path)
    shown = names_shown(ANIMATE, "auto", empty)
    assert "teeth" in shown
    assert "preprocess" not in shown
    assert "preprocess" in names_shown(ANIMATE, "sadtalker", empty)
    assert "models download sadtalker" in engine_sentence(ANIMATE, "sadtalker", empty)


def job_of_talk(host: LocalHost, *values: Any, **more: Any) -> AnimateJob:
    return talk.job_from(Desk(host), values[0], values[1], more.pop("extra", {}), more)


def test_talk_job(host: LocalHost, portrait: str, voice: str) -> None:
    job = job_of_talk(host, portrait, voice, format="webm", pose_scale=0.5)
    assert (job.portrait, job.audio) == (Path(portrait), Path(voice))
    assert job.out.parent == host.output_folder()
    assert job.out.name.startswith("me-hello-")
    assert job.out.suffix == ".webm"
    assert job.motion.pose_scale == 0.5


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ((False, True), "Choose a portrait first"),
        ((True, False), "Choose or record speech"),
    ],
)
def test_what_is_missing_is_said(
    host: LocalHost, portrait: str, voice: str, given: tuple[bool, bool], says: str
) -> None:
    with pytest.raises(OptionError, match=says):
        job_of_talk(host, portrait if given[0] else None, voice if given[1] else None)


def test_an_empty_recording_is_told(host: LocalHost, portrait: str, voice: str) -> None:
    Path(voice).write_bytes(b"")
    with pytest.raises(MediaError, match="The speech is an empty file"):
        job_of_talk(host, portrait, voice)


def test_seconds_without_sound_are_enough(host: LocalHost, portrait: str) -> None:
    assert job_of_talk(host, portrait, None, idle="4").run.idle == 4


def test_videos_to_borrow_from_are_asked_for_where_an_engine_takes_them(tmp_path: Path) -> None:
    empty = WeightStore(environment={}, cache=tmp_path)
    assert not talk.takes_references("auto", empty)
    assert not talk.takes_references("lite", empty)
    assert talk.takes_references("sadtalker", empty)


@needs_gradio
def test_files_of_fields_that_are_not_shown_play_no_part(
    host: LocalHost, portrait: str, voice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: dict[str, Any] = {}
    bind = talk.Panel.bind

    def noted(self: Any, inputs: Any, names: Any, job_of: Any) -> None:
        if self.part == "talk":
            made.update(inputs=inputs, names=names, job_of=job_of)
        bind(self, inputs, names, job_of)

    monkeypatch.setattr(talk.Panel, "bind", noted)
    page.build(lambda: host)
    given = {
        name: getattr(each, "value", None) for name, each in zip(made["names"], made["inputs"])
    }
    given |= {"portrait": portrait, "audio": voice, "ref_pose": portrait, "engine": "lite"}
    assert made["job_of"](*given.values()).ref_pose is None


def test_two_sounds_are_refused(host: LocalHost, portrait: str, voice: str) -> None:
    with pytest.raises(OptionError, match="Two sounds"):
        job_of_talk(host, portrait, voice, extra={"sound_file": voice})


def job_of_drive(host: LocalHost, *files: Any, **values: Any) -> DriveJob:
    picture, clip, moved, file = files
    return drive.job_from(Desk(host), picture, clip, moved, file, values)


def test_drive_makes_a_picture_only_of_one_frame(
    host: LocalHost, portrait: str, tmp_path: Path
) -> None:
    clip = tmp_path / "uploads" / "clip.mp4"
    clip.write_bytes(b"x")
    assert job_of_drive(host, portrait, str(clip), None, None).out.suffix == ".mp4"
    assert job_of_drive(host, portrait, None, None, None, smile="1").out.suffix == ".png"
    moving = job_of_drive(host, portrait, None, None, None, smile="0:0, 1:1")
    assert moving.out.suffix == ".mp4"
    assert job_of_drive(host, None, None, str(clip), None, smile="1").out.suffix == ".mp4"
    with pytest.raises(OptionError, match="take one of them out"):
        job_of_drive(host, portrait, str(clip), str(clip), None)
    with pytest.raises(OptionError, match="Choose or record a video"):
        job_of_drive(host, portrait, None, None, None)


class TestBatch:
    def lines(self, host: LocalHost, *texts: str, files: tuple[str, ...] = ()) -> list[batch.Line]:
        folder = keeping.versions.upload_folder()
        listed = folder / "jobs.jsonl"
        listed.write_text("\n".join(texts), encoding="utf-8")
        return batch.lines_of_list(Desk(host), listed, [Path(file) for file in files], {})

    def test_pairs_and_products(self, host: LocalHost, portrait: str, voice: str) -> None:
        pictures, sounds = [Path(portrait)] * 2, [Path(voice)] * 2
        desk = Desk(host)
        assert len(batch.lines_of_files(desk, pictures, sounds, batch.EACH, {})) == 4
        assert len(batch.lines_of_files(desk, pictures, sounds, batch.PAIRS, {})) == 2
        with pytest.raises(OptionError, match="do not make pairs"):
            batch.lines_of_files(desk, pictures, sounds[:1], batch.PAIRS, {})
        with pytest.raises(OptionError, match="more than"):
            batch.lines_of_files(desk, pictures * 20, sounds * 20, batch.EACH, {})

    def test_names_mean_uploaded_files(self, host: LocalHost, portrait: str, voice: str) -> None:
        row = '{"portrait": "C:\\\\pics\\\\me.png", "audio": "x/hello.wav", "out": "../../a.mp4"}'
        (line,) = self.lines(host, row, files=(portrait, voice))
        assert isinstance(line.job, AnimateJob), line.error
        assert line.job.portrait == Path(portrait)
        assert line.job.out.parent == host.output_folder()
        assert line.job.out.name.startswith("a-")

    @pytest.mark.parametrize(
        "row",
        [
            '{"portrait": "/etc/passwd", "audio": "hello.wav"}',
            '{"portrait": "me.png", "audio": "hello.wav", "models_dir": "/"}',
            '{"portrait": "me.png", "audio": "hello.wav", "format": "gif"}',
            '{"portrait": "me.png", "audio": "hello.wav", "format": ["mp4"]}',
            '{"portrait": ["me.png"], "audio": "hello.wav"}',
            '{"portrait": "me.png", "seed": ' + "9" * 5000 + "}",
            '{"portrait": "me.png", "audio": "hello.wav", "save_motion": "/tmp/x.safetensors"}',
            '{"portrait": "me.png", "audio": "hello.wav", "preview": "/tmp/x.png"}',
            '{"portrait": "me.png", "audio": "hello.wav", "run": {"models_dir": "/"}}',
            '{"portrait": "me.png", "audio": "hello.wav", "load_motion": "/tmp/x.safetensors"}',
            '{"command": "rm"}',
            "[1]",
            "{",
            "[" * 100_000,
        ],
    )
    def test_a_list_cannot_name_other_files(
        self, host: LocalHost, portrait: str, voice: str, row: str
    ) -> None:
        (line,) = self.lines(host, row, files=(portrait, voice))
        assert line.job is None
        assert line.error
        assert str(host.output_folder().parent) not in line.error, "folders are not told"

    def test_the_example_on_the_page_is_such_a_list(
        self, host: LocalHost, portrait: str, voice: str
    ) -> None:
        folder = keeping.versions.upload_folder()
        files = [folder / name for name in ("anna.jpg", "ben.png", "news.mp3", "dance.mp4")]
        for file in files:
            file.write_bytes(b"x")
        lines = self.lines(
            host, *batch._EXAMPLE.splitlines(), files=(voice, *(str(file) for file in files))
        )
        assert [line.error for line in lines] == [""] * 5

    def test_some_that_were_made_are_not_all_red(self) -> None:
        made = batch.Line("a", result=SimpleNamespace(path=Path("a.mp4")))  # type: ignore[arg-type]
        said = batch.table_html([made, batch.Line("b", error="no face")], batch.GALLERY)
        assert "tp-partly" in said
        assert "tp-error" not in said
        assert "See them in Gallery" in said
        assert "tp-error" in batch.table_html([batch.Line("b", error="no face")])
        assert "tp-done" in batch.table_html([made])

    def test_two_files_of_one_name_are_told(self, host: LocalHost, portrait: str) -> None:
        other = keeping.versions.upload_folder() / "x" / "me.png"
        other.parent.mkdir()
        other.write_bytes(b"x")
        with pytest.raises(OptionError, match="Two files are called me.png"):
            self.lines(host, "{}", files=(portrait, str(other)))

    def test_a_list_of_endless_length_is_not_read(self, host: LocalHost) -> None:
        with pytest.raises(OptionError, match="too large"):
            self.lines(host, " " * 3_000_000)

    def test_one_wrong_line_costs_no_other(
        self, host: LocalHost, portrait: str, voice: str
    ) -> None:
        good = '{"portrait": "me.png", "audio": "hello.wav"}'
        lines = self.lines(host, good, "", "{", good, files=(portrait, voice))
        assert [line.job is not None for line in lines] == [True, False, True]


class Answer:
    """What gradio gives handlers that ask who called."""

    session_hash = "me"


@needs_gradio
class TestPage:
    @pytest.fixture
    def built(self, host: LocalHost) -> Any:
        return page.build(lambda: host)

    def test_form_gives_only_what_differs(self, built: Any) -> None:
        with versions.blocks("x"):
            form = Form(ANIMATE)
            form.components["engine"] = None
            for spec in option_specs(ANIMATE.sections(ANIMATE.engines[-1])["motion"]):
                form.add(spec)
            form.add_folded(set())
        defaults = [None if c is None else c.value for c in form.components.values()]
        assert form.values(defaults) == {}
        names = list(form.components)
        assert "models_dir" not in names
        changed = list(defaults)
        changed[names.index("pose_scale")] = 0.5
        changed[names.index("preprocess")] = "crop"
        assert form.values(changed) == {"pose_scale": 0.5, "preprocess": "crop"}
        changed[names.index("engine")] = "lite"
        assert form.values(changed) == {"engine": "lite", "pose_scale": 0.5}

    def test_hosts_remember_none_of_the_defaults(self, built: Any) -> None:
        kinds = ("slider", "textbox", "dropdown", "checkbox", "number", "radio")
        controls = [c for c in built.blocks.values() if c.get_block_name() in kinds]
        assert len(controls) > 100
        assert all(c.do_not_save_to_config for c in controls)

    def test_five_controls_are_open_in_each_part(self, built: Any) -> None:
        for name in ("Talk", "Drive", "Relip", "Edit", "Enhance", "Batch"):
            tab = next(
                block
                for block in built.blocks.values()
                if getattr(block, "elem_id", "") == f"tp-{name.lower()}"
            )
            assert len(list(open_controls(tab))) <= 6, name

    def test_programs_see_the_jobs_and_the_preview(self, built: Any) -> None:
        if versions.version()[0] < 6:
            pytest.skip("older gradios keep this elsewhere")
        names = {
            str(fn.api_name)
            for fn in built.fns.values()
            if getattr(fn, "api_visibility", "") == "public"
        }
        jobs = {"talk", "drive", "relip", "edit", "enhance", "batch"}
        assert jobs | {"edit_preview"} <= names

    def test_missing_packages_are_explained(
        self, host: LocalHost, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(page.NEEDED, "no_such_package_<b>", "no-such-package<b>")

        def never() -> LocalHost:
            raise AssertionError("the host is not asked for")

        made = page.build(never)
        texts = [str(b.value) for b in made.blocks.values() if b.get_block_name() == "html"]
        assert any("no-such-package&lt;b&gt;" in text for text in texts)

    def test_preview_drops_what_is_out_of_date(self, host: LocalHost, portrait: str) -> None:
        desk = Desk(host)
        editor = edit.Editor(desk)
        job = edit.job_from(desk, portrait, {"smile": "1"}, {})
        first = editor.picture("me", job)
        assert first is not None
        held = editor._of("me")
        prepared = held.prepared
        held.lock.acquire()
        answers: list[Any] = []
        waiting = [
            threading.Thread(target=lambda: answers.append(editor.picture("me", job)))
            for _ in range(3)
        ]
        for thread in waiting:
            thread.start()
        while held.latest < 4:
            pass
        held.lock.release()
        for thread in waiting:
            thread.join(10)
        assert sum(answer is not None for answer in answers) == 1
        assert held.prepared is prepared, "the portrait is prepared once"


def open_controls(block: Any) -> Any:
    """Controls that nobody has to unfold, without buttons and results."""
    for child in getattr(block, "children", []):
        kind = child.get_block_name()
        classes = set(getattr(child, "elem_classes", None) or [])
        if kind == "accordion" or classes & {"tp-result", "tp-hidden"}:
            continue
        if getattr(child, "children", None):
            yield from open_controls(child)
        elif kind not in ("button", "html", "state") and getattr(child, "visible", True):
            yield child


class TestModels:
    def test_the_line_is_exact(self, host: LocalHost, monkeypatch: pytest.MonkeyPatch) -> None:
        desk = Desk(host)
        assert (
            models_page.command(desk, "sadtalker") == "talking-portraits models download sadtalker"
        )
        monkeypatch.setattr(host, "models_dir", lambda: "/my models")
        assert models_page.command(desk, "sadtalker").endswith(" --models-dir '/my models'")

    def test_the_table_names_terms_and_states(self, host: LocalHost) -> None:
        said = models_page.table_html(host.weights())
        assert said.count("needs a download") == 4 + len(ENHANCER_IDS)
        assert "✓ ready" in said
        assert "6 of 6 files missing" in models_page.terms_html("sadtalker", host.weights())

    def test_a_download_shows_its_progress_and_can_be_stopped(
        self, host: LocalHost, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        seen: list[tuple[str, int, int]] = []

        def download(files: Any, *, progress: Any, cancelled: Any) -> None:
            progress("a.safetensors (MB)", 3, 10)
            seen.append((run.progress.stage, run.progress.done, run.progress.total))
            run.stopped.set()
            assert cancelled()

        store = WeightStore(environment={}, cache=host.temp_folder())
        monkeypatch.setattr(store, "download", download)
        monkeypatch.setattr(host, "weights", lambda: store)
        run = Run("me")
        assert models_page._download(Desk(host), ["sadtalker", True])(run) == 6
        assert seen == [("a.safetensors (MB)", 3, 10)]
        with pytest.raises(OptionError):
            models_page._download(Desk(host), ["../x", True])

    @pytest.mark.parametrize("agreed", [False, None, "no", 1])
    def test_restricted_weights_are_not_fetched_before_their_terms_are_agreed_to(
        self, host: LocalHost, agreed: Any
    ) -> None:
        assert models_page.needs_consent("sadtalker")
        with pytest.raises(OptionError, match="terms"):
            models_page._download(Desk(host), ["sadtalker", agreed])


def test_what_the_page_needs_is_what_is_installed_with_it() -> None:
    asked = (Path(__file__).parents[2] / "requirements.txt").read_text(encoding="utf-8")
    for name in page.NEEDED.values():
        assert f"\n{name}>=" in asked
