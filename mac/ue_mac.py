"""MAC of a UE (TS 36.321), without I/O and in virtual time.

A subframe ``now`` is an absolute number that never wraps. In each of them the caller receives the downlink with what
:meth:`UeMac.searches` and :meth:`UeMac.phich_due` ask for, hands the result to :meth:`UeMac.receive`, and then sends
what :meth:`UeMac.uplink` returns.
"""

import logging
import random
from collections import deque
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from picocell.kernels.sch import SoftBuffer
from picocell.mac import pdu
from picocell.mac.common_config import RachConfig
from picocell.mac.control_elements import Direction, MacPduError, TimingAdvance
from picocell.mac.dedicated_config import DedicatedConfig, TpcPdcch
from picocell.mac.pdu import MacPdu, Sdu
from picocell.mac.uci_composition import Feedback
from picocell.mac.ue_access import UeAccess
from picocell.mac.ue_dl_harq import DlHarq
from picocell.mac.ue_events import (
    ContentionLost,
    Preamble,
    PucchReleased,
    RandomAccessCause,
    RandomAccessComplete,
    RandomAccessProblem,
    RandomAccessSent,
    RandomAccessStarted,
    TimeAlignmentExpired,
    UeMacEvent,
    UeTransmission,
)
from picocell.mac.ue_random_access import ORDER_PROCESSING, PROCESSING, RaState
from picocell.mac.ue_uplink import GRANT_DELAY, GrantedDci, GrantedResponse, UeUplink
from picocell.phy.fapi import DciIndication, DlIndication, DlschIndication
from picocell.phy.lte.cell import Cell
from picocell.phy.lte.dci import Dci0, Dci1, Dci1A, Dci3, Dci3A, DciFormat, DciPdcchOrder
from picocell.phy.lte.downlink import RntiSearch
from picocell.phy.lte.grant import PdschGrant
from picocell.phy.lte.uplink_config import UplinkConfig

if TYPE_CHECKING:
    from picocell.mac.channel import LogicalChannel

__all__ = [
    "ContentionLost",
    "Preamble",
    "PucchReleased",
    "RandomAccessCause",
    "RandomAccessComplete",
    "RandomAccessProblem",
    "RandomAccessSent",
    "RandomAccessStarted",
    "TimeAlignmentExpired",
    "UeMac",
    "UeMacEvent",
    "UeTransmission",
]

_log = logging.getLogger(__name__)


class UeMac:
    """MAC of one UE in one cell.

    Args:
        cell: the cell.
        ul: its uplink.
        rach: its random access.
        rng: chooses preambles and backoff.
        ue_category: category of the UE, for 64QAM of the uplink and the number of layers.
        p_max_dbm: P_CMAX.
        reference_signal_power_dbm: referenceSignalPower of the cell, for whoever works out the path loss.
        time_alignment_timer_common: timer of SIB2 in subframes, until `configure`; None for infinity.
    """

    def __init__(
        self,
        cell: Cell,
        ul: UplinkConfig,
        rach: RachConfig,
        *,
        rng: random.Random,
        ue_category: int = 4,
        p_max_dbm: float = 23.0,
        reference_signal_power_dbm: int = 0,
        time_alignment_timer_common: int | None = None,
    ) -> None:
        self.cell, self.ul, self.rach = cell, ul, rach
        self.reference_signal_power_dbm = reference_signal_power_dbm
        self._events: deque[UeMacEvent] = deque()
        self._uplink = UeUplink(
            cell,
            ul,
            rach,
            ue_category=ue_category,
            p_max_dbm=p_max_dbm,
            alignment_timer=time_alignment_timer_common,
        )
        self._access = UeAccess(cell, ul, rach, rng, self._uplink, self._events)
        self._dl_harq = DlHarq()
        self._busy_until = -1
        self._searches: list[RntiSearch] = []

    @property
    def c_rnti(self) -> int | None:
        """C-RNTI; None before random access."""
        return self._access.c_rnti

    @property
    def access_state(self) -> RaState:
        """Where random access stands."""
        return self._access.procedure.state

    @property
    def synchronised(self) -> bool:
        """Whether the time alignment timer runs."""
        return self._uplink.alignment.running

    def set_c_rnti(self, rnti: int | None) -> None:
        """Set or give up the C-RNTI, as RRC does."""
        self._access.c_rnti = rnti
        self._arrange_searches()

    def configure(self, config: DedicatedConfig, now: int) -> None:
        """Take a configuration of RRC; it holds from this subframe on."""
        del now
        self._uplink.configure(config)
        self._arrange_searches()

    def add_channel(self, lcid: int, channel: "LogicalChannel") -> None:
        """A logical channel: 0 the CCCH, others with the priority that `configure` gives their bearer."""
        self._uplink.multiplexer.add(lcid, channel)

    def remove_channel(self, lcid: int) -> None:
        """A logical channel is not there any more."""
        self._uplink.multiplexer.remove(lcid)

    def reset(self, now: int) -> None:
        """MAC reset (5.9); the C-RNTI stays."""
        del now
        self._access.stop()
        self._uplink.reset()
        self._dl_harq.flush()

    def start_random_access(self, now: int) -> None:
        """RRC has a message on the CCCH; without effect where random access runs already."""
        self._access.start(RandomAccessCause.CCCH, now + PROCESSING)

    def measured(
        self,
        now: int,
        *,
        rsrp_dbm: float,
        path_loss_db: float,
        sinr_db: float,
        subband_sinr_db: NDArray[np.floating] | None = None,
    ) -> None:
        """A measurement of the serving cell.

        Args:
            now: subframe.
            rsrp_dbm: reference signal received power; not read where the path loss is given.
            path_loss_db: of the downlink.
            sinr_db: of the whole band, for CQI.
            subband_sinr_db: real (n,), of n equal parts of the band.
        """
        del rsrp_dbm
        self._uplink.power.measured(path_loss_db, now)
        self._uplink.quality.measured(sinr_db, subband_sinr_db)

    def next_event(self) -> UeMacEvent | None:
        """The oldest event; None without."""
        return self._events.popleft() if self._events else None

    def searches(self, now: int) -> list[RntiSearch]:
        """RNTIs to look for in downlink subframe ``now``."""
        found = list(self._searches)
        if self._access.procedure.active:
            response = self._access.procedure.response_rnti(now)
            if response is not None:
                found.append(RntiSearch(response))
            temporary = self._access.temporary_rnti
            if temporary is not None and temporary != self._access.c_rnti:
                found.append(RntiSearch(temporary))
        return found

    def phich_due(self, now: int) -> list[tuple[int, int]]:
        """PHICH resources (group, sequence) to read in downlink subframe ``now``."""
        due = self._uplink.harq.phich_due(now)
        return [due] if due is not None else []

    def previous_tbs(self, rnti: int, harq_process: int) -> int | None:
        """Transport block size of a process's last grant in bits; None before the first."""
        return self._dl_harq.previous_tbs(rnti, harq_process) if self._is_mine(rnti) else None

    def soft_buffer(self, grant: PdschGrant) -> SoftBuffer | None:
        """Soft buffer of a grant's process, cleared where the transmission is new; None for a broadcast."""
        process = self._dl_harq.process(grant.harq_process) if self._is_mine(grant.rnti) else None
        if process is None:
            return None
        process.take(grant)
        return process.soft_buffer(grant)

    def receive(self, indication: DlIndication, now: int) -> None:
        """Take what was found in downlink subframe ``now``; other RNTIs than this UE's are passed over."""
        if indication.hi:
            due = self._uplink.harq.phich_due(now)
            for hi in indication.hi:
                if (hi.n_group, hi.n_seq) == due:
                    self._uplink.harq.feedback(hi.ack, now)
        for found in indication.dci:
            self._receive_dci(found, now)
        for block in indication.dlsch:
            self._receive_block(block, indication.dci, now)

    def uplink(self, now: int) -> UeTransmission | None:
        """What goes out in uplink subframe ``now``; None for nothing."""
        self._handle_timers(now)
        if now <= self._busy_until:
            self._uplink.skip(now)
            return None
        procedure = self._access.procedure
        ordered = procedure.cause is RandomAccessCause.PDCCH_ORDER  # the cell expects the preamble before all else
        if procedure.state is RaState.PREAMBLE and (ordered or not self._uplink.is_due(now)):
            preamble = self._access.preamble(now)
            if preamble is not None:
                sent, subframes = preamble
                self._busy_until = now + subframes - 1
                self._uplink.skip(now)
                return sent
        transmission = self._uplink.transmit(now, self._access.c_rnti)
        if self._uplink.sent_message_3:
            self._access.procedure.message_3_sent(now)
        if self._uplink.requests.pending and not self._access.procedure.active:
            self._request_by_random_access(now)
        return transmission

    def _is_mine(self, rnti: int) -> bool:
        return rnti in (self._access.c_rnti, self._access.temporary_rnti)

    def _arrange_searches(self) -> None:
        self._searches = []
        if self._access.c_rnti is None:
            return
        self._searches.append(RntiSearch(self._access.c_rnti))
        config = self._uplink.config
        for tpc in {config.tpc_pucch, config.tpc_pusch}:
            if tpc is not None:
                fmt = DciFormat.FORMAT_3A if tpc.one_bit else DciFormat.FORMAT_3
                self._searches.append(RntiSearch(tpc.rnti, (fmt,)))

    def _handle_timers(self, now: int) -> None:
        if self._uplink.alignment.expire(now):
            self._uplink.harq.flush()
            self._dl_harq.flush()
            self._uplink.release_control()
            self._events.append(TimeAlignmentExpired())
        if self._access.procedure.active:
            self._access.handle_timers(now)

    def _request_by_random_access(self, now: int) -> None:
        """A request that no PUCCH resource takes, or that was sent too often (5.4.4)."""
        if self._uplink.gave_up:
            self._uplink.release_control()
            self._events.append(PucchReleased())
            self._access.start(RandomAccessCause.SR_FAILED, now + PROCESSING)
        elif not self._uplink.can_request and self._access.c_rnti is not None:
            self._access.start(RandomAccessCause.NO_SR_RESOURCE, now + PROCESSING)

    def _receive_dci(self, found: DciIndication, now: int) -> None:
        rnti, fields = found.rnti, found.dci
        if rnti == self._access.c_rnti:
            self._receive_own_dci(rnti, fields, now)
        elif rnti == self._access.temporary_rnti:
            if isinstance(fields, Dci0):
                self._uplink.due(now + GRANT_DELAY).granted = GrantedDci(fields, rnti, temporary=True)
        elif isinstance(fields, Dci3 | Dci3A):
            self._receive_commands(rnti, fields, now)

    def _receive_own_dci(self, rnti: int, fields: object, now: int) -> None:
        due = self._uplink.due(now + GRANT_DELAY)
        if isinstance(fields, DciPdcchOrder):
            preamble = fields.preamble_index or None
            self._access.start(RandomAccessCause.PDCCH_ORDER, now + ORDER_PROCESSING, preamble, fields.prach_mask_index)
            return
        new = isinstance(fields, Dci0) and self._uplink.harq.is_new(fields, now + GRANT_DELAY)
        self._access.resolve_by_c_rnti(new)
        if isinstance(fields, Dci0):
            if not isinstance(due.granted, GrantedResponse | GrantedDci):
                due.granted = GrantedDci(fields, rnti, temporary=False)
        elif isinstance(fields, Dci1 | Dci1A):
            due.pucch_tpc = (fields.tpc, False)

    def _receive_commands(self, rnti: int, fields: Dci3 | Dci3A, now: int) -> None:
        """Group power commands (TS 36.213 5.1.1.1, 5.1.2.1)."""
        config, due = self._uplink.config, self._uplink.due(now + GRANT_DELAY)
        due.pusch_tpc = _command(config.tpc_pusch, rnti, fields) or due.pusch_tpc
        due.pucch_tpc = due.pucch_tpc or _command(config.tpc_pucch, rnti, fields)

    def _receive_block(self, block: DlschIndication, dci: list[DciIndication], now: int) -> None:
        rnti = block.grant.rnti
        if rnti == self._access.c_rnti or rnti == self._access.temporary_rnti:
            process = self._dl_harq.process(block.grant.harq_process)
            if process is None:
                return
            process.take(block.grant)
            fresh = process.decoded(block.crc_ok)
            if rnti == self._access.c_rnti:
                self._acknowledge(block, dci, now)
                content = _parsed(block.payload) if fresh else None
                if content is not None:
                    self._deliver(content, now)
            elif fresh:
                self._resolve_contention(block, dci, now)
        elif block.crc_ok and rnti == self._access.procedure.response_rnti(now):
            self._access.response(block.payload, now)
            if self._access.temporary_rnti is not None:
                self._dl_harq.forget(self._access.temporary_rnti)

    def _acknowledge(self, block: DlschIndication, dci: list[DciIndication], now: int) -> None:
        """HARQ feedback goes out four subframes later, if the uplink is synchronised then (5.3.2.2)."""
        grant = block.grant
        assignments = [found for found in dci if found.rnti == grant.rnti and isinstance(found.dci, Dci1 | Dci1A)]
        if not assignments:
            return
        exact = [found for found in assignments if _process_of(found) == grant.harq_process]
        first_cce = (exact or assignments)[0].cce_index
        due = self._uplink.due(now + GRANT_DELAY)
        if due.ack is None:
            due.ack = Feedback((int(block.crc_ok),), first_cce)

    def _resolve_contention(self, block: DlschIndication, dci: list[DciIndication], now: int) -> None:
        """A block for the TC-RNTI goes up, and is acknowledged, only where it resolves contention for this UE."""
        content = _parsed(block.payload)
        if content is not None and self._access.resolve_by_identity(content, now):
            self._arrange_searches()
            self._acknowledge(block, dci, now)
            self._deliver(content, now)

    def _deliver(self, content: MacPdu, now: int) -> None:
        """Disassemble a transport block (5.3.3)."""
        for element in content.elements:
            if isinstance(element, Sdu):
                channel = self._uplink.multiplexer.channel(element.lcid)
                if channel is not None:
                    channel.receive_pdu(element.data, now)
                else:
                    _log.warning("SDU of logical channel %d, which is not configured, is discarded", element.lcid)
            elif isinstance(element, TimingAdvance) and element.tag == 0:
                self._uplink.alignment.command(element.command, now)


def _parsed(payload: bytes) -> MacPdu | None:
    """A downlink PDU; None for a malformed one, which is discarded (5.11)."""
    try:
        return pdu.parse(payload, Direction.DOWNLINK)
    except MacPduError as error:
        _log.warning("MAC PDU is malformed: %s", error)
        return None


def _process_of(found: DciIndication) -> int:
    return found.dci.harq_process if isinstance(found.dci, Dci1 | Dci1A) else 0


def _command(tpc: TpcPdcch | None, rnti: int, fields: Dci3 | Dci3A) -> tuple[int, bool] | None:
    """This UE's command in a group's message."""
    if tpc is None or tpc.rnti != rnti or tpc.one_bit != isinstance(fields, Dci3A):
        return None
    commands = fields.tpc
    return (commands[tpc.index - 1], tpc.one_bit) if tpc.index <= len(commands) else None
