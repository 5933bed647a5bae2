"""A pytest plugin for slow machines: each file has ``--budget SECONDS`` of processor time, then tests are skipped."""

import time
from collections.abc import Generator
from pathlib import Path

import pytest

_SPENT: pytest.StashKey[dict[Path, float]] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option; 0 is no limit."""
    parser.addoption("--budget", type=float, default=0.0, help="seconds of processor time for the tests of a file")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skips what comes after that time."""
    budget = item.config.getoption("--budget")
    if budget and _spent(item).get(item.path, 0.0) > budget:
        pytest.skip("no time is left")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Counts the time; importing the tests is not counted in."""
    started = time.process_time()
    try:
        return (yield)
    finally:
        spent = _spent(item)
        spent[item.path] = spent.get(item.path, 0.0) + time.process_time() - started


def _spent(item: pytest.Item) -> dict[Path, float]:
    return item.config.stash.setdefault(_SPENT, {})
