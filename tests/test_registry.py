"""The archive for ComfyUI's node registry: what it says of itself, and nothing in it is barred."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from .shipped_archive import ROOT, faults, ignored, is_left_out, shipped_files

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # pyright: ignore[reportMissingImports]

TABLE = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT, COMFY = TABLE["project"], TABLE["tool"]["comfy"]
SHIPPED = shipped_files()


def test_nothing_in_the_archive_is_refused() -> None:
    found = {path: faults(path, (ROOT / path).read_bytes()) for path in SHIPPED}
    assert {path: what for path, what in found.items() if what} == {}


PLANTED = [
    ("a.py", "eval('1 + 1')", "calls eval"),
    ("a.py", "def f(x):\n    exec(x)", "calls exec"),
    ("a.py", "code = compile('1', 'a', 'eval')", "calls compile"),
    ("a.py", "x = __import__('os')", "calls __import__"),
    ("a.py", "import subprocess", "imports subprocess"),
    ("a.py", "def f():\n    from subprocess import run", "imports subprocess"),
    ("a.py", "import os\nos.system('ls')", "uses os.system"),
    ("a.py", "import os\nos.execvp('ls', [])", "uses os.execvp"),
    ("a.py", "import os\nos.spawnl(0, 'ls')", "uses os.spawnl"),
    ("a.py", "from os import system", "imports os.system"),
    ("a.py", "import pickle", "imports pickle"),
    ("a.py", "import torch\ntorch.load('x')", "uses torch.load"),
    ("a.py", "import numpy as np\nnp.load('x', allow_pickle=True)", "uses np.load"),
    ("a.py", "from ctypes import cdll", "imports ctypes"),
    ("a.py", "import multiprocessing.shared_memory", "imports multiprocessing"),
    ("a.py", "from pip._internal import main", "imports pip"),
    ("a.py", "f([python, '-m', 'pip', 'install', 'x'])", "installs packages"),
    ("a.py", "f('pip install x')", "installs packages"),
    ("a.py", "launch.run_pip('install x')", "uses run_pip"),
    ("a.py", "@server.routes.get('/x')\ndef f(): ...", "web route"),
    ("a.py", "from aiohttp import web", "imports aiohttp"),
    ("a.py", "import socket", "imports socket"),
    ("a.py", "import requests", "outside of the function"),
    ("a.py", "from urllib.request import urlopen", "outside of the function"),
    ("a.py", "from urllib import request", "outside of the function"),
    (
        "sadtalker_core/weights/fetch.py",
        "import urllib.request\nPAGE = urllib.request.urlopen('https://x')",
        "calls the network",
    ),
    ("a.py", "import base64\nx = base64.b64decode(y)", "uses base64.b64decode"),
    ("a.py", "from binascii import unhexlify\nunhexlify(x)", "calls unhexlify"),
    ("a.py", f"x = '{'q' * 240}'".replace("'q", "'\\\n  q"), "nobody can read"),
    ("a.py", f"x = 1{' + 1' * 60}", "too long"),
    ("a.js", "eval(x)", "evaluates text"),
    ("a.js", "const f = new Function(x)", "makes code"),
    ("a.js", 'import { app } from "https://cdn.example/x.js"', "another server"),
    ("a.js", 'await fetch("https://example.com/x")', "calls a server"),
    ("a.js", "const x = atob(y)", "hides text"),
    ("a.js", "let _0x12ab = 1", "obfuscated"),
    ("a.js", "let a=1;" * 100, "minified"),
    ("a.json", "{'a': 1}", "not JSON"),
    ("a.pkl", "x", "kind that nobody can read"),
    ("a.pyd", "x", "kind that nobody can read"),
    ("a.py", "", "is empty"),
    ("a.md", "\n \n", "is empty"),
]


@pytest.mark.parametrize(("path", "text", "what"), PLANTED, ids=lambda value: str(value)[:40])
def test_planted_faults_are_found(path: str, text: str, what: str) -> None:
    assert [fault for fault in faults(path, text.encode()) if what in fault]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.py", "def f():\n    import huggingface_hub\n    return huggingface_hub"),
        ("a.py", "import re\nPATTERN = re.compile('x')"),
        ("a.py", '"""How to: pip install this."""\nmodel.eval()\n'),
        ("sadtalker_core/weights/fetch.py", "import urllib.request\ndef f(): ..."),
        ("a.js", 'import { app } from "../../scripts/app.js"\nawait api.fetchApi("/prompt")'),
        ("sadtalker_core/py.typed", ""),
    ],
)
def test_what_is_allowed_is_not_accused(path: str, text: str) -> None:
    assert faults(path, text.encode()) == []


def test_bytes_that_are_no_text_are_found() -> None:
    assert faults("a.py", b"x = '\xff\xfe'") == ["is not text"]


def test_archive_has_what_nodes_need_and_nothing_else() -> None:
    for needed in ("__init__.py", "LICENSE", "NOTICE", "requirements.txt", "nodes/__init__.py"):
        assert needed in SHIPPED
    assert "talking_portraits.py" in SHIPPED  # the command line where -m does not work
    for folder in ("web/js/", "locales/en/", "sadtalker_core/data/"):
        assert [path for path in SHIPPED if path.startswith(folder)]
    barred = ("tests/", "tools/", "benchmarks/", ".ci/", "outputs/", ".venv", "scripts/")
    assert not [path for path in SHIPPED if path.startswith(barred) or "__pycache__" in path]
    assert "install.py" not in SHIPPED  # it installs packages, for hosts that have no other way
    assert sum((ROOT / path).stat().st_size for path in SHIPPED) < 30e6


def test_left_out_patterns_name_something() -> None:
    for pattern in ignored(ROOT / ".comfyignore"):
        is_made_later = pattern in (".git/", ".github/", "outputs/")
        assert is_made_later or (ROOT / pattern.strip("/")).exists(), pattern


def test_patterns_are_read_as_git_reads_them() -> None:
    patterns = ["tests/", "*.pyc", "/outputs/", "install.py", "a/b/"]
    for path in ("tests/x.py", "deep/tests/x.py", "deep/x.pyc", "outputs/x", "install.py", "a/b/c"):
        assert is_left_out(path, patterns), path
    for path in ("tests.py", "x/outputs.py", "reinstall.py", "a/bc/d", "b/c"):
        assert not is_left_out(path, patterns), path


@pytest.mark.jobs
def test_library_works_without_what_is_left_out(tmp_path: Path) -> None:
    """Every module of the archive's library can be imported from the archive alone."""
    for path in SHIPPED:
        if path.startswith("sadtalker_core/"):
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / path, tmp_path / path)
    modules = [
        path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        for path in SHIPPED
        if path.startswith("sadtalker_core/") and path.endswith(".py") and "__main__" not in path
    ]
    program = f"import importlib\nfor name in {modules}: importlib.import_module(name)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]


def test_registry_knows_what_it_is() -> None:
    assert re.fullmatch(r"[a-z][a-z0-9]*([-_.][a-z0-9]+)*", PROJECT["name"])
    assert "comfyui" not in PROJECT["name"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", PROJECT["version"])
    assert (ROOT / PROJECT["license"]["file"]).is_file()
    assert PROJECT["requires-python"] == ">=3.10"
    for system in ("MacOS", "Microsoft :: Windows", "POSIX :: Linux"):
        assert f"Operating System :: {system}" in PROJECT["classifiers"]
    assert [name for name in PROJECT["classifiers"] if name.startswith("Environment :: GPU ::")]
    assert COMFY["PublisherId"]
    assert COMFY["DisplayName"]
    assert COMFY["requires-comfyui"] == ">=0.3.64"
    assert COMFY["includes"] == []


def test_pictures_are_as_the_registry_wants_them() -> None:
    with Image.open(ROOT / "docs" / "images" / Path(COMFY["Icon"]).name) as icon:
        assert icon.width == icon.height <= 400
    with Image.open(ROOT / "docs" / "images" / Path(COMFY["Banner"]).name) as banner:
        assert banner.width * 9 == banner.height * 21
