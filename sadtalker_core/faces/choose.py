"""Which of several faces is meant."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..errors import FaceIndexError, NoFaceError, OptionError
from .face import Face
from .options import FaceOptions


def choose_face(
    faces: Sequence[Face],
    options: FaceOptions | None = None,
    picture_size: tuple[int, int] | None = None,
) -> Face:
    """The face that ``options`` mean, among ``faces`` sorted by size.

    ``picture_size`` (H, W) tells where the centre is; without it, the middle of all faces counts.
    Raises ``NoFaceError`` when the list is empty, ``FaceIndexError`` when it is too short, and
    ``OptionError`` when the chosen point is outside of the picture.
    """
    options = options or FaceOptions()
    if not faces:
        where = f" ({picture_size[1]}x{picture_size[0]} pixels)" if picture_size else ""
        raise NoFaceError(
            f"No face was found in the picture{where}. Use a picture where a face looks toward the "
            f"viewer, or lower detection_threshold (now {options.detection_threshold:.2f})."
        )
    point = options.point()
    if options.face_index is not None:
        if options.face_index >= len(faces):
            have = "only 1 face" if len(faces) == 1 else f"only {len(faces)} faces"
            last = "0" if len(faces) == 1 else f"0 to {len(faces) - 1}"
            raise FaceIndexError(
                f"Face {options.face_index} was asked for, but the picture has {have}; "
                f"face_index can be {last}."
            )
        return faces[options.face_index]
    if point is not None:
        height, width = picture_size or (math.inf, math.inf)
        if not (0 <= point[0] < width and 0 <= point[1] < height):
            raise OptionError(
                f"face_point is {options.face_point}, outside of the picture ({width}x{height} "
                "pixels)."
            )
        return min(faces, key=lambda face: _distance(face, point))
    if options.face_select == "left":
        return min(faces, key=lambda face: face.center_px[0])
    if options.face_select == "right":
        return max(faces, key=lambda face: face.center_px[0])
    if options.face_select == "best":
        return max(faces, key=lambda face: (face.score * face.presence, face.size_px))
    if options.face_select == "center":
        middle = _middle(faces, picture_size)
        return min(faces, key=lambda face: _distance(face, middle))
    return max(faces, key=lambda face: face.size_px)


def _distance(face: Face, point: tuple[float, float]) -> float:
    x, y = face.center_px
    return (x - point[0]) ** 2 + (y - point[1]) ** 2


def _middle(faces: Sequence[Face], size: tuple[int, int] | None) -> tuple[float, float]:
    if size is not None:
        return (size[1] - 1) / 2, (size[0] - 1) / 2
    xs = [x for face in faces for x in face.box_px[[0, 2]].tolist()]
    ys = [y for face in faces for y in face.box_px[[1, 3]].tolist()]
    return (min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2
