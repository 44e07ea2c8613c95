"""The part of the page where sliders change a face, seen at once."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from ..errors import OptionError, TalkingPortraitsError
from ..expression_sliders import ExpressionSliders
from ..jobs.devices import make_runtime
from ..jobs.drive_inputs import USUAL_FPS, find_people
from ..jobs.drive_settings import DRIVE, DriveJob, build_drive_job, driving_of
from ..jobs.engines import find_weights, weight_store
from ..jobs.inputs import portrait_picture
from ..media.thumbnails import jpeg_of
from ..options import OptionSpec, option_specs
from . import versions
from .again import Target
from .controls import (
    Form,
    engine_choices,
    engine_sentence,
    label_of,
    names_shown,
    specs_of,
    step_of,
)
from .desk import Desk, single_path
from .face_choice import FaceChoice
from .host import result_name
from .panel import Panel, folder_told, shown_files
from .plain_words import HELP
from .words import done_html, error_html, for_page, note_html, picture_html, result_sentence
from .work import Run

_VISIBLE = ("smile", "aaa", "blink", "rotate_yaw")  # with the portrait
_GROUPS = {
    "Head": ("rotate_pitch", "rotate_roll", "mov_x", "mov_y", "mov_z"),
    "Eyes and brows": ("eyebrow", "wink", "pupil_x", "pupil_y", "eyes_open_ratio"),
    "Mouth": ("eee", "woo", "pouting", "lip_open_ratio"),
}
# A slider is always somewhere: below its range it leaves these as they are in the picture.
_AS_IS = {"mov_z": 1.0, "eyes_open_ratio": -0.01, "lip_open_ratio": -0.01}
PREVIEW_PX = 1024
_KEPT = 6  # portraits that are held ready, of as many pages
EMPTY = "Choose a portrait and move a slider; the face changes here at once."


def slider_specs() -> dict[str, OptionSpec]:
    """The sliders by name."""
    return {spec.name: spec for spec in option_specs(ExpressionSliders)}


@dataclass
class _Held:
    """The portrait of one page, ready to be changed."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    latest: int = 0
    key: Any = None
    networks: Any = None
    prepared: Any = None


class Editor:
    """Portraits held ready, one of each open page; the oldest are let go of."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._held: OrderedDict[str, _Held] = OrderedDict()
        self._networks: tuple[Any, Any] = (None, None)
        self._lock = threading.Lock()

    def picture(self, owner: str, job: DriveJob) -> Tensor | None:
        """The edited face (3, H, W); None when a newer wish of this page came meanwhile.

        Raises:
            TalkingPortraitsError: the portrait does not allow it.
        """
        held = self._of(owner)
        with self._lock:
            held.latest += 1
            mine = held.latest
        with held.lock:
            if held.latest != mine:
                return None
            with self._desk.host.glance():
                return self._frame(held, job)

    def forget(self, owner: str) -> None:
        """Let go of a page's portrait."""
        with self._lock:
            self._held.pop(owner, None)

    def _of(self, owner: str) -> _Held:
        with self._lock:
            held = self._held.setdefault(owner, _Held())
            self._held.move_to_end(owner)
            while len(self._held) > _KEPT:
                self._held.popitem(last=False)
            return held

    def _frame(self, held: _Held, job: DriveJob) -> Tensor:
        engine = job.engine
        driving = driving_of(engine)
        runtime = replace(make_runtime(job.run), chunk=1)
        changed = job.portrait.stat().st_mtime_ns
        key = (job.portrait, changed, engine.id, job.face, job.render, job.run.who, runtime.device)
        if held.key != key:
            held.key = None
            rgb = portrait_picture(job.portrait, _say_nothing)
            people, _ = find_people(job, rgb, driving.most_faces, runtime, _say_nothing)
            held.networks = self._load(job, runtime)
            held.prepared = driving.prepare(held.networks, rgb, people, job.render, runtime)
            held.key = key
        stream = driving.animate(
            held.networks, held.prepared, (), job.drive, job.sliders, 1, USUAL_FPS, runtime
        )
        return next(iter(stream))[0]

    def _load(self, job: DriveJob, runtime: Any) -> Any:
        """Networks are the same for all pages."""
        key = (job.engine.id, job.render, runtime.device)
        known, networks = self._networks  # another page may put its own there meanwhile
        if known != key:
            files = find_weights(job.engine, job.render, weight_store(job.run.models_dir))
            networks = job.engine.load(files, job.render, runtime)
            self._networks = (key, networks)
        return networks


def _say_nothing(sentence: str) -> None:
    pass


def as_it_is(name: str) -> float:
    """Where a slider stands while it leaves the face alone."""
    return _AS_IS.get(name, 0.0)


def slider(spec: OptionSpec) -> Any:
    """The control of one slider."""
    assert spec.low is not None
    low = min(spec.low, as_it_is(spec.name))
    step = 0.01 if spec.name in _AS_IS else step_of(spec)
    text = HELP.get(spec.name, spec.help)
    return versions.component(
        "Slider",
        minimum=low,
        maximum=spec.high,
        value=as_it_is(spec.name),
        step=step,
        label=label_of(spec),
        info=text if spec.low <= low else f"{text} Below 0: as in the picture.",
        elem_id=f"tp-slider-{spec.name}",
    )


def _slider_value(name: str, value: Any) -> float:
    """Where a slider stands for a setting of a job."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return as_it_is(name)


def moved(names: Sequence[str], values: Sequence[Any]) -> dict[str, str]:
    """Sliders that are not where they leave the face alone, as the options' text."""
    return {
        name: f"{float(value):.6g}"
        for name, value in zip(names, values)
        if value is not None and abs(float(value) - as_it_is(name)) > 1e-6
    }


def build(desk: Desk, tab: Any) -> None:
    """Lay the part out and connect it."""
    gr = versions.gradio()
    store = desk.host.weights()
    form = Form(DRIVE, desk.host)
    specs = specs_of(DRIVE)
    shown = names_shown(DRIVE, "auto", store)
    sliders: dict[str, Any] = {}
    known = slider_specs()
    with gr.Row(elem_classes="tp-part tp-edit"):
        with gr.Column(scale=5, min_width=320):
            portrait = versions.picture_input("Portrait", height=240, elem_id="tp-edit-portrait")
            faces = FaceChoice(desk, "edit", "Click the one that is changed.")
            for name in _VISIBLE:
                sliders[name] = slider(known[name])
            grouped = {name for names in _GROUPS.values() for name in names}
            rest = tuple(name for name in known if name not in {*grouped, *_VISIBLE})
            for title, names in {**_GROUPS, **({"More": rest} if rest else {})}.items():
                with gr.Accordion(label=title, open=False):
                    for name in names:
                        sliders[name] = slider(known[name])
            with gr.Accordion(label="Engine", open=False):
                form.components["engine"] = versions.component(
                    "Dropdown",
                    choices=engine_choices(DRIVE, store),
                    value="auto",
                    label="Engine",
                    info=engine_sentence(DRIVE, "auto", store),
                )
                form.specs["engine"] = specs["engine"]
                form.add(specs["device"])
            form.add_folded(shown, without=("run", "drive", "sliders", "video"))
        with gr.Column(scale=6, min_width=320, elem_classes="tp-result"):
            picture = versions.html(note_html(EMPTY), elem_id="tp-edit-preview")
            reset = versions.component("Button", value="Reset the sliders", elem_id="tp-edit-reset")
            panel = Panel(desk, "edit", "Save the picture", "", picture_px=240)
    editor = Editor(desk)
    names = list(sliders)
    inputs = [portrait, *sliders.values(), *form.components.values()]

    def job_of(chosen: Any, *values: Any) -> DriveJob:
        wanted = moved(names, values[: len(names)])
        if not wanted:
            raise OptionError("Nothing is changed yet: move a slider first.")
        return job_from(desk, chosen, wanted, form.values(values[len(names) :]))

    def preview(request: Any, chosen: Any, *values: Any) -> Any:
        if not versions.paths_of(chosen):
            return note_html(EMPTY)
        # A job wants something that moves; 0 is where nothing does.
        wanted = {"smile": "0", **moved(names, values[: len(names)])}
        try:
            job = job_from(desk, chosen, wanted, form.values(values[len(names) :]))
            frame = editor.picture(versions.session_of(request), job)
        except TalkingPortraitsError as error:
            files = versions.paths_of(chosen)
            return error_html(for_page(str(error), files, desk.host.program()))
        if frame is None:
            return versions.update()
        return picture_html(jpeg_of(frame, PREVIEW_PX, 88), "The edited face", "tp-preview")

    versions.asks_who(preview)
    versions.name_parameters(preview, ["portrait", *names, *form.components])
    show: dict[str, Any] = {"queue": False, "latest_only": True}
    versions.on(portrait.change, preview, inputs, [picture], api_name="edit_preview", **show)
    for each in sliders.values():
        versions.on(each.input, preview, inputs, [picture], **show)
        versions.on(each.release, preview, inputs, [picture], **show)
    for each in form.components.values():
        versions.on(each.change, preview, inputs, [picture], **show)

    def at_rest() -> list[Any]:
        return [versions.update(value=as_it_is(name)) for name in names]

    event = versions.on(reset.click, at_rest, [], list(sliders.values()), queue=False)
    versions.on(event.then, preview, inputs, [picture], queue=False)

    def saved(run: Run) -> tuple[Any, ...]:
        panel.remember(run.owner, run.value.path)
        _, as_picture, _ = shown_files(desk, run.value.path)
        hidden = versions.update(visible=False)
        said = done_html(result_sentence(run.value, folder_told(desk)))
        return (said, hidden, as_picture, hidden)

    def work(values: Sequence[Any]) -> Any:
        job = job_of(*values)
        return lambda run: panel.keep(run, job, desk.runs.make(run, job))

    panel.bind_work(inputs, ["portrait", *names, *form.components], work, saved)
    panel.goes_with(portrait)
    desk.watch_uploads(portrait)
    desk.on_leave(editor.forget)

    form.follow_engine()
    faces.connect(portrait, form)
    desk.targets["edit"] = Target(
        tab="edit",
        title="Edit",
        inputs={"portrait": portrait},
        form=form,
        status=panel.status,
        file_of=lambda files: {name: paths[0] for name, paths in files.items() if paths},
        sliders=sliders,
        slider_of=_slider_value,
    )


def job_from(desk: Desk, chosen: Any, sliders: dict[str, str], values: dict[str, Any]) -> DriveJob:
    """The job of one edited picture.

    Raises:
        OptionError: there is no portrait, or an option does not fit.
    """
    portrait: Path | None = single_path(desk, chosen, "portrait")
    if portrait is None:
        raise OptionError("Choose a portrait first: a picture with a face.")
    out = desk.host.output_folder() / result_name(portrait.stem, "edited", suffix=".png")
    folder = desk.host.models_dir()
    models = {"models_dir": folder} if folder else {}
    return build_drive_job({**models, **values, **sliders, "portrait": portrait, "out": out})
