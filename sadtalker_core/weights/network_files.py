"""Networks out of several files, whichever holds them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from torch import nn

from ..errors import WeightsError
from ..runtime import Runtime
from .architecture import Architecture, detect, detect_one, load
from .reader import read_shapes, read_weights

_N = TypeVar("_N", bound=nn.Module)


class NetworkFiles:
    """Files that hold networks; which is where is read from keys and shapes.

    Args:
        paths: the files; one that is named twice is looked into once.
        architectures: what may be in them.
        runtime: device of the networks; asked for a cancel before each.

    Raises:
        WeightsError: a file is damaged.
    """

    def __init__(
        self, paths: Iterable[Path], architectures: Sequence[Architecture[Any]], runtime: Runtime
    ) -> None:
        self._architectures = architectures
        self._runtime = runtime
        self._shapes = {path: read_shapes(path) for path in dict.fromkeys(paths)}
        self._holders = {
            found.architecture.id: path
            for path, inside in self._shapes.items()
            for found in detect(inside, architectures)
        }

    def holder(self, wanted: Architecture[Any]) -> Path:
        """The file that has a network. Raises ``WeightsError`` when none has it."""
        if wanted.id not in self._holders:
            raise WeightsError(
                f"{wanted.title} is in none of these files: {', '.join(map(str, self._shapes))}."
            )
        return self._holders[wanted.id]

    def network(self, wanted: Architecture[_N]) -> _N:
        """A network, read strictly. Raises ``WeightsError`` when no file has it as it should be."""
        self._runtime.check_cancelled()
        path = self.holder(wanted)
        found = detect_one(self._shapes[path], wanted, self._architectures, str(path))
        return load(wanted, read_weights(path, found.prefix), self._runtime.device).module
