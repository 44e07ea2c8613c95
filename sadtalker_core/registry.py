"""The one list of engines. Adding an engine is adding a line to ``ENGINES``.

An engine's code is imported when the engine is used, so listing engines and their options costs
nothing.
"""

from __future__ import annotations

import difflib

from .engines.engine import Engine
from .engines.lite import LITE
from .engines.liveportrait import LIVEPORTRAIT
from .engines.sadtalker import SADTALKER
from .errors import OptionError

# In the order in which "auto" takes the first that can run.
ENGINES: tuple[Engine, ...] = (SADTALKER, LIVEPORTRAIT, LITE)

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
