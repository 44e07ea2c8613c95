"""The part of the page about engines and weights: what is here, its terms, how to get more."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ..errors import OptionError
from ..jobs.engines import is_ready
from ..registry import ENGINES, RELIPPERS
from ..weights.catalog import BUNDLED, WeightFile
from ..weights.published import LEGACY, PUBLISHED, SETS
from ..weights.published_enhance import ENHANCERS, UPSCALERS
from ..weights.store import WeightStore
from . import restorers, versions
from .desk import Desk
from .panel import Panel
from .words import done_html, escape
from .work import Run

STOPPED = "Stopped. The same button goes on from here."
_RESTRICTED = re.compile("commercial|research|personal|lawyer", re.IGNORECASE)


def build(desk: Desk, tab: Any) -> None:
    """Lay the part out and connect it."""
    gr = versions.gradio()
    host = desk.host
    known = sets()
    first = next(iter(known))

    def look() -> str:
        return table_html(host.weights(), not host.is_shared)

    with gr.Row(elem_classes="tp-part"):
        with gr.Column(scale=6, min_width=320):
            table = versions.html(
                table_html(host.weights(), not host.is_shared), elem_id="tp-models-table"
            )
        with gr.Column(scale=5, min_width=320):
            chosen = versions.component(
                "Dropdown",
                choices=[(_set_title(name), name) for name in known],
                value=first,
                label="Get more",
                elem_id="tp-models-set",
            )
            terms = versions.html(terms_html(first, host.weights()))
            line = versions.line_to_copy("In a terminal", value=command(desk, first))
            panel = agreed = None
            if host.may_download:
                agreed = versions.component(
                    "Checkbox",
                    value=False,
                    label="I have read these terms and keep to them",
                    visible=needs_consent(first),
                    elem_id="tp-models-agreed",
                )
                panel = Panel(desk, "models", "Download here", "", stopped=STOPPED)
            refresh = versions.component("Button", value="Refresh", size="sm")

    def choose(name: str) -> tuple[Any, ...]:
        shown = (terms_html(name, host.weights()), command(desk, name))
        if agreed is None:
            return shown
        # Terms are agreed to for each set anew.
        return (*shown, versions.update(value=False, visible=needs_consent(name)))

    versions.on(chosen.change, choose, [chosen], [terms, line, *([agreed] if agreed else [])])
    versions.on(refresh.click, look, [], [table])
    if hasattr(tab, "select"):
        versions.on(tab.select, look, [], [table])
    if panel is not None:
        event = panel.bind_work(
            [chosen, agreed],
            ["weights", "agreed"],
            lambda values: _download(desk, values),
            _shown,
            waits=False,
        )
        versions.on(event.then, look, [], [table])


def _download(desk: Desk, values: Sequence[Any]) -> Any:
    name, agreed = values
    known = sets()
    if name not in known:
        raise OptionError("Choose what to download first.")
    if needs_consent(str(name)) and agreed is not True:
        raise OptionError("Read the terms above, and tick that you keep to them, first.")
    files = known[str(name)]

    def work(run: Run) -> int:
        def progress(stage: str, done: int, total: int) -> None:
            now = run.progress
            since = now.since if stage == now.stage else time.monotonic()
            told = time.monotonic()
            run.progress = replace(now, stage=stage, done=done, total=total, since=since, told=told)

        store = desk.host.weights()
        missing = sum(store.find(file) is None for file in files)
        store.download(files, progress=progress, cancelled=run.stopped.is_set)
        return missing

    return work


def _shown(run: Run) -> tuple[Any, ...]:
    hidden = versions.update(visible=False)
    count: int = run.value
    text = f"{count} files are here now." if count else "All of these files were here already."
    return (done_html(text), hidden, hidden, hidden)


def needs_consent(name: str) -> bool:
    """Whether a set's terms restrict what may be done with it."""
    return any(_RESTRICTED.search(file.licence) for file in sets()[name])


def sets() -> dict[str, tuple[WeightFile, ...]]:
    """What can be had at once: what an engine needs, and each network of the faces by itself."""
    single = {
        file.name: (file,) for file in (*ENHANCERS, *UPSCALERS) if (file,) not in SETS.values()
    }
    return {**SETS, **single}


def command(desk: Desk, name: str) -> str:
    """The exact line that gets a set for this host."""
    return desk.host.download_line(name)


def _set_title(name: str) -> str:
    size = sum(file.size for file in sets()[name])
    return f"{name} ({size / 1e6:,.0f} MB)" if size else name


def terms_html(name: str, store: WeightStore) -> str:
    """Licences of a set, and what of it is missing."""
    files = sets()[name]
    missing = [file for file in files if store.find(file) is None]
    state = (
        "All of it is here." if not missing else f"{len(missing)} of {len(files)} files missing."
    )
    items = "".join(
        f"<li>{escape(licence)}</li>" for licence in dict.fromkeys(file.licence for file in files)
    )
    return (
        f'<div class="tp-status"><b>{escape(state)}</b> Licence:'
        f'<ul class="tp-notes">{items}</ul></div>'
    )


def table_html(store: WeightStore, with_folders: bool = True) -> str:
    """Engines, and every weight file with its state and terms; folders are not for strangers."""
    rows = "".join(
        f"<tr><td><b>{escape(engine.title)}</b><br>{escape(engine.description)}</td>"
        f"<td>{_mark(is_ready(engine, store), 'ready', 'needs a download')}</td>"
        f"<td>{escape(engine.licence.replace('see models', 'see below'))}</td></tr>"
        for engine in sorted(ENGINES, key=lambda engine: engine.needs_download)
    )
    rows += "".join(
        f"<tr><td><b>{escape(engine.title)}</b><br>{escape(engine.description)}</td>"
        f"<td>{_mark(is_ready(engine, store), 'ready', 'needs a download')}</td>"
        f"<td>{escape(engine.licence)}</td></tr>"
        for engine in RELIPPERS
        if engine.needs_download
    )
    restoring = "".join(
        f"<tr><td><b>{escape(restorers.title_of(file.name))}</b><br>"
        f"{escape(file.description[:1].upper() + file.description[1:])}</td>"
        f"<td>{_mark(store.find(file) is not None, 'ready', 'needs a download')}</td>"
        f"<td>{escape(file.licence)}</td></tr>"
        for file in ENHANCERS
    )
    here = sum(store.find(file) is not None for file in ENHANCERS)
    known = [*BUNDLED, *PUBLISHED, *(file for file in LEGACY if store.find(file))]
    files = "".join(_file_row(file, store) for file in known)
    items = "".join(f"<li>{escape(folder)}</li>" for folder in store.folders)
    folders = (
        '<details class="tp-fold"><summary>Folders that are looked into</summary>'
        f'<ul class="tp-notes">{items}</ul></details>'
    )
    return (
        '<div class="tp-scroll"><table class="tp-table tp-cards"><tr><th>Engine</th><th>State</th>'
        f"<th>Licence</th></tr>{rows}</table></div>"
        '<details class="tp-fold"><summary>Networks that restore faces '
        f"({here} of {len(ENHANCERS)} ready)</summary>"
        '<div class="tp-scroll"><table class="tp-table tp-cards">'
        f"<tr><th>Network</th><th>State</th><th>Licence</th></tr>{restoring}</table></div></details>"
        f'<details class="tp-fold"><summary>Weight files ({len(known)})</summary>'
        '<div class="tp-scroll"><table class="tp-table tp-cards">'
        f"<tr><th>File</th><th>State</th><th>Licence</th></tr>{files}</table></div></details>"
        + (folders if with_folders else "")
    )


def _file_row(file: WeightFile, store: WeightStore) -> str:
    path = store.find(file)
    size = f"{file.size / 1e6:,.0f} MB" if file.size else ""
    return (
        f"<tr><td>{escape(file.name)} {escape(size)}<br>{escape(file.description)}</td>"
        f"<td>{_mark(path is not None, 'here', 'not here')}</td>"
        f"<td>{escape(file.licence)}</td></tr>"
    )


def _mark(is_good: bool, yes: str, no: str) -> str:
    return f'<span class="tp-yes">✓ {yes}</span>' if is_good else f'<span class="tp-no">{no}</span>'
