"""Calls with arguments that nobody means to pass: wrong shapes, types, lengths and values, in great numbers.

A `Seed` is a call that works. `attack` spoils one to three of its arguments at random, again and again: each call has
to give a result or an error that blames the arguments. Whether memory was harmed on the way is for the sanitizers to
see (``make test-sanitize``); here it shows as a crash, or as another answer to the call that works.
"""

import copy
import os
import pickle
import resource
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROUNDS = int(os.environ.get("PICOCELL_HOSTILE_ROUNDS", "60"))
LOG = os.environ.get("PICOCELL_HOSTILE_LOG")  # a file that holds the call under way, for when it ends the process
ALLOWED = (ValueError, TypeError, OverflowError, MemoryError, BufferError)
_ROOM = 1 << 26  # bytes that a call may ask for above what the process has

INTEGERS = (-1, 0, 1, 2, 3, 5, 7, 8, 13, 17, 64, 255, 256, 4097, -(2**31), 2**31 - 1, 2**31, 2**32, 2**62, 2**63, 2**64)
FLOATS = (0.0, -0.0, -1.0, 1.0, 5e-324, 1e-30, 1e30, 1e300, -1e300, np.inf, -np.inf, np.nan, 0.5, 2.0**31, 2.0**63)
STRANGERS: tuple[Any, ...] = (
    None,
    (),
    [],
    "",
    "24A",
    b"",
    b"\xff",
    object(),
    {},
    np.float32(1),
    np.zeros(0),
    np.zeros(()),
    1j,
    -7,
    True,
)
DTYPES = (
    "b1",
    "i1",
    "u1",
    "i2",
    "u2",
    "i4",
    "i8",
    "u8",
    "f4",
    "f8",
    "c8",
    "c16",
    ">i2",
    ">f4",
    ">c8",
    "O",
    "S3",
    "M8[s]",
)


@dataclass
class Seed:
    """A call that works.

    Attributes:
        call: function, class or bound method.
        args, kwargs: its arguments; arrays are copied for every call.
        again: whether the same call gives the same result each time.
    """

    call: Callable[..., Any]
    args: list[Any] = field(default_factory=list)
    kwargs: dict[str, Any] = field(default_factory=dict)
    again: bool = True

    def run(self) -> Any:
        """The call with fresh copies of its arguments."""
        args, kwargs = _fresh(self.args), _fresh(self.kwargs)
        return self.call(*args, **kwargs), [a for a in (*args, *kwargs.values()) if isinstance(a, np.ndarray)]


def seed(call: Callable[..., Any], *args: Any, again: bool = True, **kwargs: Any) -> Seed:
    """A seed from a call as it is written."""
    return Seed(call, list(args), kwargs, again)


def _fresh(value: Any) -> Any:
    """Containers and arrays anew, everything else as it is."""
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, bytearray):
        return bytearray(value)
    if type(value) in (list, tuple):
        return type(value)(_fresh(part) for part in value)
    if type(value) is dict:
        return {key: _fresh(part) for key, part in value.items()}
    return value


def _gaps(x: NDArray[Any], _: np.random.Generator) -> Any:
    return np.repeat(x, 2, axis=-1)[..., ::2] if x.ndim else x


def _resized(x: NDArray[Any], rng: np.random.Generator) -> Any:
    if not x.ndim:
        return x
    shape = list(x.shape)
    axis = int(rng.integers(x.ndim))
    shape[axis] = int(
        rng.choice([0, 1, 2, max(shape[axis] - 1, 0), shape[axis] + 1, 2 * shape[axis], shape[axis] + 64])
    )
    return np.resize(x, shape) if x.size else np.zeros(shape, x.dtype)


def _bits(x: NDArray[Any], rng: np.random.Generator) -> Any:
    return np.frombuffer(rng.bytes(x.nbytes), x.dtype).reshape(x.shape).copy() if not x.dtype.hasobject else x


def _extremes(x: NDArray[Any], rng: np.random.Generator) -> Any:
    """Some or all entries at the ends of what the type holds, or no numbers at all."""
    if x.dtype.kind in "iu":
        limits = np.iinfo(x.dtype)
        values = np.array([limits.min, limits.max, 0, 1, limits.max // 2], x.dtype)
    elif x.dtype.kind in "fc":
        values = np.array([np.nan, np.inf, -np.inf, 3e38, -3e38, 1e-40, 0], x.dtype)
    else:
        return x
    if rng.integers(2):
        return np.full_like(x, rng.choice(values))
    return np.where(rng.random(x.shape) < rng.choice([0.01, 0.5, 1.0]), rng.choice(values, x.shape), x)


def _nudged(x: NDArray[Any], rng: np.random.Generator) -> Any:
    """One entry that is just outside, or far away."""
    if x.size and x.dtype.kind in "iu":
        limits, x = np.iinfo(x.dtype), x.copy()
        x.flat[rng.integers(x.size)] = np.clip(int(rng.choice([-1, int(x.max()) + 1, limits.max])), 0, limits.max)
        if limits.min and rng.integers(2):
            x.flat[rng.integers(x.size)] = rng.choice([-1, limits.min])
    return x


def _retyped(x: NDArray[Any], rng: np.random.Generator) -> Any:
    try:
        return x.astype(rng.choice(DTYPES))
    except (ValueError, TypeError, OverflowError):  # of text that is no number, if it was text already
        return x


def _read_only(x: NDArray[Any], _: np.random.Generator) -> Any:
    x = x.copy()
    x.flags.writeable = False
    return x


_ARRAYS: tuple[Callable[[NDArray[Any], np.random.Generator], Any], ...] = (
    _gaps,
    _resized,
    _resized,
    _bits,
    _extremes,
    _extremes,
    _nudged,
    _read_only,
    _retyped,
    lambda x, _: x.reshape(-1),
    lambda x, _: x[None],
    lambda x, _: x.T,
    lambda x, _: x[..., ::-1] if x.ndim else x,
    lambda x, _: np.asfortranarray(x),
    lambda x, _: x.tolist(),
    lambda x, _: np.zeros((0,) * max(x.ndim, 1), x.dtype),
)


def spoil(value: Any, rng: np.random.Generator) -> Any:
    """Something else in place of an argument; of the product's own tables the fields, not the whole."""
    if rng.random() < 0.06 and not hasattr(value, "__dataclass_fields__"):
        return STRANGERS[rng.integers(len(STRANGERS))]
    if isinstance(value, np.ndarray):
        with np.errstate(all="ignore"):
            return _ARRAYS[rng.integers(len(_ARRAYS))](value, rng)
    if isinstance(value, bool | np.bool_):
        return rng.choice([True, False])
    if isinstance(value, int | np.integer):
        near = (value - 1, value + 1, 2 * value, -value)
        return int(near[rng.integers(4)]) if rng.random() < 0.3 else INTEGERS[rng.integers(len(INTEGERS))]
    if isinstance(value, float):
        return FLOATS[rng.integers(len(FLOATS))]
    if isinstance(value, bytes | bytearray):
        size = int(rng.choice([0, 1, max(len(value) - 1, 0), len(value) + 1, 2 * len(value), len(value)]))
        return type(value)(rng.bytes(size))
    if isinstance(value, list | tuple):
        return _sequence(list(value), type(value), rng)
    if hasattr(value, "__dataclass_fields__"):
        changed = copy.copy(value)
        name = str(rng.choice(list(value.__dataclass_fields__)))
        object.__setattr__(changed, name, spoil(getattr(value, name), rng))
        return changed
    return STRANGERS[rng.integers(len(STRANGERS))]


def _sequence(parts: list[Any], kind: type, rng: np.random.Generator) -> Any:
    what = rng.integers(5)
    if what == 0 or not parts:
        parts = parts[:-1]
    elif what == 1:
        parts = parts + parts[-1:]
    elif what == 2:
        parts = []
    else:
        at = int(rng.integers(len(parts)))
        parts[at] = spoil(parts[at], rng)
    return tuple(parts) if issubclass(kind, tuple) else parts


def _overlap(parts: dict[Any, Any], rng: np.random.Generator) -> None:
    """Two arrays of the call in the same memory, a little apart."""
    arrays = [key for key, x in parts.items() if isinstance(x, np.ndarray) and x.size and not x.dtype.hasobject]
    if len(arrays) < 2:
        return
    first, second = (arrays[i] for i in rng.choice(len(arrays), 2, replace=False))
    apart = 16 * int(rng.integers(0, 5))
    memory = np.zeros(max(parts[first].nbytes, parts[second].nbytes + apart), np.uint8)
    for key, start in ((first, 0), (second, apart)):
        x = parts[key]
        parts[key] = memory[start : start + x.nbytes].view(x.dtype).reshape(x.shape)
        parts[key][...] = x


def spoilt(what: Seed, rng: np.random.Generator) -> tuple[list[Any], dict[str, Any]]:
    """Arguments of a seed, one to three of them spoilt."""
    parts: dict[Any, Any] = {**dict(enumerate(_fresh(what.args))), **_fresh(what.kwargs)}
    keys = list(parts)
    if rng.random() < 0.08:
        _overlap(parts, rng)
    else:
        for _ in range(rng.choice([1, 2, 3], p=[0.7, 0.2, 0.1])):
            key = keys[rng.integers(len(keys))]
            parts[key] = spoil(parts[key], rng)
    return [parts[i] for i in range(len(what.args))], {key: parts[key] for key in what.kwargs}


@contextmanager
def bounded_memory() -> Iterator[None]:
    """No more than 64 MB on top of what the process has; AddressSanitizer has a limit of its own."""
    if "libasan" in os.environ.get("LD_PRELOAD", ""):
        yield
        return
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + _ROOM, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def told(value: Any) -> str:
    """An argument in a few words."""
    if isinstance(value, np.ndarray):
        told_of = {"C": value.flags.c_contiguous, "A": value.flags.aligned, "W": value.flags.writeable}
        flags = "".join(letter for letter, holds in told_of.items() if holds)
        return f"<{value.dtype}{list(value.shape)} {flags}>"
    if isinstance(value, list | tuple):
        return f"({', '.join(map(told, value[:6]))}{', …' if len(value) > 6 else ''})"
    return type(value).__name__ if hasattr(value, "__dataclass_fields__") else repr(value)[:60]


def _frozen(result: Any) -> bytes:
    try:
        return pickle.dumps(result)
    except (TypeError, AttributeError, pickle.PicklingError):
        return b""


def attack(what: Seed, rounds: int = ROUNDS, start: int = 1) -> None:
    """Calls a seed with spoilt arguments.

    Raises:
        AssertionError: a call ended in an error of another kind, or the seed gives another result afterwards.
    """
    rng = np.random.default_rng(start)
    before = _frozen(what.run())
    if what.args or what.kwargs:
        with warnings.catch_warnings(), bounded_memory(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            for _ in range(rounds):
                args, kwargs = spoilt(what, rng)
                told_args = ", ".join([*map(told, args), *(f"{key}={told(value)}" for key, value in kwargs.items())])
                if LOG:
                    Path(LOG).write_text(f"{what.call} ({told_args})\n")
                try:
                    what.call(*args, **kwargs)
                except ALLOWED:
                    continue
                except Exception as error:
                    raise AssertionError(f"{type(error).__name__}: {error} from ({told_args})") from error
    if what.again:
        assert _frozen(what.run()) == before, "the call that works gives another result after the others"
    else:
        what.run()
