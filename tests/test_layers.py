"""Who may import whom, and what no file of the library may do. Rules: ``layer_rules.py``."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.layer_rules import MAY_IMPORT, PACKAGE, check_source, part_of

ROOT = Path(__file__).resolve().parent.parent
LIBRARY = ROOT / PACKAGE
FILES = sorted(path.relative_to(LIBRARY).as_posix() for path in LIBRARY.rglob("*.py"))
HOST_MODULES = {"comfy", "comfy_api", "folder_paths", "modules", "gradio", "comfy_execution"}
HOST_IMPORT = re.compile(rf"\b(?:from|import)\b.*\b(?:{'|'.join(HOST_MODULES)})\b")
EMPTY_NAMES = {"util.py", "utils.py", "helper.py", "helpers.py", "common.py", "misc.py", "types.py"}


@pytest.mark.parametrize("path", FILES)
def test_file_keeps_the_rules(path: str) -> None:
    violations = check_source(path, (LIBRARY / path).read_text(encoding="utf-8"))
    assert not violations, "\n".join(map(str, violations))


def test_every_part_has_a_rule() -> None:
    parts = {part_of(path) for path in FILES}
    missing = {p for p in parts if p not in MAY_IMPORT and not p.startswith("systems/")}
    assert not missing


def test_no_file_has_an_empty_name() -> None:
    assert not [path for path in FILES if path.split("/")[-1] in EMPTY_NAMES]


def test_public_functions_are_documented() -> None:
    """A module, and every public function and class at its top level, says what it is."""
    silent: list[str] = []
    for path in FILES:
        tree = ast.parse((LIBRARY / path).read_text(encoding="utf-8"))
        if tree.body and ast.get_docstring(tree) is None:
            silent.append(path)
        silent += [
            f"{path}: {node.name}"
            for node in tree.body
            if isinstance(node, (ast.FunctionDef, ast.ClassDef))
            and not node.name.startswith("_")
            and node.name != "main"  # the module's own text says what it does
            and ast.get_docstring(node) is None
        ]
    assert not silent


def test_hosts_are_named_only_by_hosts() -> None:
    for folder in ("sadtalker_core", "tests", "tools", "benchmarks"):
        for path in (ROOT / folder).rglob("*.py"):
            if "/ui/" in path.as_posix() or {"nodes", "scripts"} & set(path.parts):
                continue
            text = path.read_text(encoding="utf-8")
            if not HOST_IMPORT.search(text):  # most files need not be parsed
                continue
            for node in ast.walk(ast.parse(text)):
                names: list[str] = []
                if isinstance(node, ast.Import):
                    names = [alias.name for alias in node.names]
                elif isinstance(node, ast.ImportFrom) and node.level == 0:
                    names = [node.module or ""]
                assert not HOST_MODULES & {name.split(".")[0] for name in names}, path


def test_importing_everything_changes_nothing() -> None:
    """No thread, environment variable, log handler or global torch setting from an import."""
    modules = sorted(
        ".".join((PACKAGE, *path.removesuffix(".py").split("/"))).removesuffix(".__init__")
        for path in FILES
        if path != "__main__.py" and not path.startswith("training/")
    )
    script = f"""
import importlib, logging, os, sys, threading, warnings
import numpy, torch, av, cv2, PIL.Image, safetensors.torch
torch.set_num_threads(3)  # numbers that no import would choose
cv2.setNumThreads(3)
def state():
    return (dict(os.environ), threading.active_count(), list(logging.getLogger().handlers),
            logging.getLogger().level, torch.backends.cudnn.benchmark, torch.is_grad_enabled(),
            torch.get_num_threads(), cv2.getNumThreads(), list(sys.path), list(warnings.filters),
            torch.initial_seed(), os.getcwd())
before = state()
for name in {modules!r}:
    importlib.import_module(name)
after = state()
assert before == after, [(a, b) for a, b in zip(before, after) if a != b]
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


BREAKS = [
    ("geometry/x.py", "from ..faces import find_faces"),
    ("geometry/x.py", "import av"),
    ("geometry/x.py", "from .. import media"),
    ("errors.py", "import numpy"),
    ("errors.py", "from .structures import LiteMotion"),
    ("media/x.py", "from ..audio.mel import log_mel"),
    ("media/x.py", "import cv2"),
    ("audio/x.py", "import librosa"),
    ("geometry/x.py", "import kornia"),
    ("weights/x.py", "import huggingface_hub"),
    ("weights/store.py", "import huggingface_hub"),
    ("systems/lite/x.py", "from ...media import read_picture"),
    ("systems/lite/x.py", "from ..sadtalker import pipeline"),
    ("systems/lite/x.py", "from ..sadtalker.pipeline import prepare"),
    ("systems/lite/x.py", "from .. import sadtalker"),
    ("systems/lite/x.py", "from ...registry import ENGINES"),
    ("systems/lite/motion.py", "import cv2"),
    ("systems/lite/render.py", "import cv2"),
    ("geometry/warp.py", "import cv2"),
    ("faces/crop.py", "def f():\n    import cv2"),
    ("systems/lite/x.py", "def f():\n    from ...media import read_picture"),
    ("registry.py", "from .cli import main"),
    ("faces/x.py", "from ..systems.lite.config import LiteMotionOptions"),
    ("faces/x.py", "import sadtalker_core.errors"),
    ("faces/x.py", "from sadtalker_core.errors import FaceError"),
    ("faces/x.py", "from ....outside import thing"),
    ("faces/x.py", "import subprocess"),
    ("faces/x.py", "def f():\n    import pickle"),
    ("faces/x.py", "import os\ndef f(): os.system('true')"),
    ("faces/x.py", "def f(): return eval('1')"),
    ("faces/x.py", "import torch\ndef f(p): return torch.load(p)"),
    ("faces/x.py", "import torch\ntorch.set_num_threads(1)"),
    ("faces/x.py", "import os\nos.things['a'] = 1"),
    ("faces/x.py", "from ..options import TABLE\nTABLE['a'] = 1"),
    ("faces/x.py", "import torch\ntorch.backends.cudnn.benchmark = True"),
    ("faces/x.py", "import logging\nlogging.basicConfig()"),
    ("faces/x.py", "import os\nos.makedirs('x')"),
    ("faces/x.py", "NETS = open('x')"),
    ("faces/x.py", "import os\nHOME = os.environ.get('HOME')"),
    ("faces/x.py", "class A:\n    import os\n    os.mkdir('x')"),
    ("faces/x.py", "for i in range(3):\n    x = i"),
    ("faces/x.py", "try:\n    x = 1\nexcept:\n    x = 2"),
    ("faces/x.py", "x = 1\n" * 402),
    ("newpart/x.py", "from ..errors import FaceError"),
]
KEEPS = [
    ("geometry/opencv.py", "import cv2\nfrom ..structures import FaceTrack"),
    ("weights/store.py", "def f():\n    import huggingface_hub"),
    ("systems/lite/render.py", "from ...faces.detect import Face\nfrom . import mesh"),
    ("systems/lite/x.py", "from ..blocks import Upsample\nfrom ...geometry.pose import turn"),
    ("engines/lite.py", "from ..systems.lite.config import LiteMotionOptions"),
    ("jobs.py", "from . import __version__\nfrom .media.pictures import read_picture"),
    ("cli/animate.py", "import os\nfrom ..jobs import run_animate\nX = os.environ"),
    ("faces/x.py", 'import logging\nlog = logging.getLogger(__name__)\n"""Text."""'),
    ("faces/x.py", "import math\nA = {'a': frozenset({1})}\nB = math.radians(3)\nC = [0.1] * 3"),
    ("faces/x.py", "import torch\nA = torch.zeros(3)\nA[1] = 2.0"),
    ("faces/x.py", "if __name__ == '__main__':\n    main()"),
]


@pytest.mark.parametrize(("path", "source"), BREAKS)
def test_checker_catches(path: str, source: str) -> None:
    assert check_source(path, source)


@pytest.mark.parametrize(("path", "source"), KEEPS)
def test_checker_lets_pass(path: str, source: str) -> None:
    assert check_source(path, source) == []
