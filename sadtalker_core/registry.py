"""The one list of engines. Adding an engine is adding a line to ``ENGINES``.

An engine's code is imported when the engine is used, so listing engines and their options costs
nothing.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from torch import Tensor

from .errors import OptionError
from .faces.face import Face
from .runtime import Runtime
from .structures import FrameStream
from .systems.lite.config import LiteMotionOptions, LiteRenderOptions

OpenSound = Callable[[], Iterator[Tensor]]


@dataclass(frozen=True)
class Engine:
    """How one engine is called. Every engine has the same four steps.

    Attributes:
        id: name on the command line.
        title: name for people.
        description: one sentence: what it does and what it does not.
        licence: terms of the code and of its weights.
        needs_download: whether weights must be fetched before the first use.
        motion_options: option dataclass of the motion.
        render_options: option dataclass of the pictures.
        motion: ``(open_sound, samples, fps, options, runtime)``: 16 kHz mono sound, as often as
            it is asked for, and its exact length in samples, to the engine's motion.
        idle: ``(duration_s, fps, options, runtime)``: motion without sound.
        prepare: ``(rgb (3, H, W) uint8, face, options, runtime)``: what depends on the portrait
            alone; may be kept and used again.
        animate: ``(prepared, motion, runtime)``: the frames.
    """

    id: str
    title: str
    description: str
    licence: str
    needs_download: bool
    motion_options: type[Any]
    render_options: type[Any]
    motion: Callable[[OpenSound, int, Fraction, Any, Runtime], Any]
    idle: Callable[[float, Fraction, Any, Runtime], Any]
    prepare: Callable[[Tensor, Face, Any, Runtime], Any]
    animate: Callable[[Any, Any, Runtime], FrameStream]


def _lite_motion(
    open_sound: OpenSound, samples: int, fps: Fraction, options: Any, runtime: Runtime
) -> Any:
    from .systems.lite.motion import motion_from_audio

    return motion_from_audio(open_sound, samples, fps, options, runtime)


def _lite_idle(duration_s: float, fps: Fraction, options: Any, runtime: Runtime) -> Any:
    from .systems.lite.motion import idle_motion

    return idle_motion(duration_s, fps, options, runtime)


def _lite_prepare(rgb: Tensor, face: Face, options: Any, runtime: Runtime) -> Any:
    from .systems.lite.pipeline import prepare

    return prepare(rgb, face, options)


def _lite_animate(prepared: Any, motion: Any, runtime: Runtime) -> FrameStream:
    from .systems.lite.pipeline import animate

    return animate(prepared, motion, runtime)


# In the order in which "auto" takes the first that can run.
ENGINES: tuple[Engine, ...] = (
    Engine(
        id="lite",
        title="Built-in engine",
        description=(
            "Moves the picture itself by a face mesh: works at once, on any machine, with nothing "
            "to download. It cannot show what the picture does not hold, such as a profile."
        ),
        licence="Apache-2.0; may be used commercially",
        needs_download=False,
        motion_options=LiteMotionOptions,
        render_options=LiteRenderOptions,
        motion=_lite_motion,
        idle=_lite_idle,
        prepare=_lite_prepare,
        animate=_lite_animate,
    ),
)


# What --engine takes.
ENGINE_IDS: tuple[str, ...] = ("auto", *(engine.id for engine in ENGINES))


def find_engine(name: str) -> Engine:
    """The engine of a name; ``auto`` is the first that needs nothing to be fetched.

    Raises:
        OptionError: no engine has this name.
    """
    if name == "auto":
        return next(engine for engine in ENGINES if not engine.needs_download)
    for engine in ENGINES:
        if engine.id == name:
            return engine
    close = difflib.get_close_matches(name, ENGINE_IDS, n=1)
    hint = f" Did you mean {close[0]}?" if close else ""
    raise OptionError(f"engine is {name!r}, known values are: {', '.join(ENGINE_IDS)}.{hint}")
