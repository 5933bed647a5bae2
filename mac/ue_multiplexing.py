"""Transport blocks of a UE: its logical channels, and the control elements beside them (TS 36.321 5.4.3)."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final, NamedTuple

from picocell.mac import bsr, pdu
from picocell.mac.bsr import BufferStatusReports, ChannelData
from picocell.mac.control_elements import CRnti, Direction, PowerHeadroom
from picocell.mac.dedicated_config import DedicatedConfig
from picocell.mac.logical_channel_prioritisation import LogicalChannelPrioritisation
from picocell.mac.pdu import LCID_CCCH, Element, Sdu
from picocell.mac.phr import PowerHeadroomReports

if TYPE_CHECKING:
    from picocell.mac.channel import LogicalChannel

LOWEST_PRIORITY: Final = 16

_C_RNTI_BYTES: Final = 1 + CRnti.SIZE
_PHR_BYTES: Final = 1 + PowerHeadroom.SIZE
_SUBHEADER_ESTIMATE: Final = 3


class Block(NamedTuple):
    """A transport block.

    Attributes:
        elements: what is in it.
        payload: its bytes.
        satisfied: it reports the buffers or holds everything: no scheduling request is needed any more.
    """

    elements: tuple[Element, ...]
    payload: bytes
    satisfied: bool = True


def packed(elements: tuple[Element, ...], size: int) -> bytes:
    """A transport block of ``size`` bytes.

    Raises:
        MacPduError: the elements do not fit.
    """
    return pdu.pack(elements, size, Direction.UPLINK)


class Multiplexer:
    """The logical channels of a UE, and the reports about them.

    Attributes:
        bsr: buffer status reports.
        phr: power headroom reports.
    """

    def __init__(self) -> None:
        self.bsr = BufferStatusReports()
        self.phr = PowerHeadroomReports()
        self._lcp = LogicalChannelPrioritisation()
        self._channels: dict[int, LogicalChannel] = {}
        self._config = DedicatedConfig()
        self._reported: list[tuple[int, int, int | None, LogicalChannel]] = []

    def configure(self, config: DedicatedConfig) -> None:
        """Timers of the reports, and the priorities of the channels."""
        self._config = config
        self.bsr.configure(config.ul_sch)
        self.phr.configure(config.phr)
        self._arrange()

    def add(self, lcid: int, channel: "LogicalChannel") -> None:
        """A channel, in place of any of the same identity."""
        self._channels[lcid] = channel
        self.bsr.forget(lcid)
        self._arrange()

    def remove(self, lcid: int) -> None:
        """A channel is not there any more."""
        self._channels.pop(lcid, None)
        self._lcp.remove(lcid)
        self.bsr.forget(lcid)
        self._arrange()

    def channel(self, lcid: int) -> "LogicalChannel | None":
        """A channel; None without."""
        return self._channels.get(lcid)

    def reset(self) -> None:
        """Cancel reports, stop their timers, empty the buckets (5.9)."""
        self.bsr.reset()
        self.phr.reset()
        self._lcp.reset()

    def poll(self, now: int) -> list[ChannelData]:
        """Data of the channels above the CCCH; it may trigger a report."""
        data = self._data(now)
        self.bsr.update(data, now)
        return data

    def ccch_bytes(self, now: int) -> int:
        """Data on the CCCH."""
        channel = self._channels.get(LCID_CCCH)
        return channel.buffer_status(now).n_bytes if channel is not None else 0

    def message_bits(self, now: int) -> int:
        """Potential size of message 3: data, headers and control elements (5.1.2)."""
        ccch = self.ccch_bytes(now)
        if ccch:
            return 8 * (1 + ccch)
        data = [channel for channel in self._data(now) if channel.n_bytes]
        report = bsr.LONG_BYTES if bsr.is_long(data) else bsr.SHORT_BYTES
        return 8 * (_C_RNTI_BYTES + report + sum(channel.n_bytes + 2 for channel in data))

    def ccch_block(self, size: int, now: int) -> Block | None:
        """A first message 3 with the CCCH's SDU; None where that does not fit or there is none."""
        channel = self._channels.get(LCID_CCCH)
        data = channel.build_pdu(size - 1, now) if channel is not None and size > 1 else b""
        if not data:
            return None
        elements = (Sdu(LCID_CCCH, data),)
        return Block(elements, packed(elements, size))

    def block(
        self, size: int, now: int, *, path_loss_db: float, headroom_level: Callable[[], int], c_rnti: int | None = None
    ) -> Block:
        """A transport block of ``size`` bytes.

        Args:
            size: bytes.
            now: subframe.
            path_loss_db: that a power headroom report is compared with.
            headroom_level: gives what it says.
            c_rnti: C-RNTI to name, in message 3; None otherwise.
        """
        data = self.poll(now)
        elements: list[Element] = []
        left = size
        if c_rnti is not None and size >= _C_RNTI_BYTES:
            elements.append(CRnti(c_rnti))
            left -= _C_RNTI_BYTES
        reserved, long = self._reserve_report(data, left)
        left -= reserved
        if left >= _PHR_BYTES and self.phr.wanted(path_loss_db, now):
            elements.append(PowerHeadroom(headroom_level()))
            self.phr.reported(path_loss_db, now)
            left -= _PHR_BYTES
        sdus = self._sdus(data, left, now)
        self.bsr.granted(now)
        rest = self._left(data, sdus, now)
        self.bsr.sent(rest)
        if reserved:
            report: bsr.Bsr | None = bsr.report(rest, long)
        else:
            report = bsr.padding_report(rest, size - pdu.packed_size([*elements, *sdus]) if elements or sdus else size)
        if report is not None:
            # a report that padding makes room for comes last, one that was triggered before the power headroom
            elements.insert((c_rnti is not None and bool(elements)) if reserved else len(elements), report)
            self.bsr.reported(report, now)
        satisfied = report is not None or not any(channel.n_bytes for channel in rest)
        if satisfied:
            self.bsr.everything_fits()
        whole = (*elements, *sdus)
        return Block(whole, packed(whole, size), satisfied)

    def _reserve_report(self, data: list[ChannelData], left: int) -> tuple[int, bool]:
        """Bytes for a report that was triggered, 0 for none, and whether it is a long one."""
        if self.bsr.pending is None:
            return 0, False
        long = bsr.is_long(data)
        needed = bsr.LONG_BYTES if long else bsr.SHORT_BYTES
        everything = sum(channel.n_bytes + _SUBHEADER_ESTIMATE for channel in data if channel.n_bytes)
        if needed > left or (everything and everything <= left < everything + needed):
            return 0, False  # all data fits, but not a report as well
        return needed, long

    def _sdus(self, data: Iterable[ChannelData], left: int, now: int) -> list[Sdu]:
        demand = {channel.lcid: channel.n_bytes for channel in data if channel.n_bytes}
        if not demand or left < 2:
            return []
        return self._lcp.fill(self._channels, demand, left, now)

    def _left(self, data: list[ChannelData], sdus: list[Sdu], now: int) -> list[ChannelData]:
        """What is left of the channels' data now that some of it has gone into SDUs."""
        if not sdus:
            return data
        served = {sdu.lcid for sdu in sdus}
        return [
            channel._replace(n_bytes=self._channels[channel.lcid].buffer_status(now).n_bytes)
            if channel.lcid in served
            else channel
            for channel in data
        ]

    def _data(self, now: int) -> list[ChannelData]:
        return [
            ChannelData(lcid, priority, lcg, channel.buffer_status(now).n_bytes)
            for lcid, priority, lcg, channel in self._reported
        ]

    def _arrange(self) -> None:
        self._reported = []
        for lcid, channel in sorted(self._channels.items()):
            if lcid == LCID_CCCH:
                continue
            bearer = self._config.bearer(lcid)
            priority = bearer.priority if bearer is not None and bearer.priority is not None else LOWEST_PRIORITY
            rate = bearer.prioritised_bit_rate if bearer is not None else 0
            self._lcp.configure(lcid, priority, rate, bearer.bucket_size_duration if bearer is not None else 50)
            self._reported.append((lcid, priority, bearer.lcg if bearer is not None else None, channel))
