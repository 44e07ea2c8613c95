"""The server loads the pack without a word of complaint and knows every node."""

from __future__ import annotations

import json
from pathlib import Path

from .conftest import FOLDER
from .server import ROOT, Server

SURFACE = ROOT / "tests" / "nodes" / "surface.json"


def complaints(log: str) -> list[str]:
    """Lines of a server's log about us, until it is ready, that are more than news."""
    bad = ("warning", "error", "traceback", "cannot import", "failed", "skip", "deprecat")
    # Its advice to call the folder of workflows "example_workflows": "workflows" works as well.
    advice = ("example_workflows", "example workflow")
    lines = log.split("To see the GUI")[0].splitlines()
    return [
        line
        for line in lines
        if any(word in line.lower() for word in bad)
        and any(name.lower() in line.lower() for name in (FOLDER, "talking", "sadtalker"))
        and not any(word in line.lower() for word in advice)
    ]


def test_boots_without_a_warning_of_ours(server: Server) -> None:
    assert FOLDER in server.log, "the pack is not in the list of import times"
    assert "IMPORT FAILED" not in server.log
    assert not complaints(server.log)


def check_nodes(server: Server) -> None:
    """Every node is known to the server, with what the surface promises."""
    info = server.get("/object_info")
    for node_id, parts in json.loads(SURFACE.read_text(encoding="utf-8")).items():
        assert node_id in info
        given = info[node_id]["input"]
        inputs = {**given.get("required", {}), **given.get("optional", {})}
        assert set(inputs) == {*parts["sockets"], *parts["widgets"]}
        assert info[node_id]["output_node"] in (True, False)
        assert info[node_id]["category"].startswith("talking portraits")


def test_every_node_is_listed(server: Server) -> None:
    check_nodes(server)


def test_boots_as_a_link(comfy_dir: Path, comfy_python: str, tmp_path: Path) -> None:
    with Server(comfy_dir, comfy_python, tmp_path, "talking-portraits") as linked:
        check_nodes(linked)
        assert not complaints(linked.log)
