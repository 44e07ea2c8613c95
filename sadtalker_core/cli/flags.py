"""Command-line flags made from option dataclasses: nothing about an option is written twice."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

from ..jobs.kinds import JobKind
from ..jobs.settings import ANIMATE
from ..options import OptionSpec, option_specs

SECTION_TITLES = {
    "run": "the job as a whole",
    "face": "the face",
    "motion": "motion",
    "drive": "motion",
    "sliders": "expression sliders",
    "render": "the picture",
    "lips": "the lips",
    "enhance": "restored faces",
    "video": "the video file",
    "file": "the video file",
}


def sections(kind: JobKind = ANIMATE) -> Iterator[tuple[str, list[OptionSpec]]]:
    """The options of each section over all engines, those of every day before the advanced."""
    for section in SECTION_TITLES:
        specs: dict[str, OptionSpec] = {}
        # The engine that everybody has comes first: where two share a name, its words stand.
        for engine in sorted(kind.engines, key=lambda engine: engine.needs_download):
            if cls := kind.sections(engine).get(section):
                for spec in option_specs(cls):
                    specs.setdefault(spec.name, spec)
        if specs:
            yield section, sorted(specs.values(), key=lambda spec: spec.advanced)


def flag(name: str) -> str:
    """``pose_style`` as ``--pose-style``."""
    return "--" + name.replace("_", "-")


def describe(spec: OptionSpec, kind: JobKind = ANIMATE) -> str:
    """Help, range, unit, default and engines of an option in one line."""
    owners = kind.owners(spec.name)
    default = defaults_text(spec, kind)
    if owners and len(owners) < len(kind.engines):
        return fact_text(
            spec, f"engine {', '.join(engine.id for engine in owners)}", default=default
        )
    return fact_text(spec, default=default)


def defaults_text(spec: OptionSpec, kind: JobKind) -> str:
    """The default, and that of each engine which has another: ``20, wav2lip 10``."""
    if spec.default in (None, ""):
        return ""
    others = [
        f"{engine.id} {default_text(own)}"
        for engine in kind.owners(spec.name)
        for cls in kind.sections(engine).values()
        for own in option_specs(cls)
        if own.name == spec.name and own.default not in (spec.default, None, "")
    ]
    return ", ".join([default_text(spec), *others])


def fact_text(spec: OptionSpec, *more: str, default: str = "") -> str:
    """Help, range, unit and default of an option in one line, and what else is known of it."""
    facts: list[str] = []
    if spec.choices:
        facts.append(", ".join(spec.choices))
    elif spec.kind is not bool and spec.low is not None and spec.high is not None:
        low, high = _number(spec.low), _number(spec.high)
        facts.append(f"{low} to {high} {spec.unit}".rstrip())
    elif spec.unit:
        facts.append(spec.unit)
    if spec.default is not None and spec.default != "":
        facts.append(f"default {default or default_text(spec)}")
    facts += more
    text = f"{spec.help} [{'; '.join(facts)}]" if facts else spec.help
    return f"{text} (advanced)" if spec.advanced else text


def default_text(spec: OptionSpec) -> str:
    """The default as a user writes it."""
    if spec.kind is bool:
        return "on" if spec.default else "off"
    return f"{spec.default:g}" if spec.kind is float else str(spec.default)


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else f"{value:g}"


def add_option_flags(
    parser: argparse.ArgumentParser,
    kind: JobKind = ANIMATE,
    only: tuple[str, ...] = (),
    skip: tuple[str, ...] = (),
) -> None:
    """Flags for every option, grouped by section.

    ``only`` limits them to some sections, ``skip`` leaves some out.
    Flags that are not given leave no trace in the result: a config file can then fill them.
    """
    for section, specs in sections(kind):
        if (only and section not in only) or section in skip:
            continue
        group = parser.add_argument_group(SECTION_TITLES[section])
        for spec in specs:
            add_option_flag(group, spec, describe(spec, kind))


def add_option_flag(group: Any, spec: OptionSpec, text: str) -> None:
    """The flag of one option in a group of arguments, with its help."""
    text = text.replace("%", "%%")  # argparse takes % for its own
    if spec.kind is bool:
        group.add_argument(
            flag(spec.name),
            action=argparse.BooleanOptionalAction,
            default=argparse.SUPPRESS,
            help=text,
        )
    else:
        group.add_argument(
            flag(spec.name), default=argparse.SUPPRESS, metavar=_metavar(spec), help=text
        )


def _metavar(spec: OptionSpec) -> str:
    if spec.keyframes:
        return "N|KEYFRAMES"
    return {int: "N", float: "X"}.get(spec.kind, "TEXT" if not spec.choices else "WORD")


def given_values(args: argparse.Namespace, kind: JobKind = ANIMATE) -> dict[str, Any]:
    """What was given on the command line, by option name."""
    names = {spec.name for _, specs in sections(kind) for spec in specs} | set(kind.files)
    return {name: value for name, value in vars(args).items() if name in names}
