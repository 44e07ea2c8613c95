"""Nodes that make a picture or a video ready to be moved."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from ..sadtalker_core.errors import NoFaceError
from ..sadtalker_core.faces.options import FaceOptions
from . import sockets
from .face_choice import numbers_of
from .face_values import find_in_pictures, frames_for
from .faces import HOW_HARD
from .faces import NODES as FACE_NODES
from .host import io
from .schema import folded, fps_input, node_schema, option_inputs, options_from

if TYPE_CHECKING:
    from torch import Tensor

    from ..sadtalker_core.faces.face import Face
    from .host_models import HostModel

_WHO = ("face_select", "face_index", "face_point")


def _prepare_inputs() -> list[Any]:
    """Render options that count when a portrait is prepared; the loaders have the others."""
    from ..sadtalker_core.registry import find_engine

    made: list[Any] = []
    for engine_id, label, names in _PREPARING:
        options = find_engine(engine_id).render_options
        for given in option_inputs(options, only=names):
            given.tooltip = f"{label}: {given.tooltip}"
            made.append(given if given.id in _SHOWN else folded(given))
    return made


_PREPARING = (
    ("lite", "Built-in engine", ("frame", "frame_size", "close_mouth", "teeth", "background")),
    (
        "liveportrait",
        "LivePortrait",
        (
            *("stitching", "pasteback", "do_crop", "crop_scale", "crop_x", "crop_y"),
            *("crop_rotate", "crop_box", "seam"),
        ),
    ),
    ("sadtalker", "SadTalker", ("paste",)),
)
_SHOWN = ("frame",)


def render_options(model: HostModel, values: dict[str, Any]) -> Any:
    """The model's own render options with those of a node's values that its engine knows."""
    kind = model.engine.render_options
    return options_from(kind, {**dataclasses.asdict(model.options), **values})


class PreparePortrait(io.ComfyNode):
    """What depends on a picture alone, done once."""

    @classmethod
    def define_schema(cls) -> Any:
        return node_schema(
            "PreparePortrait",
            "Prepare Portrait",
            "portrait",
            "Makes a picture ready to be moved: the face, its crop, features and keypoints, once "
            "for all motion. A batch gives one portrait for each picture.",
            [
                sockets.Model.Input("model", tooltip="The engine that will move it."),
                io.Image.Input("image", tooltip="Pictures with a face; one portrait for each."),
                sockets.Faces.Input(
                    "faces",
                    optional=True,
                    tooltip="The faces that move; LivePortrait moves all of them, the others the "
                    "first. Without it the face is found here.",
                ),
                *(_who(given) for given in option_inputs(FaceOptions, only=_WHO)),
                *_prepare_inputs(),
            ],
            [
                sockets.Portrait.Output(
                    "portrait",
                    display_name="portrait",
                    tooltip="For the nodes that edit, drive and render.",
                    is_output_list=True,
                )
            ],
            aliases=("portrait", "source image", "load portrait", "crop source"),
        )

    @classmethod
    def execute(cls, model: HostModel, image: Tensor, faces: Any = None, **values: Any) -> Any:
        from . import bridge
        from .portraits import portrait_dict, prepare

        options, who = render_options(model, values), options_from(FaceOptions, values)
        pictures = bridge.pictures_of(image)
        with bridge.at_work(model) as runtime:
            frames = faces_that_move(model, image, pictures, faces, who, options, runtime)
            made = [
                portrait_dict(prepare(model, rgb, found, options, runtime))
                for rgb, found in zip(pictures, frames)
            ]
        return io.NodeOutput(made)


def _who(given: Any) -> Any:
    given.tooltip += " Where no faces are connected."
    return given if given.id == "face_select" else folded(given)


def faces_that_move(
    model: HostModel,
    image: Tensor,
    pictures: Tensor,
    faces: Any,
    who: FaceOptions,
    options: Any,
    runtime: Any,
) -> list[list[Face]]:
    """The faces of each picture that are to be moved; none for an animal.

    Args:
        model: the engine.
        image: the pictures as an IMAGE.
        pictures: the same as (B, 3, H, W) uint8.
        faces: ``PORTRAIT_FACES`` or None.
        who: which face, where none are given.
        options: render options.
        runtime: device, progress, cancel.

    Raises:
        NoFaceError: a picture shows no face, or none was chosen.
    """
    from ..sadtalker_core.faces.choose import choose_face

    if getattr(options, "species", "human") == "animal":
        return [[] for _ in pictures]
    if faces is not None:
        frames = frames_for(faces, image)
        for index, found in enumerate(frames):
            if not found:
                raise NoFaceError(
                    f"picture {index} has no face among those that are connected; leave it out, or "
                    "choose otherwise."
                )
        return frames
    size = int(image.shape[1]), int(image.shape[2])
    found = find_in_pictures(pictures, who, runtime)
    _say_who(found, who, runtime)
    return [[choose_face(each, who, size)] for each in found]


def _say_who(found: list[list[Face]], who: FaceOptions, runtime: Any) -> None:
    """Tell those who did not choose among several faces that there were several."""
    most = max((len(faces) for faces in found), default=0)
    if most > 1 and who == FaceOptions():
        note = f"{most} faces were found, the largest one moves; face_select chooses another."
        runtime.progress(note, 0, 0)


class PrepareVideo(io.ComfyNode):
    """The same of a video each of whose frames is moved."""

    @classmethod
    def define_schema(cls) -> Any:
        return node_schema(
            "PrepareVideo",
            "Prepare Video",
            "portrait",
            "Makes a video ready whose face is to be moved in every frame: its expression edited, "
            "or driven by another one. Frames are not kept in memory; LivePortrait and the "
            "built-in engine can do it.",
            [
                sockets.Model.Input("model", tooltip="The engine that will move it."),
                io.Video.Input("video", optional=True, tooltip="The video; it is streamed."),
                io.Image.Input(
                    "images", optional=True, tooltip="Its frames instead, where there is no video."
                ),
                fps_input(),
                *option_inputs(FaceOptions, only=(*_WHO, *HOW_HARD, "landmark_smoothing")),
                folded(
                    io.String.Input(
                        "who",
                        default="",
                        tooltip="LivePortrait: numbers of several faces such as 0, 1, or all, as "
                        "they are first seen. Empty moves the one that face_select means.",
                    )
                ),
                *_prepare_inputs(),
            ],
            [
                sockets.Portrait.Output(
                    "portrait",
                    display_name="portrait",
                    tooltip="For the nodes that edit, drive and render.",
                )
            ],
            aliases=("video to video", "source video", "vid2vid"),
        )

    @classmethod
    def execute(
        cls,
        model: HostModel,
        fps: float,
        video: Any = None,
        images: Tensor | None = None,
        who: str = "",
        **values: Any,
    ) -> Any:
        from . import bridge
        from .media import reference_of
        from .portraits import portrait_dict, prepare_video

        source: dict[str, Any] = {"video": video, "images": images, "fps": fps}
        options, face = render_options(model, values), options_from(FaceOptions, values)
        with bridge.at_work(model) as runtime:
            value = prepare_video(
                model, reference_of(**source), source, face, _several(who), options, runtime
            )
        return io.NodeOutput(portrait_dict(value))


def _several(who: str) -> tuple[int, ...] | None:
    text = who.strip().lower()
    if text == "all":
        return ()
    return numbers_of(text) if text else None


NODES = [*FACE_NODES, PreparePortrait, PrepareVideo]
