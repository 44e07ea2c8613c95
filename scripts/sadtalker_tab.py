"""The tab "Talking Portraits" of A1111 and Forge. The web UIs run every .py file in this folder."""

from __future__ import annotations

import html
import importlib.util
import logging
import sys
from pathlib import Path
from typing import Any

# While it loads this file the web UI has the extension's folder on the import path, whatever the
# folder is called; a later import inside a handler would fail, so the package comes in here.
if importlib.util.find_spec("sadtalker_core") is None:
    sys.path.append(str(Path(__file__).resolve().parent.parent))

from modules import script_callbacks  # pyright: ignore[reportMissingImports]

from sadtalker_core.ui import page, versions

_log = logging.getLogger(__name__)
_TITLE, _ID = "Talking Portraits", "talking_portraits"
_buttons: Any = None


def _tab() -> list[tuple[Any, str, str]]:
    try:
        return [(page.build(_host), _TITLE, _ID)]
    except Exception as error:  # the host must start, and the tab must say why it is empty
        _log.exception("Talking Portraits could not build its tab")
        if _buttons is not None:
            _buttons.withdraw()
        return [(_apology(error), _TITLE, _ID)]


def _host() -> Any:
    from sadtalker_core.ui.webui_host import WebuiHost

    return WebuiHost()


def _apology(error: Exception) -> Any:
    text = html.escape(f"{type(error).__name__}: {error}")
    with versions.blocks(_TITLE) as blocks:
        versions.html(
            f"<p><b>Talking Portraits could not build its tab.</b> {text}</p>"
            "<p>The web UI's log says more; please report it.</p>"
        )
    return blocks


def _settings() -> None:
    from sadtalker_core.ui.webui_host import add_settings

    add_settings()


def _after_component(component: Any, **known: Any) -> None:
    if _buttons is not None:
        _buttons.after_component(component, **known)


if not page.missing_packages():
    from sadtalker_core.ui.webui_host import SendButtons

    _buttons = SendButtons()
    script_callbacks.on_ui_settings(_settings)
    script_callbacks.on_after_component(_after_component)
script_callbacks.on_ui_tabs(_tab)
