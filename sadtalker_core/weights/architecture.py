"""Which network a file of weights belongs to: decided by keys and shapes, never by its name.

Each system declares its networks as ``Architecture``s. A file may hold one of them bare, or several
under prefixes; ``detect`` finds all of them and ``load`` builds one, strictly.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

from ..errors import WeightsError
from .reader import COUNTER, check_shapes, load_assigned, load_strict, with_prefix

logger = logging.getLogger(__name__)
ModuleT = TypeVar("ModuleT", bound=nn.Module)
_T = TypeVar("_T")
Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Architecture(Generic[ModuleT]):
    """One kind of network.

    Attributes:
        id: short name, such as "sadtalker/audio2exp".
        title: name for people.
        signature: keys that every file of it has and, together, no other network has. A key may
            come with its shape; None in a shape stands for any size.
        config_from: the network's sizes, read from the shapes of a file.
        build: makes the module for a config; must work under ``torch.device("meta")``.
        prefix: the name under which files with several networks keep it, if they do.
        default: config of the published files, for the report on unknown files; where it is None,
            only the signature is compared there.
        ignored: names, with ``*`` for anything, that files of it may have and that are left out:
            a network inside it that is published by itself, or what old versions of torch saved
            without need. Whatever else is left over is an error.
    """

    id: str
    title: str
    signature: Mapping[str, tuple[int | None, ...] | None]
    config_from: Callable[[Shapes], Any]
    build: Callable[[Any], ModuleT]
    prefix: str = ""
    default: Callable[[], Any] | None = None
    ignored: tuple[str, ...] = ()

    def with_network(
        self,
        config_from: Callable[[Shapes], Any],
        build: Callable[[Any], nn.Module],
        default: Callable[[], Any],
    ) -> Architecture[Any]:
        """A signature of ``families`` with its network: ``load`` can build it then."""
        entry: Architecture[Any] = self
        return replace(entry, config_from=config_from, build=build, default=default)

    def own(self, tensors: Mapping[str, _T]) -> dict[str, _T]:
        """What of a file, bare, belongs to the network: all but the ``ignored`` names."""
        return {key: value for key, value in tensors.items() if not self.ignores(key)}

    def ignores(self, key: str) -> bool:
        """Whether a name is one of the ``ignored``."""
        return any(fnmatchcase(key, pattern) for pattern in self.ignored)

    def matches(self, shapes: Shapes) -> bool:
        """Whether the signature is all there."""
        return all(_fits(shapes.get(key), wanted) for key, wanted in self.signature.items())

    def expected(self, config: Any) -> dict[str, tuple[int, ...]]:
        """Keys and shapes of the network of these sizes; nothing is computed or filled."""
        with torch.device("meta"):
            module = self.build(config)
        return shapes_of(module.state_dict())


@dataclass(frozen=True)
class Found:
    """A network in a file: which, and under which prefix ("" for bare)."""

    architecture: Architecture[Any]
    prefix: str


@dataclass(frozen=True)
class LoadedModel(Generic[ModuleT]):
    """A network with its weights, in evaluation mode.

    Attributes:
        module: the network, without gradients.
        architecture: what it is.
        config: its sizes, as ``build`` got them.
    """

    module: ModuleT
    architecture: Architecture[ModuleT]
    config: Any


def _fits(shape: tuple[int, ...] | None, wanted: tuple[int | None, ...] | None) -> bool:
    if shape is None or wanted is None:
        return shape is not None
    return len(shape) == len(wanted) and all(
        expected in (None, size) for size, expected in zip(shape, wanted)
    )


def count_keys(shapes: Shapes, before: str, after: str, start: int = 0) -> int:
    """How many keys ``before`` + number + ``after`` there are without a gap, from ``start`` on."""
    number = start
    while f"{before}{number}{after}" in shapes:
        number += 1
    return number - start


def shapes_of(weights: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    """Shapes by name."""
    return {key: tuple(value.shape) for key, value in weights.items()}


def detect(shapes: Shapes, architectures: Sequence[Architecture[Any]]) -> list[Found]:
    """Every network that is in a file, in the order of ``architectures``; none for an unknown file.

    Looked for bare, and under each first part of a key ("generator" in "generator.up.weight").
    Where two signatures fit in one place, the one with more keys is meant. What a bare network
    ignores is not looked into.

    Args:
        shapes: as ``read_shapes`` gives them.
        architectures: what may be in it.
    """
    places: dict[str, Found] = {}
    for prefix in _prefixes(shapes):
        inside = _under(shapes, prefix)
        fitting = [entry for entry in architectures if entry.matches(inside)]
        if fitting:
            best = max(fitting, key=lambda entry: len(entry.signature))
            places[prefix] = Found(best, prefix)
    bare = places.get("")
    if bare is not None:
        for prefix in [place for place in places if place]:
            if bare.architecture.ignores(f"{prefix}."):
                del places[prefix]
    order = {entry.id: number for number, entry in enumerate(architectures)}
    return sorted(places.values(), key=lambda found: order[found.architecture.id])


def detect_one(
    shapes: Shapes, wanted: Architecture[Any], architectures: Sequence[Architecture[Any]], name: str
) -> Found:
    """Where ``wanted`` is in a file.

    Args:
        shapes: as ``read_shapes`` gives them.
        wanted: the network that is looked for.
        architectures: all that is known, to say what the file holds instead.
        name: the file, for the message.

    Raises ``WeightsError`` that says what the file holds instead, or how near it comes.
    """
    found = detect(shapes, architectures)
    for entry in found:
        if entry.architecture.id == wanted.id:
            return entry
    if found:
        titles = ", ".join(entry.architecture.title for entry in found)
        raise WeightsError(f"{name} holds {titles}, not {wanted.title}.")
    raise WeightsError(f"{name}: {report_unknown(shapes, architectures)}")


def _prefixes(shapes: Shapes) -> list[str]:
    return ["", *dict.fromkeys(key.split(".", 1)[0] for key in shapes if "." in key)]


def _under(shapes: Shapes, prefix: str) -> Shapes:
    return with_prefix(shapes, prefix) if prefix else shapes


def report_unknown(shapes: Shapes, architectures: Sequence[Architecture[Any]]) -> str:
    """Sentences about a file that no architecture fits: the nearest, matched and missing keys."""
    head = f"It is no network that is known here ({len(shapes)} tensors"
    head += f", the first is {next(iter(shapes))})." if shapes else ")."
    best: tuple[float, str] | None = None
    for entry in architectures:
        for prefix in _prefixes(shapes):
            inside = _under(shapes, prefix)
            # Building costs a moment: only where anything fits.
            if not any(key in inside for key in entry.signature):
                continue
            wanted = _wanted(entry, inside)
            missing = [key for key, shape in wanted.items() if not _fits(inside.get(key), shape)]
            matched = len(wanted) - len(missing)
            text = (
                f"The nearest is {entry.title}: {matched} of {len(wanted)} keys match; missing or "
                f"of another shape: {', '.join(missing[:3])}{', ...' if len(missing) > 3 else ''}."
            )
            if matched and (best is None or matched / len(wanted) > best[0]):
                best = (matched / len(wanted), text)
    if best is None:
        return f"{head} Not one of its keys tells a known network."
    return f"{head} {best[1]}"


def _wanted(
    entry: Architecture[Any], inside: Shapes
) -> Mapping[str, tuple[int | None, ...] | None]:
    """What the file should hold: by its own sizes if they can be read, else the published ones."""
    for config in (lambda: entry.config_from(inside), entry.default):
        try:
            if config is not None:
                return entry.expected(config())
        except Exception:  # sizes read from a file of something else may be anything
            logger.debug("no sizes of %s in an unknown file", entry.id, exc_info=True)
    return entry.signature


def verify(found: Found, shapes: Shapes) -> None:
    """Compare all keys and shapes of a network in a file with those that it must have.

    Raises ``WeightsError`` that names the first ones that are missing, left over or of another
    shape.
    """
    entry = found.architecture
    inside = entry.own(_under(shapes, found.prefix))
    wanted = entry.expected(_config(entry, inside))
    counters = {key: shape for key, shape in wanted.items() if key.endswith(f".{COUNTER}")}
    check_shapes({**counters, **inside}, wanted, entry.title)


def _config(architecture: Architecture[Any], shapes: Shapes) -> Any:
    try:
        return architecture.config_from(shapes)
    except (KeyError, IndexError, ValueError, TypeError, ArithmeticError) as error:
        reason = report_unknown(shapes, [architecture])
        raise WeightsError(f"These are not weights of {architecture.title}. {reason}") from error


def _float_type(weights: Mapping[str, Tensor]) -> torch.dtype:
    types = [value.dtype for value in weights.values() if value.is_floating_point()]
    return max(set(types), key=types.count) if types else torch.float32


def load(
    architecture: Architecture[ModuleT],
    weights: Mapping[str, Tensor],
    device: torch.device | str = "cpu",
    dtype: torch.dtype | None = torch.float32,
) -> LoadedModel[ModuleT]:
    """Build a network for these weights and fill it, strictly, without holding them twice.

    Args:
        architecture: what it is.
        weights: its tensors, bare. They become the module's own where nothing has to change.
        device: where the module shall be.
        dtype: floating type of the module; None takes that of most tensors of the file.

    Raises ``WeightsError`` when keys or shapes do not fit, naming the first ones.
    """
    weights = architecture.own(weights)
    config = _config(architecture, shapes_of(weights))
    with torch.device("meta"):
        module = architecture.build(config)
    if dtype is None:
        dtype = _float_type(weights)
    # Buffers that are not saved get their numbers only where the module is built for real.
    if {name for name, _ in module.named_buffers()} <= set(module.state_dict()):
        load_assigned(module.to(dtype), weights, architecture.title)
    else:
        module = architecture.build(config)
        load_strict(module, weights, architecture.title)
    module = module.to(device=device, dtype=dtype)
    return LoadedModel(module.eval().requires_grad_(False), architecture, config)
