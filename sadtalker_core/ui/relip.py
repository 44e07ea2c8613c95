"""The part of the page where a video of somebody gets other words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..errors import OptionError
from ..faces.options import FaceOptions
from ..jobs.relip_settings import RELIP, RelipJob, build_relip_job
from ..jobs.values import read_value
from ..media.pictures import is_picture_name
from . import versions
from .again import Files, Target
from .controls import Form, names_shown, one_of, specs_of
from .desk import Desk, single_path
from .face_choice import FaceChoice
from .host import result_name
from .panel import Panel
from .sounds import given_sound, note_html, other_sounds, place_of
from .work import with_suffix_of

OTHERS = "Other sources of picture and sound"
# With the video, the sound and the engine; no engine has all of them.
_VISIBLE = ("repeat", "expression_scale", "exp_img", "up_face")
_SHOWN_FIRST = "The first frame is shown; click the one that speaks."


def build(desk: Desk, tab: Any) -> None:
    """Lay the part out and connect it."""
    gr = versions.gradio()
    store = desk.host.weights()
    form = Form(RELIP, desk.host)
    specs = specs_of(RELIP)
    shown = names_shown(RELIP, "auto", store)
    with gr.Row(elem_classes="tp-part tp-job"):
        with gr.Column(scale=5, min_width=320):
            clip = versions.video_input("Video of somebody", elem_id="tp-relip-clip")
            faces = FaceChoice(desk, "relip", _SHOWN_FIRST)
            sound = versions.sound_input("What they say now", elem_id="tp-relip-sound")
            versions.html(note_html(OTHERS))
            form.add_engine(store, "tp-relip-engine")
            for spec in one_of(specs, *_VISIBLE):
                form.add(spec, spec.name in shown)
            with gr.Column(elem_classes="tp-more"):
                with gr.Accordion(label=OTHERS, open=False):
                    still = versions.picture_input(
                        "A picture instead of the video", height=240, elem_id="tp-relip-still"
                    )
                    people = FaceChoice(desk, "relip-still", "Click the one that speaks.")
                    files = other_sounds("tp-relip-sound-file")
                    expression = versions.picture_input(
                        "A picture whose expression is taken",
                        height=160,
                        visible="exp_img" in shown,
                        elem_id="tp-relip-expression",
                    )
                form.add_folded(shown)
        with gr.Column(scale=6, min_width=320, elem_classes="tp-result"):
            panel = Panel(
                desk,
                "relip",
                "Make the video",
                "Give a video of somebody and a recording of other speech: the lips say it, all "
                "else stays as it was filmed.",
            )
    inputs = {"video": clip, "audio": sound, "picture": still, **files, "expression": expression}

    def job_of(*values: Any) -> RelipJob:
        return job_from(
            desk, dict(zip(inputs, values[: len(inputs)])), form.values(values[len(inputs) :])
        )

    panel.bind([*inputs.values(), *form.components.values()], [*inputs, *form.components], job_of)
    panel.goes_with(clip, still)
    desk.watch_uploads(*inputs.values())

    faces.connect(clip, form, "who", _speaker)
    people.connect(still, form, "who", _speaker)
    form.follow_engine()
    engine = form.components["engine"]

    def changed(chosen: str) -> Any:
        return versions.update(visible=takes_expression(desk, chosen))

    versions.on(engine.change, changed, [engine], [expression])
    desk.targets["relip"] = Target(
        tab="relip",
        title="Re-lip",
        inputs=inputs,
        form=form,
        status=panel.status,
        file_of=_places,
    )


def _speaker(given: Any, options: FaceOptions) -> FaceOptions:
    """Who is meant, as options of a face. Raises ``OptionError``."""
    number = read_value(specs_of(RELIP)["who"], str(given or ""))
    return options if number is None else replace(options, face_index=number, face_point="")


def takes_expression(desk: Desk, engine: str) -> bool:
    """Whether an engine gives the face an expression of its own."""
    return "exp_img" in names_shown(RELIP, engine, desk.host.weights())


def _places(files: Files) -> dict[str, Path]:
    """Which file goes where, for a job that is to be made again."""
    found: dict[str, Path] = {}
    for name, paths in files.items():
        if not paths:
            continue
        if name == "video":
            found["picture" if is_picture_name(paths[0]) else "video"] = paths[0]
        elif name == "audio":
            found[place_of(paths[0])] = paths[0]
        else:
            found[name] = paths[0]
    return found


def job_from(desk: Desk, files: Mapping[str, Any], values: dict[str, Any]) -> RelipJob:
    """The job that the page's values mean.

    Raises:
        OptionError: something is missing or given twice, said in the page's words.
    """
    shown = [single_path(desk, files.get(name), name) for name in ("video", "picture")]
    given = [path for path in shown if path is not None]
    if len(given) > 1:
        raise OptionError("A video and a picture are given; take one of them out.")
    sound = given_sound(desk, files.get("audio"), files)
    if not given:
        also = "" if sound is not None else ", and choose or record what they are to say"
        raise OptionError(
            f"Choose a video first, of somebody whose lips are to say something else{also}."
        )
    if sound is None:
        raise OptionError("Choose or record what they are to say.")
    taken = single_path(desk, files.get("expression"), "picture")
    if taken is not None and takes_expression(desk, str(values.get("engine", "auto"))):
        values = {**values, "exp_img": str(taken)}
    name = result_name(given[0].stem, sound.stem, suffix=".mp4")
    out = with_suffix_of(desk.host.output_folder() / name, str(values.get("format", "auto")))
    folder = desk.host.models_dir()
    models = {"models_dir": folder} if folder else {}
    return build_relip_job({**models, **values, "video": given[0], "audio": sound, "out": out})
