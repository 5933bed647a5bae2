"""The air between many radios: uplinks are summed in every cell, downlinks reach every phone, each link on its own::

    air = Air(5.76e6)
    air.cell("cell1", "tx_port=tcp://*:2001,rx_port=tcp://localhost:2000,base_srate=5.76e6")
    air.phone("ue1", "tx_port=tcp://*:2101,rx_port=tcp://localhost:2100,base_srate=5.76e6")
    air.link("ue1", "cell1").loss_db = 10
    while True:
        air.step()

Amplitudes are those of the radios. Noise is a receiver's, in dB of a sample of 1, and with unitary OFDM a resource
element's as well. A member that does not answer is named, and the others go on without it: its samples count as zeros.
When it is back it goes on where it stopped, a whole number of frames later.
"""

import fnmatch
import logging
import time
from collections import Counter, deque
from collections.abc import Callable, Hashable, Iterator
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from picocell.air.links import NAME, Link, Member
from picocell.air.members import Endpoint, Hub, LocalEndpoint, ZmqEndpoint
from picocell.air.mixing import Mixer
from picocell.air.shm_member import ShmEndpoint
from picocell.radio.channel.models import AWGN, check
from picocell.radio.shm.args import ShmArgs, is_shm
from picocell.radio.zmq.args import ZmqArgs

FRAME: Final = 10
"""Milliseconds of a frame."""

_SLICE_S: Final = 0.05
_SUSPENDED_S: Final = 0.3  # between two looks: this process did not run, and blames nobody

_log = logging.getLogger(__name__)


class AirEvent(NamedTuple):
    """Something happened to a member.

    Attributes:
        now: air time in ms.
        name: whose.
        text: what.
    """

    now: int
    name: str
    text: str


class Air:
    """Cells, phones, and what is between them.

    Args:
        sample_rate: samples per second of all members.
        channel: of links that are not told another one.
        snr_db: sets every receiver's noise: what a resource element of 1 has over it, without attenuation.
        stall_s: seconds after which a member that gives no samples is left behind.
        start_wait_s: seconds from the first `step` on for which time waits for all members to be there.
        seed: of channels and noise.

    Attributes:
        now: milliseconds that passed.
        members: by name.
        events: what happened to members, oldest first.
        on_event: called with each, in place of a line in the log.

    Raises:
        ValueError: a rate that has no whole number of samples a millisecond, or a channel that there is not.
    """

    def __init__(
        self,
        sample_rate: float,
        *,
        channel: str = AWGN,
        snr_db: float = 30.0,
        stall_s: float = 1.8,
        start_wait_s: float = 0.0,
        seed: int = 0,
    ) -> None:
        if not 1e3 <= sample_rate <= 1e9 or sample_rate % 1000:
            raise ValueError(f"sample rate {sample_rate:g} is not allowed: a whole number of samples a millisecond")
        check(channel)
        self.sample_rate, self.channel, self.snr_db = sample_rate, channel, snr_db
        self.stall_s, self.start_wait_s, self.seed = stall_s, start_wait_s, seed
        self.now = 0
        self.members: dict[str, Member] = {}
        self.events: deque[AirEvent] = deque(maxlen=10_000)
        self.on_event: Callable[[AirEvent], None] | None = None
        self._n = round(sample_rate / 1000)
        self._mixer = Mixer(self._n)
        self._links: dict[tuple[str, str], Link] = {}
        self._times_set: Counter[tuple[Member | Link, str]] = Counter()
        self._hub: Hub | None = None
        self._first_step: float | None = None
        self._last_look = 0.0

    # members

    def cell(
        self,
        name: str,
        radio: str | ZmqArgs | ShmArgs | Endpoint | None = None,
        n_ports: int = 1,
        carrier: Hashable = 0,
        *,
        n_rx: int = 1,
    ) -> Member:
        """Add a cell.

        Args:
            name: letters, digits, ``_`` and ``-``.
            radio: arguments of the device that is the cell's peer, ZeroMQ or shared memory; an endpoint; None for
                arrays.
            n_ports: transmit antennas.
            carrier: an EARFCN, or anything else that tells carriers apart.
            n_rx: receive antennas.

        Raises:
            ValueError: a name that is none or taken, or arguments that are not allowed.
            RadioError: a port cannot be bound.
        """
        return self._add(name, radio, is_cell=True, n_tx=n_ports, n_rx=n_rx, carrier=carrier)

    def phone(
        self,
        name: str,
        radio: str | ZmqArgs | ShmArgs | Endpoint | None = None,
        *,
        carrier: Hashable = 0,
        n_tx: int = 1,
        n_rx: int = 1,
    ) -> Member:
        """Add a phone; arguments and exceptions as of `cell`. It hears the cells of its carrier."""
        return self._add(name, radio, is_cell=False, n_tx=n_tx, n_rx=n_rx, carrier=carrier)

    def link(self, phone: str, cell: str) -> Link:
        """The link between a phone and a cell, in either order.

        Raises:
            ValueError: there is no such phone or cell.
        """
        ends = [self._member(phone), self._member(cell)]
        if ends[0].is_cell == ends[1].is_cell:
            raise ValueError(f"{phone}.{cell} is no link: a phone and a cell have one")
        one, other = sorted(ends, key=lambda member: member.is_cell)
        found = self._links.get((one.name, other.name))
        if found is None:
            order = list(self.members)
            seed = [self.seed, order.index(one.name), order.index(other.name), 1]
            found = Link(one, other, self.sample_rate, channel=self.channel, seed=seed)
            self._links[one.name, other.name] = found
        return found

    # parameters

    def get(self, key: str) -> Any:
        """A parameter such as ``ue1.cell1.loss_db`` or ``cell1.noise_dbfs``.

        Raises:
            ValueError: there is none.
        """
        target, name = self._find(key)
        return getattr(target, name)

    def set(self, key: str, value: Any) -> None:
        """Change a parameter, or all that match a key with ``*``, such as ``*.cell1.loss_db``; values may be text.

        Raises:
            ValueError: no such parameter, or a value that is not allowed.
        """
        for target, name in [self._find(one) for one in self.matching(key)]:
            try:
                setattr(target, name, value)
            except ValueError as error:
                raise ValueError(f"{key}: {error}") from None
            self._times_set[target, name] += 1

    def times_set(self, key: str) -> int:
        """How often a parameter was set: who moves it sees by that whether somebody else has taken over.

        Raises:
            ValueError: no such parameter.
        """
        return self._times_set[self._find(key)]

    def matching(self, pattern: str) -> list[str]:
        """Keys that a pattern means; a key without ``*`` is its own.

        Raises:
            ValueError: there is none.
        """
        if "*" not in pattern:
            self._find(pattern)
            return [pattern]
        found = fnmatch.filter(self.keys(), pattern)
        found = [key for key in found if key.count(".") == pattern.count(".")]
        if not found:
            raise ValueError(f"{pattern}: no parameter matches")
        return found

    def keys(self) -> Iterator[str]:
        """All parameters."""
        for member in self.members.values():
            yield from (f"{member.name}.{key}" for key in Member.KEYS)
        for phone in self.members.values():
            for cell in self.members.values():
                if cell.is_cell and not phone.is_cell:
                    yield from (f"{phone.name}.{cell.name}.{key}" for key in Link.KEYS)

    # time

    def step(self, timeout: float = _SLICE_S, between: Callable[[], None] | None = None) -> bool:
        """Let a millisecond pass, as soon as all members that answer have given theirs.

        Args:
            timeout: seconds to wait for that.
            between: called when phones have heard the millisecond and before what they send in it is taken.

        Returns:
            False where it has not passed yet.
        """
        if not self._all_are_ready() and not self._wait(timeout):
            return False
        self._move(between)
        return True

    def run(self, ms: int) -> None:
        """Let time pass, however long it takes.

        Raises:
            RuntimeError: all members are of this process, and switched off: nobody would ever come.
        """
        end = self.now + ms
        while self.now < end:
            if not self.step() and self._hub is None:
                raise RuntimeError("no time passes on the air: no member is switched on")

    def close(self) -> None:
        """Release all ports."""
        for member in self.members.values():
            member.endpoint.close()
        if self._hub is not None:
            self._hub.close()
            self._hub = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # inside: members

    def _add(
        self,
        name: str,
        radio: str | ZmqArgs | ShmArgs | Endpoint | None,
        *,
        is_cell: bool,
        n_tx: int,
        n_rx: int,
        carrier: Hashable,
    ) -> Member:
        if not NAME.fullmatch(name):
            raise ValueError(f"name {name!r} is not allowed: a letter, then letters, digits, _ and -")
        if name in self.members:
            raise ValueError(f"there is a member {name} already")
        for what, n in (("transmit", n_tx), ("receive", n_rx)):
            if n not in (1, 2, 4):
                raise ValueError(f"{name}: {n} {what} antennas are not allowed: 1, 2 or 4")
        if radio is None:
            endpoint: Endpoint = LocalEndpoint()
        elif isinstance(radio, str | ZmqArgs | ShmArgs):
            self._hub = self._hub or Hub()
            try:
                if isinstance(radio, ShmArgs) or (isinstance(radio, str) and is_shm(radio)):
                    endpoint = ShmEndpoint(self._hub, radio, self.sample_rate, n_tx, n_rx)
                else:
                    endpoint = ZmqEndpoint(self._hub, radio, self.sample_rate, n_tx, n_rx)
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from None
        else:
            endpoint = radio
        seed = [self.seed, len(self.members), 2]
        member = Member(
            name, endpoint, is_cell=is_cell, n_tx=n_tx, n_rx=n_rx, carrier=carrier, noise_dbfs=-self.snr_db, seed=seed
        )
        self.members[name] = member
        return member

    def _member(self, name: str) -> Member:
        found = self.members.get(name)
        if found is None:
            raise ValueError(f"there is no member {name!r}: {', '.join(self.members) or 'there is none at all'}")
        return found

    def _find(self, key: str) -> tuple[Member | Link, str]:
        """Whose parameter a key is, and its name."""
        *names, name = key.split(".")
        if len(names) == 1 and name in Member.KEYS:
            return self._member(names[0]), name
        if len(names) == 2 and name in Link.KEYS:
            return self.link(*names), name
        raise ValueError(
            f"{key!r} is no parameter: allowed are PHONE.CELL.KEY, KEY being {', '.join(Link.KEYS)};"
            f" and MEMBER.KEY, KEY being {', '.join(Member.KEYS)}"
        )

    # inside: who is there

    def _all_are_ready(self) -> bool:
        """Whether the millisecond can pass without a look at the clock, as it mostly can."""
        for member in self.members.values():
            if member.state != "active" or not member.endpoint.ready(self._n):
                return False
        return bool(self.members)

    def _wait(self, timeout: float) -> bool:
        """Wait until nobody has to be waited for; whether it came to that."""
        until, looked = time.monotonic() + timeout, False
        while self._is_awaiting(time.monotonic()):
            left = until - time.monotonic()
            # without a hub there are members of this process alone, and all of them are switched off
            if self._hub is None or (looked and left <= 0):
                return False
            self._hub.wait(max(left, 0.0))
            looked = True
        return True

    def _is_awaiting(self, clock: float) -> bool:
        """Whether anybody has to be waited for; who was waited for too long is left behind."""
        if self._first_step is None:
            self._first_step = clock
        idle, self._last_look = clock - self._last_look, clock
        awaited, anybody = False, False
        for member in self.members.values():
            if member.since is not None and idle > _SUSPENDED_S:
                member.since += idle
            if member.state != "active":
                self._look_for(member)
            elif not member.endpoint.ready(self._n):
                awaited = self._is_awaited(member, clock) or awaited
            anybody = anybody or member.state == "active"
        if self.now == 0 and clock < self._first_step + self.start_wait_s:
            awaited = awaited or any(member.state != "active" for member in self.members.values())
        return awaited or not anybody

    def _is_awaited(self, member: Member, clock: float) -> bool:
        """Whether a member that is not ready is still waited for."""
        if member.endpoint.gone():
            self._leave(member, "absent", "is gone; the others go on without it")
            return False
        if member.since is None:
            member.since = clock
        if clock - member.since < self.stall_s:
            return True
        self._leave(member, "stalled", f"has not answered for {clock - member.since:.1f} s; the others go on")
        return False

    def _look_for(self, member: Member) -> None:
        """Take a member in that is there again: one that kept its stream keeps its place in the frame."""
        if member.endpoint.gone() and member.state == "stalled":
            self._leave(member, "absent", "is gone")
        elif member.endpoint.ready(self._n) and (not member.came or (self.now - member.left_at) % FRAME == 0):
            self._tell(member, "is there" if not member.came else f"is back after {self.now - member.left_at} ms")
            member.state, member.came, member.since = "active", True, None

    def _leave(self, member: Member, state: str, text: str) -> None:
        if member.state == "active":
            member.left_at = self.now
        member.state, member.since = state, None
        self._tell(member, text, logging.WARNING)

    def _tell(self, member: Member, text: str, level: int = logging.INFO) -> None:
        event = AirEvent(self.now, member.name, text)
        self.events.append(event)
        if self.on_event is not None:
            self.on_event(event)
        else:
            _log.log(level, "%s %s", member.name, text)

    # inside: the millisecond

    def _move(self, between: Callable[[], None] | None) -> None:
        """A millisecond: everybody's samples are taken, and everybody's are given."""
        mixer = self._mixer
        carriers = [member.carrier for member in self.members.values()]
        if not mixer.fits(carriers):
            members = list(self.members.values())
            pairs = [(phone, cell) for phone in members for cell in members if cell.is_cell and not phone.is_cell]
            links = [self.link(phone.name, cell.name) for phone, cell in pairs if phone.carrier == cell.carrier]
            mixer.lay_out(carriers, members, links)
        mixer.take_cells()
        if between is None:
            mixer.take_phones()
        mixer.give_phones()
        if between is not None:
            between()
            mixer.take_phones()
        mixer.give_cells()
        self.now += 1
