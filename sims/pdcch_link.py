"""The control region: whether a downlink grant is found, the control format indicator being read first."""

import time
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np

from picocell.phy.fapi import DciDlPdu, DlConfigRequest
from picocell.phy.lte import dci as dci_bits
from picocell.phy.lte import pdcch_search, regs
from picocell.phy.lte.allocation import n_rbg
from picocell.phy.lte.cell import Cell
from picocell.phy.lte.control import ControlReceiver
from picocell.phy.lte.dci import Dci1, DciFormat
from picocell.phy.lte.downlink_transmitter import DownlinkTransmitter
from picocell.phy.lte.estimation import ChannelEstimate, Estimator
from picocell.phy.lte.frame import TTI_MODULO
from picocell.sims.air import Arrival, GridAir, layout
from picocell.sims.counts import Counts
from picocell.sims.downlink_link import ESTIMATION_METHODS, SUBFRAMES, known_channel
from picocell.sims.hooks import Hooks
from picocell.sims.point import ESTIMATORS, ChannelPoint, check_choice, check_range, children
from picocell.sims.snr import Conversion, noise_power

_QPSK: Final = 2


@dataclass(frozen=True, kw_only=True)
class PdcchPoint(ChannelPoint):
    """A point of the PDCCH: one format 1 of a C-RNTI in each subframe, in one of its candidates; nothing else is sent.

    Attributes:
        n_tx: antenna ports: 1, 2 or 4.
        cfi: control format indicator 1..3, which the PCFICH carries.
        level: aggregation level: 1, 2, 4 or 8 CCEs.
        estimator: "practical", "linear", "average" or "perfect".
        rnti: C-RNTI.
    """

    kind: ClassVar[str] = "pdcch"

    n_prb: int = 50
    n_tx: int = 1
    cfi: int = 2
    level: int = 8
    estimator: str = "practical"
    rnti: int = 0x46

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("n_tx", self.n_tx, (1, 2, 4))
        check_range("cfi", self.cfi, 1, 3)
        check_choice("level", self.level, pdcch_search.AGGREGATION_LEVELS)
        check_choice("estimator", self.estimator, ESTIMATORS)
        check_range("rnti", self.rnti, 0x3D, 0xFFF3)


class PdcchLink:
    """Sends grants, and looks for them as a phone does.

    Args:
        point: the parameters.
        hooks: none apply.

    Attributes:
        conversion: of SNR to Eb/N0.

    Raises:
        ValueError: a control region too small for the level, or a user's functions.
    """

    def __init__(self, point: PdcchPoint, hooks: Hooks = Hooks()) -> None:
        if hooks:
            raise ValueError("the control region has no place for a user's functions")
        self.point = point
        self.cell = Cell(point.pci, point.n_prb, n_ports=point.n_tx)
        self._where = layout(self.cell, uplink=False)
        self._transmitter = DownlinkTransmitter(self.cell)
        self._control = ControlReceiver(self.cell)
        method = ESTIMATION_METHODS.get(point.estimator)
        self._estimator = Estimator(self.cell, method) if method else None
        self._places = {s: self._candidates(s) for s in SUBFRAMES["plain"]}
        n_bits = dci_bits.size(self.cell, DciFormat.FORMAT_1)
        self.conversion = Conversion(n_bits, regs.CCE_BITS * point.level // _QPSK, _QPSK)

    def _candidates(self, subframe: int) -> list[pdcch_search.Candidate]:
        """Where a grant of the level may stand."""
        n_cce = regs.n_cce(self.cell, self.point.cfi)
        found = pdcch_search.candidates(n_cce, self.point.rnti, subframe, False)
        places = [place for place in found if place[1] == self.point.level]
        if not places:
            raise ValueError(f"level {self.point.level}: the control region has only {n_cce} CCEs")
        return places

    def run_block(self, seed: np.random.SeedSequence, n_subframes: int, trace: object = None) -> Counts:
        """Send a number of grants and look for them.

        Args:
            seed: of channel, noise and grants.
            n_subframes: subframes.
            trace: not called.
        """
        del trace
        of_air, of_grants = children(seed, 2)
        point, rng = self.point, np.random.default_rng(of_grants)
        air = GridAir(point.channel, self._where, point.n_tx, point.n_rx, noise_power(point.snr_db), of_air)
        plain = SUBFRAMES["plain"]
        counts, started = Counts.of_rounds(1, n_subframes), time.process_time()
        for slot in range(n_subframes):
            frames, place = divmod(slot, len(plain))
            tti = 10 * frames + plain[place]
            wanted = self._draw(rng)
            places = self._places[tti % 10]
            message = DciDlPdu(point.rnti, wanted, *places[int(rng.integers(len(places)))])
            air.send(tti, self._transmitter.grid(DlConfigRequest(tti % TTI_MODULO, point.cfi, (message,))))
            arrival = air.receive()
            if arrival is not None:
                self._count(counts, arrival, wanted)
        counts.cpu_s = time.process_time() - started
        return counts

    def _draw(self, rng: np.random.Generator) -> Dci1:
        """A grant with random fields."""
        groups, mcs, process, rv = (int(rng.integers(n)) for n in ((1 << n_rbg(self.cell.n_prb)) - 1, 29, 8, 4))
        return Dci1(resource_block_assignment=groups + 1, mcs=mcs, harq_process=process, rv=rv)

    def _count(self, counts: Counts, arrival: Arrival, wanted: Dci1) -> None:
        channel = self._estimate(arrival)
        cfi, _, soft = self._control.decode(arrival.tti % 10, arrival.grid, channel)
        hits = pdcch_search.search_rnti(self.cell, arrival.tti % 10, soft, self.point.rnti, (DciFormat.FORMAT_1,))
        bits = dci_bits.pack(self.cell, wanted, self.point.rnti)
        good = cfi == self.point.cfi and any(np.array_equal(hit.bits, bits) for hit in hits)
        counts.sent[0] += 1
        counts.errors[0] += not good
        counts.delivered += good
        counts.missed += not good
        counts.wrong_cfi += cfi != self.point.cfi
        counts.false_ok += sum(not np.array_equal(hit.bits, bits) for hit in hits)
        counts.snr_n += 1
        counts.snr_db_sum += channel.snr_db

    def _estimate(self, arrival: Arrival) -> ChannelEstimate:
        if self._estimator is None:
            return known_channel(arrival.h, noise_power(self.point.snr_db))
        return self._estimator.estimate(arrival.tti % 10, arrival.grid)
