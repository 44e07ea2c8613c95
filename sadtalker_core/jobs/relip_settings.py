"""What a job of new lips is: a video, a sound, and options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from ..engines.relip_engine import RelipEngine
from ..enhance.options import EnhanceStage
from ..faces.options import FaceOptions
from ..media.options import REPEATS, VideoOptions
from ..options import check_options, option
from ..registry import RELIPPER_IDS, RELIPPERS, find_relipper
from .engines import chosen_engine
from .kinds import JobKind, build, settle_options
from .settings import CommonRunOptions
from .values import parse_fps


@dataclass(frozen=True)
class RelipRunOptions(CommonRunOptions):
    """How the job as a whole runs."""

    engine: str = option("auto", choices=RELIPPER_IDS, help="Which engine makes the lips.")
    repeat: str = option(
        "ping-pong",
        choices=REPEATS,
        help="What a sound that is longer than the video goes on with: the video backward and "
        "forward (ping-pong), again from its start (loop), its last frame (hold), or nothing, and "
        "the sound is cut (trim).",
    )
    keep_rest: bool = option(
        False,
        help="Keep what is left of the video when the sound ends, in silence with closed lips; "
        "else the video ends with the sound.",
    )
    fps: str = option("", help="Frames per second of a still picture, 12 to 120; 25 by default.")
    who: int | None = option(
        None,
        low=0,
        high=999,
        help="Which of several faces speaks: its number in the first frame that shows so many, 0 "
        "is the largest there. By default the one that the face options mean.",
    )

    def __post_init__(self) -> None:
        check_options(self)
        if self.fps.strip():
            parse_fps(self.fps)

    @property
    def frames_per_second(self) -> Fraction | None:
        """``fps`` as an exact number, or None where it was not given."""
        return parse_fps(self.fps) if self.fps.strip() else None


@dataclass(frozen=True)
class RelipJob:
    """One video that is to say something else.

    Attributes:
        video: the video, or a picture.
        audio: what is to be said: a sound file, or a video with sound.
        out: video file to write (a folder for a PNG sequence).
        preview: PNG file for a contact sheet, or None.
        run: engine, what a longer sound goes on with, who speaks.
        face: which face, and how hard to look.
        lips: the engine's options; None takes their defaults.
        enhance: whether and how faces are restored at the end.
        file: how the file is written.
    """

    video: Path
    audio: Path
    out: Path
    preview: Path | None = None
    run: RelipRunOptions = field(default_factory=RelipRunOptions)
    face: FaceOptions = field(default_factory=FaceOptions)
    lips: Any = None
    enhance: EnhanceStage = field(default_factory=EnhanceStage)
    file: VideoOptions = field(default_factory=VideoOptions)

    def __post_init__(self) -> None:
        settle_options(self, "lips", self.engine.options)

    @property
    def kind(self) -> JobKind:
        """What sort of job this is."""
        return RELIP

    @property
    def engine(self) -> RelipEngine:
        """The engine that runs: ``run.engine``, or with auto the one that the options are for."""
        if self.run.engine != "auto":
            return find_relipper(self.run.engine)
        for engine in sorted(RELIPPERS, key=lambda engine: engine.needs_download):
            if isinstance(self.lips, engine.options):
                return engine
        return find_relipper("auto")


def _sections(engine: RelipEngine) -> dict[str, type[Any]]:
    return {
        "run": RelipRunOptions,
        "face": FaceOptions,
        "lips": engine.options,
        "enhance": EnhanceStage,
        "file": VideoOptions,
    }


def _engine_for(flat: Mapping[str, Any]) -> RelipEngine:
    return chosen_engine(RELIP, flat, find_relipper, RELIPPERS)


RELIP = JobKind(
    name="relip",
    make=RelipJob,
    inputs=("video", "audio"),
    outputs=("out", "preview"),
    engines=RELIPPERS,
    sections=_sections,
    engine_for=_engine_for,
    needed=("video", "audio", "out"),
)


def build_relip_job(values: Mapping[str, Any]) -> RelipJob:
    """The job of new lips that plain values describe, see ``kinds.build``."""
    return build(values, RELIP)
