"""Sound as gradio 3's player sends it: whole, or with a part marked."""

from __future__ import annotations

import base64
import math
import types
import wave
from pathlib import Path
from typing import Any

import pytest
import torch

from sadtalker_core.media.audio_in import open_audio
from sadtalker_core.ui import versions
from sadtalker_core.ui.trimming import marked_part


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    """Two seconds: the first nearly silent, the second loud."""
    path = tmp_path / "uploads" / "hello.wav"
    path.parent.mkdir()
    time = torch.arange(32000) / 16000
    values = (time * 440 * math.tau).sin() * torch.where(time < 1, 0.01, 0.8)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes((values * 32767).short().numpy().tobytes())
    return path


def test_the_marked_part_is_cut(sound: Path) -> None:
    part = marked_part(sound, 50, 75)
    assert part.parent == sound.parent
    source = open_audio(str(part))
    assert float(source.duration_s) == pytest.approx(0.5, abs=1e-3)
    samples = torch.cat(list(source.stream(16000)))
    assert samples.abs().max() == pytest.approx(0.8, abs=0.02)
    first = open_audio(str(marked_part(sound, 0, 50)))
    assert torch.cat(list(first.stream(16000))).abs().max() < 0.02
    assert marked_part(sound, 0, 50) != part


def test_what_cannot_be_cut_comes_back(tmp_path: Path, sound: Path) -> None:
    broken = tmp_path / "broken.mp3"
    broken.write_bytes(b"no sound")
    assert marked_part(broken, 10, 20) == broken
    assert marked_part(sound, 60, 60) == sound


@pytest.fixture
def player(sound: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A component of gradio 3, as much of it as is used."""
    monkeypatch.setattr(versions, "upload_folder", lambda: sound.parent)

    def save(data: str, name: str) -> str:
        (sound.parent / name).write_bytes(base64.b64decode(data.partition(",")[2]))
        return str(sound.parent / name)

    made = types.SimpleNamespace(preprocess=None, base64_to_temp_file_if_needed=save)
    return versions._as_it_is(made)  # pyright: ignore[reportPrivateUsage]


def test_a_file_in_the_request_is_kept_as_it_is(player: Any) -> None:
    data = "data:audio/mpeg;base64," + base64.b64encode(b"ID3 whatever").decode()
    payload = {"name": "a.mp3", "data": data, "crop_min": 0, "crop_max": 100}
    assert Path(player.preprocess(payload)).read_bytes() == b"ID3 whatever"
    assert player.preprocess(None) is None


def test_a_mark_is_followed_for_uploaded_files_alone(
    player: Any, sound: Path, tmp_path: Path
) -> None:
    payload = {"name": str(sound), "is_file": True, "crop_min": 25, "crop_max": 50}
    assert float(open_audio(player.preprocess(payload)).duration_s) == pytest.approx(0.5, abs=1e-3)
    elsewhere = tmp_path / "private.wav"
    elsewhere.write_bytes(sound.read_bytes())
    assert player.preprocess({**payload, "name": str(elsewhere)}) == str(elsewhere)
    assert {path.name for path in tmp_path.iterdir()} == {"uploads", "private.wav"}


def test_files_that_a_program_names_are_handed_on_and_not_copied(
    player: Any, sound: Path, tmp_path: Path
) -> None:
    """Gradio 3 would copy them to the uploads, where everything may be read."""
    private = tmp_path / "private.txt"
    private.write_text("secret")
    before = set(sound.parent.iterdir())
    data = "data:text/plain;base64," + base64.b64encode(b"{}").decode()
    payload = [{"name": str(private), "is_file": True}, {"name": "jobs.jsonl", "data": data}, None]
    found = player.preprocess(payload)
    assert versions.paths_of(found) == [private, sound.parent / "jobs.jsonl"]
    assert set(sound.parent.iterdir()) - before == {sound.parent / "jobs.jsonl"}


def test_no_input_of_gradio_3_is_left_to_gradio(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "is_old", lambda: True)
    monkeypatch.setattr(versions, "version", lambda: (3, 41, 2))
    asked: list[str] = []

    def make(name: str, **known: Any) -> Any:
        asked.append(name)
        return types.SimpleNamespace(preprocess=None)

    monkeypatch.setattr(versions, "_component", make)
    made = [
        versions.picture_input("a"),
        versions.sound_input("b"),
        versions.microphone_input("c"),
        versions.video_input("d"),
        versions.file_input("e", ["video"]),
    ]
    assert asked == ["Image", "Audio", "Audio", "Video", "File"]
    assert all(one.preprocess is not None for one in made)
