"""The import rules of the library as data and a checker that works on source text alone."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass

PACKAGE = "sadtalker_core"
CORE = frozenset(
    {
        *("structures", "records", "errors", "options", "runtime"),
        *("motion_request", "relip_request", "expression_sliders"),
    }
)

# Which parts of the library each part may import. A part is the first folder or file name, except
# systems, where each engine is its own part ("systems/lite").
_BELOW_SYSTEMS = CORE | {"geometry", "audio", "weights", "faces", "enhance"}
MAY_IMPORT: dict[str, frozenset[str]] = {
    "errors": frozenset(),
    "options": frozenset({"errors"}),
    "runtime": CORE,
    "structures": CORE,
    "records": CORE,
    "motion_request": CORE,
    "relip_request": CORE,
    "expression_sliders": CORE,
    "geometry": CORE,
    "audio": CORE,
    "media": CORE,
    "weights": CORE,
    "faces": CORE | {"geometry", "audio", "media", "weights"},
    "enhance": CORE | {"geometry", "audio", "media", "weights", "faces", "systems/blocks"},
    "systems/blocks": CORE,
    "systems/*": _BELOW_SYSTEMS | {"systems/blocks"},
    "transfer": _BELOW_SYSTEMS | {"media", "systems/*", "systems/blocks"},
    "metrics": _BELOW_SYSTEMS | {"media", "systems/blocks"},
    "training": _BELOW_SYSTEMS | {"media", "systems/*", "systems/blocks", "transfer"},
    "engines": _BELOW_SYSTEMS | {"media", "systems/*", "transfer"},
    "registry": CORE | {"engines"},
    # One job from file to file, for every host: the step that hosts share above the registry.
    "jobs": _BELOW_SYSTEMS
    | {"media", "systems/*", "transfer", "metrics", "engines", "registry", "__init__"},
    "cli": frozenset({"*"}),
    "ui": frozenset({"*"}),
    "__main__": frozenset({"cli"}),
    "__init__": CORE,
}

ANYWHERE = frozenset({"torch", "numpy", "typing_extensions"})
# Third parties by part.
THIRD_PARTIES: dict[str, frozenset[str]] = {
    "geometry": frozenset({"PIL"}),
    "media": frozenset({"av", "PIL", "safetensors"}),
    "weights": frozenset({"safetensors"}),
    "transfer": frozenset({"safetensors"}),
    "training": frozenset({"safetensors"}),
    "cli": frozenset({"tomllib", "tomli"}),
    "ui": frozenset({"gradio"}),
}
CORE_THIRD_PARTIES = frozenset({"torch", "typing_extensions"})
# Only here, and only inside the function that needs it.
LAZY_THIRD_PARTIES = {
    "weights/store.py": frozenset({"huggingface_hub"}),
    "systems/liveportrait/landmarks203.py": frozenset({"onnxruntime"}),
    "enhance/foreign.py": frozenset({"spandrel", "spandrel_extra_arches"}),
    "ui/webui_host.py": frozenset({"modules"}),  # the web UI's own package
}

FORBIDDEN_MODULES = frozenset(
    {"subprocess", "pickle", "shelve", "marshal", "pty", "ctypes", "multiprocessing", "dill"}
)
FORBIDDEN_CALLS = frozenset({"eval", "exec", "compile", "__import__"})
FORBIDDEN_ATTRIBUTES = frozenset(
    {"os.system", "os.popen", "os.fork", "torch.load", "torch.save", "sys.path", "os.environ"}
    | {"os.spawnl", "os.spawnv", "os.execv", "os.execl", "os.putenv"}
)
# Reading the environment is for entry points.
ENVIRONMENT_READERS = ("cli/", "weights/store.py", "training/")


@dataclass(frozen=True)
class Violation:
    path: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text}"


def part_of(path: str) -> str:
    """The part a file belongs to; ``path`` is inside the package, with forward slashes."""
    pieces = path.removesuffix(".py").split("/")
    if pieces[0] == "systems" and len(pieces) > 1 and pieces[1] != "__init__":
        return f"systems/{pieces[1]}"
    if pieces[0] == "systems":
        return "systems/blocks"
    return pieces[0]


def check_source(path: str, source: str) -> list[Violation]:
    """Every rule that one file of the library breaks."""
    tree = ast.parse(source)
    found = [*_imports(path, tree), *_dangers(path, tree), *_side_effects(path, tree)]
    lines = source.count("\n") + 1
    if lines > 401:
        found.append(Violation(path, 1, f"{lines} lines; split files above 400 by idea"))
    return found


def _rule(part: str, rules: dict[str, frozenset[str]]) -> frozenset[str] | None:
    if part in rules:
        return rules[part]
    return rules.get("systems/*") if part.startswith("systems/") else None


def _imports(path: str, tree: ast.Module) -> Iterator[Violation]:
    top_level = set(_import_time_nodes(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _third_party(path, node, alias.name, node in top_level)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield from _third_party(path, node, node.module or "", node in top_level)
        elif isinstance(node, ast.ImportFrom):
            yield from _relative(path, node)


def _third_party(path: str, node: ast.stmt, name: str, top_level: bool) -> Iterator[Violation]:
    root, part = name.split(".")[0], part_of(path)
    if root == PACKAGE:
        yield Violation(path, node.lineno, f"imports {name} absolutely; use a relative import")
    elif root in FORBIDDEN_MODULES:
        yield Violation(path, node.lineno, f"imports {root}, which the library never uses")
    elif root in sys.stdlib_module_names or root == "__future__":
        return
    elif root in LAZY_THIRD_PARTIES.get(path, ()):
        if top_level:
            yield Violation(path, node.lineno, f"imports {root} outside the function that needs it")
    elif part in CORE:
        if root not in CORE_THIRD_PARTIES:
            yield Violation(path, node.lineno, f"{part} imports {root}; only stdlib and torch may")
    elif (root, path) == ("cv2", "geometry/opencv.py"):
        return  # OpenCV may be absent: one file knows what stands in for it
    elif root not in ANYWHERE and root not in THIRD_PARTIES.get(part, ()):
        yield Violation(path, node.lineno, f"{part} may not import {root}")


def _relative(path: str, node: ast.ImportFrom) -> Iterator[Violation]:
    folder = path.split("/")[:-1]
    up = node.level - 1
    if up > len(folder):
        yield Violation(path, node.lineno, "imports from outside the package")
        return
    base = folder[: len(folder) - up] + (node.module.split(".") if node.module else [])
    # "from . import x" names the module in its aliases.
    targets = [base] if node.module else [[*base, alias.name] for alias in node.names]
    if base == ["systems"]:
        targets = [["systems", alias.name] for alias in node.names]
    mine = part_of(path)
    allowed = _rule(mine, MAY_IMPORT)
    for target in targets:
        if target[:1] and target[0].startswith("__") and len(target) == 1:
            other = "__init__"
        else:
            other = part_of("/".join(target) + ".py")
        if other == mine:
            continue
        if allowed is None:
            yield Violation(path, node.lineno, f"{mine} has no rule yet: add it to MAY_IMPORT")
        elif "*" not in allowed and not _covers(allowed, other):
            yield Violation(path, node.lineno, f"{mine} may not import {other}")


def _covers(allowed: frozenset[str], other: str) -> bool:
    if other in allowed:
        return True
    return other.startswith("systems/") and other != "systems/blocks" and "systems/*" in allowed


def _import_time_nodes(tree: ast.Module) -> Iterator[ast.stmt]:
    """Statements that run when the module is imported, those of class bodies included."""
    waiting: list[ast.stmt] = list(tree.body)
    while waiting:
        node = waiting.pop(0)
        yield node
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        for name in ("body", "orelse", "finalbody"):
            waiting.extend(getattr(node, name, []))
        for handler in getattr(node, "handlers", []):
            waiting.extend(handler.body)


def run_at_import(tree: ast.Module) -> Iterator[ast.AST]:
    """What the import of a file runs: no bodies of functions, nothing for types alone."""
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        yield node
        waiting.extend(ast.iter_child_nodes(node))


def _dotted(node: ast.expr) -> str:
    pieces: list[str] = []
    current: ast.expr = node
    while isinstance(current, ast.Attribute):
        pieces.append(current.attr)
        current = current.value
    if isinstance(current, ast.Name):
        pieces.append(current.id)
        return ".".join(reversed(pieces))
    return ""


def _dangers(path: str, tree: ast.Module) -> Iterator[Violation]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name) and node.func.id in FORBIDDEN_CALLS:
                yield Violation(path, node.lineno, f"calls {node.func.id}")
        elif isinstance(node, ast.Attribute):
            name = _dotted(node)
            if name == "os.environ" and path.startswith(ENVIRONMENT_READERS):
                continue
            if name in FORBIDDEN_ATTRIBUTES:
                yield Violation(path, node.lineno, f"uses {name}")
        elif isinstance(node, ast.ExceptHandler) and node.type is None:
            yield Violation(path, node.lineno, "bare except hides the cause")


# Calls that only build a value. Anything else at import time could do something.
_PURE_CALLS = frozenset(
    {"frozenset", "tuple", "dict", "list", "set", "range", "len", "sum", "min", "max", "sorted"}
    | {"zip", "enumerate", "float", "int", "str", "abs", "round", "Path", "Fraction", "TypeVar"}
    | {"logging.getLogger", "math.sqrt", "math.log", "math.pi", "math.radians", "re.compile"}
    | {"torch.device", "torch.tensor", "field", "dataclasses.field", "option", "slice", "NewType"}
    | {"math.exp", "math.tan", "math.cos", "math.sin", "typing.cast", "cast", "namedtuple", "map"}
    | {"Literal", "types.MappingProxyType", "MappingProxyType", "partial", "functools.partial"}
    | {"object", "math.degrees", "math.log10", "bytes", "any", "all", "same_option"}
)
_ARRAY_CALLS = frozenset(
    {"array", "asarray", "arange", "linspace", "zeros", "ones", "eye", "full", "concatenate"}
    | {"stack", "cos", "sin", "tan", "exp", "log", "sqrt", "float32", "deg2rad", "radians", "cat"}
)


def _side_effects(path: str, tree: ast.Module) -> Iterator[Violation]:
    """Importing the library does nothing: no file, thread, setting or log handler."""
    own_classes = {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
    imported = {
        alias.asname or alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    own_names = {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    own_functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    for node in _import_time_nodes(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            continue
        if isinstance(node, ast.If) and _is_main_guard(node):
            continue
        if isinstance(node, (ast.With, ast.For, ast.While, ast.Delete)):
            yield Violation(path, node.lineno, "runs a loop or a with-block at import")
        elif isinstance(node, ast.Expr) and not isinstance(node.value, ast.Constant):
            if not _in_main_guard(tree, node) and path != "__main__.py":
                yield Violation(path, node.lineno, "runs a statement for its effect at import")
        elif isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                # TABLE[3] = 1.0 fills a table of this very module
                fills = isinstance(target, ast.Subscript) and _dotted(target.value) in own_names
                if not isinstance(target, (ast.Name, ast.Tuple)) and not fills:
                    yield Violation(path, node.lineno, "changes something else's state at import")
            for call in ast.walk(node.value):
                if not isinstance(call, ast.Call):
                    continue
                name = _dotted(call.func)
                makes_value = name[:1].isupper() and name in own_classes | imported
                method = isinstance(call.func, ast.Attribute) and not name
                builds = name in own_functions and name.startswith("_")
                pure = name in _PURE_CALLS or _makes_array(name)
                if not (pure or makes_value or method or builds):
                    yield Violation(path, node.lineno, f"calls {name or 'something'} at import")


def _makes_array(name: str) -> bool:
    module, _, function = name.rpartition(".")
    if function in ("items", "keys", "values", "split", "format", "with_network"):
        return True
    return module in ("np", "numpy", "torch") and function in _ARRAY_CALLS


def _is_main_guard(node: ast.If) -> bool:
    return isinstance(node.test, ast.Compare) and _dotted(node.test.left) == "__name__"


def _in_main_guard(tree: ast.Module, wanted: ast.stmt) -> bool:
    return any(
        isinstance(node, ast.If) and _is_main_guard(node) and wanted in ast.walk(node)
        for node in tree.body
    )
