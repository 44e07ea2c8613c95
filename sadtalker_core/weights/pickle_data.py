"""Reads pickles as data. Nothing is imported, called or looked up by a name from the file.

A pickle is a program for a small stack machine. This is such a machine with the dangerous half
left out: a name in the file is only ever a key of the table it is given, and what stands there are
builders of plain values. A name that is not in the table stops the reading with its own name in
the message. So safety does not rest on knowing what is bad, and it needs no ``pickle`` module.

Opcodes are decoded by the standard library's ``pickletools``, which never runs anything.
"""

from __future__ import annotations

import io
import pickletools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import IO, Any, BinaryIO, Protocol, cast

from ..errors import WeightsError

MAX_BYTES = 1 << 28
_MAX_OPCODES = 20_000_000


class PickleError(WeightsError):
    """A pickle names something that is not on the list, or is damaged."""


class Builder(Protocol):
    """What a name in a pickle may stand for: makes a value from the arguments in the file."""

    def __call__(self, *arguments: Any) -> Any:
        """The value. Raises ``PickleError``, ``ValueError`` or ``TypeError``."""
        ...


@dataclass(frozen=True)
class Constant:
    """A name that stands for a value and cannot be called."""

    value: Any


class Unfinished:
    """A value that the file completes later with a state (a numpy array or dtype).

    ``finish(state)`` gives the value that takes its place, also where the file remembers it.
    """

    def __init__(self, finish: Callable[[Any], Any]) -> None:
        self.finish = finish
        self.places: list[int] = []


class _Name:
    """A callable name on the stack. Only this class can be called, and only through the table."""

    def __init__(self, text: str, build: Builder) -> None:
        self.text = text
        self.build = build


class _Mark:
    pass


Names = Mapping[str, Builder | Constant]
Persistent = Callable[[Any], Any]


class BoundedFile:
    """Reads from a file and refuses to give more than ``limit`` bytes altogether.

    A pickle can declare a string of 2^60 bytes; asking the file for it would take that memory.
    """

    def __init__(self, file: BinaryIO, limit: int) -> None:
        self._file = file
        self._left = limit

    def _take(self, count: int) -> None:
        if count < 0 or count > self._left:
            raise PickleError(
                f"A value of {count} bytes is declared where at most {self._left} can follow; "
                "the file is damaged or made to exhaust memory."
            )
        self._left -= count

    def read(self, count: int = -1) -> bytes:
        """``count`` bytes, or as many as there are."""
        self._take(count)
        return self._file.read(count)

    def readline(self) -> bytes:
        """One line with its end."""
        line = self._file.readline(self._left + 1)
        self._take(len(line))
        return line

    def tell(self) -> int:
        """Position in the file."""
        return self._file.tell()


def read_pickle(
    source: bytes | BinaryIO,
    names: Names,
    persistent: Persistent | None = None,
    limit: int = MAX_BYTES,
) -> Any:
    """One pickled value as plain data: dicts, lists, tuples, numbers, text and what names build.

    Args:
        source: bytes, or a file at the first byte of the pickle; it is left after the last one.
        names: what ``"module.name"`` may stand for.
        persistent: makes values of the file's persistent ids; none are allowed without it.
        limit: bytes that the pickle may have at most.

    Raises ``PickleError`` for a name that is not in ``names``, for damaged pickles and for any
    operation that plain data does not need.
    """
    file = io.BytesIO(source) if isinstance(source, bytes) else source
    machine = _Machine(names, persistent)
    # genops asks for read, readline and tell, and nothing else of a file.
    operations = pickletools.genops(cast(IO[bytes], BoundedFile(file, limit)))
    try:
        for count, (opcode, argument, _) in enumerate(operations):
            if count >= _MAX_OPCODES:
                raise PickleError("The pickle has too many parts to be weights.")
            if opcode.name == "STOP":
                return machine.pop()
            machine.step(opcode.name, argument)
    except PickleError:
        raise
    except RecursionError as error:
        raise PickleError("The pickle is nested too deeply to be weights.") from error
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError) as error:
        raise PickleError(f"The pickle is damaged ({str(error)[:200]}).") from error
    raise PickleError("The pickle is cut short.")


_SCALARS = (str, int, float, bool, bytes, complex)


def _is_scalar(value: Any) -> bool:
    return value is None or isinstance(value, _SCALARS)


def _check_key(key: Any) -> None:
    # Tuples nested in tuples share their parts, and hashing one takes time exponential in depth.
    flat = isinstance(key, tuple) and all(_is_scalar(part) for part in key)
    if not flat and not _is_scalar(key):
        raise PickleError(f"A dictionary has a key of type {type(key).__name__}, not text.")


class _Machine:
    """The stack, the marks and the memory of one pickle."""

    def __init__(self, names: Names, persistent: Persistent | None) -> None:
        self._names = names
        self._persistent = persistent
        self._stack: list[Any] = []
        self._memory: dict[int, Any] = {}

    def step(self, name: str, argument: Any) -> None:
        """Do one operation."""
        if name in _PUSHED:
            self._stack.append(argument)
        elif name in _VALUES:
            self._stack.append(_VALUES[name])
        elif name in _MADE:
            self._stack.append(_MADE[name]())
        else:
            work = getattr(self, f"_do_{name.lower()}", None)
            if work is None:
                raise PickleError(
                    f"The pickle uses the operation {name}, which weights never need; "
                    "nothing was run."
                )
            work(argument)

    def pop(self) -> Any:
        """The value on top."""
        if not self._stack:
            raise PickleError("The pickle is damaged (its stack is empty).")
        return self._stack.pop()

    def _to_mark(self) -> list[Any]:
        items: list[Any] = []
        while not isinstance(item := self.pop(), _Mark):
            items.append(item)
        items.reverse()
        return items

    def _top(self, kind: type[Any]) -> Any:
        if not self._stack or not isinstance(self._stack[-1], kind):
            raise PickleError("The pickle is damaged (it fills something else than a container).")
        return self._stack[-1]

    # Frames and protocol numbers only speed up reading.
    def _do_proto(self, version: int) -> None:
        if version > 5:
            raise PickleError(f"The pickle has protocol {version}; 0 to 5 are known.")

    def _do_frame(self, _: int) -> None:
        pass

    def _do_mark(self, _: None) -> None:
        self._stack.append(_Mark())

    def _do_pop(self, _: None) -> None:
        self.pop()

    def _do_pop_mark(self, _: None) -> None:
        self._to_mark()

    def _do_dup(self, _: None) -> None:
        self._stack.append(self._top(object))

    # Containers.
    def _do_append(self, _: None) -> None:
        item = self.pop()
        self._top(list).append(item)

    def _do_appends(self, _: None) -> None:
        items = self._to_mark()
        self._top(list).extend(items)

    def _do_list(self, _: None) -> None:
        self._stack.append(self._to_mark())

    def _do_tuple(self, _: None) -> None:
        self._stack.append(tuple(self._to_mark()))

    def _tuple_of(self, count: int) -> None:
        items = [self.pop() for _ in range(count)]
        self._stack.append(tuple(reversed(items)))

    def _do_tuple1(self, _: None) -> None:
        self._tuple_of(1)

    def _do_tuple2(self, _: None) -> None:
        self._tuple_of(2)

    def _do_tuple3(self, _: None) -> None:
        self._tuple_of(3)

    def _put(self, target: dict[Any, Any], items: list[Any]) -> None:
        if len(items) % 2:
            raise PickleError("The pickle is damaged (a dictionary with a key and no value).")
        for key, value in zip(items[::2], items[1::2]):
            _check_key(key)
            target[key] = value

    def _do_dict(self, _: None) -> None:
        made: dict[Any, Any] = {}
        self._put(made, self._to_mark())
        self._stack.append(made)

    def _do_setitem(self, _: None) -> None:
        value, key = self.pop(), self.pop()
        self._put(self._top(dict), [key, value])

    def _do_setitems(self, _: None) -> None:
        items = self._to_mark()
        self._put(self._top(dict), items)

    def _do_additems(self, _: None) -> None:
        items = self._to_mark()
        for item in items:
            _check_key(item)
        self._top(set).update(items)

    def _do_frozenset(self, _: None) -> None:
        items = self._to_mark()
        for item in items:
            _check_key(item)
        self._stack.append(frozenset(items))

    # Memory.
    def _remember(self, place: int) -> None:
        value = self._top(object)
        if isinstance(value, Unfinished):
            value.places.append(place)
        self._memory[place] = value

    def _do_put(self, place: int) -> None:
        self._remember(place)

    _do_binput = _do_put
    _do_long_binput = _do_put

    def _do_memoize(self, _: None) -> None:
        self._remember(len(self._memory))

    def _do_get(self, place: int) -> None:
        if place not in self._memory:
            raise PickleError("The pickle is damaged (it recalls what it never kept).")
        self._stack.append(self._memory[place])

    _do_binget = _do_get
    _do_long_binget = _do_get

    # Names. The text is looked up in the table and nowhere else.
    def _name(self, text: str) -> None:
        found = self._names.get(text)
        if found is None:
            raise PickleError(
                f"The file asks for {text[:100]!r}, which is not needed for weights and could run "
                "a program. It was refused and nothing was run. Get the file from its authors, or "
                "as safetensors."
            )
        self._stack.append(found.value if isinstance(found, Constant) else _Name(text, found))

    def _do_global(self, argument: str) -> None:
        # pickletools gives "module name", separated by the one space.
        self._name(".".join(argument.split(" ", 1)))

    def _do_stack_global(self, _: None) -> None:
        name, module = self.pop(), self.pop()
        if not isinstance(name, str) or not isinstance(module, str):
            raise PickleError("The pickle is damaged (a name that is not text).")
        self._name(f"{module}.{name}")

    def _call(self, callee: Any, arguments: Any) -> None:
        if not isinstance(callee, _Name) or not isinstance(arguments, tuple):
            raise PickleError(
                f"The file calls a {type(callee).__name__}, which only a program would do. "
                "It was refused and nothing was run."
            )
        self._stack.append(callee.build(*arguments))

    def _do_reduce(self, _: None) -> None:
        arguments, callee = self.pop(), self.pop()
        self._call(callee, arguments)

    _do_newobj = _do_reduce

    def _do_inst(self, argument: str) -> None:
        arguments = tuple(self._to_mark())
        self._do_global(argument)
        self._call(self.pop(), arguments)

    def _do_obj(self, _: None) -> None:
        callee, *arguments = self._to_mark()
        self._call(callee, tuple(arguments))

    def _do_build(self, _: None) -> None:
        state, target = self.pop(), self.pop()
        if isinstance(target, Unfinished):
            value = target.finish(state)
            for place in target.places:
                self._memory[place] = value
            self._stack.append(value)
        elif isinstance(target, dict):
            # Attributes of an OrderedDict: torch keeps versions there, which nothing needs.
            self._stack.append(target)
        else:
            raise PickleError(
                f"The file sets the state of a {type(target).__name__}, which weights never "
                "need. It was refused and nothing was run."
            )

    def _persist(self, identifier: Any) -> None:
        if self._persistent is None:
            raise PickleError("The pickle refers to something outside itself.")
        self._stack.append(self._persistent(identifier))

    def _do_persid(self, identifier: str) -> None:
        self._persist(identifier)

    def _do_binpersid(self, _: None) -> None:
        self._persist(self.pop())


_PUSHED = frozenset(
    {"INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"}
    | {"STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE"}
    | {"BINUNICODE8", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"}
)
_VALUES: dict[str, Any] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
_MADE: dict[str, Callable[[], Any]] = {
    "EMPTY_LIST": list,
    "EMPTY_DICT": dict,
    "EMPTY_SET": set,
}
