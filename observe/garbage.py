"""The garbage collector of a process with deadlines: it runs between two subframes, and its times are known."""

import gc
from time import perf_counter
from typing import Any, Final, Self

from picocell.radio.durations import Durations

YOUNG: Final = 2000
"""Objects that were made and not given back, after which the young ones are looked through."""
_PATIENCE: Final = 20
_MIDDLE: Final = 10
_OLD: Final = 20


class Garbage:
    """Collects when it is told that there is time, instead of in the middle of the work. A context manager.

    What is there when it begins stays for good and is not looked through again. A process that makes no cycles frees
    all else without a collector; the rest waits for `between`.

    Args:
        young: objects beyond which `between` collects the young ones.

    Attributes:
        times: how long the collections took, whoever asked for them.
    """

    def __init__(self, young: int = YOUNG) -> None:
        self.times = Durations()
        self._young, self._began = young, 0.0
        gc.collect()
        gc.freeze()
        self._was_enabled = gc.isenabled()
        gc.disable()
        gc.callbacks.append(self._call)

    def between(self, *, has_time: bool = True) -> None:
        """Nothing is under way now.

        Args:
            has_time: False if work waits already: then only so much garbage is collected that memory is not at risk.
        """
        young, middle, old = gc.get_count()
        if young > (self._young if has_time else _PATIENCE * self._young):
            gc.collect(0 if middle <= _MIDDLE else 1 if old <= _OLD else 2)

    def close(self) -> None:
        """Leave the collector as it was."""
        if self._call in gc.callbacks:
            gc.callbacks.remove(self._call)
        gc.unfreeze()
        if self._was_enabled:
            gc.enable()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _call(self, phase: str, _: dict[str, Any]) -> None:
        if phase == "start":
            self._began = perf_counter()
        else:
            self.times.add(perf_counter() - self._began)
