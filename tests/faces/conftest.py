"""The bundled portrait with its face, once for all face tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from torch import Tensor

from sadtalker_core.faces.face import Face
from sadtalker_core.faces.find import find_faces
from sadtalker_core.faces.networks import FaceNets, load_face_nets
from sadtalker_core.media.pictures import read_picture


@pytest.fixture(scope="session")
def nets() -> FaceNets:
    return load_face_nets()


@pytest.fixture(scope="session")
def portrait(demo_portrait: Path) -> Tensor:
    """(3, 512, 512) uint8; the face is about 102 pixels wide at (225, 120)."""
    return read_picture(demo_portrait).rgb


@pytest.fixture(scope="session")
def face(nets: FaceNets, portrait: Tensor) -> Face:
    return find_faces(nets, portrait)[0]
