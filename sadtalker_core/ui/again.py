"""Settings of a result put back into the part of the page that made it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import OptionError
from . import versions
from .controls import Form
from .words import note_html

if TYPE_CHECKING:
    from .desk import Desk

Files = Mapping[str, Sequence[Path]]


@dataclass(frozen=True)
class Target:
    """A part of the page that settings can be put back into.

    Attributes:
        tab: its id.
        title: what the page calls it.
        inputs: its files by name, and its other controls are those of ``form``.
        sliders: controls besides, by name.
        form: its controls.
        status: where a sentence is shown.
        file_of: from the names of the job's files and the files to a value for each of ``inputs``.
        slider_of: the value of a slider from a setting, None where it leaves the face alone.
    """

    tab: str
    title: str
    inputs: Mapping[str, Any]
    form: Form
    status: Any
    file_of: Callable[[Files], Mapping[str, Path]]
    sliders: Mapping[str, Any] = field(default_factory=dict[str, Any])
    slider_of: Callable[[str, Any], Any] = lambda name, value: value

    @property
    def components(self) -> list[Any]:
        """Everything that is filled in, the status last."""
        own = [*self.inputs.values(), *self.sliders.values(), *self.form.components.values()]
        return [*own, self.status]

    def filled(self, found: Mapping[str, Any], files: Files, name: str) -> list[Any]:
        """Updates for ``components``.

        Args:
            found: what is known of the result.
            files: the job's files that are still here, by name.
            name: of the result.
        """
        values = flat_settings(found)
        engine = result_engine(found)
        given = self.file_of(files)
        texts = [given.get(each) for each in self.inputs]
        moved = [self.slider_of(each, values.get(each)) for each in self.sliders]
        rest = self.form.filled({**values, "engine": engine})
        known = [None if path is None else str(path) for path in texts]
        updates = [versions.update(value=value) for value in (*known, *moved, *rest)]
        return [*updates, note_html(sentence(name, asked_for(found, files)))]


def flat_settings(found: Mapping[str, Any]) -> dict[str, Any]:
    """Options of a result by name, without its files."""
    settings = found.get("settings")
    flat: dict[str, Any] = {}
    for value in (settings if isinstance(settings, dict) else {}).values():
        if isinstance(value, dict):
            flat.update(value)
    return flat


def result_engine(found: Mapping[str, Any]) -> str:
    """Which engine ran."""
    result = found.get("result")
    return str(result.get("engine", "auto")) if isinstance(result, dict) else "auto"


def asked_for(found: Mapping[str, Any], files: Files) -> list[str]:
    """Names of files that made a result and are not here any more."""
    settings = found.get("settings")
    names: list[str] = []
    for name, value in (settings if isinstance(settings, dict) else {}).items():
        if isinstance(value, list) and name not in files:
            names += [str(each) for each in value]
    return names


def sentence(name: str, missing: Sequence[str]) -> str:
    """What was filled in, and what has to be chosen again."""
    text = f"The settings of {name} are here again."
    return f"{text} Choose again: {', '.join(missing)}." if missing else text


def target_name(found: Mapping[str, Any]) -> str:
    """Which part made a result."""
    command = found.get("command")
    if command == "animate":
        return "talk"
    if command in ("relip", "enhance"):
        return str(command)
    if found.get("command") != "drive":
        return ""
    settings, result = found.get("settings"), found.get("result")
    drives = isinstance(settings, dict) and bool(settings.get("driving"))
    is_still = isinstance(result, dict) and result.get("frames") == 1
    return "edit" if is_still and not drives else "drive"


def fill(desk: Desk, found: Mapping[str, Any], files: Files, name: str) -> tuple[list[Any], str]:
    """Updates for the components of all targets and for the tabs, and the part's title.

    Raises:
        OptionError: the settings of the result are not known.
    """
    wanted = target_name(found)
    if wanted not in desk.targets:
        raise OptionError("The settings of this result are not known; it was made elsewhere.")
    updates: list[Any] = []
    for part, target in desk.targets.items():
        if part == wanted:
            updates += target.filled(found, files, name)
        else:
            updates += [versions.update() for _ in target.components]
    chosen = desk.targets[wanted]
    return [*updates, versions.update(selected=chosen.tab)], chosen.title
