"""Every public function and class of every kernel is called with hostile arguments."""

import ast
import importlib.util
from pathlib import Path

import pytest

from picocell import kernels

HERE = Path(__file__).parent
KERNELS = Path(kernels.__file__).parent
NAMES = sorted(path.stem for path in KERNELS.glob("*.pyi"))


def _covered() -> set[str]:
    """What the other files call: the names of their seeds, up to a comma."""
    found: set[str] = set()
    for path in HERE.glob("test_hostile_*.py"):
        if path.name == Path(__file__).name:
            continue
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        found |= {name.split(",")[0] for name in module.SEEDS}
    return found


def _public(kernel: str) -> set[str]:
    """Functions, classes, and methods with arguments, as the stub file has them; properties and results are none."""
    found = set()
    for node in ast.parse((KERNELS / f"{kernel}.pyi").read_text()).body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            found.add(f"{kernel}.{node.name}")
        if not isinstance(node, ast.ClassDef) or node.name.startswith("_"):
            continue
        if any(isinstance(base, ast.Name) and base.id in ("NamedTuple", "Protocol") for base in node.bases):
            continue
        found.add(f"{kernel}.{node.name}")
        for part in node.body:
            if isinstance(part, ast.FunctionDef) and not part.name.startswith("_") and len(part.args.args) > 1:
                found.add(f"{kernel}.{node.name}.{part.name}")
    return found


@pytest.fixture(scope="module")
def covered() -> set[str]:
    return _covered()


@pytest.mark.parametrize("kernel", NAMES)
def test_everything_public_is_attacked(kernel: str, covered: set[str]) -> None:
    assert _public(kernel) - covered == set()


def test_nothing_else_is(covered: set[str]) -> None:
    there = set().union(*map(_public, NAMES))
    gone = {name for name in covered - there if not name.endswith(".clear")}
    assert gone == set()
