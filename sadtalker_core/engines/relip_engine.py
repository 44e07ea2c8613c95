"""How any engine that gives a video new lips is called."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..faces.options import FaceOptions
from ..motion_request import MotionRequest
from ..relip_request import Relipped, RelipReport, RelipVideo
from ..runtime import Runtime
from ..weights.catalog import WeightFile
from .engine import Cost, no_weights

__all__ = ["Relip", "RelipEngine", "RelipReport", "RelipVideo", "Relipped"]

Relip = Callable[
    [Any, RelipVideo, FaceOptions, "int | None", MotionRequest, Any, Runtime], Relipped
]


def _no_inputs(options: Any) -> tuple[Path, ...]:
    return ()


@dataclass(frozen=True)
class RelipEngine:
    """How one engine that gives a video new lips is called. Every such engine has the same steps.

    Attributes:
        id: name on the command line.
        title: name for people.
        description: one sentence: what it does and what it does not.
        licence: terms of the code and of its weights.
        needs_download: whether weights must be fetched before the first use.
        options: the one option dataclass: everything that can be said to this engine.
        weights: ``(options)``: the files that must be on disk for these options; none for an
            engine that needs no download.
        load: ``(files by name, options, runtime)``: its networks.
        relip: ``(networks, video, face, who, speech, options, runtime)``: the frames with new lips.
            ``face`` says how to look and which face is meant; ``who``, where it is given, is the
            number of the face that speaks in the first frame that shows so many, the largest first,
            and beats the choice in ``face``. ``speech`` has the sound, which is as long as the
            video (up to a frame) or shorter; its ``options`` are the same object as ``options``.
            Frames without the face are passed through and counted in the report. What lies outside
            of the mask is untouched to the bit, and so are size, rate and number of the frames. It
            raises ``NoFaceError`` if no frame at all shows the face: before the first frame where
            that is cheap to know, else at the end of the stream.
        cost: ``(options)``: an order of magnitude.
        older_weights: ``(options)``: files that do in place of ``weights``; none for most.
        inputs: ``(options)``: files of the user that the options name; none for most.
    """

    id: str
    title: str
    description: str
    licence: str
    needs_download: bool
    options: type[Any]
    weights: Callable[[Any], tuple[WeightFile, ...]]
    load: Callable[[Mapping[str, Path], Any, Runtime], Any]
    relip: Relip
    cost: Callable[[Any], Cost]
    older_weights: Callable[[Any], tuple[WeightFile, ...]] = no_weights
    inputs: Callable[[Any], tuple[Path, ...]] = _no_inputs

    @property
    def render_options(self) -> type[Any]:
        """The same, under the name that other engines have for what chooses their weights."""
        return self.options
