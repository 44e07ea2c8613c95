"""What a job of driving or editing is: files and options.

One kind of job for both: a portrait or a video, moved by a driver, by sliders, or by both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from ..engines.engine import Driving, Engine
from ..enhance.options import EnhanceStage
from ..errors import OptionError
from ..expression_sliders import ExpressionSliders
from ..faces.options import FaceOptions
from ..media.options import VideoOptions
from ..options import check_options, option
from ..registry import ENGINES, find_engine
from .engines import chosen_engine
from .kinds import JobKind, build, settle_options
from .settings import CommonRunOptions
from .values import parse_fps

_LONGEST_S = 36000.0
_SELECTIONS = ("largest", "left", "right", "center", "best")


@dataclass(frozen=True)
class DriveRunOptions(CommonRunOptions):
    """How the job as a whole runs."""

    fps: str = option(
        "",
        help="Frames per second, 12 to 120; by default those of the portrait's video, else of the "
        "driver, else 25.",
    )
    seconds: float | None = option(
        None,
        low=0.02,
        high=_LONGEST_S,
        unit="s",
        help="Length where only sliders move the face; by default up to the last keyframe.",
    )
    who: str = option(
        "",
        help="Which faces move: their numbers such as 0,2, or all. Those of a picture are as of "
        "the command faces, those of a video as they are first seen. By default one, the one that "
        "the face options mean.",
    )
    driver_face: str = option(
        "largest",
        help="Which face of the driver is followed: largest, left, right, center, best, or its "
        "number.",
    )
    sound: str = option(
        "auto",
        choices=("auto", "driving", "portrait", "none"),
        help="Whose sound the video has: the driver's, or that of the portrait's video; auto takes "
        "the driver's where it has one.",
    )

    def __post_init__(self) -> None:
        check_options(self)
        if self.fps.strip():
            parse_fps(self.fps)
        self.who_numbers()
        self.driver_face_options()

    @property
    def frames_per_second(self) -> Fraction | None:
        """``fps`` as an exact number, or None where it follows the files."""
        return parse_fps(self.fps) if self.fps.strip() else None

    def who_numbers(self) -> tuple[int, ...] | None:
        """``who`` as numbers; none for all faces, None for the one that is chosen otherwise."""
        text = self.who.strip().lower()
        if not text:
            return None
        if text == "all":
            return ()
        try:
            numbers = tuple(int(part) for part in text.split(","))
        except ValueError:
            numbers = (-1,)
        if min(numbers) < 0 or len(set(numbers)) < len(numbers):
            raise OptionError(
                f"who must be all, or numbers of faces such as 0,2, got {self.who!r}."
            )
        return numbers

    def driver_face_options(self) -> FaceOptions:
        """``driver_face`` as options for finding it."""
        text = self.driver_face.strip().lower()
        if text in _SELECTIONS:
            return FaceOptions(face_select=text)
        if text.isdigit():
            return FaceOptions(face_index=int(text))
        raise OptionError(
            f"driver_face must be one of {', '.join(_SELECTIONS)}, or a number, "
            f"got {self.driver_face!r}."
        )


@dataclass(frozen=True)
class DriveJob:
    """One portrait or video that is driven or edited.

    Attributes:
        portrait: picture, or a video each of whose frames is moved.
        out: video to write, or a picture where there is one frame.
        driving: videos, pictures or motion files of whoever drives: one for all faces, or one for
            each; none where sliders alone move the face.
        preview: PNG file for a contact sheet, or None.
        save_motion: file for the driver's motion: safetensors, or ``.pkl`` for programs that read
            LivePortrait's templates.
        run: engine, rate, whose face and sound.
        face: which face.
        drive: the engine's options of driving; None takes their defaults.
        sliders: changes of the face, numbers or keyframes.
        render: the engine's render options; None takes their defaults.
        enhance: whether and how faces are restored at the end.
        video: how the file is written.
    """

    portrait: Path
    out: Path
    driving: tuple[Path, ...] = ()
    preview: Path | None = None
    save_motion: Path | None = None
    run: DriveRunOptions = field(default_factory=DriveRunOptions)
    face: FaceOptions = field(default_factory=FaceOptions)
    drive: Any = None
    sliders: ExpressionSliders = field(default_factory=ExpressionSliders)
    render: Any = None
    enhance: EnhanceStage = field(default_factory=EnhanceStage)
    video: VideoOptions = field(default_factory=VideoOptions)

    def __post_init__(self) -> None:
        engine = self.engine
        settle_options(self, "drive", driving_of(engine).options)
        settle_options(self, "render", engine.render_options)
        if not self.driving and self.save_motion is not None:
            raise OptionError("save_motion keeps a driver's motion; say whose with driving.")
        if not self.driving and self.sliders.is_untouched:
            raise OptionError(
                "nothing moves the face: give a driving video, picture or motion file, or move a "
                "slider."
            )
        if self.driving and self.run.seconds is not None:
            raise OptionError("seconds is for sliders alone; a driver has a length of its own.")

    @property
    def kind(self) -> JobKind:
        """What sort of job this is."""
        return DRIVE

    @property
    def engine(self) -> Engine:
        """The engine that runs: ``run.engine``, or with auto the one that the options are for."""
        if self.run.engine != "auto":
            return find_engine(self.run.engine)
        for engine in sorted(_ABLE, key=lambda engine: engine.needs_download):
            if isinstance(self.render, engine.render_options):
                return engine
            if self.render is None and isinstance(self.drive, driving_of(engine).options):
                return engine
        return find_engine("auto")


_ABLE = tuple(engine for engine in ENGINES if engine.driving is not None)


def driving_of(engine: Engine) -> Driving:
    """How an engine is driven.

    Raises:
        OptionError: it cannot be.
    """
    if engine.driving is None:
        able = ", ".join(other.id for other in _ABLE)
        raise OptionError(
            f"the engine {engine.id} moves portraits by sound; videos and sliders drive: {able}."
        )
    return engine.driving


def _sections(engine: Engine) -> dict[str, type[Any]]:
    return {
        "run": DriveRunOptions,
        "face": FaceOptions,
        "drive": driving_of(engine).options,
        "sliders": ExpressionSliders,
        "render": engine.render_options,
        "enhance": EnhanceStage,
        "video": VideoOptions,
    }


def _engine_for(flat: Mapping[str, Any]) -> Engine:
    engine = chosen_engine(DRIVE, flat, find_engine, _ABLE)
    driving_of(engine)
    return engine


DRIVE = JobKind(
    name="drive",
    make=DriveJob,
    inputs=("portrait", "driving"),
    outputs=("out", "preview", "save_motion"),
    engines=_ABLE,
    sections=_sections,
    engine_for=_engine_for,
    many=("driving",),
)


def build_drive_job(values: Mapping[str, Any]) -> DriveJob:
    """The job of driving that plain values describe, see ``kinds.build``."""
    return build(values, DRIVE)
