"""``python -m tools.workflows``: see the package."""

from __future__ import annotations

import argparse
import json
import sys
import urllib.request
from pathlib import Path
from typing import Any

from .convert import to_api
from .graphs import CORE, GRAPHS
from .schemas import ROOT, STORED, Schemas, for_storing, stored_schemas

OUT = ROOT / "workflows"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.workflows")
    commands = parser.add_subparsers(dest="command", required=True)
    build_command = commands.add_parser("build", help="write workflows/")
    build_command.add_argument("names", nargs="*", help="only these graphs")
    convert = commands.add_parser("convert", help="a graph of the UI as a prompt of the API")
    convert.add_argument("graph", type=Path)
    convert.add_argument("prompt", type=Path)
    refresh_command = commands.add_parser("refresh", help="store the schemas of a server")
    refresh_command.add_argument("server")
    given = parser.parse_args(arguments)
    if given.command == "refresh":
        return refresh(given.server)
    if given.command == "convert":
        graph = json.loads(given.graph.read_text(encoding="utf-8"))
        write(given.prompt, to_api(graph, stored_schemas()))
        return 0
    return build(given.names)


def build(names: list[str]) -> int:
    """Write the graphs and their prompts."""
    schemas = stored_schemas()
    (OUT / "api").mkdir(parents=True, exist_ok=True)
    for make in GRAPHS:
        graph = make(schemas)
        if names and graph.name not in names:
            continue
        ui = graph.to_ui()
        write(OUT / f"{graph.name}.json", ui)
        write(OUT / "api" / f"{graph.name}.json", to_api(ui, schemas))
        print(f"{graph.name}: {len(graph.nodes)} nodes")
    return 0


def refresh(server: str) -> int:
    """Store what a server says of our nodes and of those of its own that the graphs use."""
    with urllib.request.urlopen(f"{server.rstrip('/')}/object_info", timeout=60) as answer:
        info = json.load(answer)
    write(STORED, for_storing(info, set(CORE)))
    print(f"{STORED}: {len(Schemas(json.loads(STORED.read_text(encoding='utf-8'))))} nodes")
    return 0


def write(path: Path, data: dict[str, Any]) -> None:
    """JSON with short lists on one line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(compact(data) + "\n", encoding="utf-8")


def compact(data: Any, depth: int = 0, width: int = 110) -> str:
    """JSON text that breaks a line only where it would be too long."""
    flat = json.dumps(data, ensure_ascii=False)
    if len(flat) + 2 * depth <= width or not isinstance(data, dict | list) or not data:
        return flat
    inner, outer = "  " * (depth + 1), "  " * depth
    if isinstance(data, dict):
        parts = [
            f"{json.dumps(key, ensure_ascii=False)}: {compact(value, depth + 1, width)}"
            for key, value in data.items()
        ]
        return "{\n" + ",\n".join(inner + part for part in parts) + f"\n{outer}}}"
    parts = [compact(value, depth + 1, width) for value in data]
    return "[\n" + ",\n".join(inner + part for part in parts) + f"\n{outer}]"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
