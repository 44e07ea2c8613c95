"""Every example graph runs from its pictures and sounds to its video.

On short inputs; the neural engines with networks of toy size, whose pictures mean nothing but have
the shapes, lengths and files of the real ones.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.systems.liveportrait.toy_files import write_toy_files as write_liveportrait
from tests.systems.sadtalker.toy_files import write_toy_files as write_sadtalker

from . import core_stand_ins, short_graphs
from .conftest import Host
from .executor import Executor
from .pack import node_classes

NODES = {**core_stand_ins.NODES, **node_classes()}


@pytest.fixture(scope="session")
def toy_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder with networks of toy size under their published names."""
    folder = tmp_path_factory.mktemp("models") / "talking_portraits"
    folder.mkdir()
    write_sadtalker(folder)
    write_liveportrait(folder)
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
