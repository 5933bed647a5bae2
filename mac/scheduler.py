"""Who gets the resource blocks of a subframe: round robin and proportional fair behind one interface."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from math import exp


@dataclass(frozen=True, slots=True)
class Demand:
    """What a UE wants of a subframe.

    Attributes:
        rnti: the UE.
        n_prb: resource blocks that would hold all that it has to send, at least 1.
        bits_per_prb: what one carries.
        urgent: signalling: served first.
    """

    rnti: int
    n_prb: int
    bits_per_prb: float
    urgent: bool = False


class Scheduler(ABC):
    """Divides the resource blocks of one direction; it remembers who was served."""

    @abstractmethod
    def divide(self, demands: Sequence[Demand], n_prb: int, max_ues: int, now: int) -> list[tuple[int, int]]:
        """``(rnti, resource blocks)`` of those served, in the order of service; never more than ``n_prb`` together."""

    @abstractmethod
    def served(self, rnti: int, bits: int, now: int) -> None:
        """A UE has been given a new transmission of so many bits."""

    @abstractmethod
    def forget(self, rnti: int) -> None:
        """A UE is gone."""

    @abstractmethod
    def fresh(self) -> "Scheduler":
        """A scheduler of the same kind that remembers nothing, for the other direction."""

    @property
    @abstractmethod
    def rntis(self) -> tuple[int, ...]:
        """UEs remembered."""


class RoundRobin(Scheduler):
    """Those served longest ago come first; the resource blocks are shared evenly, as far as they are wanted."""

    def __init__(self) -> None:
        self._last: dict[int, int] = {}
        self._turn = 0

    def divide(self, demands: Sequence[Demand], n_prb: int, max_ues: int, now: int) -> list[tuple[int, int]]:
        """As the interface says."""
        if len(demands) == 1 and n_prb:
            return [(demands[0].rnti, min(demands[0].n_prb, n_prb))]
        last = self._last
        order = sorted(demands, key=lambda d: (not d.urgent, last.get(d.rnti, -1), d.rnti))[: min(max_ues, n_prb)]
        shares, left, users = {}, n_prb, len(order)
        start = now % users if users else 0  # who gets what does not divide evenly changes every subframe
        for demand in sorted(order[start:] + order[:start], key=lambda d: d.n_prb):
            shares[demand.rnti] = min(demand.n_prb, -(-left // users))
            left -= shares[demand.rnti]
            users -= 1
        return [(demand.rnti, shares[demand.rnti]) for demand in order if shares[demand.rnti]]

    def served(self, rnti: int, bits: int, now: int) -> None:
        """As the interface says."""
        del bits, now
        self._turn += 1
        self._last[rnti] = self._turn

    def forget(self, rnti: int) -> None:
        """As the interface says."""
        self._last.pop(rnti, None)

    def fresh(self) -> "RoundRobin":
        """As the interface says."""
        return RoundRobin()

    @property
    def rntis(self) -> tuple[int, ...]:
        """UEs remembered."""
        return tuple(self._last)


class ProportionalFair(Scheduler):
    """The largest ratio of present rate to average throughput comes first and gets all that it wants.

    Args:
        window: time constant of the average in ms.
    """

    def __init__(self, window: int = 100) -> None:
        if window < 1:
            raise ValueError(f"averaging window {window} ms is below 1")
        self._window = window
        self._average: dict[int, tuple[float, int]] = {}

    def _throughput(self, rnti: int, now: int) -> float:
        """Average of a UE in bits a ms; it decays while the UE is not served."""
        average, then = self._average.get(rnti, (0.0, now))
        return average * exp((then - now) / self._window)

    def divide(self, demands: Sequence[Demand], n_prb: int, max_ues: int, now: int) -> list[tuple[int, int]]:
        """As the interface says."""
        if len(demands) == 1 and n_prb:
            return [(demands[0].rnti, min(demands[0].n_prb, n_prb))]
        order = sorted(
            demands,
            key=lambda d: (not d.urgent, -d.bits_per_prb / max(self._throughput(d.rnti, now), 1e-3), d.rnti),
        )
        shares, left = [], n_prb
        for demand in order[:max_ues]:
            n = min(demand.n_prb, left)
            if n:
                shares.append((demand.rnti, n))
                left -= n
        return shares

    def served(self, rnti: int, bits: int, now: int) -> None:
        """As the interface says."""
        self._average[rnti] = (self._throughput(rnti, now) + bits / self._window, now)

    def forget(self, rnti: int) -> None:
        """As the interface says."""
        self._average.pop(rnti, None)

    def fresh(self) -> "ProportionalFair":
        """As the interface says."""
        return ProportionalFair(self._window)

    @property
    def rntis(self) -> tuple[int, ...]:
        """UEs remembered."""
        return tuple(self._average)


def make_scheduler(kind: "Scheduler | str") -> Scheduler:
    """A scheduler by its name ``rr`` or ``pf``, or the one given.

    Raises:
        ValueError: another name.
    """
    if isinstance(kind, Scheduler):
        return kind
    if kind == "rr":
        return RoundRobin()
    if kind == "pf":
        return ProportionalFair()
    raise ValueError(f"scheduler {kind!r} does not exist: use 'rr' or 'pf'")
