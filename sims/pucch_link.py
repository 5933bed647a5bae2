"""The uplink control channel: whether HARQ-ACK, a scheduling request or a channel report is read right."""

import time
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np

from picocell.phy.lte import pucch
from picocell.phy.lte.cell import Cell
from picocell.phy.lte.pucch import PucchRequest, PucchResult
from picocell.phy.lte.uplink_config import UplinkConfig
from picocell.sims.air import GridAir, layout
from picocell.sims.counts import Counts
from picocell.sims.hooks import Hooks
from picocell.sims.point import ChannelPoint, check_choice, check_range, children
from picocell.sims.snr import Conversion, noise_power

FORMATS: Final = ("1", "1a", "1b", "2")
_ACK_BITS: Final = {"1a": 1, "1b": 2}
_DATA_SYMBOLS: Final = {"1": 8, "1a": 8, "1b": 8, "2": 10}
_RESOURCE: Final = 12
_N_SC: Final = 12


@dataclass(frozen=True, kw_only=True)
class PucchPoint(ChannelPoint):
    """A point of the PUCCH, one UE alone.

    Attributes:
        format: "1" (scheduling request), "1a", "1b" (all bits ACK), or "2" (a random report).
        n_cqi: bits of the report of format 2, 1..13.
        silent: nothing is sent, and an ACK, a request or a report that is read all the same is the error.
        rnti: C-RNTI.
    """

    kind: ClassVar[str] = "pucch"

    format: str = "1a"
    n_cqi: int = 4
    silent: bool = False
    rnti: int = 0x46

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("format", self.format, FORMATS)
        check_range("n_cqi", self.n_cqi, 1, 13)
        check_range("rnti", self.rnti, 0x3D, 0xFFF3)


class PucchLink:
    """Sends control information, and reads it with the product's receiver.

    Args:
        point: the parameters.
        hooks: none apply.

    Attributes:
        conversion: of SNR to Eb/N0.

    Raises:
        ValueError: a user's functions.
    """

    def __init__(self, point: PucchPoint, hooks: Hooks = Hooks()) -> None:
        if hooks:
            raise ValueError("the control channel has no place for a user's functions")
        self.point = point
        self.cell, self.ul = Cell(point.pci, point.n_prb), UplinkConfig(point.n_prb)
        self._where = layout(self.cell, uplink=True)
        n_ack = _ACK_BITS.get(point.format, 0)
        self._n_bits = point.n_cqi if point.format == "2" else n_ack
        self._request = PucchRequest(
            point.rnti,
            n_pucch_sr=_RESOURCE if point.format == "1" else None,
            n_pucch_ack=_RESOURCE if n_ack else None,
            n_ack=n_ack,
            n2_pucch=0 if point.format == "2" else None,
            n_cqi=point.n_cqi if point.format == "2" else 0,
        )
        q_m = 2 if point.format in ("1b", "2") else 1
        self.conversion = Conversion(max(self._n_bits, 1), _N_SC * _DATA_SYMBOLS[point.format], q_m)

    def run_block(self, seed: np.random.SeedSequence, n_subframes: int, trace: object = None) -> Counts:
        """Send and read in a number of subframes.

        Args:
            seed: of channel, noise and reports.
            n_subframes: subframes.
            trace: not called.
        """
        del trace
        of_air, of_bits = children(seed, 2)
        point, rng = self.point, np.random.default_rng(of_bits)
        air = GridAir(point.channel, self._where, 1, point.n_rx, noise_power(point.snr_db), of_air)
        counts, started = Counts.of_rounds(1, n_subframes), time.process_time()
        for tti in range(n_subframes):
            bits = self._draw(rng)
            grid = np.zeros((1, self.ul.n_symb, self.ul.n_sc), np.complex64)
            if not point.silent:
                n_pucch = 0 if point.format == "2" else _RESOURCE
                pucch.encode(self.cell, self.ul, tti % 10, point.rnti, point.format, n_pucch, bits, grid)
            air.send(tti, grid)
            arrival = air.receive()
            if arrival is None:
                continue
            found = pucch.receive(self.cell, self.ul, tti % 10, arrival.grid, [self._request])[0]
            good = not self._believed(found) if point.silent else self._right(found, bits)
            counts.sent[0] += 1
            counts.errors[0] += not good
            counts.delivered += good
            counts.bits += self._n_bits * good
            counts.missed += found.dtx and not point.silent
            if not found.dtx:
                counts.snr_n += 1
                counts.snr_db_sum += found.snr_db
        counts.cpu_s = time.process_time() - started
        return counts

    def _draw(self, rng: np.random.Generator) -> tuple[int, ...]:
        """What is sent: every HARQ-ACK bit is ACK, as the standard's tests have it (TS 36.104 8.3.2)."""
        if self.point.format == "2":
            return tuple(rng.integers(0, 2, self._n_bits).tolist())
        return (1,) * self._n_bits

    def _right(self, found: PucchResult, bits: tuple[int, ...]) -> bool:
        if self.point.format == "1":
            return found.sr
        return (found.cqi if self.point.format == "2" else found.ack) == bits

    def _believed(self, found: PucchResult) -> bool:
        """Whether silence was read as a request, a report, or an ACK."""
        return found.sr or bool(found.cqi) or any(found.ack)
