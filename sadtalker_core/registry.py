"""The one list of engines. Adding one is adding a line to ``ENGINES`` or to ``RELIPPERS``.

An engine's code is imported when the engine is used, so listing engines and their options costs
nothing.
"""

from __future__ import annotations

import difflib
from typing import TypeVar

from .engines.engine import Chosen, Engine
from .engines.lite import LITE
from .engines.lite_relip import LITE_RELIP
from .engines.liveportrait import LIVEPORTRAIT
from .engines.relip_engine import RelipEngine
from .engines.sadtalker import SADTALKER
from .engines.videoretalking import VIDEORETALKING
from .engines.wav2lip import WAV2LIP
from .errors import OptionError

# In the order in which "auto" takes the first that can run.
ENGINES: tuple[Engine, ...] = (SADTALKER, LIVEPORTRAIT, LITE)

# What --engine takes.
ENGINE_IDS: tuple[str, ...] = ("auto", *(engine.id for engine in ENGINES))

# Those that give a video new lips; the same order.
RELIPPERS: tuple[RelipEngine, ...] = (VIDEORETALKING, WAV2LIP, LITE_RELIP)

RELIPPER_IDS: tuple[str, ...] = ("auto", *(engine.id for engine in RELIPPERS))


_Engine = TypeVar("_Engine", bound=Chosen)


def find_engine(name: str) -> Engine:
    """The engine of a name; ``auto`` is the first that needs nothing to be fetched.

    Raises:
        OptionError: no engine has this name.
    """
    return _named(name, ENGINES, f"engine is {name!r}, known values are")


def find_relipper(name: str) -> RelipEngine:
    """The engine of a name among those that give a video new lips; ``auto`` as in ``find_engine``.

    Raises:
        OptionError: no such engine has this name.
    """
    return _named(name, RELIPPERS, f"engine is {name!r}; for new lips there are")


def _named(name: str, engines: tuple[_Engine, ...], refusal: str) -> _Engine:
    for engine in engines:
        if engine.id == name or (name == "auto" and not engine.needs_download):
            return engine
    known = ("auto", *(engine.id for engine in engines))
    close = difflib.get_close_matches(name, known, n=1)
    hint = f" Did you mean {close[0]}?" if close else ""
    raise OptionError(f"{refusal}: {', '.join(known)}.{hint}")
