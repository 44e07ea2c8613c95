"""Speech on the page: where it may come from, and which of what was given is meant."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import OptionError
from . import versions
from .desk import Desk, single_path

SOUND_TYPES = ("audio", "video")
PLAYER_TAKES = (".wav", ".mp3", ".flac", ".ogg", ".opus", ".m4a", ".aac")


def other_sounds(elem_id: str) -> dict[str, Any]:
    """Components for speech that gradio's player cannot take, by name."""
    made: dict[str, Any] = {}
    if versions.is_old():
        made["recording"] = versions.microphone_input("Record speech")
    made["sound_file"] = versions.file_input(
        "Sound of a video or another file", SOUND_TYPES, height=120, elem_id=elem_id
    )
    return made


def note_html(others: str) -> str:
    """gradio's player refuses a video, in words of its own: where its sound goes instead."""
    return f'<div class="tp-small">The sound of a video goes below, under {others}.</div>'


def given_sound(desk: Desk, played: Any, others: Mapping[str, Any]) -> Path | None:
    """The one sound among what was given, or None.

    Raises:
        OptionError: there are two.
    """
    sounds = [single_path(desk, played, "speech")]
    sounds += [single_path(desk, others.get(name), "sound") for name in ("recording", "sound_file")]
    given = [path for path in sounds if path is not None]
    if len(given) > 1:
        raise OptionError("Two sounds are given; take one of them out.")
    return given[0] if given else None


def place_of(sound: Path) -> str:
    """Which component shows a sound again."""
    return "audio" if sound.suffix.lower() in PLAYER_TAKES else "sound_file"
