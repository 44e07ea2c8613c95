"""Videos straight to files: length, sound, labels, the graph in them, constant memory, stops."""

from __future__ import annotations

import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest
import torch

from tests.conftest import speech_like, write_wav

from .conftest import Host
from .pack import pack_module
from .scenes import ROOT, call, node, portrait, run, small_head, sound, talk, toy_model

errors = pack_module("sadtalker_core.errors")


def made_file(host: Host, shown: Any) -> Path:
    """The file that a node showed."""
    (entry,) = shown.ui.as_dict()["images"]
    assert entry["type"] == "output"
    return host.output / entry["subfolder"] / entry["filename"]


def facts(path: Path) -> dict[str, Any]:
    """Frames, rate, seconds of the sound, size and metadata of a video."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = sum(1 for _ in container.decode(video=0))
        size, rate, words = (stream.height, stream.width), stream.average_rate, container.metadata
    seconds = 0.0
    with av.open(str(path)) as container:
        if container.streams.audio:
            for frame in container.decode(audio=0):
                seconds += frame.samples / frame.sample_rate
    return {"frames": frames, "size": size, "fps": rate, "seconds": seconds, "words": dict(words)}


@pytest.fixture
def lite(host: Host) -> tuple[Any, Any]:
    """The built-in engine and a portrait."""
    model = toy_model(host, "lite")
    return model, portrait(model, small_head())


def test_sound_alone_gives_a_video_as_long_as_the_sound(host: Host, lite: tuple[Any, Any]) -> None:
    model, ready = lite
    shown = call("RenderVideo", model=model, portrait=ready, audio=sound(0.5), seed=3)
    path = made_file(host, shown)
    assert path.parent == host.output / "video"
    found = facts(path)
    assert (found["frames"], found["fps"], found["size"]) == (13, 25, (192, 192))
    assert abs(found["seconds"] - 0.5) < 0.06
    assert found["words"]["title"] == "Synthetic video"
    assert json.loads(found["words"]["description"])["seed"] == "3"
    (video,) = shown.result
    assert video.get_dimensions() == (192, 192)
    again = made_file(host, call("RenderVideo", model=model, portrait=ready, audio=sound(0.5)))
    assert again != path


def test_the_graph_is_in_the_file_as_core_keeps_it(
    host: Host, lite: tuple[Any, Any], monkeypatch: Any
) -> None:
    import comfy.cli_args

    model, ready = lite
    graph, workflow = {"1": {"class_type": "X"}}, {"nodes": [1], "links": []}

    class Hidden:
        prompt = graph
        extra_pnginfo = {"workflow": workflow}

    monkeypatch.setattr(node("RenderVideo"), "hidden", Hidden)
    given: dict[str, Any] = dict(model=model, portrait=ready, motion=talk(2))
    for kind in ("mp4", "webm", "mkv"):
        words = facts(made_file(host, call("RenderVideo", **given, format=kind)))["words"]
        words = {name.lower(): text for name, text in words.items()}
        assert json.loads(words["prompt"]) == graph
        assert json.loads(words["workflow"]) == workflow
        assert words["title"] == "Synthetic video"
        assert "not a recording" in words["comment"]
    monkeypatch.setattr(comfy.cli_args.args, "disable_metadata", True, raising=False)
    words = facts(made_file(host, call("RenderVideo", **given)))["words"]
    assert "workflow" not in words
    assert words["title"] == "Synthetic video"  # the label stays


def test_frames_are_those_of_render(host: Host, lite: tuple[Any, Any]) -> None:
    model, ready = lite
    frames, _, _ = run("Render", model=model, portrait=ready, motion=talk(3))
    shown = call("RenderVideo", model=model, portrait=ready, motion=talk(3), format="mkv")
    with av.open(str(made_file(host, shown))) as container:
        read = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    wanted = (frames * 255).round().to(torch.uint8)
    assert torch.equal(torch.stack([torch.from_numpy(each) for each in read]), wanted)


def test_a_video_lasts_as_long_as_the_longer_of_motion_and_sound(
    host: Host, lite: tuple[Any, Any]
) -> None:
    model, ready = lite
    given: dict[str, Any] = dict(model=model, portrait=ready)
    found = facts(made_file(host, call("RenderVideo", **given, motion=talk(4), audio=sound(0.4))))
    assert found["frames"] == 10  # the last frame is held until the sound ends
    found = facts(made_file(host, call("RenderVideo", **given, motion=talk(15), audio=sound(0.2))))
    assert found["frames"] == 15
    assert abs(found["seconds"] - 0.6) < 0.06


def test_rates_are_exact(host: Host, lite: tuple[Any, Any]) -> None:
    model, ready = lite
    shown = call("RenderVideo", model=model, portrait=ready, audio=sound(0.3), fps=29.97)
    assert facts(made_file(host, shown))["fps"] == Fraction(30000, 1001)


@pytest.mark.parametrize("engine", ["liveportrait", "sadtalker"])
def test_neural_engines_speak(host: Host, engine: str) -> None:
    model = toy_model(host, engine)
    ready = portrait(model, small_head())
    found = facts(
        made_file(host, call("RenderVideo", model=model, portrait=ready, audio=sound(0.4)))
    )
    assert found["frames"] == 10


def test_silence_is_refused_and_nothing_is_left(host: Host, lite: tuple[Any, Any]) -> None:
    model, ready = lite
    silent = {"waveform": torch.zeros(1, 1, 8000), "sample_rate": 16000}
    with pytest.raises(errors.MediaError, match="Idle"):
        call("RenderVideo", model=model, portrait=ready, audio=silent)
    assert [path for path in host.output.rglob("*") if path.is_file()] == []


def test_an_interrupt_leaves_nothing_and_is_the_hosts(
    host: Host, lite: tuple[Any, Any], monkeypatch: Any
) -> None:
    import comfy.model_management as management
    import comfy.utils

    steps: list[int] = []

    def hook(value: int, total: int, preview: Any, node_id: Any = None) -> None:
        steps.append(value)
        if total == 200 and value >= 16:  # in the middle of the frames
            management.interrupt_current_processing()

    monkeypatch.setattr(comfy.utils, "PROGRESS_BAR_HOOK", hook)
    model, ready = lite
    with pytest.raises(management.InterruptProcessingException):
        call("RenderVideo", model=model, portrait=ready, motion=talk(200))
    assert max(steps) <= 32  # within a chunk or two
    assert [path for path in host.output.rglob("*") if path.is_file()] == []
    made_file(host, call("RenderVideo", model=model, portrait=ready, motion=talk(2)))


_MEASURED = """
import resource, sys
from pathlib import Path
from tests.nodes.pack import pack_module
from tests.nodes.scenes import call, portrait, small_head, toy_model
import folder_paths
import torch
torch.set_num_threads(1)
folder_paths.output_directory = sys.argv[2]
model = pack_module("nodes.host_models").load_model("lite")
image = torch.nn.functional.interpolate(small_head().movedim(-1, 1), size=(96, 96), mode="area")
ready = portrait(model, image.movedim(1, -1))
sound = {"type": "SoundFile", "version": 1, "path": sys.argv[1]}
call("RenderVideo", model=model, portrait=ready, audio=sound, preset="ultrafast")
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def peak_mb(seconds: float, folder: Path) -> float:
    """Most memory that a render of so much sound took, in a process of its own."""
    folder.mkdir()
    path = write_wav(folder / "sound.wav", speech_like(5.0).repeat(round(seconds / 5)))
    given = [sys.executable, "-c", _MEASURED, str(path), str(folder)]
    done = subprocess.run(given, cwd=ROOT, capture_output=True, text=True, check=True)
    return int(done.stdout.split()[-1]) / 1024


@pytest.mark.slow
def test_memory_does_not_grow_with_the_sound(tmp_path: Path) -> None:
    short, long = (peak_mb(seconds, tmp_path / str(seconds)) for seconds in (5, 35))
    # as an IMAGE the 750 frames between them would take 83 MB; the motion takes 200 bytes a frame
    assert long < short + 20
