"""Buffer status reports of a UE: when one is wanted, and what it says (TS 36.321 5.4.5)."""

from collections.abc import Iterable
from enum import StrEnum
from functools import lru_cache
from typing import Final, NamedTuple

from picocell.mac.control_elements import LongBsr, ShortBsr, TruncatedBsr, bsr_index
from picocell.mac.dedicated_config import UlSchConfig

N_GROUPS: Final = 4

SHORT_BYTES: Final = 1 + ShortBsr.SIZE
LONG_BYTES: Final = 1 + LongBsr.SIZE
"""Bytes of a report with its subheader."""

_index = lru_cache(maxsize=8192)(bsr_index)

Bsr = ShortBsr | TruncatedBsr | LongBsr


class BsrTrigger(StrEnum):
    """Why a report is wanted; padding needs no trigger."""

    REGULAR = "regular"
    PERIODIC = "periodic"


class ChannelData(NamedTuple):
    """Data available for transmission of one logical channel.

    Attributes:
        lcid: the channel.
        priority: 1 the highest.
        lcg: its group; None where it has none and so is not reported.
        n_bytes: data available in RLC and PDCP.
    """

    lcid: int
    priority: int
    lcg: int | None
    n_bytes: int


class BufferStatusReports:
    """Triggers and timers of buffer status reporting."""

    def __init__(self) -> None:
        self._config = UlSchConfig()
        self._available: dict[int, int] = {}
        self._retx_at: int | None = None
        self._periodic_at: int | None = None
        self.pending: BsrTrigger | None = None

    def configure(self, config: UlSchConfig) -> None:
        """periodicBSR-Timer and retxBSR-Timer; a running timer keeps its end unless it gets shorter."""
        self._config = config
        if config.periodic_bsr is None:
            self._periodic_at = None

    def reset(self) -> None:
        """Cancel what is triggered and stop the timers (5.9)."""
        self.pending = self._retx_at = self._periodic_at = None
        self._available.clear()

    def forget(self, lcid: int) -> None:
        """The channel is not there any more."""
        self._available.pop(lcid, None)

    def update(self, data: Iterable[ChannelData], now: int) -> None:
        """Look at the channels once a subframe: new data and timers may ask for a report."""
        arrived = waiting = None
        some = False
        available = self._available
        for lcid, priority, lcg, n_bytes in data:
            if lcg is None:
                continue
            if n_bytes:
                some = True
                if available.get(lcid):
                    waiting = priority if waiting is None or priority < waiting else waiting
                elif arrived is None or priority < arrived:
                    arrived = priority
            available[lcid] = n_bytes
        if arrived is not None and (waiting is None or arrived < waiting):
            self.pending = BsrTrigger.REGULAR
        if self._retx_at is not None and now >= self._retx_at:
            self._retx_at = None
            if some:
                self.pending = BsrTrigger.REGULAR
        if self._periodic_at is not None and now >= self._periodic_at:
            self._periodic_at = None
            self.pending = self.pending or BsrTrigger.PERIODIC

    def sent(self, data: Iterable[ChannelData]) -> None:
        """Data went out: remember what is left, so that what comes next counts as new."""
        for lcid, _, lcg, n_bytes in data:
            if lcg is not None:
                self._available[lcid] = n_bytes

    def granted(self, now: int) -> None:
        """A grant for new data restarts retxBSR-Timer."""
        self._retx_at = now + self._config.retx_bsr

    def reported(self, report: Bsr, now: int) -> None:
        """A report went out: what was triggered is answered."""
        self.pending = None
        self._retx_at = now + self._config.retx_bsr
        if not isinstance(report, TruncatedBsr) and self._config.periodic_bsr is not None:
            self._periodic_at = now + self._config.periodic_bsr

    def everything_fits(self) -> None:
        """The grant holds all data, but not a report as well: none is wanted any more."""
        self.pending = None


def is_long(data: Iterable[ChannelData]) -> bool:
    """Whether a regular or periodic report has to name several groups."""
    return len({channel.lcg for channel in data if channel.n_bytes and channel.lcg is not None}) > 1


def report(data: Iterable[ChannelData], long: bool, *, truncated: bool = False) -> Bsr:
    """A report of what is left.

    Args:
        data: data available after the transport block was built.
        long: of all groups; else of the group with the data, or with the channel of highest priority that has some.
        truncated: say that other groups have data too.
    """
    known = [channel for channel in data if channel.lcg is not None]
    sizes = [0] * N_GROUPS
    for channel in known:
        sizes[channel.lcg or 0] += channel.n_bytes
    if long:
        first, second, third, fourth = map(_index, sizes)
        return LongBsr((first, second, third, fourth))
    with_data = [channel for channel in known if channel.n_bytes]
    chosen = min(with_data or known, key=lambda channel: channel.priority, default=None)
    lcg = chosen.lcg or 0 if chosen is not None else 0
    return (TruncatedBsr if truncated else ShortBsr)(lcg, _index(sizes[lcg]))


def padding_report(data: list[ChannelData], spare: int) -> Bsr | None:
    """A report in place of padding of ``spare`` bytes; None where none fits."""
    if spare >= LONG_BYTES:
        return report(data, long=True)
    if spare >= SHORT_BYTES:
        return report(data, long=False, truncated=is_long(data))
    return None
