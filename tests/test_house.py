"""The house is in order: packaging, public names, documents."""

from __future__ import annotations

import ast
import importlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import sadtalker_core

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # pyright: ignore[reportMissingImports]

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
SURFACE = Path(__file__).parent / "api_surface.json"


def requirement_lines(name: str) -> list[str]:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def test_requirements_agree() -> None:
    """What hosts install is what pip users get, but OpenCV: a host may have any of its wheels."""
    in_project = [line.replace("'", '"') for line in PROJECT["project"]["dependencies"]]
    opencv = [line for line in in_project if "opencv" in line]
    assert len(opencv) == 1
    wanted_of_hosts = requirement_lines("requirements.txt")
    assert [line for line in in_project if line not in opencv] == wanted_of_hosts
    assert not [line for line in in_project if "==" in line], "a pack that pins breaks its host"


def test_hosts_are_asked_for_nothing_new() -> None:
    """Each name and version is what ComfyUI 0.3.64 asks for itself, or brings with what it asks."""
    brought = {
        **{"torch": (2, 1), "numpy": (1, 25), "safetensors": (0, 4), "av": (14, 2)},
        **{"Pillow": (10,), "huggingface_hub": (0, 20), "typing_extensions": (4, 8)},
    }
    for line in requirement_lines("requirements.txt"):
        spec, _, marker = line.partition(";")
        name, _, version = spec.partition(">=")
        if not marker:  # tomli is for the command line alone
            assert tuple(int(part) for part in version.split(".")) <= brought[name]


def test_every_requirement_is_pinned_for_the_tests() -> None:
    pinned = {re.split("==", line)[0].lower() for line in requirement_lines("constraints.txt")}
    wanted = {re.split("[>=;<]", line)[0].lower() for line in PROJECT["project"]["dependencies"]}
    assert wanted <= pinned
    assert all("==" in line for line in requirement_lines("constraints.txt"))


def test_version_is_the_same_everywhere() -> None:
    assert PROJECT["project"]["version"] == sadtalker_core.__version__
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## {sadtalker_core.__version__}" in changelog


def test_package_data_is_packed() -> None:
    """Each file of the package that is not Python matches a pattern of package-data."""
    patterns = PROJECT["tool"]["setuptools"]["package-data"]
    package = ROOT / "sadtalker_core"
    missed: list[str] = []
    for path in package.rglob("*"):
        if path.is_dir() or path.suffix in (".py", ".pyc"):
            continue
        relative = path.relative_to(package)
        owner = path.parent
        while not (owner / "__init__.py").exists():
            owner = owner.parent
        inside = path.relative_to(owner)
        wanted = [*patterns["*"], *(patterns["sadtalker_core"] if owner == package else [])]
        if not any(_matches(inside, pattern) for pattern in wanted):
            missed.append(str(relative))
    assert not missed


def _matches(path: Path, pattern: str) -> bool:
    expression = re.escape(pattern).replace(r"\*\*/", "(.*/)?").replace(r"\*", "[^/]*")
    return re.fullmatch(expression, path.as_posix()) is not None


# What hosts and users call. Everything else may be moved about.
FROZEN = (
    r"structures|errors|options|runtime|registry|jobs/\w+|media/(pictures|audio_in|video_in|video_out|"
    r"options|provenance)|faces/(face|find|choose|networks|options|overlay|track|paste|crop)|"
    r"systems/\w+/(pipeline|motion|config)|weights/(catalog|reader)"
)


def public_names() -> dict[str, list[str]]:
    """Public classes and functions of the modules that outsiders call."""
    names: dict[str, list[str]] = {}
    for path in sorted((ROOT / "sadtalker_core").rglob("*.py")):
        relative = path.relative_to(ROOT / "sadtalker_core").with_suffix("").as_posix()
        if not re.fullmatch(FROZEN, relative):
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        kinds = (ast.ClassDef, ast.FunctionDef)
        found = [n.name for n in tree.body if isinstance(n, kinds) and not n.name.startswith("_")]
        if found:
            names[relative] = sorted(found)
    return names


def test_public_names_are_not_removed_by_accident() -> None:
    """Removing a name fails until tests/api_surface.json is edited on purpose."""
    frozen = json.loads(SURFACE.read_text(encoding="utf-8"))
    now = public_names()
    gone = [
        f"{module}: {name}"
        for module, names in frozen.items()
        for name in names
        if name not in now.get(module, [])
    ]
    assert not gone, f"removed or renamed: {gone}"


def test_command_is_importable() -> None:
    module, _, function = PROJECT["project"]["scripts"]["talking-portraits"].partition(":")
    assert callable(getattr(importlib.import_module(module), function))


def test_command_reference_is_current() -> None:
    """docs/cli.md is made by tools/cli_reference.py."""
    from tools.cli_reference import reference

    assert (ROOT / "docs" / "cli.md").read_text(encoding="utf-8") == reference()


DOCUMENTS = ["README.md", "CHANGELOG.md", *(f"docs/{p.name}" for p in (ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_of_documents_lead_somewhere(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", text):
        if not target.startswith(("http://", "https://", "mailto:")):
            assert ((ROOT / name).parent / target).exists(), f"{name} links to {target}"


def test_commands_in_the_readme_parse() -> None:
    from sadtalker_core.cli.parser import parse

    text = (ROOT / "README.md").read_text(encoding="utf-8").replace("\\\n", " ")
    commands = re.findall(r"^\s*talking-portraits ([^\n#]+)", text, re.MULTILINE)
    assert len(commands) >= 3
    for command in commands:
        parse(command.split())


def test_root_entry_is_empty_without_comfyui() -> None:
    """It looks whether ComfyUI is there, and imports the nodes only then."""
    tree = ast.parse((ROOT / "__init__.py").read_text(encoding="utf-8"))
    imports = [node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))]
    assert [ast.unparse(node) for node in imports] == ["import importlib.util"]
    script = f"import runpy; print(sorted(runpy.run_path({str(ROOT / '__init__.py')!r})))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT.parent
    )
    assert "comfy_entrypoint" not in done.stdout
