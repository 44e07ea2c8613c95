"""Every example graph runs from its pictures and sounds to its video.

On short inputs; the neural engines with networks of toy size, whose pictures mean nothing but have
the shapes, lengths and files of the real ones.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from . import core_stand_ins, short_graphs
from .conftest import Host
from .executor import Executor
from .pack import ROOT, node_classes

NODES = {**core_stand_ins.NODES, **node_classes()}


@pytest.fixture(scope="session")
def toy_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder with networks of toy size under their published names."""
    folder = tmp_path_factory.mktemp("models") / "talking_portraits"
    folder.mkdir()
    short_graphs.write_models(folder)
    return folder


@pytest.fixture
def ready(host: Host, toy_models: Path) -> Host:
    """A host with pictures, voices and models."""
    short_graphs.write_inputs(host.input)
    shutil.copytree(toy_models, host.models / "talking_portraits")
    return host


def path_in(host: Host, shown: Any) -> Path:
    return host.base / shown["type"] / shown.get("subfolder", "") / shown["filename"]


def test_there_are_enough_graphs() -> None:
    assert len(short_graphs.names()) >= 12


@pytest.mark.parametrize("name", short_graphs.names())
def test_graph_gives_what_it_promises(ready: Host, name: str) -> None:
    executor = Executor(NODES)
    graph = short_graphs.shortened(short_graphs.load(name))
    run = executor.run(graph)
    short_graphs.check_results(name, run.ui, lambda shown: path_in(ready, shown))
    again = executor.run(graph)
    ours = [i for i in graph if graph[i]["class_type"].startswith("TalkingPortraits")]
    assert not set(ours) & set(again.executed), "run twice with nothing changed"


HOURS = """
import json, resource, sys
from pathlib import Path
from tests.conftest import speech_like, write_wav
from tests.nodes import core_stand_ins, host_stand_ins, short_graphs
from tests.nodes.executor import Executor
from tests.nodes.pack import node_classes
import folder_paths
folder = Path(sys.argv[1])
for kind in ("input", "output", "temp"):
    getattr(folder_paths, f"set_{kind}_directory")(str(folder / kind))
short_graphs.write_inputs(folder / "input")
graph = short_graphs.shortened(short_graphs.load("10_hour_long_speech"))
nodes = {**core_stand_ins.NODES, **node_classes()}
for seconds in (2, 4, 24):  # the first run fills caches of codecs and of torch
    write_wav(folder / "input" / "voice.wav", speech_like(seconds))
    run = Executor(nodes).run(graph)
    video = [e for ui in run.ui.values() for e in ui.get("images", ())][0]
    seen = folder / video["type"] / video["subfolder"] / video["filename"]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps([peak / (1 << 20 if sys.platform == "darwin" else 1 << 10), str(seen)]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not tell the peak this way")
def test_hours_of_sound_need_no_more_memory_than_seconds(tmp_path: Path) -> None:
    """Six times the sound: the frames between would be 220 MB."""
    done = subprocess.run(
        [sys.executable, "-c", HOURS, str(tmp_path)], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    answers = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]
    (_, _), (short_mb, _), (long_mb, path) = answers
    assert long_mb - short_mb < 40, answers
    assert short_graphs.look_at(Path(path)).seconds == pytest.approx(24, abs=0.05)
