"""Each array among the arguments of a call, once in every unusual layout and with every unusual value, in turn.

Unlike `hostile`, which draws at random, this leaves no array out.
"""

import copy
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from support.hostile import Seed

Array = NDArray[Any]
Path = tuple[Any, ...]


def _placed(x: Array, start: int) -> Array:
    """A copy whose memory begins that many bytes after an aligned place."""
    memory = np.zeros(x.nbytes + 64 + start, np.uint8)
    start += -memory.ctypes.data % 64
    placed = memory[start : start + x.nbytes].view(x.dtype).reshape(x.shape)
    placed[...] = x
    return placed


def _read_only(x: Array) -> Array:
    x = x.copy()
    x.flags.writeable = False
    return x


def _strided(x: Array) -> Array:
    return np.repeat(x, 2, axis=-1)[..., ::2]


def _backwards(x: Array) -> Array:
    return np.ascontiguousarray(x[..., ::-1])[..., ::-1]


def _swapped(x: Array) -> Array:
    return x.astype(x.dtype.newbyteorder())


# The same numbers, lying otherwise. complex64 in steps of 4 bytes is aligned: its type is two float32.
LAYOUTS: dict[str, Callable[[Array], Array]] = {
    "odd address": lambda x: _placed(x, 1),
    "half its size off": lambda x: _placed(x, max(1, x.itemsize // 2)),
    "read-only": _read_only,
    "with gaps": _strided,
    "backwards": _backwards,
    "columns first": lambda x: np.asfortranarray(x.copy()),
    "other byte order": _swapped,
}


def values(dtype: np.dtype[Any]) -> list[Any]:
    """Values that are no measurement: NaN and infinities, the ends of integers."""
    if dtype.kind in "fc":
        largest = np.finfo(dtype).max
        return [np.nan, np.inf, -np.inf, largest, -largest, np.finfo(dtype).smallest_subnormal]
    if dtype.kind in "iu":
        return [np.iinfo(dtype).min, np.iinfo(dtype).max]
    return []


def valued(x: Array) -> Iterator[tuple[str, Array]]:
    """The array with such a value first, last, and everywhere."""
    for value in values(x.dtype):
        for name, places in (("first", slice(0, 1)), ("last", slice(-1, None)), ("all", slice(None))):
            y = x.copy()
            y.reshape(-1)[places] = value
            yield f"{name} {value}", y


def shaped(x: Array) -> Iterator[tuple[str, Array]]:
    """The array with each axis empty, a step shorter and longer; with an axis more, and in one axis."""
    for axis in range(x.ndim):
        for size in {0, x.shape[axis] - 1, x.shape[axis] + 1} - {-1, x.shape[axis]}:
            shape = [*x.shape[:axis], size, *x.shape[axis + 1 :]]
            yield (
                f"{size} of {x.shape[axis]} on axis {axis}",
                np.resize(x, shape) if x.size else np.zeros(shape, x.dtype),
            )
    yield "one axis more", x[None].copy()
    if x.ndim > 1:
        yield "one axis", x.reshape(-1).copy()
    yield "no axis", np.zeros((), x.dtype)


def typed(x: Array) -> Iterator[tuple[str, Array]]:
    """The array as other types that hold its numbers or part of them, and as types that are no numbers."""
    for dtype in ("b1", "i1", "u1", "i2", "i4", "i8", "u8", "f2", "f4", "f8", "g", "c8", "c16"):
        if np.dtype(dtype) != x.dtype:
            yield dtype, x.astype(dtype)
    yield "O", x.astype(object)
    yield "S", np.full(x.shape, b"no", "S2")
    yield "M8", np.zeros(x.shape, "M8[s]")
    yield "V", np.zeros(x.shape, [("a", "i2"), ("b", "f4")])


def arrays(value: Any, path: Path = ()) -> Iterator[tuple[Path, Array]]:
    """All arrays within arguments, and the way to each: places in sequences and mappings, fields of dataclasses."""
    if isinstance(value, np.ndarray):
        yield path, value
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray):
        for i, part in enumerate(value):
            yield from arrays(part, (*path, i))
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from arrays(part, (*path, key))
    elif hasattr(value, "__dataclass_fields__"):
        for name in value.__dataclass_fields__:
            yield from arrays(getattr(value, name), (*path, f".{name}"))


def changed(value: Any, path: Path, change: Callable[[Array], Array]) -> Any:
    """The arguments with the array at the end of a path changed, all others as copies."""
    if isinstance(value, np.ndarray):
        return value.copy() if path else change(value)
    if not path:
        raise LookupError("no array is there")
    step, rest = path[0], path[1:]
    if isinstance(step, str) and step.startswith("."):
        twin = copy.copy(value)
        object.__setattr__(twin, step[1:], changed(getattr(value, step[1:]), rest, change))
        return twin
    if isinstance(value, dict):
        return {key: changed(part, rest, change) if key == step else copies(part) for key, part in value.items()}
    parts = [changed(part, rest, change) if i == step else copies(part) for i, part in enumerate(value)]
    return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)


def copies(value: Any) -> Any:
    """Arguments with arrays of their own."""
    if isinstance(value, np.ndarray):
        return value.copy()
    if type(value) in (list, tuple):
        return type(value)(map(copies, value))
    if type(value) is dict:
        return {key: copies(part) for key, part in value.items()}
    return value


def run(what: Seed, path: Path, change: Callable[[Array], Array]) -> tuple[Any, list[Array]]:
    """Calls a seed with one array changed; returns its result and all arrays of the arguments after it."""
    arguments = changed({"args": list(what.args), "kwargs": dict(what.kwargs)}, path, change)
    result = what.call(*arguments["args"], **arguments["kwargs"])
    return result, [x for _, x in arrays(arguments)]


def places(what: Seed) -> list[tuple[Path, Array]]:
    """The arrays of a seed's arguments."""
    return list(arrays({"args": list(what.args), "kwargs": dict(what.kwargs)}))


def same(a: Any, b: Any) -> bool:
    """Whether two results are equal to the last bit, NaN included, wherever their arrays lie."""
    if isinstance(a, np.ndarray):
        return isinstance(b, np.ndarray) and a.shape == b.shape and np.array_equal(_plain(a), _plain(b))
    if isinstance(a, list | tuple):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, float | np.floating):
        return bool(a == b or (a != a and b != b))
    if isinstance(a, int | str | bytes | bool | np.generic | type(None)):
        return bool(a == b)
    return type(a) is type(b)  # an object of a kernel


def _plain(x: Array) -> Array:
    """The bytes of the numbers, in this machine's order."""
    native = np.ascontiguousarray(x.astype(x.dtype.newbyteorder("=")))
    return native.reshape(-1).view(np.uint8) if native.size and not native.dtype.hasobject else native
