"""Faces of the pictures that are on the page, looked for once each."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..faces.face import Face
from ..faces.find import find_faces
from ..faces.networks import load_face_nets
from ..faces.options import FaceOptions
from ..jobs.inputs import portrait_picture
from ..media.thumbnails import jpeg_of

PICTURE_PX = 720
_KEPT = 12  # pictures whose faces are remembered


@dataclass(frozen=True)
class Seen:
    """The faces of a picture, the largest first, and the picture in small."""

    faces: tuple[Face, ...]
    size: tuple[int, int]
    jpeg: bytes


class Finder:
    """Faces of the pictures that are on the page, looked for once each."""

    def __init__(self) -> None:
        self._nets: Any = None
        self._lock = threading.Lock()
        self._seen: OrderedDict[Any, Seen] = OrderedDict()

    def seen(self, path: Path, options: FaceOptions) -> Seen:
        """The faces of a picture, or of the first frame of a video.

        Raises:
            TalkingPortraitsError: it cannot be read.
        """
        how = (options.face_search, options.detection_threshold, options.presence_threshold)
        key = (path, path.stat().st_mtime_ns if path.is_file() else 0, how)
        with self._lock:
            if key not in self._seen:
                rgb = portrait_picture(path, _say_nothing)
                self._nets = self._nets or load_face_nets()
                faces = tuple(find_faces(self._nets, rgb, options))
                size = (int(rgb.shape[1]), int(rgb.shape[2]))
                self._seen[key] = Seen(faces, size, jpeg_of(rgb, PICTURE_PX, 85))
            self._seen.move_to_end(key)
            while len(self._seen) > _KEPT:
                self._seen.popitem(last=False)
            return self._seen[key]


def _say_nothing(sentence: str) -> None:
    pass
