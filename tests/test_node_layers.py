"""What the files of the ComfyUI pack may import and do, read from their source: without a host."""

from __future__ import annotations

import ast
import functools
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.layer_rules import run_at_import

ROOT = Path(__file__).resolve().parent.parent
FILES = sorted((ROOT / "nodes").glob("*.py"))

# While the pack is imported; everything else is imported by the function that needs it.
AT_IMPORT = frozenset({"torch", "numpy", "comfy_api"})
IN_FUNCTIONS = AT_IMPORT | {"comfy", "comfy_execution", "folder_paths", "server", "PIL", "psutil"}
# Parts of the library that hold no heavy imports of their own.
LIGHT_PARTS = frozenset(
    {"errors", "options", "records", "runtime", "structures", "motion_request", "registry"}
    | {"expression_sliders", "engines.engine", "weights.catalog", "weights.store", "faces.options"}
)
FORBIDDEN = frozenset(
    {"subprocess", "pickle", "shelve", "marshal", "ctypes", "multiprocessing", "socket", "urllib"}
    | {"requests", "http", "shutil", "aiohttp"}
)
LONGEST_EXECUTE = 15


@functools.cache
def read_at_start() -> set[str]:
    """Files that are read when ComfyUI loads the pack: named by ``MODULES``, and what those import.

    The others are imported by a function of theirs, and may import the library's heavy parts.
    """
    tree = ast.parse((ROOT / "nodes" / "__init__.py").read_text(encoding="utf-8"))
    named = next(
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "MODULES"
    )
    waiting, found = ["__init__", *named], set[str]()
    while waiting:
        name = waiting.pop()
        if name in found or not (ROOT / "nodes" / f"{name}.py").exists():
            continue
        found.add(name)
        source = (ROOT / "nodes" / f"{name}.py").read_text(encoding="utf-8")
        for node in run_at_import(ast.parse(source)):
            if isinstance(node, ast.ImportFrom) and node.level == 1:
                waiting += [node.module] if node.module else [alias.name for alias in node.names]
    return found


def violations(source: str, is_read_at_start: bool = True) -> list[str]:
    """Every rule that a file of the pack breaks."""
    tree = ast.parse(source)
    found = [*_imports(tree, is_read_at_start), *_lengths(tree)]
    if source.count("\n") > 400:
        found.append(f"{source.count(chr(10))} lines; split files above 400 by idea")
    if ast.get_docstring(tree) is None:
        found.append("does not say what it is")
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id in ("eval", "exec", "compile", "__import__", "print"):
                found.append(f"line {node.lineno}: calls {node.func.id}")
        elif isinstance(node, ast.ExceptHandler) and node.type is None:
            found.append(f"line {node.lineno}: bare except hides the cause")
    return found


def _imports(tree: ast.Module, is_read_at_start: bool) -> Iterator[str]:
    at_import = set(run_at_import(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [node.module or ""]
        elif isinstance(node, ast.ImportFrom):
            yield from _relative(node, node in at_import and is_read_at_start)
            continue
        else:
            continue
        allowed = AT_IMPORT if node in at_import else IN_FUNCTIONS
        for root in (name.split(".")[0] for name in names):
            if root in FORBIDDEN:
                yield f"line {node.lineno}: imports {root}, which the pack never uses"
            elif root not in sys.stdlib_module_names and root not in allowed:
                yield f"line {node.lineno}: may not import {root} here"


def _relative(node: ast.ImportFrom, is_at_import: bool) -> Iterator[str]:
    module = node.module or ""
    if node.level > 2:
        yield f"line {node.lineno}: imports from outside the pack"
    elif node.level == 2 and module.split(".")[0] != "sadtalker_core":
        yield f"line {node.lineno}: only the library lies beside nodes/"
    elif node.level == 2 and is_at_import:
        part = module.removeprefix("sadtalker_core").lstrip(".")
        is_config = part.startswith("systems.") and part.endswith(".config")
        if part not in LIGHT_PARTS and not is_config and part != "media.options":
            yield f"line {node.lineno}: {part} is imported by the function that needs it"


def _lengths(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name == "execute":
            body = [
                part for part in node.body if not isinstance(part, (ast.Import, ast.ImportFrom))
            ]
            lines = sum((part.end_lineno or part.lineno) - part.lineno + 1 for part in body)
            if lines > LONGEST_EXECUTE:
                yield f"line {node.lineno}: execute has {lines} lines; a node calls the library"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_file_keeps_the_rules(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert violations(source, path.stem in read_at_start()) == []


def test_what_is_read_at_the_start_is_found() -> None:
    found = read_at_start()
    assert {"__init__", "starters", "tools", "schema", "sockets", "host"} <= found
    assert not {"bridge", "host_models", "videos"} & found


BREAKS = [
    "import cv2",
    "def f():\n    import av",
    "import subprocess",
    "def f():\n    from urllib import request",
    "import comfy.utils",
    "from ..sadtalker_core.media.pictures import read_picture",
    "from ..sadtalker_core.faces.find import find_faces",
    "from ...other import thing",
    "from ..tools import thing",
    "try:\n    x = 1\nexcept:\n    pass",
    "def f(): return eval('1')",
    "def execute(cls):\n" + "    x = 1\n" * 40,
    "x = 1\n" * 402,
]
KEEPS = [
    "def f():\n    import comfy.utils\n    from PIL import Image",
    "from ..sadtalker_core.errors import OptionError",
    "from ..sadtalker_core.systems.lite.config import LiteMotionOptions",
    "def f():\n    from ..sadtalker_core.media.pictures import read_picture",
    "if TYPE_CHECKING:\n    from ..sadtalker_core.faces.face import Face",
    "from . import sockets\nfrom .host import io",
]


@pytest.mark.parametrize("source", BREAKS)
def test_checker_catches(source: str) -> None:
    assert violations(f'"""Text."""\n{source}')


@pytest.mark.parametrize("source", KEEPS)
def test_checker_lets_pass(source: str) -> None:
    assert violations(f'"""Text."""\n{source}') == []
