"""Waiting until something is so, however slow the machine is."""

import time
from collections.abc import Callable
from typing import Final

LONG_S: Final = 120.0
"""What takes so long does not come any more; what is waited for takes a small part of it on a machine that is idle."""

_LOOK_S: Final = 0.005


def until(condition: Callable[[], object], what: str = "it did not happen", seconds: float = LONG_S) -> None:
    """Wait until a condition holds.

    Raises:
        AssertionError: it does not come to hold.
    """
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"{what} within {seconds} s"
        time.sleep(_LOOK_S)
