"""Colours of a page of our own; web UIs have theirs."""

from __future__ import annotations

from typing import Any


def _red_buttons() -> dict[str, str]:
    """What stops or deletes looks like it."""
    return {
        "button_cancel_background_fill": "#c93434",
        "button_cancel_background_fill_dark": "#b02a2a",
        "button_cancel_background_fill_hover": "#b02a2a",
        "button_cancel_background_fill_hover_dark": "#c93434",
        "button_cancel_text_color": "white",
        "button_cancel_text_color_dark": "white",
        "button_cancel_text_color_hover": "white",
        "button_cancel_text_color_hover_dark": "white",
    }


def quiet_theme(gr: Any) -> Any:
    """Quiet colours and the fonts of the machine: a page that loads nothing from elsewhere."""
    quiet = gr.themes.Soft(
        primary_hue="indigo",
        neutral_hue="slate",
        font=["system-ui", "-apple-system", "Segoe UI", "sans-serif"],
        font_mono=["ui-monospace", "Consolas", "monospace"],
    )
    # The usual grey of small text is too faint to read on white.
    return quiet.set(
        background_fill_primary="*neutral_50",  # set() forgets this one
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_300",
        **_red_buttons(),
    )
