"""The broadcast channel: whether the MIB of a 40 ms period is read by its last frame."""

import time
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np

from picocell.phy.fapi import BchPdu, DlConfigRequest, TxRequest
from picocell.phy.lte import pbch
from picocell.phy.lte.cell import Cell, CyclicPrefix
from picocell.phy.lte.downlink_transmitter import DownlinkTransmitter
from picocell.phy.lte.frame import SFN_MODULO, TTI_MODULO
from picocell.phy.lte.mib import Mib
from picocell.sims.air import GridAir, layout
from picocell.sims.counts import Counts
from picocell.sims.hooks import Hooks
from picocell.sims.point import ChannelPoint, check_choice, children
from picocell.sims.snr import Conversion, noise_power

_BITS: Final = 24
_QPSK: Final = 2


@dataclass(frozen=True, kw_only=True)
class PbchPoint(ChannelPoint):
    """A point of the PBCH; a trial is a period of four frames, and the receiver knows neither ports nor frame number.

    Attributes:
        n_tx: antenna ports: 1, 2 or 4.
    """

    kind: ClassVar[str] = "pbch"

    n_tx: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("n_tx", self.n_tx, (1, 2, 4))


class PbchLink:
    """Sends MIBs, and reads them with the product's decoder.

    Args:
        point: the parameters.
        hooks: none apply.

    Attributes:
        conversion: of SNR to Eb/N0, over all four frames.

    Raises:
        ValueError: a user's functions.
    """

    def __init__(self, point: PbchPoint, hooks: Hooks = Hooks()) -> None:
        if hooks:
            raise ValueError("the broadcast channel has no place for a user's functions")
        self.point = point
        self.cell = Cell(point.pci, point.n_prb, n_ports=point.n_tx)
        self._where = layout(self.cell, uplink=False)
        self._transmitter = DownlinkTransmitter(self.cell)
        self._centre = slice(self.cell.n_sc // 2 - pbch.N_SC // 2, self.cell.n_sc // 2 + pbch.N_SC // 2)
        self.conversion = Conversion(_BITS, pbch.n_coded_bits(CyclicPrefix.NORMAL) // _QPSK, _QPSK)

    def run_block(self, seed: np.random.SeedSequence, n_subframes: int, trace: object = None) -> Counts:
        """Send and read a number of MIBs, one after the other over the same channel.

        Args:
            seed: of channel, noise and system frame numbers.
            n_subframes: periods of 40 ms.
            trace: not called.
        """
        del trace
        of_air, of_frames = children(seed, 2)
        point = self.point
        air = GridAir(point.channel, self._where, point.n_tx, point.n_rx, noise_power(point.snr_db), of_air)
        first = int(np.random.default_rng(of_frames).integers(SFN_MODULO // pbch.N_FRAMES))
        decoder = pbch.PbchDecoder(point.pci, CyclicPrefix.NORMAL)
        counts, started = Counts.of_rounds(1, n_subframes), time.process_time()
        for period in range(n_subframes):
            good, wrong = self._period(air, decoder, period, (first + period) % (SFN_MODULO // pbch.N_FRAMES))
            counts.sent[0] += 1
            counts.errors[0] += not good
            counts.delivered += good
            counts.bits += _BITS * good
            counts.false_ok += wrong
        counts.cpu_s = time.process_time() - started
        return counts

    def _period(self, air: GridAir, decoder: pbch.PbchDecoder, period: int, sfn_high: int) -> tuple[bool, bool]:
        """Whether the MIB of a period was read, and whether a wrong one was."""
        mib = Mib(self.cell.n_prb, self.cell.phich_duration, self.cell.phich_resource, sfn_high).encode()
        decoder.reset()
        for quarter in range(pbch.N_FRAMES):
            sfn = pbch.N_FRAMES * sfn_high + quarter
            tti = 10 * sfn % TTI_MODULO
            grid = self._transmitter.grid(DlConfigRequest(tti, 1, bch=BchPdu(0)), TxRequest(tti, {0: mib}))
            air.send(10 * (pbch.N_FRAMES * period + quarter), grid)
            arrival = air.receive()
            if arrival is None:
                continue
            found = decoder.decode(np.ascontiguousarray(arrival.grid[..., self._centre]))
            if found is not None:
                right = found.mib == mib and found.sfn == sfn and found.n_ports == self.point.n_tx
                return right, not right
        return False, False
