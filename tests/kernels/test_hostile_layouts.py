"""Every array that a kernel's public function takes, in unusual layouts, values, shapes and types, one by one.

The seeds are those of the other hostile tests; that no public function is missing there is tested beside them. Here it
is also tested that none of the arrays is missing.
"""

import ast
import importlib.util
import inspect
import pickle
import re
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path as File
from typing import Any

import numpy as np
import pytest

from picocell import kernels
from picocell.kernels import snow3g, zuc
from support import hostile_layouts as walk
from support.hostile import ALLOWED, Seed, bounded_memory

HERE = File(__file__).parent
KERNELS = File(kernels.__file__).parent


def _seeds() -> dict[str, Callable[[], Seed]]:
    found: dict[str, Callable[[], Seed]] = {}
    for file in ("channels", "coding", "signal"):
        spec = importlib.util.spec_from_file_location(file, HERE / f"test_hostile_{file}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        found |= module.SEEDS
    return found


SEEDS = _seeds()
# functions that copy what is not aligned, by np.require or by conversion; those that make an object copy all they keep
COPY = {"gold.sequences", "ldpc.Code.decode", "ldpc.Code.quantise", "polar.Code.decode", "propagation.Interpolator.run"}
COPY |= {"conv.rate_recover", "conv.decode", "conv.decode_batch", "conv.search", "modem.modulate", "modem.demodulate"}
COPY |= {"equalise.siso", "equalise.sfbc2", "equalise.sfbc4"}
COPY |= {"turbo.TurboDecoder.decode", "turbo.TurboDecoder.decode_many"}
MEMORY = {"crc.crc24a", "crc.crc24b", "crc.crc16", "crc.crc8"}  # they take any memory as bytes
SWALLOWS = {"shmring.Ring, header"}  # several calls in one, which passes over what the first of them refuses


def _made(name: str) -> Seed:
    """A seed with arrays in place of the lists and bytes that some give for parameters that may be arrays."""
    made, function = SEEDS[name](), name.split(",")[0]
    if name in SWALLOWS or not (made.args or made.kwargs):
        return made
    names, wanted = _names(function), {parameter for owner, parameter in ARRAYS if owner == function}
    args = [_as_array(value) if key in wanted else value for key, value in zip(names, made.args, strict=False)]
    kwargs = {key: _as_array(value) if key in wanted else value for key, value in made.kwargs.items()}
    return Seed(made.call, args, kwargs, made.again)


def _as_array(value: Any) -> Any:
    if isinstance(value, bytes | bytearray):
        return np.frombuffer(bytes(value), np.uint8)
    return np.array(value) if isinstance(value, list | tuple) and _numbers(value) else value


def _numbers(value: Any) -> bool:
    return all(map(_numbers, value)) if isinstance(value, list | tuple) else isinstance(value, int | float)


def _functions(kernel: str) -> dict[str, ast.FunctionDef]:
    """Public functions of a kernel by name, with its classes as functions that make an object."""
    found = {}
    for node in ast.parse((KERNELS / f"{kernel}.pyi").read_text()).body:
        if isinstance(node, ast.FunctionDef):
            found[f"{kernel}.{node.name}"] = node
        if isinstance(node, ast.ClassDef):
            parts = [part for part in node.body if isinstance(part, ast.FunctionDef)]
            found |= {f"{kernel}.{node.name}.{part.name}".removesuffix(".__init__"): part for part in parts}
    return {name: node for name, node in found.items() if "._" not in name}


def _arguments(node: ast.FunctionDef) -> list[ast.arg]:
    return [a for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs) if a.arg != "self"]


def _names(function: str) -> list[str]:
    return [a.arg for a in _arguments(FUNCTIONS[function])]


FUNCTIONS = {name: node for stub in KERNELS.glob("*.pyi") for name, node in _functions(stub.stem).items()}
# parameters that the stub files declare as arrays, as memory of bytes, or as sequences of arrays
ARRAYS = {
    (name, a.arg)
    for name, node in FUNCTIONS.items()
    for a in _arguments(node)
    if a.annotation is not None
    and {"NDArray", "ArrayLike", "Buffer"} & set(re.findall(r"\w+", ast.unparse(a.annotation)))
}
WITH_ARRAYS = [name for name in SEEDS if walk.places(_made(name))]


def _way(path: walk.Path) -> str:
    return ".".join(map(str, path[1:]))


def _each_array(name: str) -> Iterator[tuple[Seed, walk.Path, walk.Array]]:
    """The seed of a call, and one of its arrays after the other."""
    made = _made(name)
    for path, x in walk.places(made):
        yield made, path, x


def _instead(x: walk.Array) -> Callable[[walk.Array], walk.Array]:
    return lambda _: x


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Arithmetic of NumPy with such numbers warns, of which nothing is to be learnt here."""
    with warnings.catch_warnings(), np.errstate(all="ignore"), bounded_memory():
        warnings.simplefilter("ignore")
        yield


@pytest.mark.parametrize("name", [name for name in WITH_ARRAYS if name not in SWALLOWS])
def test_where_an_array_lies_makes_no_difference(name: str) -> None:
    """The same numbers in another layout: the same result, or a ValueError."""
    for made, path, _ in _each_array(name):
        expected = walk.run(made, path, np.copy)
        for layout, change in walk.LAYOUTS.items():
            try:
                result = walk.run(made, path, change)
            except ValueError:
                continue
            assert not made.again or walk.same(result, expected), f"{_way(path)}, {layout}"


@pytest.mark.parametrize("name", [name for name in WITH_ARRAYS if name not in SWALLOWS])
def test_an_array_that_is_not_aligned_is_refused_or_copied(name: str) -> None:
    """A kernel never sees a pointer that its type does not allow: it says so, or takes a copy."""
    for made, path, x in _each_array(name):
        odd = walk.LAYOUTS["odd address"]
        assert odd(x).flags.aligned == (x.dtype.alignment == 1)
        expected = walk.run(made, path, np.copy)
        try:
            result = walk.run(made, path, odd)
        except ValueError as refusal:
            said = str(refusal)
        else:
            assert not made.again or walk.same(result, expected), _way(path)
            assert x.dtype.alignment == 1 or inspect.isclass(made.call) or name.split(",")[0] in COPY, _way(path)
            continue
        assert x.dtype.alignment > 1, _way(path)
        assert "aligned" in said or "contiguous" in said, _way(path)


@pytest.mark.parametrize("kind", [walk.valued, walk.shaped, walk.typed], ids=["values", "shapes", "types"])
@pytest.mark.parametrize("name", WITH_ARRAYS)
def test_strange_arrays(kind: Callable[[walk.Array], Iterator[tuple[str, walk.Array]]], name: str) -> None:
    """NaN and infinities, wrong lengths, wrong types: a result or an error that blames the arguments, and no trace."""
    for made, path, x in _each_array(name):
        expected = walk.run(made, path, np.copy)
        for what, strange in kind(x):
            try:
                walk.run(made, path, _instead(strange))
            except ALLOWED:
                continue
            except Exception as error:
                raise AssertionError(f"{type(error).__name__}: {error} from {_way(path)}, {what}") from error
        assert not made.again or walk.same(walk.run(made, path, np.copy), expected), _way(path)


@pytest.mark.parametrize("name", [name for name in WITH_ARRAYS if name not in SWALLOWS | MEMORY])
def test_structures_are_refused(name: str) -> None:
    """Cython's parser of formats would follow a null pointer where a structure begins with the wanted type."""
    for made, path, x in _each_array(name):
        structure = np.zeros(x.shape, [("wanted", x.dtype), ("more", "i4")])
        with pytest.raises((ValueError, TypeError)):
            walk.run(made, path, _instead(structure))


@pytest.mark.parametrize("name", [name for name in SEEDS if not SEEDS[name]().again])
def test_objects_are_what_they_were_after_pickle(name: str) -> None:
    """A copy made by pickle has the same pickle; an object that holds scratch memory refuses."""
    made = SEEDS[name]().run()[0]
    try:
        copied = pickle.loads(pickle.dumps(made))
    except (TypeError, AttributeError):  # of Cython, and of a function within that has no name
        return
    assert type(copied) is type(made)
    assert pickle.dumps(pickle.loads(pickle.dumps(copied))) == pickle.dumps(copied)


@pytest.mark.parametrize("cipher", [snow3g.Snow3g, zuc.Zuc], ids=["snow3g", "zuc"])
def test_a_cipher_has_its_key_after_pickle(cipher: type[snow3g.Snow3g] | type[zuc.Zuc]) -> None:
    for key in (bytes(16), bytes(range(16)), bytes(range(1, 17)), b"\xff" * 16):
        made = cipher(key)
        assert pickle.loads(pickle.dumps(made)).keystream(key, 32) == made.keystream(key, 32)


def _walked() -> set[tuple[str, str]]:
    """Parameters to which a seed gives an array, or something with arrays in it."""
    found = set()
    for name in WITH_ARRAYS:
        if name not in SWALLOWS:
            function = name.split(",")[0]
            paths = [path for path, _ in walk.places(_made(name))]
            found |= {(function, _names(function)[path[1]] if path[0] == "args" else path[1]) for path in paths}
    return found


def test_no_array_is_forgotten() -> None:
    """Each parameter that is declared as an array gets one."""
    assert ARRAYS - _walked() == set()
    assert len(ARRAYS) > 100
