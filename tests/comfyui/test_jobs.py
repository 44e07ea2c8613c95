"""What a running job does beside its result: progress, previews, interrupt, cache, memory."""

from __future__ import annotations

import io
import time
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.conftest import speech_like, write_wav
from tests.nodes.short_graphs import defaults, look_at, write_inputs

from .conftest import FOLDER
from .server import Graph, Refused, Server


@pytest.fixture(scope="module")
def ready(server: Server) -> Server:
    """The server with pictures and voices in its input folder."""
    write_inputs(server.base / "input")
    write_wav(server.base / "input" / "six seconds.wav", speech_like(6.0))
    write_wav(server.base / "input" / "minutes.wav", speech_like(180.0))
    return server


def node(server: Server, class_type: str, **inputs: Any) -> dict[str, Any]:
    """A node with its widgets at their defaults."""
    info = server.get(f"/object_info/{class_type}")[class_type]
    return {"class_type": class_type, "inputs": {**defaults(info["input"]), **inputs}}


def starter(server: Server, voice: str = "voice.wav", **inputs: Any) -> Graph:
    """Picture and voice to a video."""
    return {
        "picture": node(server, "LoadImage", image="head.png"),
        "voice": node(server, "LoadAudio", audio=voice),
        "talk": node(
            server,
            "TalkingPortraitsTalkingPortrait",
            image=["picture", 0],
            audio=["voice", 0],
            **inputs,
        ),
    }


def test_a_voice_becomes_a_video_with_progress(ready: Server) -> None:
    done = ready.run(starter(ready, "six seconds.wav"))
    assert done.error == ""
    steps = [data for data in done.of("progress") if data["node"] == "talk"]
    assert len(steps) > 5
    assert {"value", "max"} <= set(steps[0])
    values = [data["value"] for data in steps if data["max"] == 150]
    assert values == sorted(values)
    assert values[-1] == 150
    # The frontend would show the last one in place of the video.
    assert not done.previews
    seen = look_at(ready.path_of(done.outputs["talk"]["images"][0]))
    assert seen.frames == 150
    assert seen.fps == 25
    assert seen.sound_s == pytest.approx(6.0, abs=0.07)
    assert seen.loudness > 0.2
    assert seen.movement > 1
    assert all(side % 2 == 0 for side in seen.size)


def test_frames_are_shown_while_they_are_rendered(ready: Server) -> None:
    graph = {
        "picture": node(ready, "LoadImage", image="head.png"),
        "voice": node(ready, "LoadAudio", audio="six seconds.wav"),
        "engine": node(ready, "TalkingPortraitsLoadBuiltIn"),
        "portrait": node(
            ready,
            "TalkingPortraitsPreparePortrait",
            model=["engine", 0],
            image=["picture", 0],
        ),
        "motion": node(ready, "TalkingPortraitsSpeechMotion", audio=["voice", 0]),
        "frames": node(
            ready,
            "TalkingPortraitsRender",
            model=["engine", 0],
            portrait=["portrait", 0],
            motion=["motion", 0],
        ),
        "video": node(ready, "CreateVideo", images=["frames", 0], audio=["voice", 0]),
        "file": node(ready, "SaveVideo", video=["video", 0]),
    }
    done = ready.run(graph)
    assert done.error == ""
    assert done.previews, "no preview frame was sent"
    assert min(Image.open(io.BytesIO(done.previews[-1])).size) > 100


def test_the_graph_is_kept_in_the_file(ready: Server) -> None:
    """Dropped onto the canvas the file opens as its graph."""
    import av

    done = ready.run(starter(ready))
    with av.open(str(ready.path_of(done.outputs["talk"]["images"][0]))) as container:
        assert "TalkingPortraitsTalkingPortrait" in container.metadata["prompt"]


def test_a_second_run_is_cached_and_a_changed_widget_is_not(ready: Server) -> None:
    graph = starter(ready)
    ready.run(graph)
    assert {"picture", "voice", "talk"} <= ready.run(graph).cached
    other = ready.run(starter(ready, seed=5))
    assert "picture" in other.cached
    assert "talk" not in other.cached


def test_interrupt_stops_within_a_chunk_and_leaves_no_file(ready: Server) -> None:
    before = set((ready.base / "output").rglob("*"))
    begun = time.monotonic()
    done = ready.run(starter(ready, "minutes.wav"), stop_after_progress=4)
    assert done.end == "execution_interrupted", done.error
    assert time.monotonic() - begun < 60
    left = [path for path in set((ready.base / "output").rglob("*")) - before if path.is_file()]
    assert not [path for path in left if path.suffix in (".mp4", ".tmp", ".part")]
    assert ready.run(starter(ready, seed=77)).error == "", "the next job must run"


def test_what_cannot_be_is_refused_with_a_sentence(ready: Server) -> None:
    empty = Image.new("RGB", (200, 200), (90, 120, 90))
    empty.save(ready.base / "input" / "nobody.png")
    graph = starter(ready)
    graph["picture"] = node(ready, "LoadImage", image="nobody.png")
    done = ready.run(graph)
    assert "face" in done.error.lower()
    with pytest.raises(Refused, match="seed"):
        ready.run(starter(ready, seed=-4))


def test_missing_weights_say_file_folder_and_licence(ready: Server) -> None:
    for loader in ("TalkingPortraitsLoadSadTalker", "TalkingPortraitsLoadLivePortrait"):
        graph = starter(ready, model=["load", 0])
        graph["load"] = node(ready, loader)
        error = ready.run(graph).error
        assert "talking_portraits" in error, error
        assert ".safetensors" in error or ".pth" in error, error
        assert "licen" in error.lower() or "terms" in error.lower(), error


def test_memory_returns_after_free(ready: Server) -> None:
    """Half a gigabyte of frames that the host keeps is given back when it is asked to."""
    graph = {
        "picture": node(ready, "LoadImage", image="head.png"),
        "wide": node(
            ready, "ImageScale", image=["picture", 0], width=512, height=512, crop="disabled"
        ),
        "voice": node(ready, "LoadAudio", audio="six seconds.wav"),
        "model": node(ready, "TalkingPortraitsLoadBuiltIn"),
        "who": node(
            ready, "TalkingPortraitsPreparePortrait", model=["model", 0], image=["wide", 0]
        ),
        "motion": node(ready, "TalkingPortraitsSpeechMotion", audio=["voice", 0]),
        "render": node(
            ready,
            "TalkingPortraitsRender",
            model=["model", 0],
            portrait=["who", 0],
            motion=["motion", 0],
        ),
        "first": node(ready, "PreviewAny", source=["render", 2]),
    }
    ready.run(starter(ready))  # what is loaded once stays
    ready.post("/free", {"unload_models": True, "free_memory": True})
    time.sleep(3)
    low = ready.memory_mb()
    done = ready.run(graph)
    assert done.error == ""
    high = ready.memory_mb()
    ready.post("/free", {"unload_models": True, "free_memory": True})
    time.sleep(3)
    after = ready.memory_mb()
    frames_mb = 150 * 512 * 512 * 3 * 4 / 2**20
    assert high - low > 0.7 * frames_mb, (low, high)
    assert after - low < 0.25 * frames_mb, (low, high, after)


FLAGS = [("--cache-none",), ("--cache-lru", "3"), ("--deterministic", "--disable-metadata")]


@pytest.mark.parametrize("flags", FLAGS, ids=" ".join)
def test_other_settings_of_the_host(
    flags: tuple[str, ...], comfy_dir: Path, comfy_python: str, tmp_path: Path
) -> None:
    with Server(comfy_dir, comfy_python, tmp_path, FOLDER, ("--cpu", *flags)) as other:
        write_inputs(other.base / "input")
        done = other.run(starter(other))
        assert done.error == ""
        seen = look_at(other.path_of(done.outputs["talk"]["images"][0]))
        assert seen.frames == 12
