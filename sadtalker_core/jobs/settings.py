"""What a job of speech is: files and options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from ..engines.engine import Engine
from ..enhance.options import EnhanceStage
from ..errors import OptionError
from ..faces.options import FaceOptions
from ..media.options import VideoOptions
from ..options import check_options, option
from ..registry import ENGINE_IDS, ENGINES, find_engine
from .engines import chosen_engine
from .kinds import JobKind, build, settle_options
from .values import parse_fps

REFERENCES = ("ref_eyeblink", "ref_pose", "ref_all")
INPUTS = ("portrait", "audio", *REFERENCES, "load_motion")
OUTPUTS = ("out", "preview", "save_motion")
# Each of these makes motion: one of them is needed.
SPEAKERS = ("audio", "idle", "ref_all", "load_motion")
_LONGEST_IDLE_S = 36000.0


@dataclass(frozen=True)
class CommonRunOptions:
    """How any job runs."""

    engine: str = option("auto", choices=ENGINE_IDS, help="Which engine moves the portrait.")
    models_dir: str = option(
        "", help="Folder with downloaded weights, looked into before any other.", advanced=True
    )
    device: str = option(
        "auto", help="Where it is computed: auto, cpu, cuda, cuda:1, mps. auto takes the best."
    )
    chunk: int = option(
        8,
        low=1,
        high=512,
        unit="frames",
        advanced=True,
        help="Frames computed at once; changes memory and speed; the result is "
        "the same, on a GPU up to rounding.",
    )


@dataclass(frozen=True)
class RunOptions(CommonRunOptions):
    """How the job as a whole runs."""

    fps: str = option(
        "25", help="Frames per second, 12 to 120: a number or a fraction such as 30000/1001."
    )
    seed: int = option(
        0, low=0, high=2**53 - 1, help="All chance follows from it: same seed, same video."
    )
    idle: float | None = option(
        None,
        low=0.2,
        high=_LONGEST_IDLE_S,
        unit="s",
        help="Instead of audio: length of a video of a portrait that is alive but does not speak.",
    )

    def __post_init__(self) -> None:
        check_options(self)
        parse_fps(self.fps)

    @property
    def frames_per_second(self) -> Fraction:
        """``fps`` as an exact number."""
        return parse_fps(self.fps)


@dataclass(frozen=True)
class AnimateJob:
    """One portrait made to speak.

    Attributes:
        portrait: picture file.
        out: video file to write (a folder for a PNG sequence).
        audio: sound or video file; None with ``run.idle``, or with ``ref_all`` to take its sound.
        ref_eyeblink: video whose blinks and expression are borrowed, or None.
        ref_pose: video whose head motion is borrowed, or None.
        ref_all: video whose whole motion is taken, or None.
        load_motion: motion file to use in place of made motion, or None. One of another engine
            gives the motion of the head; the face then follows the sound.
        save_motion: file to keep the motion in, or None.
        preview: PNG file for a contact sheet, or None.
        run: engine, rate, seed, device.
        face: which face.
        motion: the engine's motion options; None takes their defaults.
        render: the engine's render options; None takes their defaults.
        enhance: whether and how faces are restored at the end.
        video: how the file is written.
    """

    portrait: Path
    out: Path
    audio: Path | None = None
    preview: Path | None = None
    ref_eyeblink: Path | None = None
    ref_pose: Path | None = None
    ref_all: Path | None = None
    load_motion: Path | None = None
    save_motion: Path | None = None
    run: RunOptions = field(default_factory=RunOptions)
    face: FaceOptions = field(default_factory=FaceOptions)
    motion: Any = None
    render: Any = None
    enhance: EnhanceStage = field(default_factory=EnhanceStage)
    video: VideoOptions = field(default_factory=VideoOptions)

    def __post_init__(self) -> None:
        engine = self.engine
        settle_options(self, "motion", engine.motion_options)
        settle_options(self, "render", engine.render_options)
        sources = (self.audio, self.run.idle, self.ref_all, self.load_motion)
        if all(source is None for source in sources):
            raise OptionError(
                "audio is missing: give a sound file, or a number of seconds with idle."
            )
        if self.audio is not None and self.run.idle is not None:
            raise OptionError("audio and idle are both given; idle is for a video without audio.")
        borrowed = [name for name in REFERENCES if getattr(self, name) is not None]
        if borrowed and not engine.borrows_motion:
            able = ", ".join(other.id for other in ENGINES if other.borrows_motion)
            raise OptionError(
                f"{borrowed[0]} is for engines that borrow motion from a video ({able}); "
                f"the engine {engine.id} does not."
            )
        if self.ref_all is not None and len(borrowed) > 1:
            raise OptionError(f"ref_all takes the whole motion; leave {borrowed[0]} out.")
        if self.load_motion is not None and borrowed:
            raise OptionError(f"load_motion is a motion already; leave {borrowed[0]} out.")
        if self.ref_all is not None and self.run.idle is not None:
            raise OptionError("ref_all and idle are both given; ref_all has a length of its own.")

    @property
    def kind(self) -> JobKind:
        """What sort of job this is."""
        return ANIMATE

    @property
    def engine(self) -> Engine:
        """The engine that runs: ``run.engine``, or with auto the one that the options are for."""
        if self.run.engine == "auto":
            # The engine that everybody has comes first: two may have the same motion options.
            for engine in sorted(ENGINES, key=lambda engine: engine.needs_download):
                if isinstance(self.render, engine.render_options):
                    return engine
                if self.render is None and isinstance(self.motion, engine.motion_options):
                    return engine
        return find_engine(self.run.engine)


def _sections(engine: Engine) -> dict[str, type[Any]]:
    return {
        "run": RunOptions,
        "face": FaceOptions,
        "motion": engine.motion_options,
        "render": engine.render_options,
        "enhance": EnhanceStage,
        "video": VideoOptions,
    }


def _engine_for(flat: Mapping[str, Any]) -> Engine:
    borrows = any(reference in flat for reference in REFERENCES)
    takers = [engine for engine in ENGINES if engine.borrows_motion or not borrows]
    return chosen_engine(ANIMATE, flat, find_engine, takers)


ANIMATE = JobKind(
    name="animate",
    make=AnimateJob,
    inputs=INPUTS,
    outputs=OUTPUTS,
    engines=ENGINES,
    sections=_sections,
    engine_for=_engine_for,
)


def build_job(values: Mapping[str, Any]) -> AnimateJob:
    """The job of speech that plain values describe, see ``kinds.build``."""
    return build(values, ANIMATE)
