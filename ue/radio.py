"""A UE's radio side: what it listens for in each subframe, and what it makes of it. It joins the PHY to MAC and RRC."""

import logging
from collections import deque
from math import log10
from typing import Final

from picocell.kernels.sch import SoftBuffer
from picocell.mac.harq import BroadcastHarq
from picocell.mac.ue_mac import UeMac
from picocell.observe.stages import Stages
from picocell.phy.fapi import DlIndication
from picocell.phy.lte.dci import P_RNTI, SI_RNTI
from picocell.phy.lte.downlink import RntiSearch
from picocell.phy.lte.frame import TTI_MODULO
from picocell.phy.lte.grant import PdschGrant
from picocell.phy.lte.mib import Mib
from picocell.phy.lte.ul_power import path_loss
from picocell.rrc_nas.rrc.system_information import SIB1_SUBFRAME, sib1_rv
from picocell.rrc_nas.rrc.ue import UeRrc
from picocell.rrc_nas.rrc.ue_context import RrcState
from picocell.ue.phy import Burst, ReceivedSubframe, UePhy

_LOG: Final = logging.getLogger(__name__)

Q_OUT_DB: Final = -9.0
"""SNR of the reference signals below which a PDCCH of 8 CCEs is missed one time in ten (TS 36.133 7.6.1)."""

Q_IN_DB: Final = -7.0
"""The same for one time in fifty."""

UNHEARD: Final = 200
"""Subframes in which the cell's reference signals were not heard, after which a UE without a connection searches anew;
with a connection it is for RRC to say when the link has failed (TS 36.331 5.3.11)."""

_LINK_PERIOD: Final = 10
_MEASURE_PERIOD: Final = 40
_IDLE_LOOK: Final = 40
_MIB_MISSES: Final = 3
_SMOOTHING: Final = 0.1


class UeRadio:
    """The radio of one UE.

    Args:
        phy: physical layer.
        rrc: its RRC, which says what is wanted.
        tx_ahead: subframes from the one received last to the one that is sent next.
        stages: takes the times of search, decode, MAC and encode.

    Attributes:
        mac: the MAC; None until there is system information.
        now: ms, equal to the TTI of the subframe received last modulo 10240 as soon as a cell is found.
        snr_db: of the reference signals, smoothed.
        rsrp_dbm: power of a reference signal's element, smoothed.
    """

    def __init__(self, phy: UePhy, rrc: UeRrc, tx_ahead: int, stages: Stages) -> None:
        self.phy, self.rrc, self._stages = phy, rrc, stages
        self.mac: UeMac | None = None
        self.now = 0
        self.snr_db = 0.0
        self.rsrp_dbm = -140.0
        self.reference_signal_power_dbm = 0
        self._ahead = tx_ahead
        self._si_harq = BroadcastHarq()
        self._bursts: deque[Burst] = deque()
        self._measured = False
        self._link_sum, self._link_n = 0.0, 0
        self._unheard = 0
        self._restarts = 0

    # time

    def step(self) -> bool:
        """Work on what has come: at most one subframe, or a search. Whether a subframe was passed."""
        if self.phy.cell is None:
            self._search()
            self._stages.lap("search")
            return False
        wanted = self._wanted((self.phy.tti - self.now) % TTI_MODULO + self.now)
        received = self.phy.next_subframe(wanted=wanted)
        self._stages.lap("decode")
        if received is None:
            return False
        self.now += (received.tti - self.now) % TTI_MODULO
        if wanted and received.grid.size:
            self._receive(received)
            self._judge(received.locked)
        return True

    def send(self) -> None:
        """Let the MAC send what is due next."""
        if self.mac is None or self.phy.cell is None:
            return
        at = self.now + self._ahead
        due = self.mac.uplink(at)
        self._stages.lap("mac")
        if due is not None:
            self._bursts.append(self.phy.transmit(due, at % TTI_MODULO, self._ahead))
            self._stages.lap("encode")

    def listens(self) -> bool:
        """Whether samples to come are of use for the next subframe or the one after it, which may overlap with them."""
        at = self.now + (self.phy.tti - self.now) % TTI_MODULO
        return self._wanted(at) or self._wanted(at + 1)

    def bursts(self) -> list[Burst]:
        """What is to be sent, given once."""
        found = list(self._bursts)
        self._bursts.clear()
        return found

    def serve(self, mac: UeMac, reference_signal_power_dbm: int) -> None:
        """Work for a MAC from now on; it is told what is known already, for its first preamble."""
        self.mac, self.reference_signal_power_dbm = mac, reference_signal_power_dbm
        if self._measured:
            loss = path_loss(reference_signal_power_dbm, self.rsrp_dbm)
            mac.measured(self.now, rsrp_dbm=self.rsrp_dbm, path_loss_db=loss, sinr_db=self.snr_db)

    def lose_cell(self) -> None:
        """Search anew."""
        self.phy.lose_cell()
        self._measured = False
        self._unheard = 0

    # inside

    def _search(self) -> None:
        found = self.phy.search()
        if found is None or found.cell is None or found.mib is None:
            return
        # the search took samples of many subframes, which are past
        while self.phy.next_subframe(wanted=False) is not None:
            pass
        self.now += (self.phy.tti - 1 - self.now) % TTI_MODULO
        cell = found.cell
        self._si_harq = BroadcastHarq()
        self._measured = False
        self.rrc.mib(Mib.decode(found.mib), cell.pci, self.now, n_ports=cell.n_ports, cp=cell.cp)

    def _judge(self, locked: bool) -> None:
        """See whether the cell is gone, or has lost its memory."""
        self._unheard = 0 if locked else self._unheard + 1
        if self._unheard >= UNHEARD and not self.rrc.state.connected:
            _LOG.info("the cell is not heard any more")
            self.rrc.cell_lost(self.now)
            self.lose_cell()
        elif self.phy.restarts != self._restarts:
            self._restarts = self.phy.restarts
            if self.rrc.state is RrcState.CONNECTED:  # with a cell that does not know of it
                self.rrc.cell_lost(self.now)

    def _wanted(self, now: int) -> bool:
        """Whether a subframe is looked at: a camping UE sleeps between its paging occasions."""
        if self.rrc.state is not RrcState.CAMPED or self.rrc.wanted_sibs:
            return True
        # reference signals of one subframe alone may by chance look like another's
        if not self.phy.locked or self.phy.mib_misses > _MIB_MISSES:
            return True
        if now % _IDLE_LOOK == 0:
            return True
        return self.rrc.next_paging_occasion(now) == now

    def _receive(self, received: ReceivedSubframe) -> None:
        searches = self._searches()
        mac = self.mac
        if mac is not None:
            searches += mac.searches(self.now)
        hi = mac.phich_due(self.now) if mac is not None else []
        self._stages.lap("mac")
        indication = self.phy.receiver.receive(received.tti, received.grid, searches, hi=hi, harq=self)
        self._stages.lap("decode")
        self._measure(indication, locked=received.locked)
        for block in indication.dlsch:
            if not block.crc_ok:
                continue
            if block.grant.rnti == SI_RNTI:
                self.rrc.receive_bcch(block.payload, self.now)
            elif block.grant.rnti == P_RNTI:
                self.rrc.receive_pcch(block.payload, self.now)
        if mac is not None:
            mac.receive(indication, self.now)

    def _searches(self) -> list[RntiSearch]:
        """Common RNTIs to look for."""
        found = []
        if self.rrc.wanted_sibs:
            found.append(RntiSearch(SI_RNTI))
        if self.rrc.next_paging_occasion(self.now) == self.now:
            found.append(RntiSearch(P_RNTI))
        return found

    # measurements

    def _measure(self, indication: DlIndication, *, locked: bool) -> None:
        """Smooth what the reference signals say, and tell the layers now and then."""
        rsrp = self.phy.rsrp_dbm(indication.rsrp)
        share = _SMOOTHING if self._measured else 1.0
        self.rsrp_dbm += share * (rsrp - self.rsrp_dbm)
        self.snr_db += share * (indication.snr_db - self.snr_db)
        self._measured = True
        self._link_sum += indication.snr_db if locked else Q_OUT_DB - 10
        self._link_n += 1
        loss = path_loss(self.reference_signal_power_dbm, self.rsrp_dbm)
        if self.mac is not None:
            self.mac.measured(self.now, rsrp_dbm=self.rsrp_dbm, path_loss_db=loss, sinr_db=indication.snr_db)
        if self.now % _MEASURE_PERIOD == 0:
            assert self.phy.cell is not None
            n_prb = self.phy.cell.n_prb
            rsrq = 10 * log10(max(n_prb * indication.rsrp, 1e-30) / max(indication.rssi, 1e-30))
            self.rrc.measurement(self.now, self.rsrp_dbm, rsrq)
        if self.now % _LINK_PERIOD == 0:
            self._report_link()

    def _report_link(self) -> None:
        """Tell RRC of the link's quality (TS 36.213 4.2.1); between the thresholds nothing is said."""
        quality = self._link_sum / max(self._link_n, 1)
        self._link_sum, self._link_n = 0.0, 0
        if not self.rrc.state.connected:
            return
        if quality < Q_OUT_DB:
            self.rrc.out_of_sync(self.now)
        elif quality > Q_IN_DB:
            self.rrc.in_sync(self.now)

    # HARQ buffers of the receiver (phy.lte.downlink.HarqBuffers)

    def previous_tbs(self, rnti: int, harq_process: int) -> int | None:
        """Transport block size of a process's last grant."""
        if self.mac is None or rnti in (SI_RNTI, P_RNTI):
            return None
        return self.mac.previous_tbs(rnti, harq_process)

    def soft_buffer(self, grant: PdschGrant) -> SoftBuffer | None:
        """Soft buffer of a grant's process; system information combines within its period."""
        if grant.rnti == P_RNTI:
            return None
        if grant.rnti == SI_RNTI:
            return self._si_harq.received_grant(self._si_block(), grant.tbs).soft
        return None if self.mac is None else self.mac.soft_buffer(grant)

    def _si_block(self) -> tuple[str, int]:
        """Which block of system information a subframe repeats (TS 36.331 5.2.1.2, 5.2.3)."""
        sfn, subframe = divmod(self.phy.tti_received, 10)
        if subframe == SIB1_SUBFRAME and sib1_rv(sfn) is not None:
            return "SIB1", sfn // 8
        sib1 = self.rrc.sib1
        if sib1 is not None:
            for number in range(1, len(sib1.scheduling) + 1):
                position = sib1.window(number).position(sfn, subframe)
                if position is not None:
                    return f"SI {number}", (self.phy.tti_received - position) % TTI_MODULO
        return "SI", self.now
