"""Nodes that show and check: measures, contact sheet, licences, weight files."""

from __future__ import annotations

import json
from typing import Any

from ..sadtalker_core.faces.options import FaceOptions
from . import sockets
from .host import io, ui
from .motion_from_video import video_inputs
from .motion_values import motion_input
from .packing import motion_of
from .portraits import portrait_of
from .schema import folded, node_schema, option_inputs, options_from

_WHERE = "tools"
_MODELS = ("model", "model_2", "model_3", "model_4")
_PARTS = ("enhance", "measure")  # what is no engine and has weights
_WHO = ("face_select", "face_index", "face_point", "face_search", "detection_threshold")


def _text_outputs(what: str) -> list[Any]:
    return [
        io.String.Output("text", display_name="text", tooltip=f"{what} for people."),
        io.String.Output("json", display_name="JSON", tooltip=f"{what} as JSON, for programs."),
    ]


def _any_model(name: str, what: str, is_optional: bool = False) -> Any:
    kinds = [sockets.Model, sockets.Lips, sockets.Enhancer]
    return io.MultiType.Input(name, kinds, optional=is_optional, tooltip=what)


def _reported(text: str, values: Any, *more: Any, brief: str = "") -> Any:
    """What a node of text returns; ``brief`` is shown in the node where the whole is too long."""
    from .bridge import at_work

    data = json.dumps(values, ensure_ascii=False, indent=2, allow_nan=False)
    with at_work() as runtime:
        runtime.progress(brief or text, 0, 0)
    return io.NodeOutput(text, data, *more, ui=ui.PreviewText(text))


class FaceMetrics(io.ComfyNode):
    """Numbers that say how good a result is."""

    @classmethod
    def define_schema(cls) -> Any:
        def number(name: str, title: str, what: str) -> Any:
            help_text = f"{what} -1 where it was not measured."
            return io.Float.Output(name, display_name=title, tooltip=help_text)

        return node_schema(
            "FaceMetrics",
            "Face Metrics",
            _WHERE,
            "Measures what is connected: likeness of pictures with reference pictures, how visible "
            "the border of a pasted face is, how a motion trembles, blinks and opens the mouth.",
            [
                io.Image.Input("images", optional=True, tooltip="Rendered frames."),
                io.Image.Input(
                    "reference",
                    optional=True,
                    tooltip="What they should look like: as many pictures, or one for all.",
                ),
                sockets.Portrait.Input(
                    "portrait",
                    optional=True,
                    tooltip="Whose frames they are, for the seam of SadTalker's and LivePortrait's "
                    "pasted face.",
                ),
                motion_input("motion", "A motion to measure.", optional=True),
            ],
            [
                *_text_outputs("All measures"),
                number("psnr", "PSNR", "Likeness in decibels, 100 for equal pictures."),
                number("ssim", "SSIM", "Likeness of structure, 1 for equal pictures."),
                number("seam", "seam", "Visible border in levels of 255."),
                number("jitter", "jitter", "Trembling of the head in degrees."),
                number("blinks", "blinks", "Blinks per minute."),
                number("mouth", "mouth range", "How far the mouth opens, over the eyes' distance."),
            ],
            aliases=("psnr", "ssim", "quality", "measure", "jitter", "blink rate", "compare"),
            is_output_node=True,
        )

    @classmethod
    def execute(
        cls, images: Any = None, reference: Any = None, portrait: Any = None, motion: Any = None
    ) -> Any:
        from .bridge import at_work
        from .face_metrics import (
            NOT_MEASURED,
            metrics_text,
            motion_metrics,
            picture_metrics,
            seam_metrics,
        )

        found: dict[str, Any] = {}
        with at_work() as runtime:
            if images is not None and reference is not None:
                found |= picture_metrics(images, reference, runtime)
            if images is not None and portrait is not None:
                found |= seam_metrics(images, portrait_of(portrait), runtime)
            if motion is not None:
                found |= motion_metrics(motion_of(motion))
        text = (
            metrics_text(found)
            or "Nothing to measure: connect images with a reference or a motion."
        )
        names = ("psnr_db", "ssim", "seam_levels", "head_jitter_deg", "blinks_per_minute")
        numbers = [float(found.get(n, NOT_MEASURED)) for n in (*names, "mouth_open_range")]
        return _reported(text, found, *numbers)


class ContactSheet(io.ComfyNode):
    """A video at a glance."""

    @classmethod
    def define_schema(cls) -> Any:
        def count(name: str, default: int, high: int, what: str) -> Any:
            return io.Int.Input(name, default=default, min=1, max=high, tooltip=what)

        return node_schema(
            "ContactSheet",
            "Contact Sheet",
            _WHERE,
            "Small pictures of a video, evenly spaced, each with its time: to judge a long result "
            "at a glance.",
            [
                count("columns", 6, 32, "Pictures side by side."),
                count("rows", 4, 64, "Rows of them; short videos fill fewer."),
                io.Int.Input(
                    "cell",
                    default=240,
                    min=32,
                    max=2048,
                    step=8,
                    tooltip="Longest side of a small picture, in px.",
                ),
                *video_inputs("What to look at."),
            ],
            [io.Image.Output("sheet", display_name="sheet", tooltip="All of them in one picture.")],
            aliases=("thumbnails", "grid", "overview", "montage", "storyboard"),
            is_output_node=True,
        )

    @classmethod
    def execute(
        cls,
        columns: int,
        rows: int,
        cell: int,
        fps: float,
        video: Any = None,
        images: Any = None,
    ) -> Any:
        from .bridge import at_work, image_of, preview_ui
        from .contact_sheets import sheet_of

        with at_work() as runtime:
            sheet = sheet_of(video, images, fps, (columns, rows, cell), runtime)
        image = image_of(sheet)
        return io.NodeOutput(image, ui=preview_ui(image))


class LipSync(io.ComfyNode):
    """Do lips and sound belong together?"""

    @classmethod
    def define_schema(cls) -> Any:
        return node_schema(
            "LipSync",
            "Lip Sync Measure (LSE)",
            _WHERE,
            "How well lips and sound go together in the eyes of SyncNet: LSE-D, LSE-C and by how "
            "many frames they are apart. Needs SyncNet's file.",
            [
                *video_inputs("Somebody who speaks."),
                sockets.sound_input(
                    "audio",
                    optional=True,
                    tooltip="Compare with this sound instead of the video's own.",
                ),
                *[folded(entry) for entry in option_inputs(FaceOptions, only=_WHO)],
            ],
            [
                *_text_outputs("The measures"),
                io.Float.Output(
                    "lse_d",
                    display_name="LSE-D",
                    tooltip="Distance of lips and sound; less is better, real speech has about 7.",
                ),
                io.Float.Output(
                    "lse_c", display_name="LSE-C", tooltip="Confidence; more is better."
                ),
                io.Int.Output(
                    "offset",
                    display_name="offset",
                    tooltip="Frames of 25 a second that the lips come after the sound.",
                ),
            ],
            aliases=("syncnet", "lse-d", "lse-c", "sync", "quality", "measure"),
            is_output_node=True,
        )

    @classmethod
    def execute(
        cls, fps: float, video: Any = None, images: Any = None, audio: Any = None, **values: Any
    ) -> Any:
        from .bridge import at_work
        from .lip_sync import load_judge, measured, sync_text

        model, face = load_judge(), options_from(FaceOptions, values)
        with at_work(model) as runtime:
            found = measured(model, video, images, fps, audio, face, runtime)
        numbers = float(found["lse_d"]), float(found["lse_c"]), int(found["offset_frames"])
        return _reported(sync_text(found), found, *numbers)


class LicenceReport(io.ComfyNode):
    """May results be sold?"""

    @classmethod
    def define_schema(cls) -> Any:
        first, *more = _MODELS
        return node_schema(
            "LicenceReport",
            "Licence Report",
            _WHERE,
            "Which weights the connected models use, whose they are, on which terms, and whether "
            "results may be sold, in plain words.",
            [
                _any_model(first, "A model of this graph."),
                *[_any_model(name, "Another model of this graph.", True) for name in more],
            ],
            _text_outputs("Terms"),
            aliases=("license", "commercial use", "terms", "legal", "copyright"),
            is_output_node=True,
        )

    @classmethod
    def execute(cls, **models: Any) -> Any:
        from .licence_words import licence_report, licence_text

        used = [models[name] for name in _MODELS if models.get(name) is not None]
        report = licence_report([(model.engine, model.files) for model in used])
        text = licence_text(report)
        return _reported(text, report, brief=text.partition("\n")[0])


class ModelReport(io.ComfyNode):
    """Which files are missing?"""

    @classmethod
    def define_schema(cls) -> Any:
        from ..sadtalker_core.registry import ENGINES, RELIPPERS

        engines = (*ENGINES, *(engine for engine in RELIPPERS if engine.needs_download))
        names = [*(engine.id for engine in engines), *_PARTS]
        return node_schema(
            "ModelReport",
            "Model Report",
            _WHERE,
            "Every weight file that the engines know: where it was found, or where to get it and "
            "which folder to put it into. Nothing is downloaded.",
            [
                io.Combo.Input(
                    "engine", options=["all", *names], default="all", tooltip="Whose files."
                )
            ],
            [
                *_text_outputs("All files"),
                io.Int.Output(
                    "missing", display_name="missing", tooltip="How many engines cannot run yet."
                ),
            ],
            aliases=("weights", "checkpoints", "download", "missing models", "where to put"),
            is_output_node=True,
        )

    @classmethod
    def execute(cls, engine: str) -> Any:
        from .weight_report import weight_text

        report = _weights(engine)
        missing = sum(not entry["ready"] for entry in report["engines"])
        text = weight_text(report)
        return _reported(text, report, missing, brief=text.partition("\n\n")[0])

    @classmethod
    def fingerprint_inputs(cls, engine: str) -> str:
        return json.dumps(_weights(engine), sort_keys=True)


def _weights(engine: str) -> dict[str, Any]:
    from .host_models import host_store
    from .weight_report import weight_report

    return weight_report(host_store(), "" if engine == "all" else engine)


NODES = [FaceMetrics, LipSync, ContactSheet, LicenceReport, ModelReport]
