"""A millisecond of the air: what members send is taken, and each is given what arrives at it."""

import math
from collections.abc import Hashable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from picocell.air.links import Link, Member
from picocell.radio.air import Path

Samples = NDArray[np.complex64]


class _Arrival(NamedTuple):
    """A way to a receiver."""

    path: Path
    sender: Member
    link: Link


class Mixer:
    """Carries samples between members of the same carrier.

    Args:
        n: samples of a millisecond.
    """

    def __init__(self, n: int) -> None:
        self._n = n
        self._sent: dict[str, Samples | None] = {}
        self._carriers: list[Hashable] = []
        self._cells: list[tuple[Member, list[_Arrival]]] = []
        self._phones: list[tuple[Member, list[_Arrival]]] = []

    def fits(self, carriers: list[Hashable]) -> bool:
        """Whether members, and the carriers that they are on, are those of the last layout."""
        return carriers == self._carriers

    def lay_out(self, carriers: list[Hashable], members: list[Member], links: list[Link]) -> None:
        """Take these members and links from now on; links between carriers carry nothing."""
        self._carriers = carriers
        near = [link for link in links if link.phone.carrier == link.cell.carrier]
        self._cells = [
            (one, [_Arrival(link.up, link.phone, link) for link in near if link.cell is one])
            for one in members
            if one.is_cell
        ]
        self._phones = [
            (one, [_Arrival(link.down, link.cell, link) for link in near if link.phone is one])
            for one in members
            if not one.is_cell
        ]

    def take_cells(self) -> None:
        """Take what cells send."""
        self._take(self._cells)

    def take_phones(self) -> None:
        """Take what phones send."""
        self._take(self._phones)

    def give_phones(self) -> None:
        """Give phones what they hear. While one does not listen its paths move on and forget what was on them."""
        for phone, arrivals in self._phones:
            if phone.state == "active" and phone.endpoint.listening:
                self._hear(phone, arrivals)
            else:
                for path, _, _ in arrivals:
                    path.pass_by(self._n)

    def give_cells(self) -> None:
        """Give cells what they hear. While one does not listen what is under way to it stays so."""
        for cell, arrivals in self._cells:
            if cell.state == "active" and cell.endpoint.listening:
                self._hear(cell, arrivals)
                continue
            for path, sender, _ in arrivals:
                if path.path_loss_db != math.inf:
                    path.apply(self._sent.get(sender.name), self._n)
                else:
                    path.pass_by(self._n)

    # inside

    def _take(self, members: list[tuple[Member, list[_Arrival]]]) -> None:
        for member, _ in members:
            if member.state == "active":
                self._sent[member.name] = _amplified(member.endpoint.take(self._n), member.tx_gain_db)
                member.samples += self._n
                member.since = None
            else:
                self._sent[member.name] = None
                member.missed += member.came

    def _hear(self, member: Member, arrivals: list[_Arrival]) -> None:
        """The sum of what arrives, and the receiver's noise."""
        n = self._n
        total: Samples | None = None
        for path, sender, link in arrivals:
            if path.path_loss_db == math.inf:
                path.pass_by(n)
                continue
            arriving = path.apply(self._sent.get(sender.name), n)
            if arriving is None:
                continue
            if link.on_uplink is not None and member.is_cell:
                changed = link.on_uplink(arriving)
                # what another made is its own, and noise is added in place
                arriving = arriving if changed is arriving else np.array(changed, np.complex64, order="C")
            total = arriving if total is None else np.add(total, arriving, out=total)
        if total is None:
            total = np.zeros((member.n_rx, n), np.complex64)
        member.noise_source.add(total, member.noise_power)
        heard = _amplified(total, member.rx_gain_db)
        assert heard is not None
        member.endpoint.give(heard)


def _amplified(samples: Samples | None, gain_db: float) -> Samples | None:
    return samples if samples is None or gain_db == 0 else samples * np.float32(10 ** (gain_db / 20))
