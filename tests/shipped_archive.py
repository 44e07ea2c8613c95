"""What ComfyUI's node registry would get, and what its scanner and reviewers refuse in it.

The rules come from the registry's published standards and from what was refused to others: code
from text, processes, packages installed by code, pickles, web routes, network at import, code that
nobody can read.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

from tests.layer_rules import run_at_import

ROOT = Path(__file__).resolve().parent.parent

TEXT = {".py", ".js", ".css", ".json", ".md", ".toml", ".txt", ".html", ".svg", ".typed", ""}
BINARY = {".png", ".jpg", ".webp", ".flac", ".safetensors", ".npz"}  # none of them can run

FORBIDDEN_MODULES = frozenset(
    {"subprocess", "pty", "popen2", "commands", "multiprocessing", "ctypes", "cffi", "marshal"}
    | {"pickle", "cPickle", "dill", "cloudpickle", "shelve", "joblib", "pip", "ensurepip", "venv"}
    | {"socket", "socketserver", "http.server", "xmlrpc", "ftplib", "telnetlib", "smtplib", "code"}
    | {"paramiko", "aiohttp", "flask", "winreg", "setuptools"}
)
# Those fetch a file when somebody asks for it: only the downloader of weights may hold them ready,
# and it too calls nothing while it is imported.
DOWNLOADER = "sadtalker_core/weights/fetch.py"
NETWORK = frozenset({"urllib.request", "http.client", "requests", "huggingface_hub", "httpx"})
FORBIDDEN_CALLS = frozenset({"eval", "exec", "compile", "__import__", "execfile"})
FORBIDDEN_ATTRIBUTES = frozenset(
    {"os.system", "os.popen", "os.fork", "os.forkpty", "os.startfile", "os.kill", "torch.load"}
    | {"base64.b64decode", "zlib.decompress", "lzma.decompress", "bytes.fromhex", "codecs.decode"}
    | {"np.load", "numpy.load", "builtins.eval", "builtins.exec", "importlib.reload"}
)
FORBIDDEN_NAMES = re.compile(r"^(run_pip|b64decode|a85decode|b85decode|unhexlify)$")
SPAWNS = re.compile(r"^os\.(exec|spawn|posix_spawn)\w*$")
ROUTES = re.compile(r"\b(routes\.(get|post|put|delete|patch|view|static)|add_routes|router\.add_)")
JS_FAULTS = {
    r"\beval\s*\(": "evaluates text",
    r"\bnew\s+Function\b": "makes code from text",
    r"\bdocument\.write\b": "writes into the page",
    r"\bimportScripts\b|\bimport\s*\(\s*[^\"'`)\s]": "imports what it computes",
    r"""(from|import)\s*\(?\s*["'`](https?:)?//""": "imports from another server",
    r"""fetch\w*\s*\(\s*["'`](https?:)?//""": "calls a server",
    r"XMLHttpRequest|WebSocket\s*\(|sendBeacon": "calls a server",
    r"\batob\s*\(|String\.fromCharCode\s*\((\s*\d+\s*,){4}": "hides text",
    r"(\\x[0-9a-f]{2}){8}": "hides text",
    r"\b_0x[0-9a-f]{4}": "is obfuscated",
}
LONGEST_LINE = 160  # of code; minified files have thousands
LONGEST_WORD = 200  # in a string of Python: longer ones are data that nobody reads


def ignored(pattern_file: Path) -> list[str]:
    """Patterns of .gitignore or .comfyignore; those we use are plain."""
    lines = (line.strip() for line in pattern_file.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def is_left_out(path: str, patterns: list[str]) -> bool:
    """Whether a file (relative, forward slashes) is matched, as git would match it."""
    for pattern in patterns:
        plain = pattern.strip("/")
        below = f"{path}/"
        if pattern.endswith("/"):
            if below.startswith(f"{plain}/"):
                return True
            if "/" not in plain and any(fnmatch(p, plain) for p in path.split("/")[:-1]):
                return True
        elif path == plain or ("/" not in plain and fnmatch(path.split("/")[-1], plain)):
            return True
    return False


def shipped_files(root: Path = ROOT) -> list[str]:
    """Files of the archive, relative to the root."""
    patterns = [*ignored(root / ".gitignore"), *ignored(root / ".comfyignore"), ".git/"]
    found: list[str] = []
    waiting = [root]
    while waiting:
        for item in waiting.pop().iterdir():
            path = item.relative_to(root).as_posix()
            if item.is_dir() and not is_left_out(f"{path}/x", patterns):
                waiting.append(item)
            elif item.is_file() and not is_left_out(path, patterns):
                found.append(path)
    return sorted(found)


def faults(path: str, data: bytes) -> list[str]:
    """Everything in one file that the registry would refuse."""
    suffix = Path(path).suffix.lower()
    if not data.strip():
        return [] if path.endswith("/py.typed") else ["is empty"]
    if suffix in BINARY:
        return []
    if suffix not in TEXT:
        return [f"is of a kind that nobody can read ({suffix})"]
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return ["is not text"]
    if suffix == ".py":
        return list(_python_faults(path, text))
    if suffix in (".js", ".html", ".svg"):
        return list(_script_faults(text))
    if suffix == ".json":
        try:
            json.loads(text)
        except ValueError:
            return ["is not JSON"]
    return []


def _script_faults(text: str) -> Iterator[str]:
    for pattern, what in JS_FAULTS.items():
        if re.search(pattern, text):
            yield what
    if any(len(line) > LONGEST_LINE for line in text.splitlines()):
        yield "is minified: a line is too long to be read"


def _python_faults(path: str, text: str) -> Iterator[str]:
    if any(len(line) > LONGEST_LINE for line in text.splitlines()):
        yield "has a line too long to be read"
    if ROUTES.search(text):
        yield "adds a web route"
    tree = ast.parse(text)
    at_import = set(run_at_import(tree))
    early = set() if path == DOWNLOADER else at_import
    described = {id(doc) for doc in _docstrings(tree)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _import_faults(alias.name, node in early)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            module = node.module or ""
            yield from _import_faults(module, node in early)
            for alias in node.names:
                yield from _import_faults(f"{module}.{alias.name}", node in early)
                if f"{module}.{alias.name}" in FORBIDDEN_ATTRIBUTES:
                    yield f"imports {module}.{alias.name}"
        elif isinstance(node, ast.Call) and node in at_import and _fetches(node):
            yield "calls the network while it is imported"
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id in FORBIDDEN_CALLS or FORBIDDEN_NAMES.match(node.func.id):
                yield f"calls {node.func.id}"
        elif isinstance(node, ast.Attribute):
            name = ast.unparse(node)
            if name in FORBIDDEN_ATTRIBUTES or SPAWNS.match(name):
                yield f"uses {name}"
            elif FORBIDDEN_NAMES.match(node.attr):
                yield f"uses {node.attr}"
        elif isinstance(node, ast.Constant) and isinstance(node.value, (str, bytes)):
            yield from _word_faults(node.value, id(node) in described)
        elif isinstance(node, (ast.List, ast.Tuple)):
            words = [part.value for part in node.elts if isinstance(part, ast.Constant)]
            if {"pip", "install"} <= {word for word in words if isinstance(word, str)}:
                yield "has a command that installs packages"


def _fetches(node: ast.Call) -> bool:
    name = ast.unparse(node.func)
    return bool(re.search(r"(^|\.)(url(open|retrieve)|HTTPS?Connection|Request)$", name)) or (
        name.split(".")[0] in ("requests", "httpx", "huggingface_hub", "urllib", "http")
    )


def _import_faults(name: str, at_import: bool) -> Iterator[str]:
    parts = name.split(".")
    leading = {".".join(parts[: count + 1]) for count in range(len(parts))}
    if leading & FORBIDDEN_MODULES:
        yield f"imports {name}"
    if at_import and leading & NETWORK:
        yield f"imports {name} outside of the function that needs it"


def _word_faults(value: str | bytes, is_docstring: bool) -> Iterator[str]:
    words = re.split(rb"\s+", value) if isinstance(value, bytes) else re.split(r"\s+", value)
    if any(len(word) > LONGEST_WORD for word in words):
        yield "has a string that nobody can read"
    text = value.decode("latin-1") if isinstance(value, bytes) else value
    if not is_docstring and re.match(r"\s*(python\S*\s+-m\s+)?(pip|uv)3?\s+install\b", text):
        yield "has a command that installs packages"


def _docstrings(tree: ast.Module) -> Iterator[ast.AST]:
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(tree):
        if isinstance(node, kinds) and node.body and isinstance(node.body[0], ast.Expr):
            yield node.body[0].value
