"""Networks that restore faces: which are here, and the line that gets one."""

from __future__ import annotations

from ..enhance.files import needed_files
from ..enhance.options import ENHANCER_IDS, EnhanceOptions
from ..weights.store import WeightStore
from .host import UiHost
from .plain_words import CHOICES
from .words import escape


def is_here(name: str, store: WeightStore) -> bool:
    """Whether the files of an enhancer are on this machine."""
    return all(store.find(file) for file in needed_files(EnhanceOptions(enhancer=name)))


def first_here(store: WeightStore) -> str:
    """The one that is chosen at first: the best of those that are here."""
    return next((name for name in ENHANCER_IDS if is_here(name, store)), ENHANCER_IDS[0])


def choices(store: WeightStore) -> list[tuple[str, str]]:
    """What the choice of the network shows, and the ids."""
    return [
        (f"{title_of(name)} ({'ready' if is_here(name, store) else 'needs a download'})", name)
        for name in ENHANCER_IDS
    ]


def title_of(name: str) -> str:
    """What the page calls an enhancer."""
    return CHOICES["enhancer"].get(name, name)


def missing_html(host: UiHost, name: str) -> str:
    """What to do where an enhancer is not here; nothing where it is."""
    if name not in ENHANCER_IDS or is_here(name, host.weights()):
        return ""
    (file,) = needed_files(EnhanceOptions(enhancer=name))
    size = f" ({file.size / 1e6:,.0f} MB)" if file.size else ""
    button = "; so does the button in Models" if host.may_download else ""
    return (
        f'<div class="tp-status tp-partly"><b>{escape(title_of(name))} is not on this machine.</b> '
        f"This line, in a terminal, gets it{size}{button}:"
        f'<pre class="tp-example">{escape(host.download_line(name))}</pre>'
        f'<div class="tp-small">Its terms: {escape(file.licence)}</div></div>'
    )
