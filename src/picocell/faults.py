"""Faults of a network, asked for by a test: messages dropped, repeated, delayed or changed, samples changed.

    net.faults.drop("s1ap.InitialContextSetupRequest")          # the next one
    net.faults.repeat("s11.*", nth=3)                           # the third one from now
    net.faults.delay("nas.uplink.attach complete", ms=500)
    net.faults.mutate("rrc.downlink.securityModeCommand")       # flip a bit somewhere

Kinds are ``interface.message``, with wildcards: ``s1ap``, ``s6a``, ``s11``, ``s5c``, ``s1u``, ``s5u`` for the core;
``nas.uplink``, ``nas.downlink``, ``rrc.uplink``, ``rrc.downlink`` for what passes between a phone and the cell.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Final

import numpy as np
from numpy.typing import NDArray

from picocell.epc.interfaces import gtpu, gtpv2c, s1ap, s6a
from picocell.epc.interfaces.transport import Interface, Message

Samples = NDArray[np.complex64]
SampleFault = Callable[[Samples, int], Samples]
Mutation = Callable[[bytes], bytes]


class Action(StrEnum):
    """What happens to a message."""

    DROP = "drop"
    REPEAT = "repeat"
    DELAY = "delay"
    MUTATE = "mutate"


@dataclass(slots=True)
class Fault:
    """A fault that waits for its message.

    Attributes:
        kind: which messages it is about, with wildcards.
        action: what it does.
        left: messages of the kind until the one that is hit; 0 for the next one.
        count: how many are hit, one after the other; None for all.
        ms: of a delay.
        mutation: of a mutation.
        hits: how many were hit.
    """

    kind: str
    action: Action
    left: int
    count: int | None
    ms: int = 0
    mutation: Mutation | None = None
    hits: int = 0

    @property
    def spent(self) -> bool:
        """Whether it has done all that it does."""
        return self.count is not None and self.hits >= self.count


class Faults:
    """The faults of a network.

    Args:
        rng: for mutations that were not given.

    Attributes:
        log: every message that passed and its kind, if `recording` is set.
    """

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._faults: list[Fault] = []
        self._uplink: dict[str, SampleFault] = {}
        self._downlink: dict[str, SampleFault] = {}
        self.recording = False
        self.log: list[tuple[int, str]] = []

    # what is to go wrong

    def drop(self, kind: str, *, nth: int = 1, count: int | None = 1) -> Fault:
        """Lose the ``nth`` message of a kind from now on, and ``count`` in all."""
        return self._add(Fault(kind, Action.DROP, nth - 1, count))

    def repeat(self, kind: str, *, nth: int = 1, count: int | None = 1) -> Fault:
        """Deliver a message twice."""
        return self._add(Fault(kind, Action.REPEAT, nth - 1, count))

    def delay(self, kind: str, ms: int, *, nth: int = 1, count: int | None = 1) -> Fault:
        """Deliver a message late.

        Raises:
            ValueError: a time that is not positive.
        """
        if ms < 1:
            raise ValueError(f"a delay of {ms} ms is not allowed: at least 1")
        return self._add(Fault(kind, Action.DELAY, nth - 1, count, ms))

    def mutate(self, kind: str, mutation: Mutation | None = None, *, nth: int = 1, count: int | None = 1) -> Fault:
        """Change a message: by a function of its bytes, or a bit at random."""
        return self._add(Fault(kind, Action.MUTATE, nth - 1, count, mutation=mutation))

    def uplink_samples(self, imsi: str, fault: SampleFault | None) -> None:
        """Change the samples of a phone's uplink as they arrive at the cell; None to end that."""
        _set(self._uplink, imsi, fault)

    def downlink_samples(self, imsi: str, fault: SampleFault | None) -> None:
        """Change the samples that a phone hears; None to end that."""
        _set(self._downlink, imsi, fault)

    def clear(self) -> None:
        """Nothing goes wrong any more."""
        self._faults.clear()
        self._uplink.clear()
        self._downlink.clear()

    # what passes

    @property
    def watching(self) -> bool:
        """Whether messages have to be looked at."""
        return bool(self._faults) or self.recording

    def core(self, message: Message, now: int) -> list[tuple[int, Message]]:
        """What becomes of a message of the core: delays and messages."""
        if not self.watching:
            return [(0, message)]
        passed = self.message(core_kind(message), message.data, now)
        return [(delay, replace(message, data=data)) for delay, data in passed]

    def message(self, kind: str, data: bytes, now: int) -> list[tuple[int, bytes]]:
        """What becomes of a message: delays in ms and bytes."""
        if self.recording:
            self.log.append((now, kind))
        for fault in self._faults:
            if fault.spent or not fnmatchcase(kind, fault.kind):
                continue
            if fault.left > 0:
                fault.left -= 1
                continue
            fault.hits += 1
            return self._carry_out(fault, data)
        return [(0, data)]

    def uplink(self, imsi: str, samples: Samples, now: int) -> Samples:
        """A phone's samples as they reach the cell."""
        fault = self._uplink.get(imsi)
        return samples if fault is None else fault(samples, now)

    def downlink(self, imsi: str, samples: Samples, now: int) -> Samples:
        """The samples that a phone hears."""
        fault = self._downlink.get(imsi)
        return samples if fault is None else fault(samples, now)

    # inside

    def _add(self, fault: Fault) -> Fault:
        if fault.left < 0:
            raise ValueError("messages are counted from 1")
        self._faults.append(fault)
        return fault

    def _carry_out(self, fault: Fault, data: bytes) -> list[tuple[int, bytes]]:
        match fault.action:
            case Action.DROP:
                return []
            case Action.REPEAT:
                return [(0, data), (0, data)]
            case Action.DELAY:
                return [(fault.ms, data)]
            case Action.MUTATE:
                change = fault.mutation or self._flip
                return [(0, change(data))]

    def _flip(self, data: bytes) -> bytes:
        """One bit turned."""
        if not data:
            return data
        at, bit = self._rng.randrange(len(data)), self._rng.randrange(8)
        return data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]


_DATA: Final = "data"


def core_kind(message: Message) -> str:
    """Kind of a message of the core, such as ``s1ap.S1SetupRequest`` or ``s1u.data``."""
    return f"{message.interface}.{_name(message)}"


def _name(message: Message) -> str:
    try:
        match message.interface:
            case Interface.S1AP:
                return s1ap.decode(message.data).message or "unknown"
            case Interface.S6A:
                return type(s6a.decode(message.data).message).__name__
            case Interface.S11 | Interface.S5C:
                return type(gtpv2c.decode(message.data).message).__name__
            case Interface.S1U | Interface.S5U:
                return _DATA if gtpu.split(message.data) is not None else "other"
    except ValueError:
        return "malformed"


def _set(table: dict[str, SampleFault], imsi: str, fault: SampleFault | None) -> None:
    if fault is None:
        table.pop(imsi, None)
    else:
        table[imsi] = fault
