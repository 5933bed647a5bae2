"""Logical channel prioritisation of a UE: which channels a transport block is filled from (TS 36.321 5.4.3.1)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil
from typing import TYPE_CHECKING, Final

from picocell.mac.pdu import Sdu

if TYPE_CHECKING:
    from picocell.mac.channel import LogicalChannel

_LARGEST_SUBHEADER: Final = 3
_ONE_OCTET_LENGTH: Final = 128


@dataclass(slots=True)
class Priority:
    """Scheduling parameters of a logical channel and its bucket.

    Attributes:
        priority: 1 the highest.
        prioritised_bit_rate: bytes/s; None for infinity.
        bucket_size_duration: ms.
        bucket: B_j in bytes.
        updated: subframe of the bucket's last update.
    """

    priority: int
    prioritised_bit_rate: int | None
    bucket_size_duration: int
    bucket: float = 0.0
    updated: int | None = None

    def fill(self, now: int) -> None:
        """Let the bucket fill up to now: PBR times the time, at most PBR times BSD."""
        rate = self.prioritised_bit_rate
        if rate is not None:
            elapsed = now - self.updated if self.updated is not None else 0
            self.bucket = min(self.bucket + rate * elapsed / 1000, rate * self.bucket_size_duration / 1000)
        self.updated = now

    def guaranteed(self, demand: int) -> int:
        """Bytes of the demand that come before channels of lower priority get what they are not guaranteed."""
        if self.prioritised_bit_rate is None:
            return demand
        return min(demand, ceil(self.bucket)) if self.bucket > 0 else 0


@dataclass(slots=True)
class _Block:
    """SDUs of a transport block under construction, within ``budget`` bytes subheaders included."""

    budget: int
    sdus: list[Sdu] = field(default_factory=list)
    used: int = 0

    @property
    def room(self) -> int:
        """Bytes of a further SDU: the last one so far then needs its L field."""
        return self.budget - self.used - self._length_field() - 1

    def add(self, lcid: int, data: bytes) -> None:
        self.used += self._length_field() + 1 + len(data)
        self.sdus.append(Sdu(lcid, data))

    def _length_field(self) -> int:
        if not self.sdus:
            return 0
        return 1 if len(self.sdus[-1].data) < _ONE_OCTET_LENGTH else 2


class LogicalChannelPrioritisation:
    """Fills transport blocks: first the prioritised bit rates, then by priority alone."""

    def __init__(self) -> None:
        self._channels: dict[int, Priority] = {}

    def configure(self, lcid: int, priority: int, prioritised_bit_rate: int | None, bucket_size_duration: int) -> None:
        """Parameters of a channel; the bucket of a known one stays."""
        old = self._channels.get(lcid)
        new = Priority(priority, prioritised_bit_rate, bucket_size_duration)
        if old is not None:
            new.bucket, new.updated = old.bucket, old.updated
        self._channels[lcid] = new
        self._channels = dict(sorted(self._channels.items(), key=lambda item: (item[1].priority, item[0])))

    def remove(self, lcid: int) -> None:
        """Forget a channel."""
        self._channels.pop(lcid, None)

    def reset(self) -> None:
        """Empty the buckets (5.9)."""
        for channel in self._channels.values():
            channel.bucket, channel.updated = 0.0, None

    def fill(
        self, channels: Mapping[int, "LogicalChannel"], demand: Mapping[int, int], budget: int, now: int
    ) -> list[Sdu]:
        """SDUs for a transport block.

        Args:
            channels: the logical channels by LCID.
            demand: bytes available by LCID, 0 or no entry for none.
            budget: bytes that SDUs and their subheaders may take, the last one without an L field.
            now: subframe.
        """
        for channel in self._channels.values():
            channel.fill(now)
        order = [lcid for lcid in self._channels if demand.get(lcid) and lcid in channels]
        if len(order) == 1:
            return self._fill_from_one(order[0], channels[order[0]], demand[order[0]], budget, now)
        block = _Block(budget)
        guaranteed, plan = self._plan(order, demand, budget)
        later = sum(plan[lcid] + _LARGEST_SUBHEADER for lcid in order if plan[lcid])
        for lcid in order:
            if not plan[lcid]:
                continue
            later -= plan[lcid] + _LARGEST_SUBHEADER
            served = self._take(block, lcid, channels[lcid], max(plan[lcid], block.room - later), now)
            if self._channels[lcid].prioritised_bit_rate is not None and guaranteed[lcid]:
                self._channels[lcid].bucket -= min(served, guaranteed[lcid])
        for lcid in order:
            if block.room < 1:
                break
            self._take(block, lcid, channels[lcid], block.room, now)
        return block.sdus

    def _fill_from_one(self, lcid: int, channel: "LogicalChannel", demand: int, budget: int, now: int) -> list[Sdu]:
        """The usual case, that a single channel has data: it may take all, whatever it is guaranteed."""
        parameters = self._channels[lcid]
        wanted = parameters.guaranteed(demand)
        guaranteed = max(min(wanted, budget - _LARGEST_SUBHEADER), 0) if wanted else 0
        sdus: list[Sdu] = []
        served, room = 0, budget - 1
        while room > 0:
            data = channel.build_pdu(room, now)
            if not data:
                break
            sdus.append(Sdu(lcid, data))
            served += len(data)
            # a further one means that this one's length has to be stated
            room -= len(data) + (2 if len(data) < _ONE_OCTET_LENGTH else 3)
        if parameters.prioritised_bit_rate is not None and guaranteed:
            parameters.bucket -= min(served, guaranteed)
        return sdus

    def _plan(self, order: list[int], demand: Mapping[int, int], budget: int) -> tuple[dict[int, int], dict[int, int]]:
        """Guaranteed bytes and bytes in all of each channel."""
        left = budget
        guaranteed: dict[int, int] = {}
        for lcid in order:
            wanted = self._channels[lcid].guaranteed(demand[lcid])
            guaranteed[lcid] = max(min(wanted, left - _LARGEST_SUBHEADER), 0) if wanted else 0
            left -= guaranteed[lcid] + _LARGEST_SUBHEADER if guaranteed[lcid] else 0
        plan = dict(guaranteed)
        for lcid in order:
            more = min(demand[lcid] - plan[lcid], left - (0 if plan[lcid] else _LARGEST_SUBHEADER))
            if more > 0:
                left -= more + (0 if plan[lcid] else _LARGEST_SUBHEADER)
                plan[lcid] += more
        return guaranteed, plan

    def _take(self, block: _Block, lcid: int, channel: "LogicalChannel", limit: int, now: int) -> int:
        """RLC PDUs of a channel, ``limit`` bytes of them; their bytes."""
        served = 0
        while limit > served and (room := min(block.room, limit - served)) > 0:
            data = channel.build_pdu(room, now)
            if not data:
                break
            block.add(lcid, data)
            served += len(data)
        return served
