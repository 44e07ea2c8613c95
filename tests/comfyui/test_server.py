"""The server loads the pack without a word of complaint and knows every node."""

from __future__ import annotations

from pathlib import Path

from .conftest import FOLDER
from .server import Server


def complaints(log: str) -> list[str]:
    """Lines of a server's log about us that are more than news."""
    bad = ("warning", "error", "traceback", "cannot import", "failed", "skip", "deprecat")
    # Its advice to call the folder of workflows "example_workflows": "workflows" works as well.
    advice = ("example_workflows", "example workflow")
    lines = log.splitlines()
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


def test_boots_as_a_link(comfy_dir: Path, comfy_python: str, tmp_path: Path) -> None:
    with Server(comfy_dir, comfy_python, tmp_path, "talking-portraits") as linked:
        nodes = linked.get("/object_info")
        assert "TalkingPortraitsLoadBuiltIn" in nodes
        assert not complaints(linked.log)
