"""The part of the page where a portrait speaks."""

from __future__ import annotations

import filecmp
import shutil
from pathlib import Path
from typing import Any

from ..engines.engine import Engine
from ..errors import OptionError
from ..jobs.engines import is_ready
from ..jobs.settings import ANIMATE, REFERENCES, AnimateJob, build_job
from ..weights.store import WeightStore
from . import versions
from .again import Files, Target
from .controls import Form, names_shown, one_of, specs_of
from .desk import Desk, single_path
from .face_choice import FaceChoice
from .host import result_name
from .panel import Panel
from .sounds import given_sound, note_html, other_sounds, place_of
from .work import with_suffix_of

DEMO = Path(__file__).resolve().parent.parent / "data" / "demo"
SAMPLE = "Try it with the sample"
REPLACE = "Replace your portrait and speech with the sample"
OTHERS = "Other sources of sound and movement"
_FIVE = ("expression_scale", "pose_scale", "still")  # with the picture, the sound and the engine
_REFERENCES = {
    "ref_pose": "Head movement of this video",
    "ref_eyeblink": "Blinks of this video",
    "ref_all": "All movement of this video",
}


def build(desk: Desk, tab: Any) -> None:
    """Lay the part out and connect it."""
    gr = versions.gradio()
    store = desk.host.weights()
    form = Form(ANIMATE, desk.host)
    specs = specs_of(ANIMATE)
    shown = names_shown(ANIMATE, "auto", store)
    with gr.Row(elem_classes="tp-part tp-job"):
        with gr.Column(scale=5, min_width=320):
            portrait = versions.picture_input("Portrait", height=280, elem_id="tp-talk-portrait")
            faces = FaceChoice(desk, "talk", "Click the one that speaks.")
            sound = versions.sound_input("Speech", elem_id="tp-talk-sound")
            versions.html(note_html(OTHERS))
            demo = versions.component("Button", value=SAMPLE, size="sm", elem_id="tp-talk-sample")
            form.add_engine(store, "tp-talk-engine")
            for spec in one_of(specs, *_FIVE):
                form.add(spec, spec.name in shown)
            with gr.Column(elem_classes="tp-more"):
                files = _more_files(desk)
                form.add_folded(shown)
        with gr.Column(scale=6, min_width=320, elem_classes="tp-result"):
            panel = Panel(
                desk,
                "talk",
                "Make the video",
                "Give a portrait and a recording of speech; the video appears here. "
                "No text-to-speech is included: record yourself or bring a sound file.",
            )

    def job_of(picture: Any, audio: Any, *rest: Any) -> AnimateJob:
        extra = dict(zip(files, rest[: len(files)]))
        values = form.values(rest[len(files) :])
        engine = str(values.get("engine", "auto"))
        if engine != "auto" and not takes_references(engine, desk.host.weights()):
            extra |= dict.fromkeys(_REFERENCES)  # their fields are not shown
        return job_from(desk, picture, audio, extra, values)

    extras = list(files.values())
    names = ["portrait", "audio", *files, *form.components]
    panel.bind([portrait, sound, *extras, *form.components.values()], names, job_of)
    panel.goes_with(portrait)
    desk.watch_uploads(portrait, sound, *extras)

    faces.connect(portrait, form)
    form.follow_engine()
    engine = form.components["engine"]
    references = [files[name] for name in _REFERENCES]

    def changed(chosen: str) -> list[Any]:
        able = takes_references(chosen, desk.host.weights())
        return [versions.update(visible=able) for _ in references]

    versions.on(engine.change, changed, [engine], references)
    desk.targets["talk"] = Target(
        tab="talk",
        title="Talk",
        inputs={"portrait": portrait, "audio": sound, **files},
        form=form,
        status=panel.status,
        file_of=_places,
    )
    versions.on(
        demo.click,
        lambda *given: sample_unless(desk, *given),
        [portrait, sound, demo],
        [portrait, sound, demo],
    )
    desk.host.add_receiver(portrait)


def _places(files: Files) -> dict[str, Path]:
    """Which file goes where, for a job that is to be made again."""
    found = {name: paths[0] for name, paths in files.items() if paths}
    sound = found.pop("audio", None)
    if sound is not None:
        found[place_of(sound)] = sound
    return found


def _more_files(desk: Desk) -> dict[str, Any]:
    gr = versions.gradio()
    files: dict[str, Any] = {}
    with gr.Accordion(label=OTHERS, open=False):
        files |= other_sounds("tp-talk-sound-file")
        files["load_motion"] = versions.file_input(
            "Motion file", [".safetensors", ".pkl"], height=120
        )
        for name, label in _REFERENCES.items():
            files[name] = versions.file_input(
                label, ["video"], height=120, visible=takes_references("auto", desk.host.weights())
            )
    return files


def takes_references(engine: str, store: WeightStore) -> bool:
    """Whether movement can be taken from other videos; with auto, whether an engine here can."""
    able = [each for each in ANIMATE.engines if isinstance(each, Engine) and each.borrows_motion]
    return any(each.id == engine or (engine == "auto" and is_ready(each, store)) for each in able)


def job_from(
    desk: Desk, picture: Any, audio: Any, extra: dict[str, Any], values: dict[str, Any]
) -> AnimateJob:
    """The job that the page's values mean.

    Raises:
        OptionError: something is missing or given twice, said in the page's words.
    """
    portrait = single_path(desk, picture, "portrait")
    if portrait is None:
        raise OptionError("Choose a portrait first: a picture with a face.")
    speech = given_sound(desk, audio, extra)
    given = [] if speech is None else [speech]
    files = {
        name: single_path(desk, extra.get(name), "file") for name in ("load_motion", *REFERENCES)
    }
    chosen = {name: path for name, path in files.items() if path is not None}
    if not given and not chosen and values.get("idle") is None:
        raise OptionError(
            "Choose or record speech, or say under 'The job' how many seconds without sound."
        )
    name = result_name(portrait.stem, *(path.stem for path in given), suffix=".mp4")
    out = with_suffix_of(desk.host.output_folder() / name, str(values.get("format", "auto")))
    folder = desk.host.models_dir()
    models = {"models_dir": folder} if folder else {}
    sound = {"audio": given[0]} if given else {}
    return build_job({**models, **values, **sound, **chosen, "portrait": portrait, "out": out})


def sample_unless(desk: Desk, picture: Any, audio: Any, said: Any) -> list[Any]:
    """Updates of portrait, speech and button: files of one's own go at the second press.

    Args:
        desk: of the page.
        picture: what is given as the portrait.
        audio: and as the speech.
        said: what the button says.
    """
    paths = [*versions.paths_of(picture), *versions.paths_of(audio)]
    if said != REPLACE and any(not _is_sample(path) for path in paths):
        return [versions.update(), versions.update(), versions.update(value=REPLACE)]
    return [*sample(desk), versions.update(value=SAMPLE)]


def _is_sample(path: Path) -> bool:
    """Whether a file is the sample's, which is no loss."""
    ours = (DEMO / path.name, DEMO / f"{path.stem}.flac")
    return any(
        each.is_file() and path.is_file() and filecmp.cmp(each, path, shallow=False)
        for each in ours
    )


def sample(desk: Desk) -> tuple[str, str]:
    """The bundled portrait and voice, where the page may show them."""
    folder = desk.host.temp_folder() / "sample"
    folder.mkdir(exist_ok=True)
    for name in ("portrait.png", "voice.flac"):
        if not (folder / name).is_file():
            shutil.copyfile(DEMO / name, folder / name)
    return str(folder / "portrait.png"), str(folder / "voice.flac")
