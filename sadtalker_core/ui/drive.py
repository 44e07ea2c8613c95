"""The part of the page where somebody's video moves a portrait or a video."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..errors import OptionError
from ..faces.options import FaceOptions
from ..jobs.drive_settings import DRIVE, DriveJob, DriveRunOptions, build_drive_job
from ..media.video_in import is_video_name
from . import versions
from .again import Files, Target
from .controls import Form, names_shown, one_of, specs_of
from .desk import Desk, single_path
from .face_choice import FaceChoice
from .host import result_name
from .panel import Panel
from .work import with_suffix_of

_VISIBLE = ("region", "mirror")  # with the portrait, the driver and the engine


def build(desk: Desk, tab: Any) -> None:
    """Lay the part out and connect it."""
    gr = versions.gradio()
    store = desk.host.weights()
    form = Form(DRIVE, desk.host)
    specs = specs_of(DRIVE)
    shown = names_shown(DRIVE, "auto", store)
    with gr.Row(elem_classes="tp-part tp-job"):
        with gr.Column(scale=5, min_width=320):
            portrait = versions.picture_input("Portrait", height=260, elem_id="tp-drive-portrait")
            faces = FaceChoice(desk, "drive", "Click the one that moves.")
            driver = versions.video_input("Video of whoever moves it", elem_id="tp-drive-driver")
            drivers = FaceChoice(desk, "driver", "Click the one that is followed.")
            form.add_engine(store, "tp-drive-engine")
            for spec in one_of(specs, *_VISIBLE):
                form.add(spec, spec.name in shown)
            with gr.Column(elem_classes="tp-more"):
                with gr.Accordion(label="Move a video, or use another driver", open=False):
                    video = versions.video_input("Video in place of the portrait")
                    other = versions.file_input(
                        "Motion file or picture in place of the driver's video",
                        [".safetensors", ".pkl", "image"],
                    )
                form.add_folded(shown)
        with gr.Column(scale=6, min_width=320, elem_classes="tp-result"):
            panel = Panel(
                desk,
                "drive",
                "Make the video",
                "Give a portrait and a video of a face, from a file or the camera: the portrait "
                "moves as the face does.",
            )

    def job_of(picture: Any, clip: Any, moved: Any, file: Any, *rest: Any) -> DriveJob:
        return job_from(desk, picture, clip, moved, file, form.values(rest))

    names = ["portrait", "driving", "portrait_video", "driving_file", *form.components]
    files = [portrait, driver, video, other]
    panel.bind([*files, *form.components.values()], names, job_of)
    panel.goes_with(portrait, video)
    desk.watch_uploads(*files)

    faces.connect(portrait, form)
    drivers.connect(driver, form, "driver_face", _followed)
    form.follow_engine()
    desk.targets["drive"] = Target(
        tab="drive",
        title="Drive",
        inputs=dict(zip(("portrait", "driving", "portrait_video", "driving_file"), files)),
        form=form,
        status=panel.status,
        file_of=_places,
    )


def _followed(given: Any, options: FaceOptions) -> FaceOptions:
    """Which face of a driver is meant, as options. Raises ``OptionError``."""
    return DriveRunOptions(driver_face=str(given or "largest")).driver_face_options()


def _places(files: Files) -> dict[str, Path]:
    """Which file goes where, for a job that is to be made again."""
    found: dict[str, Path] = {}
    for name, other in (("portrait", "portrait_video"), ("driving", "driving_file")):
        if files.get(name):
            path = files[name][0]
            found[other if is_video_name(path) == (name == "portrait") else name] = path
    return found


def job_from(
    desk: Desk, picture: Any, clip: Any, moved: Any, file: Any, values: dict[str, Any]
) -> DriveJob:
    """The job that the page's values mean.

    Raises:
        OptionError: something is missing or given twice, said in the page's words.
    """
    still = single_path(desk, picture, "portrait")
    video = single_path(desk, moved, "video")
    if still is not None and video is not None:
        raise OptionError("A portrait and a video to move are given; take one of them out.")
    portrait = still or video
    if portrait is None:
        raise OptionError("Choose a portrait first: a picture with a face, or a video to move.")
    drivers = [single_path(desk, each, "driver") for each in (clip, file)]
    driving = [path for path in drivers if path is not None]
    if len(driving) > 1:
        raise OptionError("Two drivers are given; take one of them out.")
    sliders = DRIVE.option_names()["sliders"] & values.keys()
    if not driving and not sliders:
        raise OptionError("Choose or record a video of a face that moves the portrait.")
    name = result_name(portrait.stem, *(path.stem for path in driving), suffix=".mp4")
    out = with_suffix_of(desk.host.output_folder() / name, str(values.get("format", "auto")))
    if _is_one_frame(portrait, driving, values):
        out = out.with_suffix(".png")
    folder = desk.host.models_dir()
    models = {"models_dir": folder} if folder else {}
    who = {"driving": driving} if driving else {}
    return build_drive_job({**models, **values, **who, "portrait": portrait, "out": out})


def _is_one_frame(portrait: Any, driving: list[Any], values: dict[str, Any]) -> bool:
    """A picture that a picture drives, or that sliders change once and for all."""
    if is_video_name(portrait) or values.get("seconds"):
        return False
    if driving:
        return driving[0].suffix.lower() in (".png", ".jpg", ".jpeg", ".webp", ".bmp")
    sliders = DRIVE.option_names()["sliders"]
    return not any(":" in str(values.get(name, "")) for name in sliders)
