"""Faces as they travel between nodes, and as ComfyUI's own face nodes give them.

``PORTRAIT_FACES`` holds a list of faces for every picture of a batch, the largest first.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ..sadtalker_core.errors import NoFaceError, OptionError
from ..sadtalker_core.faces.options import FaceOptions
from ..sadtalker_core.runtime import Runtime
from .packing import pack, unpack

if TYPE_CHECKING:
    from ..sadtalker_core.faces.face import Face
    from ..sadtalker_core.faces.networks import FaceNets

VERSION = 1


def faces_dict(
    size: tuple[int, int],
    frames: Sequence[Sequence[Face]],
    cut_from: Sequence[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """A ``PORTRAIT_FACES``.

    Args:
        size: (H, W) of the pictures.
        frames: the faces of each picture.
        cut_from: of pictures that were cut from others: ``picture``, its number, and
            ``image_from_crop`` (3, 3), its place.
    """
    data: dict[str, Any] = {
        "type": "Faces",
        "version": VERSION,
        "size": list(size),
        "frames": [[pack(face) for face in faces] for faces in frames],
    }
    if cut_from is not None:
        data["cut_from"] = list(cut_from)
    return data


def frames_of(data: Any) -> list[list[Face]]:
    """The faces of each picture in a ``PORTRAIT_FACES``.

    Raises:
        OptionError: it is none, or of another version.
    """
    if not isinstance(data, dict) or data.get("type") != "Faces":
        raise OptionError("faces were expected; connect a Detect Faces node.")
    if data.get("version") != VERSION:
        raise OptionError("these faces are of another version; run Detect Faces again.")
    return [[unpack(face) for face in faces] for faces in data["frames"]]


def size_of(data: dict[str, Any]) -> tuple[int, int]:
    """(H, W) of the pictures that faces were found in."""
    height, width = data["size"]
    return int(height), int(width)


def frames_for(data: Any, image: Tensor) -> list[list[Face]]:
    """The faces of each picture of an IMAGE; those of one picture do for all.

    Raises:
        OptionError: they were found in pictures of another size, or number.
    """
    frames = frames_of(data)
    size, wanted = size_of(data), (int(image.shape[1]), int(image.shape[2]))
    if size != wanted:
        raise OptionError(
            f"the faces were found in a picture of {size[1]}x{size[0]} pixels, this one has "
            f"{wanted[1]}x{wanted[0]}; connect the same image to both nodes."
        )
    return _for_each(frames, len(image), "faces")


def _for_each(frames: list[Any], count: int, what: str) -> list[Any]:
    if len(frames) not in (1, count):
        raise OptionError(
            f"there are {what} of {len(frames)} pictures, but {count} pictures; connect the same "
            "image to both nodes."
        )
    return frames * count if len(frames) == 1 else frames


@functools.lru_cache(maxsize=2)
def face_nets(device: torch.device) -> FaceNets:
    """The face nets, read once."""
    from ..sadtalker_core.faces.networks import load_face_nets

    return load_face_nets(device)


def find_in_pictures(
    pictures: Tensor,
    options: FaceOptions,
    runtime: Runtime,
    landmarks: Any = None,
    bboxes: Any = None,
) -> list[list[Face]]:
    """The faces of each of (B, 3, H, W) uint8 pictures, the largest first.

    Args:
        pictures: where to look.
        options: how hard to look.
        runtime: progress and cancel.
        landmarks: a ``FACE_LANDMARKS`` that says where faces are: nothing is looked for then.
        bboxes: a ``BOUNDING_BOX``: faces are looked for only there.

    Raises:
        OptionError: landmarks or boxes are of other pictures.
    """
    from ..sadtalker_core.faces.find import find_faces
    from ..sadtalker_core.faces.within import find_faces_within

    count = len(pictures)
    if landmarks is not None:
        size = int(pictures.shape[2]), int(pictures.shape[3])
        return _for_each(faces_of_landmarks(landmarks, size), count, "landmarks")
    boxes = None if bboxes is None else _for_each(boxes_of(bboxes), count, "boxes")
    nets = face_nets(runtime.device)
    found: list[list[Face]] = []
    for index, rgb in enumerate(pictures):
        runtime.check_cancelled()
        if boxes is None:
            found.append(find_faces(nets, rgb, options))
        else:
            found.append(find_faces_within(nets, rgb, boxes[index], options))
        if count > 1:
            runtime.progress("faces", index + 1, count)
    return found


def faces_of_landmarks(data: Any, size: tuple[int, int]) -> list[list[Face]]:
    """The faces in ComfyUI's ``FACE_LANDMARKS``, the largest first.

    Args:
        data: ``{"frames": [[face, ...], ...], "image_size": (H, W)}``; each face has
            ``landmarks_xy`` (478, 2) in pixels, perhaps ``landmarks_3d``, ``score``, and
            ``presence`` as the network gives it, before the sigmoid.
        size: (H, W) of the pictures.

    Raises:
        OptionError: it is none, or of pictures of another size.
    """
    from ..sadtalker_core.faces.landmarks478 import face_of_478

    if not isinstance(data, dict) or "frames" not in data:
        raise OptionError("face landmarks were expected; connect a face landmarker node.")
    found_in = tuple(int(side) for side in data.get("image_size", size))
    if found_in != size:
        raise OptionError(
            f"the landmarks were found in a picture of {found_in[1]}x{found_in[0]} pixels, this "
            f"one has {size[1]}x{size[0]}; connect the same image to both nodes."
        )

    def face(found: dict[str, Any]) -> Face:
        solid = found.get("landmarks_3d")
        logit = torch.tensor(float(found.get("presence", 10.0)))
        return face_of_478(
            torch.as_tensor(found["landmarks_xy"], dtype=torch.float32),
            None if solid is None else torch.as_tensor(solid, dtype=torch.float32),
            score=float(found.get("score", 1.0)),
            presence=float(torch.sigmoid(logit)),
        )

    frames = [[face(found) for found in faces] for faces in data["frames"]]
    return [sorted(faces, key=lambda each: -each.size_px) for faces in frames]


def boxes_of(data: Any) -> list[list[tuple[float, ...]]]:
    """x0, y0, x1, y1 of each box of each picture in ComfyUI's ``BOUNDING_BOX``.

    That is a dictionary with x, y, width and height in pixels, a list of them (for one picture),
    or a list of lists.

    Raises:
        OptionError: it is something else.
    """
    if isinstance(data, dict):
        data = [data]
    if isinstance(data, (list, tuple)) and all(isinstance(each, dict) for each in data):
        data = [data]
    try:
        return [
            [
                (
                    float(box["x"]),
                    float(box["y"]),
                    float(box["x"]) + float(box["width"]),
                    float(box["y"]) + float(box["height"]),
                )
                for box in boxes
            ]
            for boxes in data
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise OptionError(
            "boxes must have x, y, width and height in pixels; connect a node that gives "
            "BOUNDING_BOX."
        ) from error


def boxes_dict(frames: Sequence[Sequence[Face]]) -> list[list[dict[str, Any]]]:
    """Faces as a ``BOUNDING_BOX``, as ComfyUI's detectors give it."""
    return [[_box(face) for face in faces] for faces in frames]


def _box(face: Face) -> dict[str, Any]:
    x0, y0, x1, y1 = face.box_px.tolist()
    place = {"x": x0, "y": y0, "width": x1 - x0, "height": y1 - y0}
    return {**place, "label": "face", "score": face.score}


def check_found(frames: Sequence[Sequence[Face]], pictures: Tensor, options: FaceOptions) -> None:
    """Refuse pictures none of which shows a face.

    Raises:
        NoFaceError: says their size and what to do.
    """
    from ..sadtalker_core.faces.choose import choose_face

    if not any(frames):
        choose_face([], options, (int(pictures.shape[2]), int(pictures.shape[3])))
        raise NoFaceError("No face was found.")
