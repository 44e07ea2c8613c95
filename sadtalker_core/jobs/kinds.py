"""What every kind of job has in common: made from plain values, and described as such.

A kind of job is a dataclass of files and of option dataclasses, one for each section; which
sections and classes there are depends on the engine. Flags, settings files, lines of a batch and
forms of a user interface are all made from that.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..engines.engine import Chosen
from ..errors import OptionError
from ..options import OptionSpec, option_specs
from .values import read_path, read_value, suggest


@dataclass(frozen=True, eq=False)
class JobKind:
    """One kind of job.

    Attributes:
        name: its command.
        make: the job's dataclass; fields are the files and the sections.
        inputs: names of the files it reads.
        outputs: names of the files it writes.
        many: those of them that may be several.
        needed: those without which there is no job.
        engines: that can do it, as in the registry.
        sections: option dataclasses by section for an engine, in the order people read them.
        engine_for: the engine for flat values: the one they name or the best for them.
    """

    name: str
    make: Callable[..., Any]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    engines: tuple[Chosen, ...]
    sections: Callable[[Any], dict[str, type[Any]]]
    engine_for: Callable[[Mapping[str, Any]], Chosen]
    many: tuple[str, ...] = ()
    needed: tuple[str, ...] = ("portrait", "out")

    @property
    def files(self) -> tuple[str, ...]:
        """Names of all files."""
        return (*self.inputs, *self.outputs)

    def option_names(self) -> dict[str, set[str]]:
        """Names of the options of each section, over all engines."""
        names: dict[str, set[str]] = {}
        for engine in self.engines:
            for section, cls in self.sections(engine).items():
                names.setdefault(section, set()).update(spec.name for spec in option_specs(cls))
        return names

    def owners(self, name: str) -> tuple[Chosen, ...]:
        """Engines that have an option; none where it belongs to the job as a whole."""
        having = tuple(
            engine
            for engine in self.engines
            if any(name == spec.name for _, spec in _own_specs(self, engine))
        )
        return having


def _own_specs(kind: JobKind, engine: Chosen) -> list[tuple[str, OptionSpec]]:
    """The options of the sections that are the engine's, not every job's."""
    shared = [kind.sections(other) for other in kind.engines]
    return [
        (section, spec)
        for section, cls in kind.sections(engine).items()
        if any(classes.get(section) is not cls for classes in shared) or len(shared) == 1
        for spec in option_specs(cls)
    ]


def flatten(values: Mapping[str, Any], kind: JobKind) -> dict[str, Any]:
    """``{"motion": {"still": true}}`` as ``{"still": true}``; both forms may be mixed.

    Raises:
        OptionError: a section is unknown or the same option is given twice.
    """
    flat: dict[str, Any] = {}
    sections = kind.option_names()
    for name, value in values.items():
        if isinstance(value, Mapping):
            if name not in sections:
                raise OptionError(
                    f"the section [{name}] is not known{suggest(name, sections)}; "
                    f"sections are: {', '.join(sections)}."
                )
            known = sections[name]
            inner: Mapping[str, Any] = value
            for key in inner:
                if key.replace("-", "_") not in known:
                    raise OptionError(
                        f"{key} is not an option of the section [{name}]{suggest(key, known)}."
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


def build(values: Mapping[str, Any], kind: JobKind) -> Any:
    """The job that plain values describe; what is not given has its default.

    Args:
        values: files and options by name, flat or by section. Text is read as on the command
            line, so ``"3"`` is as good as ``3``. A value of None counts as not given.
        kind: what sort of job.

    Raises:
        OptionError: a name is unknown, a value does not fit, or a file that is needed is missing.
    """
    flat = {key: value for key, value in flatten(values, kind).items() if value is not None}
    engine = kind.engine_for(flat)
    classes = kind.sections(engine)
    known = {
        spec.name: (section, spec) for section, cls in classes.items() for spec in option_specs(cls)
    }
    given: dict[str, dict[str, Any]] = {section: {} for section in classes}
    for name, value in flat.items():
        if name in kind.files:
            continue
        if name not in known:
            raise _unknown(name, kind, engine, [*known, *kind.files])
        section, spec = known[name]
        given[section][name] = read_value(spec, value)
    for name in kind.needed:
        if name not in flat:
            raise OptionError(f"{name} is missing: say which file with --{name} FILE.")
    return kind.make(
        **{name: _file(kind, name, flat[name]) for name in kind.files if name in flat},
        **{section: cls(**given[section]) for section, cls in classes.items()},
    )


def _file(kind: JobKind, name: str, value: Any) -> Any:
    if name not in kind.many:
        return read_path(name, value)
    several: list[Any] = list(value) if isinstance(value, (list, tuple)) else [value]
    return tuple(read_path(name, each) for each in several)


def _unknown(name: str, kind: JobKind, engine: Chosen, known: list[str]) -> OptionError:
    owners = kind.owners(name)
    if owners:
        word = "engine" if len(owners) == 1 else "engines"
        ids = " and ".join(owner.id for owner in owners)
        return OptionError(
            f"{name} is an option of the {word} {ids}, but the engine {engine.id} runs."
        )
    return OptionError(f"{name} is not a known option{suggest(name, known)}.")


def describe(job: Any) -> dict[str, Any]:
    """The inverse of ``build``: every file and option, by section, as plain values."""
    kind: JobKind = job.kind
    values: dict[str, Any] = {}
    for name in kind.files:
        value = getattr(job, name)
        if name in kind.many:
            values[name] = [str(each) for each in value] or None
        else:
            values[name] = None if value is None else str(value)
    for section in kind.sections(job.engine):
        values[section] = dataclasses.asdict(getattr(job, section))
    return values


def settle_options(job: Any, name: str, wanted: type[Any]) -> None:
    """Give a job the default options of its engine where it has none in the field ``name``.

    Raises:
        OptionError: it has those of another engine.
    """
    value = getattr(job, name)
    if value is None:
        object.__setattr__(job, name, wanted())  # the job is frozen, and still being made
    elif not isinstance(value, wanted):
        raise OptionError(
            f"{name} options are {type(value).__name__}, "
            f"but the engine {job.engine.id} takes {wanted.__name__}."
        )


def input_files(job: Any) -> list[Path]:
    """Every file that a job reads."""
    kind: JobKind = job.kind
    found: list[Path] = []
    for name in kind.inputs:
        value = getattr(job, name)
        found += list(value) if name in kind.many else [value] if value is not None else []
    return found
