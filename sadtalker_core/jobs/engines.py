"""Which engine runs, and where its weights are."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from ..engines.engine import Chosen
from ..weights.catalog import WeightFile
from ..weights.store import WeightStore
from .kinds import JobKind

_Engine = TypeVar("_Engine", bound=Chosen)


def weight_store(models_dir: str = "", host_folders: tuple[Path, ...] = ()) -> WeightStore:
    """Where weights are looked for: the option, the environment, the host's folders, the cache."""
    return WeightStore(
        option=Path(models_dir).expanduser() if models_dir else None, host_folders=host_folders
    )


def is_ready(engine: Chosen, store: WeightStore, render_options: Any = None) -> bool:
    """Whether all weights are on disk that the engine needs for these options."""
    options = render_options or engine.render_options()
    return _present(engine.weights(options), store) or _has_older(engine, options, store)


def _present(files: tuple[WeightFile, ...], store: WeightStore) -> bool:
    return all(store.find(file) is not None for file in files)


def _has_older(engine: Chosen, options: Any, store: WeightStore) -> bool:
    older = engine.older_weights(options)
    return bool(older) and _present(older, store)


def used_files(engine: Chosen, options: Any, store: WeightStore) -> tuple[WeightFile, ...]:
    """The files that the engine reads for these options: the older ones where only they are."""
    files = engine.weights(options)
    if not _present(files, store) and _has_older(engine, options, store):
        return engine.older_weights(options)
    return files


def chosen_engine(
    kind: JobKind,
    flat: Mapping[str, Any],
    find: Callable[[str], _Engine],
    takers: Sequence[_Engine],
) -> _Engine:
    """The engine that plain values name, or with ``auto`` the best for what is given and on disk.

    Args:
        kind: what sort of job.
        flat: files and options by name.
        find: the engine of a name; raises ``OptionError``.
        takers: engines that can do it at all, best first.
    """
    name = str(flat.get("engine", "auto"))
    if name != "auto":
        return find(name)
    return pick_engine(kind, flat, takers, weight_store(str(flat.get("models_dir", ""))))


def pick_engine(
    kind: JobKind, given: Collection[str], takers: Sequence[_Engine], store: WeightStore
) -> _Engine:
    """The engine that ``auto`` means: the first that is ready and takes what was given.

    Args:
        kind: what sort of job.
        given: names of the options and files that were given.
        takers: engines that can do it at all, best first.
        store: where weights are looked for.
    """
    named = [name for name in given if kind.owners(name)]
    able = [engine for engine in takers if all(engine in kind.owners(name) for name in named)]
    for engine in able:
        if is_ready(engine, store):
            return engine
    # Where only an engine without its weights takes the options, that one says what is missing.
    return able[0] if able else next(one for one in takers if not one.needs_download)


def find_weights(engine: Chosen, render_options: Any, store: WeightStore) -> dict[str, Path]:
    """Paths of the files that the engine needs, by name.

    Raises:
        WeightsError: one is missing; says which, where it was looked for, under which licence it
            is, and how to get it.
    """
    files = used_files(engine, render_options, store)
    return store.require(files, f"the engine {engine.id}") if files else {}


def fallback_note(kind: JobKind, engine: Chosen, store: WeightStore) -> str:
    """Why ``auto`` took a plainer engine, or nothing."""
    better = kind.engines[: kind.engines.index(engine)]
    missing = [other for other in better if not is_ready(other, store)]
    if not missing:
        return ""
    return (
        f"The weights of {missing[0].title} are not on this machine, so the "
        f"{engine.title.lower()} runs; talking-portraits models download {missing[0].id} gets them."
    )
