"""The pair of radios in memory, through the real SoapySDR; tests skip where one of them is not there (`make radio`)."""

import importlib.util
import mmap
import os
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

MODULE = Path(__file__).resolve().parents[2] / "build" / "soapy" / "libpicopair.so"
_FAULTS = ("skip_samples", "late_blocks", "silent_until", "gone_until")


def need_pair() -> Path:
    """The directory of the module; skips where SoapySDR or the module is missing."""
    if importlib.util.find_spec("SoapySDR") is None:
        pytest.skip("SoapySDR is not installed: make radio")
    if not MODULE.exists():
        pytest.skip(f"{MODULE.name} is not built: make radio")
    return MODULE.parent


def load_pair() -> None:
    """Have this process know the module, whether or not SoapySDR looked for modules before."""
    need_pair()
    import SoapySDR

    SoapySDR.loadModules()
    if not any("picopair" in SoapySDR.getLoaderResult(str(path)) for path in (MODULE,)):
        SoapySDR.loadModule(str(MODULE))


class Faults:
    """What goes wrong at one end of a pair, on demand."""

    def __init__(self, name: str, end: str) -> None:
        self._at = 8 * len(_FAULTS) * "ab".index(end)
        with Path(f"/dev/shm/picopair-{name}").open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), 4096)

    def _set(self, what: str, value: int) -> None:
        struct.pack_into("<q", self._map, self._at + 8 * _FAULTS.index(what), value)

    def pending(self, what: str) -> int:
        """What is still to go wrong."""
        return int(struct.unpack_from("<q", self._map, self._at + 8 * _FAULTS.index(what))[0])

    def overflow(self, samples: int) -> None:
        """Samples that are lost before the next reception."""
        self._set("skip_samples", samples)

    def late(self, blocks: int) -> None:
        """Blocks that come too late."""
        self._set("late_blocks", blocks)

    def silence(self, seconds: float) -> None:
        """Nothing is received for a while."""
        self._set("silent_until", time.clock_gettime_ns(time.CLOCK_MONOTONIC) + round(1e9 * seconds))

    def gone(self, seconds: float) -> None:
        """The device is not there for a while; 0: it is back."""
        until = time.clock_gettime_ns(time.CLOCK_MONOTONIC) + round(1e9 * seconds) if seconds else 0
        self._set("gone_until", until)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._map.close()


def samples_received(name: str) -> int:
    """Samples that end a of a pair has received; 0 where it is not there yet."""
    path = Path(f"/dev/shm/picopair-{name}")
    head = path.open("rb").read(96) if path.exists() else b""
    return int.from_bytes(head[72:80], "little")  # Shared.received[0]


@contextmanager
def pair_name(what: str) -> Iterator[str]:
    """A name that nobody else has; its memory is removed behind."""
    name = f"{what}-{os.getpid()}"
    try:
        yield name
    finally:
        with suppress(FileNotFoundError):
            Path(f"/dev/shm/picopair-{name}").unlink()
