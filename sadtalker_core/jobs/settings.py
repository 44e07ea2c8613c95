"""What a job is, and how it is made from plain values such as flags, TOML or JSON."""

from __future__ import annotations

import dataclasses
import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from ..engines.engine import Engine
from ..errors import OptionError
from ..faces.options import FaceOptions
from ..media.options import VideoOptions
from ..options import OptionSpec, check_options, check_value, option, option_specs
from ..registry import ENGINE_IDS, ENGINES, find_engine
from .engines import pick_engine, weight_store

FPS_LOW, FPS_HIGH = 12, 120
REFERENCES = ("ref_eyeblink", "ref_pose", "ref_all")
INPUTS = ("portrait", "audio", *REFERENCES, "load_motion")
OUTPUTS = ("out", "preview", "save_motion")
FILES = (*INPUTS, *OUTPUTS)
# Each of these makes motion: one of them is needed.
SPEAKERS = ("audio", "idle", "ref_all", "load_motion")
_LONGEST_IDLE_S = 36000.0

# What people write for the rates of American television, and what those rates are.
_NTSC = {
    "23.976": Fraction(24000, 1001),
    "23.98": Fraction(24000, 1001),
    "29.97": Fraction(30000, 1001),
    "47.952": Fraction(48000, 1001),
    "59.94": Fraction(60000, 1001),
    "119.88": Fraction(120000, 1001),
}


def parse_fps(text: str) -> Fraction:
    """Frames per second from text: ``25``, ``23.976``, ``30000/1001``.

    Raises:
        OptionError: not a number, or outside 12 to 120.
    """
    cleaned = text.strip()
    try:
        fps = _NTSC.get(cleaned) or Fraction(cleaned)
    except (ValueError, ZeroDivisionError):
        raise OptionError(
            f"fps must be a number such as 25, 29.97 or 30000/1001, got {text!r}."
        ) from None
    if not FPS_LOW <= fps <= FPS_HIGH:
        raise OptionError(f"fps is {text.strip()}, allowed is {FPS_LOW} to {FPS_HIGH}.")
    # Containers store time in 32 bits.
    return fps.limit_denominator(100_000)


@dataclass(frozen=True)
class RunOptions:
    """How the job as a whole runs."""

    engine: str = option("auto", choices=ENGINE_IDS, help="Which engine moves the portrait.")
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
        help="Frames computed at once; changes memory and speed, never the result.",
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
    video: VideoOptions = field(default_factory=VideoOptions)

    def __post_init__(self) -> None:
        engine = self.engine
        for name, wanted in (("motion", engine.motion_options), ("render", engine.render_options)):
            value = getattr(self, name)
            if value is None:
                object.__setattr__(self, name, wanted())
            elif not isinstance(value, wanted):
                raise OptionError(
                    f"{name} options are {type(value).__name__}, "
                    f"but the engine {engine.id} takes {wanted.__name__}."
                )
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
    def engine(self) -> Engine:
        """The engine that runs: ``run.engine``, or with auto the one that the options are for."""
        if self.run.engine == "auto":
            for engine in ENGINES:
                if isinstance(self.render, engine.render_options) or isinstance(
                    self.motion, engine.motion_options
                ):
                    return engine
        return find_engine(self.run.engine)


def option_classes(engine: Engine) -> dict[str, type[Any]]:
    """The option dataclasses of a job by section, in the order in which people read them."""
    return {
        "run": RunOptions,
        "face": FaceOptions,
        "motion": engine.motion_options,
        "render": engine.render_options,
        "video": VideoOptions,
    }


def option_names() -> dict[str, set[str]]:
    """Names of the options of each section, over all engines."""
    names: dict[str, set[str]] = {}
    for engine in ENGINES:
        for section, cls in option_classes(engine).items():
            names.setdefault(section, set()).update(spec.name for spec in option_specs(cls))
    return names


def flatten(values: Mapping[str, Any]) -> dict[str, Any]:
    """``{"motion": {"still": true}}`` as ``{"still": true}``; both forms may be mixed.

    Raises:
        OptionError: a section is unknown or the same option is given twice.
    """
    flat: dict[str, Any] = {}
    sections = option_names()
    for name, value in values.items():
        if isinstance(value, Mapping):
            if name not in sections:
                raise OptionError(
                    f"the section [{name}] is not known{_suggest(name, sections)}; "
                    f"sections are: {', '.join(sections)}."
                )
            known = sections[name]
            inner: Mapping[str, Any] = value
            for key in inner:
                if key.replace("-", "_") not in known:
                    raise OptionError(
                        f"{key} is not an option of the section [{name}]{_suggest(key, known)}."
                    )
            items = list(inner.items())
        else:
            items = [(name, value)]
        for key, entry in items:
            key = key.replace("-", "_")
            if key in flat:
                raise OptionError(f"{key} is given twice.")
            flat[key] = entry
    return flat


def build_job(values: Mapping[str, Any]) -> AnimateJob:
    """The job that plain values describe; what is not given has its default.

    Args:
        values: files and options by name, flat or by section. Text is read as on the command
            line, so ``"3"`` is as good as ``3``. A value of None counts as not given.

    Raises:
        OptionError: a name is unknown, a value does not fit, or portrait, out or audio is missing.
    """
    flat = {key: value for key, value in flatten(values).items() if value is not None}
    engine = _engine_for(flat)
    classes = option_classes(engine)
    known = {
        spec.name: (section, spec) for section, cls in classes.items() for spec in option_specs(cls)
    }
    given: dict[str, dict[str, Any]] = {section: {} for section in classes}
    for name, value in flat.items():
        if name in FILES:
            continue
        if name not in known:
            raise _unknown(name, engine, [*known, *FILES])
        section, spec = known[name]
        given[section][name] = read_value(spec, value)
    for name in ("portrait", "out"):
        if name not in flat:
            raise OptionError(f"{name} is missing: say which file with --{name} FILE.")
    return AnimateJob(
        **{name: _path(name, flat[name]) for name in FILES if name in flat},
        **{section: cls(**given[section]) for section, cls in classes.items()},
    )


def _engine_for(flat: Mapping[str, Any]) -> Engine:
    """The engine that is named, or with auto the best one for what is given and on disk."""
    name = str(flat.get("engine", "auto"))
    if name != "auto":
        return find_engine(name)
    store = weight_store(str(flat.get("models_dir", "")))
    borrows = any(reference in flat for reference in REFERENCES)
    names = {key for key in flat if key not in FILES}
    every = {option for names in option_names().values() for option in names}
    return pick_engine(names & every, borrows, store)


def _unknown(name: str, engine: Engine, known: list[str]) -> OptionError:
    owners = [
        other.id
        for other in ENGINES
        for cls in (other.motion_options, other.render_options)
        if name in {spec.name for spec in option_specs(cls)}
    ]
    if owners:
        return OptionError(
            f"{name} is an option of the engine {owners[0]}, but the engine {engine.id} runs."
        )
    return OptionError(f"{name} is not a known option{_suggest(name, known)}.")


def describe_job(job: AnimateJob) -> dict[str, Any]:
    """The inverse of ``build_job``: every file and option, by section, as plain values."""
    values: dict[str, Any] = {
        name: None if getattr(job, name) is None else str(getattr(job, name)) for name in FILES
    }
    for section in option_classes(job.engine):
        values[section] = dataclasses.asdict(getattr(job, section))
    return values


def read_value(spec: OptionSpec, value: Any) -> Any:
    """A value from a flag or a file in the type of its option.

    Raises:
        OptionError: it cannot be read as that, or lies outside the range.
    """
    if isinstance(value, str) and spec.kind is not str:
        value = _from_text(spec, value.strip())
    elif spec.kind is str and _is_number(value):
        value = str(value)  # yaw = 10, fps = 30
    elif spec.kind is str and spec.keyframes and isinstance(value, (list, tuple)):
        value = _keyframe_text(spec, value)
    elif spec.kind is int and isinstance(value, float) and value.is_integer():
        value = int(value)
    check_value(spec, value)
    return float(value) if spec.kind is float and value is not None else value


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _from_text(spec: OptionSpec, text: str) -> Any:
    lowered = text.lower()
    if spec.optional and lowered in ("none", "auto", ""):
        return None
    if spec.kind is bool:
        if lowered in ("true", "yes", "on", "1"):
            return True
        if lowered in ("false", "no", "off", "0"):
            return False
        raise OptionError(f"{spec.name} must be true or false, got {text!r}.")
    try:
        return spec.kind(text)
    except ValueError:
        pass
    try:
        number = float(text)
    except ValueError:
        number = math.nan if lowered == "nan" else None
    if number is not None and number.is_integer():
        return int(number)
    word = "a whole number" if spec.kind is int else "a number"
    raise OptionError(f"{spec.name} must be {word}, got {text!r}.")


def _keyframe_text(spec: OptionSpec, pairs: list[Any] | tuple[Any, ...]) -> str:
    texts: list[str] = []
    for pair in pairs:
        if not (isinstance(pair, (list, tuple)) and len(pair) == 2 and all(map(_is_number, pair))):
            raise OptionError(
                f"{spec.name} must be a number, text such as '0:0, 1.5:10', or a list of "
                f"[seconds, value] pairs; got {pair!r} in it."
            )
        texts.append(f"{pair[0]}:{pair[1]}")
    return ", ".join(texts)


def _path(name: str, value: Any) -> Path:
    if not isinstance(value, (str, Path)) or not str(value):
        raise OptionError(f"{name} must be the path of a file, got {value!r}.")
    if "\0" in str(value):
        raise OptionError(f"{name} has a NUL character in its path.")
    return Path(value).expanduser()


def _suggest(name: str, known: Any) -> str:
    close = difflib.get_close_matches(name.replace("-", "_"), list(known), n=1)
    return f"; did you mean {close[0]}?" if close else ""
