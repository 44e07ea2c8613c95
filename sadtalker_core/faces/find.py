"""All faces of a picture, with landmarks."""

from __future__ import annotations

import torch
from torch import Tensor

from .crop import Image, to_image
from .detect import Detection, beside, detect_tiles, detect_turned, detect_whole, overlap
from .face import Face
from .landmarks import faces_from_meshes, find_meshes, square_of_detection, steady_meshes
from .networks import FaceNets
from .options import FaceOptions

_SMALL = 0.12  # when the largest face is below this part of the picture, others may be missed


def find_faces(nets: FaceNets, rgb: Tensor, options: FaceOptions | None = None) -> list[Face]:
    """All faces of ``rgb`` (3, H, W), uint8 or float in [0, 1], largest first.

    Every detection is confirmed by the mesh net; what it does not hold for a face is left out.
    An empty list means that there is none; ``choose_face`` makes that an error.
    """
    with torch.no_grad():
        return find_in_image(nets, to_image(rgb), options or FaceOptions())


def find_in_image(nets: FaceNets, image: Image, options: FaceOptions) -> list[Face]:
    """``find_faces`` of an (H, W, 3) uint8 array."""
    threshold = options.detection_threshold
    seen = detect_whole(nets, image, threshold)
    faces = _confirmed(nets, image, seen, options)
    search = options.face_search
    longest = max(image.shape[:2])
    if search == "thorough" or (search == "auto" and not faces):
        # turned looks must not be averaged with upright ones, so they are only put beside them
        turned = detect_turned(nets, image, threshold)
        faces = _confirmed(nets, image, beside([seen, turned]), options)
        seen = beside([seen, turned])
    is_small = not faces or faces[0].size_px < _SMALL * longest
    if search == "thorough" or (search == "auto" and is_small):
        for parts in (2, 4):
            seen = beside([seen, detect_tiles(nets, image, threshold, parts)])
            faces = _confirmed(nets, image, seen, options)
            if faces and search == "auto":
                break
    return faces


def _confirmed(nets: FaceNets, image: Image, seen: Detection, options: FaceOptions) -> list[Face]:
    """The faces among detections, each once, largest first."""
    squares = [square_of_detection(points) for points in seen.points_px]
    meshes, presence = find_meshes(nets, image, squares, refinements=2)
    kept: list[int] = []
    boxes = torch.cat((meshes[..., :2].amin(1), meshes[..., :2].amax(1)), -1) if squares else None
    # A face seen from far may be taken to stand on its head: the surest of its meshes is kept.
    for i in presence.argsort(descending=True, stable=True).tolist():
        assert boxes is not None
        sure = float(presence[i]) > options.presence_threshold
        if sure and (not kept or float(overlap(boxes[i], boxes[kept]).max()) < 0.5):
            kept.append(i)
    scores = [float(seen.scores[i]) for i in kept]
    meshes = steady_meshes(nets, image, meshes[kept])
    faces = faces_from_meshes(nets, image, meshes, presence[kept], scores)
    return sorted(faces, key=lambda face: -face.size_px)
