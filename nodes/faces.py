"""Nodes for the faces in pictures: find, choose, cut, put back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..sadtalker_core.errors import FaceError
from ..sadtalker_core.faces.options import FaceOptions
from . import sockets
from .face_choice import WAYS, chosen, numbers_of
from .face_values import (
    boxes_dict,
    check_found,
    faces_dict,
    find_in_pictures,
    frames_for,
    frames_of,
    size_of,
)
from .host import io
from .schema import folded, node_schema, option_inputs, options_from

if TYPE_CHECKING:
    from torch import Tensor

    from ..sadtalker_core.faces.face import Face

HOW_HARD = ("face_search", "detection_threshold", "presence_threshold")


def _faces_output(name: str, display_name: str, tooltip: str) -> Any:
    return sockets.Faces.Output(name, display_name=display_name, tooltip=tooltip)


def _found_elsewhere() -> list[Any]:
    """What ComfyUI's own detectors give."""
    return [
        sockets.FaceLandmarks.Input(
            "face_landmarks",
            optional=True,
            tooltip="From ComfyUI's MediaPipe Face Landmarker: its faces are taken as they are.",
        ),
        sockets.BoundingBox.Input(
            "bboxes",
            optional=True,
            tooltip="Boxes from any detector: a face is looked for only there.",
            extra_dict={"forceInput": True},
        ),
    ]


class DetectFaces(io.ComfyNode):
    """Faces with their landmarks."""

    @classmethod
    def define_schema(cls) -> Any:
        return node_schema(
            "DetectFaces",
            "Detect Faces",
            "portrait",
            "Finds the faces of every picture, with landmarks, and draws them with their numbers. "
            "Nothing needs to be downloaded.",
            [
                io.Image.Input("image", tooltip="Pictures to look at."),
                *option_inputs(FaceOptions, only=HOW_HARD),
                *_found_elsewhere(),
            ],
            [
                _faces_output("faces", "faces", "The faces of each picture, the largest first."),
                io.Image.Output(
                    "overlay",
                    display_name="overlay",
                    tooltip="The pictures with mesh, eyes, lips and numbers drawn in; those with "
                    "small faces are enlarged.",
                ),
                io.Int.Output("count", display_name="count", tooltip="Faces in the first picture."),
                sockets.BoundingBox.Output(
                    "boxes",
                    display_name="bboxes",
                    tooltip="A box around each face, for ComfyUI's own nodes.",
                ),
            ],
            aliases=("face detection", "landmarks", "face mesh", "bounding box", "mediapipe"),
        )

    @classmethod
    def execute(
        cls, image: Tensor, face_landmarks: Any = None, bboxes: Any = None, **values: Any
    ) -> Any:
        from . import bridge

        pictures = bridge.pictures_of(image)
        options = options_from(FaceOptions, values)
        with bridge.at_work() as runtime:
            frames = find_in_pictures(pictures, options, runtime, face_landmarks, bboxes)
        check_found(frames, pictures, options)
        size = int(image.shape[1]), int(image.shape[2])
        overlay = bridge.image_of(_drawn(pictures, frames))
        boxes = boxes_dict(frames)
        return io.NodeOutput(faces_dict(size, frames), overlay, len(frames[0]), boxes)


def _drawn(pictures: Tensor, frames: list[list[Face]]) -> Tensor:
    import torch

    from ..sadtalker_core.faces.overlay import draw_faces

    drawn = [draw_faces(rgb, faces) for rgb, faces in zip(pictures, frames)]
    # pictures with smaller faces come back larger, each by its own whole factor
    tallest = max(part.shape[1] for part in drawn)
    grown = []
    for part in drawn:
        size = tallest, part.shape[2] * tallest // part.shape[1]
        even = part[None] if part.shape[1] == tallest else _resized(part, size)
        grown.append(even)
    return torch.cat(grown)


def _resized(part: Tensor, size: tuple[int, int]) -> Tensor:
    from torch.nn.functional import interpolate

    return interpolate(part[None].float(), size=size, mode="bilinear").round().to(part.dtype)


class ChooseFace(io.ComfyNode):
    """Some of several faces."""

    @classmethod
    def define_schema(cls) -> Any:
        return node_schema(
            "ChooseFace",
            "Choose Face",
            "portrait",
            "Keeps the face, or the faces, that are meant, for each picture.",
            [
                sockets.Faces.Input("faces", tooltip="From Detect Faces."),
                io.Combo.Input(
                    "by",
                    options=list(WAYS),
                    default="largest",
                    tooltip="How faces are told apart: by size or place, the surest one (best), by "
                    "the numbers that Detect Faces draws, the one nearest to a point, the one "
                    "under a mask, or all.",
                ),
                io.String.Input(
                    "numbers",
                    default="0",
                    tooltip="By numbers: one or several, such as 0 or 2, 0. 0 is the largest face.",
                ),
                io.Int.Input(
                    "x", default=0, min=0, max=16384, tooltip="By point: its x in pixels."
                ),
                io.Int.Input(
                    "y", default=0, min=0, max=16384, tooltip="By point: its y in pixels."
                ),
                io.Mask.Input(
                    "mask", optional=True, tooltip="By mask: painted over the face that is meant."
                ),
            ],
            [_faces_output("chosen", "faces", "The chosen faces, in the order asked for.")],
            aliases=("select face", "face index", "pick face", "several faces"),
        )

    @classmethod
    def validate_inputs(cls, by: str | None, numbers: str | None) -> bool | str:
        from .host_files import refusal

        if by is not None and by not in WAYS:
            return f"by is {by!r}, known values are: {', '.join(WAYS)}."
        # what is linked is not known yet
        if by != "numbers" or numbers is None:
            return True
        return refusal(lambda: numbers_of(numbers))

    @classmethod
    def execute(
        cls, faces: Any, by: str, numbers: str, x: int, y: int, mask: Tensor | None = None
    ) -> Any:
        size = size_of(faces) if isinstance(faces, dict) and "size" in faces else (0, 0)
        wanted = numbers_of(numbers) if by == "numbers" else ()
        kept: list[list[Face]] = []
        refused: FaceError | None = None
        for index, found in enumerate(frames_of(faces)):
            part = None if mask is None else mask[min(index, len(mask) - 1)]
            try:
                kept.append(chosen(found, by, size, wanted, (float(x), float(y)), part))
            except FaceError as error:
                kept.append([])  # such as a frame of a video where the face is hidden
                refused = refused or error
        if refused is not None and not any(kept):
            raise refused
        return io.NodeOutput(faces_dict(size, kept))


class CropFace(io.ComfyNode):
    """Squares around faces."""

    @classmethod
    def define_schema(cls) -> Any:
        return node_schema(
            "CropFace",
            "Crop Face",
            "portrait",
            "Cuts a square around each face, with a mask of the face. Paste Face Crop puts it "
            "back after any other node changed it.",
            [
                io.Image.Input("image", tooltip="The pictures that the faces are in."),
                sockets.Faces.Input("faces", tooltip="From Detect Faces or Choose Face."),
                io.Int.Input(
                    "size", default=512, min=64, max=4096, step=8, tooltip="Side in pixels."
                ),
                io.Float.Input(
                    "margin",
                    default=1.7,
                    min=1.0,
                    max=4.0,
                    step=0.05,
                    tooltip="Side of the square over the size of the face.",
                ),
                io.Boolean.Input(
                    "upright", default=False, tooltip="Turn the square so that the eyes are level."
                ),
                folded(
                    io.Float.Input(
                        "shift_y",
                        default=0.0,
                        min=-1.0,
                        max=1.0,
                        step=0.01,
                        tooltip="Move the square down by this part of its side.",
                    )
                ),
                folded(
                    io.Float.Input(
                        "mask_softness",
                        default=0.06,
                        min=0.0,
                        max=0.3,
                        step=0.01,
                        tooltip="Softness of the mask's edge as a part of the side.",
                    )
                ),
            ],
            [
                io.Image.Output("crops", display_name="crops", tooltip="A square for each face."),
                io.Mask.Output("masks", display_name="masks", tooltip="The face in each square."),
                _faces_output(
                    "crop_faces",
                    "crop faces",
                    "The faces in the squares, and where the squares were cut.",
                ),
            ],
            aliases=("face crop", "cut face", "face detailer", "align face"),
        )

    @classmethod
    def execute(
        cls,
        image: Tensor,
        faces: Any,
        size: int,
        margin: float,
        upright: bool,
        shift_y: float = 0.0,
        mask_softness: float = 0.06,
    ) -> Any:
        from .face_crops import cut_faces

        frames = frames_for(faces, image)
        crops, masks, found, places = cut_faces(
            image, frames, size, (margin, upright, shift_y), mask_softness
        )
        return io.NodeOutput(crops, masks, faces_dict((size, size), found, places))


class PasteFace(io.ComfyNode):
    """Squares back into their pictures."""

    @classmethod
    def define_schema(cls) -> Any:
        return node_schema(
            "PasteFace",
            "Paste Face Crop",
            "portrait",
            "Puts the squares of Crop Face back into their pictures, after an upscaler, a sampler "
            "or any other node changed them.",
            [
                io.Image.Input("image", tooltip="The pictures that the squares were cut from."),
                io.Image.Input("crops", tooltip="The changed squares, of any size."),
                sockets.Faces.Input("crop_faces", tooltip="From Crop Face."),
                io.Mask.Input(
                    "mask",
                    optional=True,
                    tooltip="How much of the squares counts; without one all of it, with a soft "
                    "edge.",
                ),
            ],
            [io.Image.Output("pasted", display_name="image", tooltip="The whole pictures.")],
            aliases=("paste back", "composite face", "uncrop", "face detailer"),
        )

    @classmethod
    def execute(
        cls, image: Tensor, crops: Tensor, crop_faces: Any, mask: Tensor | None = None
    ) -> Any:
        from .face_crops import paste_crops

        return io.NodeOutput(paste_crops(image, crops, crop_faces, mask))


NODES = [DetectFaces, ChooseFace, CropFace, PasteFace]
