"""The tensors of a TorchScript file: its program is never read, let alone run.

Such a file (``torch.jit.save``) has a description of its modules beside their code. In the
description every module is an object of a class that the code declares; here it is a table of its
attributes and nothing else. face-alignment publishes its landmark networks in this form.
"""

from __future__ import annotations

from typing import Any

from .pickle_data import Builder, Constant, PickleError, Unfinished
from .pickle_names import TORCH_NAMES, TensorRecord

_CLASSES = "__torch__."  # all classes of the file's own code
_LISTS = ("build_intlist", "build_tensorlist", "build_doublelist", "build_boollist")
_MOST = 100_000  # attributes of all modules together, and tables in tables


class Attributes(dict[str, Any]):
    """What a module of the file has: numbers, tensors, other modules."""


def _object(*_: Any) -> Unfinished:
    def finish(state: Any) -> Attributes:
        if not isinstance(state, dict) or not all(isinstance(key, str) for key in state):
            raise PickleError("A module of the TorchScript file has no attributes by name.")
        return Attributes(state)

    return Unfinished(finish)


def _first(value: Any, *_: Any) -> Any:
    return value


class ScriptNames(dict[str, Builder | Constant]):
    """Torch's names, the three that TorchScript adds, and any class of the file as ``Attributes``.

    A class name is no way in: it stands for the same table whatever it says.
    """

    def __init__(self) -> None:
        super().__init__(TORCH_NAMES)
        self["torch.jit._pickle.restore_type_tag"] = _first
        self.update({f"torch.jit._pickle.{name}": _first for name in _LISTS})

    def get(self, key: str, default: Any = None) -> Any:
        """The builder of a name, or ``default``."""
        return _object if key.startswith(_CLASSES) else super().get(key, default)


def state_of(tree: Any) -> dict[str, TensorRecord]:
    """The tensors of the outermost module by their dotted names, as ``state_dict`` has them.

    Raises ``PickleError`` for a file without modules, or with more of them than any network has.
    """
    if not isinstance(tree, Attributes):
        raise PickleError("It is a TorchScript file without a module.")
    found: dict[str, TensorRecord] = {}
    waiting: list[tuple[str, Attributes]] = [("", tree)]
    seen = 0
    while waiting:
        prefix, module = waiting.pop()
        seen += 1 + len(module)
        if seen > _MOST:
            raise PickleError("Its modules hold each other; this is no network.")
        for key, value in module.items():
            if isinstance(value, TensorRecord):
                found[prefix + key] = value
            elif isinstance(value, Attributes):
                waiting.append((f"{prefix}{key}.", value))
    return found
