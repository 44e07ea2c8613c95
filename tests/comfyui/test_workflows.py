"""Every example graph, queued through the API of a real server, gives its video."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from tests.nodes import short_graphs

from .server import Server


@pytest.fixture(scope="module")
def ready(server: Server) -> Iterator[Server]:
    """The server with inputs, and networks of toy size under their published names."""
    short_graphs.write_inputs(server.base / "input")
    folder = server.base / "models" / "talking_portraits"
    folder.mkdir(exist_ok=True)
    short_graphs.write_models(folder)
    yield server
    shutil.rmtree(folder)
    server.post("/free", {"unload_models": True, "free_memory": True})


@pytest.mark.parametrize("name", short_graphs.names())
def test_graph_gives_what_it_promises_and_is_cached(ready: Server, name: str) -> None:
    graph = short_graphs.shortened(short_graphs.load(name))
    done = ready.run(graph)
    assert done.error == ""
    short_graphs.check_results(name, done.outputs, ready.path_of)
    ours = {key for key, node in graph.items() if node["class_type"].startswith("TalkingPortraits")}
    again = ready.run(graph)
    new = [graph[key]["class_type"] for key in ours - again.cached]
    assert not new, f"run twice with nothing changed: {new}"


def test_nothing_was_complained_about(ready: Server) -> None:
    """Warnings while running: of deprecated calls, of arrays that cannot be written."""
    here = "Talking Portraits"
    bad = [line for line in ready.log.splitlines() if "Warning" in line and here in line]
    assert not bad


def test_files_are_named_like_the_hosts(ready: Server) -> None:
    """Below the output folder, numbered, and nothing half-written beside them."""
    files = [path for path in (ready.base / "output").rglob("*") if path.is_file()]
    kinds = {path.suffix for path in files}
    assert kinds <= {".mp4", ".png", ".webm", ".mkv", ".flac", ".safetensors"}
