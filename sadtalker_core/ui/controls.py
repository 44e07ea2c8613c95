"""Controls made from option dataclasses: nothing about an option is written twice."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..cli import flags
from ..errors import OptionError
from ..jobs.engines import is_ready
from ..jobs.kinds import JobKind
from ..jobs.values import read_value
from ..options import OptionSpec, option_specs
from ..weights.store import COMMAND, WeightStore
from . import restorers, versions
from .host import UiHost
from .plain_words import CHOICES, HELP, LABELS, NAMED, NOTES, OWN_CHOICES, OWN_WORDS, USUAL_CHOICES

TITLES = {
    "run": "The job",
    "sliders": "Expression, also over time",
    "face": "Which face",
    "motion": "Motion",
    "drive": "Motion",
    "render": "The picture",
    "lips": "The lips",
    "enhance": "Restored faces",
    "video": "The file",
    "file": "The file",
}
# A folder of this machine is not for whoever opens the page to choose.
_NEVER = frozenset({"models_dir"})


def sections(kind: JobKind) -> Iterator[tuple[str, list[OptionSpec]]]:
    """The options of each section as the page has them, the switch of a section first."""
    for section, specs in flags.sections(kind):
        named = [
            replace(spec, choices=NAMED[spec.name]) if spec.name in NAMED else spec
            for spec in specs
        ]
        yield section, sorted(named, key=lambda spec: spec.name != section)


def check_named(values: Mapping[str, Any]) -> None:
    """Raise ``OptionError`` for a text that could name a file of this machine."""
    for name, known in NAMED.items():
        if values.get(name, known[0]) not in known:
            raise OptionError(f"{name} must be one of {', '.join(filter(None, known))} here.")


def label_of_name(name: str, command: str = "") -> str:
    """``pose_style`` in words, as a kind of job means it."""
    own = OWN_WORDS.get((command, name))
    return own[0] if own else LABELS.get(name, name.replace("_", " ").capitalize())


def label_of(spec: OptionSpec, command: str = "") -> str:
    """What stands above a control."""
    label = label_of_name(spec.name, command)
    return f"{label} ({spec.unit})" if spec.unit else label


def step_of(spec: OptionSpec) -> float:
    """Steps of a slider: about a hundred that meet the default; 0 where none do.

    A page moves a slider that stands between two steps, and would so change the default.
    """
    assert spec.low is not None
    assert spec.high is not None
    if spec.kind is int:
        return 1
    default = spec.low if not isinstance(spec.default, (int, float)) else spec.default
    power = 10.0 ** math.ceil(math.log10((spec.high - spec.low) / 100))
    for step in (power * one for one in (1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01)):
        steps = (default - spec.low) / step
        if math.isclose(steps, round(steps), abs_tol=1e-6):
            return round(step, 9)
    return 0.0


def info_of(spec: OptionSpec, command: str = "") -> str:
    """Help, and where a text has a range its range."""
    own = OWN_WORDS.get((command, spec.name))
    low, high, text = spec.low, spec.high, own[1] if own else HELP.get(spec.name, spec.help)
    is_text = spec.kind is str or spec.optional
    if is_text and not spec.choices and low is not None and high is not None:
        return f"{text} ({low:g} to {high:g} {spec.unit}".rstrip() + ")"
    return text


def is_slider(spec: OptionSpec) -> bool:
    """Whether a number is best given by a slider."""
    if spec.kind not in (int, float) or spec.optional or spec.low is None or spec.high is None:
        return False
    return spec.high - spec.low <= 10_000 and step_of(spec) > 0


def choices_of(spec: OptionSpec, command: str = "") -> list[tuple[str, str]]:
    """What a choice shows, and the option's own words, which programs use."""
    own = OWN_CHOICES.get((command, spec.name), CHOICES.get(spec.name, {}))
    titles = {**USUAL_CHOICES, **own}
    return [(titles.get(each, each), each) for each in spec.choices]


def control(
    spec: OptionSpec,
    visible: bool = True,
    command: str = "",
    choices: Sequence[tuple[str, str]] | None = None,
) -> Any:
    """The component of one option of a kind of job; ``choices`` in place of its own."""
    known: dict[str, Any] = {
        "label": label_of(spec, command),
        "info": info_of(spec, command),
        "visible": visible,
    }
    if spec.kind is bool:
        return versions.component("Checkbox", value=spec.default, **known)
    if spec.choices:
        choices = choices or choices_of(spec, command)
        return versions.component("Dropdown", choices=choices, value=spec.default, **known)
    if is_slider(spec):
        return versions.component(
            "Slider",
            minimum=spec.low,
            maximum=spec.high,
            value=spec.default,
            step=step_of(spec),
            **known,
        )
    if spec.optional:
        # An empty number field is 0 in some gradios; empty text is empty in all.
        return versions.component("Textbox", value="", max_lines=1, **known)
    if spec.kind in (int, float):
        precision = 0 if spec.kind is int else None
        return versions.component("Number", value=spec.default, precision=precision, **known)
    return versions.component("Textbox", value=spec.default, max_lines=1, **known)


def _is_default(spec: OptionSpec, value: Any) -> bool:
    if value is None or (spec.optional and not str(value).strip()):
        return True
    if spec.kind is float and isinstance(value, (int, float)) and spec.default is not None:
        return math.isclose(value, spec.default, rel_tol=1e-9, abs_tol=1e-9)
    return bool(value == spec.default)


def _shown_value(spec: OptionSpec, value: Any) -> Any:
    """A setting as its control shows it."""
    try:
        read = spec.default if value is None else read_value(spec, value)
    except OptionError:  # of another version, or changed by hand
        read = spec.default
    if spec.optional:
        return "" if read is None else f"{read:g}" if spec.kind is float else str(read)
    return read


@dataclass
class Form:
    """Controls of one page in their order.

    Attributes:
        kind: what sort of job they are for.
        host: the program around; None where nothing is asked of it.
        specs: the option of each control.
        components: the control of each option.
        accordions: folded groups with the names inside.
    """

    kind: JobKind
    host: UiHost | None = None
    specs: dict[str, OptionSpec] = field(default_factory=dict)
    components: dict[str, Any] = field(default_factory=dict)
    accordions: list[tuple[Any, tuple[str, ...]]] = field(default_factory=list)

    def add(self, spec: OptionSpec, visible: bool = True, first: Any = None) -> Any:
        """One more control, here and now in the layout; it shows ``first``, or the default."""
        self.specs[spec.name] = spec
        choices = None
        if spec.name == "enhancer" and self.host is not None:
            choices = restorers.choices(self.host.weights())
        made = control(
            spec if first is None else replace(spec, default=first),
            visible,
            self.kind.name,
            choices,
        )
        self.components[spec.name] = made
        return made

    def add_engine(self, store: WeightStore, elem_id: str | None = None) -> None:
        """The choice of the engine, with what each needs."""
        self.specs["engine"] = specs_of(self.kind)["engine"]
        self.components["engine"] = versions.component(
            "Dropdown",
            choices=engine_choices(self.kind, store),
            value="auto",
            label="Engine",
            info=engine_sentence(self.kind, "auto", store),
            elem_id=elem_id,
        )

    def follow_engine(self) -> None:
        """Show what the chosen engine has, and whether its weights are here by now."""
        host = self.host
        if host is None:
            raise ValueError("A form without a host does not know what is here.")

        def changed(engine: str) -> list[Any]:
            store = host.weights()
            said = engine_sentence(self.kind, engine, store, host.download_line)
            return [versions.update(info=said), *self.shown_for(engine, store)]

        chosen = self.components["engine"]
        versions.on(chosen.change, changed, [chosen], [chosen, *self.targets])

    def add_folded(self, shown: set[str], without: Iterable[str] = ()) -> None:
        """Everything that was not added yet, folded by section.

        Args:
            shown: names that the engine has that is chosen at first.
            without: sections to leave out.
        """
        left_out = set(without)
        for section, specs in sections(self.kind):
            rest = [spec for spec in specs if spec.name not in self.specs]
            rest = [spec for spec in rest if spec.name not in _NEVER]
            if section in left_out or not rest:
                continue
            names = tuple(spec.name for spec in rest)
            has_any = bool(shown & set(names))
            accordion = versions.component(
                "Accordion", label=TITLES[section], open=False, visible=has_any
            )
            with accordion:
                if section in NOTES:
                    versions.html(f'<div class="tp-small">{NOTES[section]}</div>')
                for spec in rest:
                    self.add(spec, spec.name in shown)
            self.accordions.append((accordion, names))

    def values(self, given: Sequence[Any]) -> dict[str, Any]:
        """What differs from the defaults: then the engine is chosen as on the command line.

        Options that the chosen engine does not have are left out: their controls are not shown.
        """
        raw = dict(zip(self.components, given))
        chosen = {
            name: value
            for name, value in raw.items()
            if name in self.specs and not _is_default(self.specs[name], value)
        }
        check_named(chosen)
        engine = str(raw.get("engine") or "auto")
        if engine == "auto":
            return chosen
        own = defaults_of(self.kind, engine)
        # What is shown counts where the engine's own default is another one.
        chosen |= {
            name: raw[name]
            for name in own.keys() & raw.keys() & self.specs.keys() - {"engine"}
            if name not in chosen and own[name] != self.specs[name].default
        }
        return {
            name: value
            for name, value in chosen.items()
            if not self.kind.owners(name) or any(e.id == engine for e in self.kind.owners(name))
        }

    def filled(self, values: Mapping[str, Any]) -> list[Any]:
        """What each control shows for some settings; its default where one does not fit."""
        engines = {engine.id for engine in self.kind.engines}
        shown: list[Any] = []
        for name in self.components:
            value = values.get(name)
            if name == "engine":
                shown.append(value if value in engines else "auto")
            else:
                shown.append(_shown_value(self.specs[name], value))
        return shown

    @property
    def targets(self) -> list[Any]:
        """Components that change when another engine is chosen."""
        own = [self.components[name] for name in self._engine_names()]
        return [*own, *(accordion for accordion, _ in self.accordions)]

    def shown_for(self, engine: str, store: WeightStore) -> list[Any]:
        """Updates for ``targets``."""
        shown = names_shown(self.kind, engine, store)
        defaults = defaults_of(self.kind, engine)
        own: list[Any] = []
        for name in self._engine_names():
            default = defaults.get(name, self.specs[name].default)
            usual = {self.specs[name].default, *_defaults(self.kind, name)}
            # A few options have another default in each engine.
            more = {"value": default} if len(usual) > 1 else {}
            own.append(versions.update(visible=name in shown, **more))
        return [
            *own,
            *(versions.update(visible=bool(shown & set(names))) for _, names in self.accordions),
        ]

    def _engine_names(self) -> list[str]:
        return [name for name in self.components if self.kind.owners(name)]


def names_shown(kind: JobKind, engine: str, store: WeightStore) -> set[str]:
    """Options that make sense with an engine; with auto, with those that can run here."""
    if engine == "auto":
        engines = [one for one in kind.engines if is_ready(one, store)]
    else:
        engines = [one for one in kind.engines if one.id == engine]
    found: set[str] = set()
    for one in engines:
        for cls in kind.sections(one).values():
            found |= {spec.name for spec in option_specs(cls)}
    return found


def defaults_of(kind: JobKind, engine: str) -> dict[str, Any]:
    """Defaults of an engine's options by name; none of an engine that is not there."""
    classes = [
        cls for one in kind.engines if one.id == engine for cls in kind.sections(one).values()
    ]
    return {spec.name: spec.default for cls in classes for spec in option_specs(cls)}


def _defaults(kind: JobKind, name: str) -> set[Any]:
    known = (defaults_of(kind, engine.id) for engine in kind.engines)
    return {each[name] for each in known if name in each}


def specs_of(kind: JobKind) -> dict[str, OptionSpec]:
    """All options of a kind of job by name."""
    return {spec.name: spec for _, specs in sections(kind) for spec in specs}


def engine_choices(kind: JobKind, store: WeightStore) -> list[tuple[str, str]]:
    """What the choice of the engine shows, and the ids."""
    choices = [("Automatic: the best that is here", "auto")]
    for engine in sorted(kind.engines, key=lambda engine: engine.needs_download):
        ready = "ready" if is_ready(engine, store) else "needs a download, see Models"
        choices.append((f"{engine.title} ({ready})", engine.id))
    return choices


def plain_line(name: str) -> str:
    """The line that gets weights where the command line is installed."""
    return f"{COMMAND} {name}"


def engine_sentence(
    kind: JobKind, name: str, store: WeightStore, line: Callable[[str], str] = plain_line
) -> str:
    """What an engine does and what it needs; ``line`` gives what gets weights in a terminal."""
    if name == "auto":
        ready = [engine for engine in kind.engines if is_ready(engine, store)]
        missing = [engine.title for engine in kind.engines if engine not in ready]
        text = f"Here this is {_lower_first(ready[0].title)}." if ready else ""
        others = f" {' and '.join(missing)} can be added in Models." if missing else ""
        return text + others
    engine = next((one for one in kind.engines if one.id == name), kind.engines[-1])
    if is_ready(engine, store):
        return engine.description
    return f"{engine.description} It needs weights that are not here: {line(engine.id)}"


def _lower_first(title: str) -> str:
    return f"the {title[:1].lower()}{title[1:]}" if title.lower().endswith("engine") else title


def one_of(mapping: Mapping[str, Any], *names: str) -> list[Any]:
    """Some values by name, in that order."""
    return [mapping[name] for name in names]
