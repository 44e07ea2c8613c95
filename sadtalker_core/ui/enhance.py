"""The part of the page where faces of a picture or video are restored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..errors import OptionError
from ..jobs.enhance_settings import EnhanceJob, build_enhance_job
from ..media.pictures import is_picture_name
from . import versions
from .again import Files, Target
from .any_job import ENHANCE
from .controls import Form, one_of, specs_of
from .desk import Desk, single_path
from .host import result_name
from .panel import Panel
from .restorers import first_here, missing_html
from .work import with_suffix_of

_LIKENESS = "codeformer"  # alone has a balance of likeness and beauty
_VISIBLE = ("enhance_strength", "enhance_region", "upscale")


def build(desk: Desk, tab: Any) -> None:
    """Lay the part out and connect it."""
    gr = versions.gradio()
    host = desk.host
    form = Form(ENHANCE, host)
    specs = specs_of(ENHANCE)
    first = first_here(host.weights())
    with gr.Row(elem_classes="tp-part tp-job"):
        with gr.Column(scale=5, min_width=320):
            with gr.Row():
                clip = versions.video_input("Video", elem_id="tp-enhance-clip")
                still = versions.picture_input(
                    "Or a picture", height=280, elem_id="tp-enhance-still"
                )
            chosen = form.add(specs["enhancer"], first=first)
            missing = missing_html(host, first)
            needs = versions.html(missing, visible=bool(missing), elem_id="tp-enhance-needs")
            for spec in one_of(specs, *_VISIBLE):
                form.add(spec)
            with gr.Column(elem_classes="tp-more"):
                form.add_folded(set(specs) - ({"fidelity"} if first != _LIKENESS else set()))
        with gr.Column(scale=6, min_width=320, elem_classes="tp-result"):
            panel = Panel(
                desk,
                "enhance",
                "Restore the faces",
                "Give a video or a picture: its faces become clearer, and stay calm in a video; "
                "all else is kept.",
            )

    def job_of(video: Any, picture: Any, *rest: Any) -> EnhanceJob:
        return job_from(desk, video, picture, form.values(rest))

    names = ["video", "picture", *form.components]
    panel.bind([clip, still, *form.components.values()], names, job_of)
    panel.goes_with(clip, still)
    desk.watch_uploads(clip, still)
    fidelity = form.components["fidelity"]

    def look(name: str) -> Any:
        text = missing_html(host, name)
        return versions.update(value=text, visible=bool(text))

    def changed(name: str) -> tuple[Any, Any]:
        return look(name), versions.update(visible=name == _LIKENESS)

    versions.on(chosen.change, changed, [chosen], [needs, fidelity])
    if hasattr(tab, "select"):  # something may have been downloaded meanwhile
        versions.on(tab.select, look, [chosen], [needs])
    desk.targets["enhance"] = Target(
        tab="enhance",
        title="Enhance",
        inputs={"video": clip, "picture": still},
        form=form,
        status=panel.status,
        file_of=_places,
    )


def _places(files: Files) -> dict[str, Path]:
    """Which file goes where, for a job that is to be made again."""
    paths = files.get("input")
    if not paths:
        return {}
    return {"picture" if is_picture_name(paths[0]) else "video": paths[0]}


def job_from(desk: Desk, video: Any, picture: Any, values: dict[str, Any]) -> EnhanceJob:
    """The job that the page's values mean.

    Raises:
        OptionError: something is missing or given twice, said in the page's words.
    """
    found = [single_path(desk, video, "video"), single_path(desk, picture, "picture")]
    given = [path for path in found if path is not None]
    if len(given) > 1:
        raise OptionError("A video and a picture are given; take one of them out.")
    if not given:
        raise OptionError("Choose a video or a picture with a face first.")
    out = desk.host.output_folder() / result_name(given[0].stem, "restored", suffix=".mp4")
    if found[0] is None:
        out = out.with_suffix(".png")
        values = {name: value for name, value in values.items() if name != "format"}
    else:
        out = with_suffix_of(out, str(values.get("format", "auto")))
    folder = desk.host.models_dir()
    models = {"models_dir": folder} if folder else {}
    return build_enhance_job({**models, **values, "input": given[0], "out": out})
