"""The networks beside the enhancer that the originals' own way needs."""

from __future__ import annotations

from dataclasses import dataclass

from ..faces.nets.retinaface import RetinaFace
from .fast.parsenet import FastParseNet
from .nets.parsenet import ParseNet


@dataclass(frozen=True)
class OriginalNets:
    """What finds and parses faces in GFPGAN's way and in GPEN's."""

    finder: RetinaFace
    parser: ParseNet | FastParseNet
