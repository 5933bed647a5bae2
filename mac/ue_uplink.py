"""What a UE sends on the PUSCH and the PUCCH, subframe by subframe (TS 36.321 5.4, TS 36.213 5.1, 10.1)."""

import logging
from dataclasses import dataclass
from typing import Final, NamedTuple

from picocell.mac.bsr import BsrTrigger
from picocell.mac.common_config import RachConfig
from picocell.mac.cqi import ChannelQuality
from picocell.mac.dedicated_config import DedicatedConfig, aperiodic_report
from picocell.mac.scheduling_request import SchedulingRequests, SrOutcome
from picocell.mac.time_alignment import TimeAlignment
from picocell.mac.uci_composition import ControlSchedule, Feedback, PucchContent, Report, on_pucch, on_pusch
from picocell.mac.ue_events import UeTransmission
from picocell.mac.ue_multiplexing import Block, Multiplexer
from picocell.mac.ue_power import UePower
from picocell.mac.ue_ul_harq import UlHarq
from picocell.phy.lte import pucch
from picocell.phy.lte.cell import Cell
from picocell.phy.lte.dci import Dci0
from picocell.phy.lte.frame import TTI_MODULO
from picocell.phy.lte.pucch_tables import PucchFormat
from picocell.phy.lte.ul_grant import PuschGrant
from picocell.phy.lte.uplink_config import UplinkConfig

GRANT_DELAY: Final = 4
"""Subframes from a grant or assignment to the PUSCH or acknowledgement (FDD)."""

_LONGEST_WAIT: Final = 32

_UPLINK_64QAM_CATEGORIES: Final = (5, 8)
_FOUR_LAYER_CATEGORIES: Final = (5, 8)

_log = logging.getLogger(__name__)


class GrantedDci(NamedTuple):
    """A grant of the PDCCH, for the C-RNTI or for a TC-RNTI."""

    dci: Dci0
    rnti: int
    temporary: bool


class GrantedResponse(NamedTuple):
    """The grant of a random access response: with message 3, or (without contention) for any data."""

    grant: PuschGrant
    message_3: bytes | None
    csi_request: bool = False


@dataclass(slots=True)
class Due:
    """What earlier downlink subframes put into an uplink subframe.

    Attributes:
        granted: what allows a PUSCH.
        ack: acknowledgement.
        pusch_tpc: command field of a format 3, or 3A (one bit).
        pucch_tpc: command field of a downlink grant or format 3, or 3A.
    """

    granted: GrantedDci | GrantedResponse | None = None
    ack: Feedback | None = None
    pusch_tpc: tuple[int, bool] | None = None
    pucch_tpc: tuple[int, bool] | None = None


class _Pusch(NamedTuple):
    """A PUSCH without its control information."""

    grant: PuschGrant
    payload: bytes
    message_3: bool
    demand_dbm: float
    csi_request: bool = False


class UeUplink:
    """The uplink of a UE that has an RNTI.

    Attributes:
        config: the UE's configuration.
        power: power control.
        harq: HARQ processes.
        multiplexer: logical channels and reports.
        requests: scheduling requests.
        alignment: time alignment.
        quality: channel quality.
        sent_message_3: the last subframe sent message 3.
        gave_up: the last subframe's scheduling request was one too many.
        has_control: SR, CQI and sounding resources have not been given up.
    """

    def __init__(
        self,
        cell: Cell,
        ul: UplinkConfig,
        rach: RachConfig,
        *,
        ue_category: int,
        p_max_dbm: float,
        alignment_timer: int | None,
    ) -> None:
        self._cell, self._ul = cell, ul
        self._max_layers = 4 if ue_category in _FOUR_LAYER_CATEGORIES else 2
        self._n_resources = pucch.n_resources(ul)
        self.config = DedicatedConfig.default(cell.n_ports)
        self.power = UePower(ul, rach, p_max_dbm)
        self.harq = UlHarq(
            cell, ul, max_message_3_tx=rach.max_harq_msg3_tx, ue_64qam=ue_category in _UPLINK_64QAM_CATEGORIES
        )
        self.multiplexer = Multiplexer()
        self.requests = SchedulingRequests()
        self.alignment = TimeAlignment(alignment_timer)
        self.quality = ChannelQuality(cell)
        self.sent_message_3 = self.gave_up = False
        self.has_control = True
        self._schedule = ControlSchedule(cell, self.config)
        self._due: dict[int, Due] = {}

    @property
    def can_request(self) -> bool:
        """Whether there is a PUCCH resource for scheduling requests."""
        return self.has_control and self.config.sr is not None and self.alignment.running

    def configure(self, config: DedicatedConfig) -> None:
        """Take a configuration; PUCCH resources are there again if it has them."""
        self.config, self.has_control = config, True
        self.power.configure(config.power)
        self.multiplexer.configure(config)
        self.harq.max_tx = config.ul_sch.max_harq_tx
        self.alignment.set_timer(config.time_alignment_timer)
        self._schedule = ControlSchedule(self._cell, config, self._max_layers)

    def release_control(self) -> None:
        """Give up PUCCH resources and sounding, and forget what was granted (5.2, 5.4.4)."""
        self.has_control = False
        self._schedule = ControlSchedule(self._cell, DedicatedConfig(), self._max_layers)
        self._due.clear()

    def reset(self) -> None:
        """Reset what belongs to the uplink (5.9)."""
        self.alignment.stop()
        self.multiplexer.reset()
        self.requests.cancel()
        self.harq.flush()
        self._due.clear()

    def due(self, subframe: int) -> Due:
        """What an uplink subframe is to send, to be added to."""
        found = self._due.get(subframe)
        if found is None:
            found = self._due[subframe] = Due()
        return found

    def is_due(self, now: int) -> bool:
        """Whether something is granted, or to be acknowledged, in uplink subframe ``now``, and may be sent."""
        found = self._due.get(now)
        return found is not None and self.alignment.running and (found.granted is not None or found.ack is not None)

    def transmit(self, now: int, c_rnti: int | None) -> UeTransmission | None:
        """Send uplink subframe ``now``; None where nothing is due."""
        self.sent_message_3 = self.gave_up = False
        due = self._due.pop(now, None)
        if len(self._due) > _LONGEST_WAIT:
            self._due = {subframe: entry for subframe, entry in self._due.items() if subframe > now}
        if due is not None:
            self._follow_commands(due)
        sent = self._pusch(now, due, c_rnti) if self.alignment.running else None
        if c_rnti is None and sent is None:
            return None
        if c_rnti is not None and (sent is None or not self._is_fresh(sent, now)):
            self.multiplexer.poll(now)
            if self.multiplexer.bsr.pending is BsrTrigger.REGULAR:
                self.requests.trigger()
        ack = due.ack if due is not None else None
        if sent is not None:
            return self._on_pusch(sent, ack, now)
        if c_rnti is None or not self.alignment.running:
            return None
        return self._on_pucch(now, c_rnti, ack)

    def skip(self, now: int) -> None:
        """Nothing can be sent in this subframe: a preamble fills it."""
        self._due.pop(now, None)

    def _follow_commands(self, due: Due) -> None:
        if isinstance(due.granted, GrantedDci):
            self.power.pusch_command(due.granted.dci.tpc, temporary=due.granted.temporary)
        elif due.pusch_tpc is not None:
            command, one_bit = due.pusch_tpc
            (self.power.pusch_one_bit_command if one_bit else self.power.pusch_command)(command)
        if due.pucch_tpc is not None:
            command, one_bit = due.pucch_tpc
            (self.power.pucch_one_bit_command if one_bit else self.power.pucch_command)(command)

    def _is_fresh(self, sent: _Pusch, now: int) -> bool:
        """Whether a PUSCH carries a new block, which has looked at the buffers already."""
        return bool(sent.grant.tbs) and self.harq.process(now).number == 0 and not sent.message_3

    def _pusch(self, now: int, due: Due | None, c_rnti: int | None) -> _Pusch | None:
        """The PUSCH of a subframe: as granted, or again without a grant (TS 36.321 5.4.2.1)."""
        granted = due.granted if due is not None else None
        if isinstance(granted, GrantedResponse):
            return self._from_response(granted, now)
        if granted is not None and (granted.temporary or granted.rnti == c_rnti):
            found = self._from_dci(granted, now)
            if found is not None:
                return found
        again = self.harq.non_adaptive(now)
        if again is None:
            return None
        grant, payload, message_3 = again
        return _Pusch(grant, payload, message_3, self.power.pusch_demand(grant, message_3=message_3))

    def _from_response(self, granted: GrantedResponse, now: int) -> _Pusch:
        grant = granted.grant
        message_3 = granted.message_3 is not None
        demand = self.power.pusch_demand(grant, message_3=True)
        payload = granted.message_3 if granted.message_3 is not None else self._built(grant, now, demand).payload
        self.harq.start(grant, payload, now, message_3=message_3)
        return _Pusch(grant, payload, message_3, demand, granted.csi_request)

    def _from_dci(self, granted: GrantedDci, now: int) -> _Pusch | None:
        adapted = self.harq.adapt(granted.dci, granted.rnti, now, temporary=granted.temporary)
        if adapted is None:
            _log.debug("subframe %d: grant for RNTI %#x is not legal here", now, granted.rnti)
            return None
        grant, asked = adapted.grant, bool(granted.dci.cqi_request) and not granted.temporary
        demand = self.power.pusch_demand(grant, message_3=granted.temporary) if grant.tbs else 0.0
        if not grant.tbs:
            return _Pusch(grant, b"", False, 0.0, True) if self._can_report() else None
        if adapted.new:
            payload = self._built(grant, now, demand).payload
            self.harq.start(grant, payload, now)
        else:
            payload = self.harq.again(grant, now)
        return _Pusch(grant, payload, granted.temporary, demand, asked)

    def block(self, grant: PuschGrant, now: int, *, message_3_for: int | None = None) -> Block:
        """A new transport block of a grant.

        Args:
            grant: its size, and what the power headroom is that of.
            now: subframe.
            message_3_for: it is message 3 and names this C-RNTI; None otherwise.
        """
        demand = self.power.pusch_demand(grant, message_3=message_3_for is not None)
        return self._built(grant, now, demand, message_3_for)

    def _built(self, grant: PuschGrant, now: int, demand_dbm: float, c_rnti: int | None = None) -> Block:
        block = self.multiplexer.block(
            grant.tbs // 8,
            now,
            path_loss_db=self.power.path_loss_db,
            headroom_level=lambda: self.power.headroom_level(demand_dbm),
            c_rnti=c_rnti,
        )
        if block.satisfied:
            self.requests.cancel()
        return block

    def _can_report(self) -> bool:
        return aperiodic_report(self.config, n_prb=self._cell.n_prb, n_ports=self._cell.n_ports) is not None

    def _on_pusch(self, sent: _Pusch, ack: Feedback | None, now: int) -> UeTransmission:
        """Message 3 of contention based access carries no control information (TS 36.213 10.1)."""
        self.sent_message_3 = sent.message_3
        if sent.message_3:
            ack, report = None, Report()
        else:
            report = self._report(sent, now)
        whole = on_pusch(self._ul, self.config, sent.grant, sent.payload, ack, report)
        demand = sent.demand_dbm if sent.grant.tbs else self.power.pusch_demand(whole.grant, message_3=False)
        return UeTransmission(whole, self.alignment.n_ta(now), self.power.pusch(demand))

    def _report(self, sent: _Pusch, now: int) -> Report:
        """An aperiodic report displaces the periodic one (TS 36.213 7.2)."""
        if sent.csi_request:
            found = self.quality.aperiodic(self.config)
            if found is not None:
                return Report(*found)
        tti = now % TTI_MODULO
        due = self._schedule.due(tti)
        told = self.quality.periodic(self.config, due, tti)
        return Report(ri=told) if due.n_ri else Report(cqi=told)

    def _on_pucch(self, now: int, c_rnti: int, ack: Feedback | None) -> UeTransmission | None:
        tti = now % TTI_MODULO
        due = self._schedule.due(tti)
        sr = False
        if due.sr_n_pucch is not None and self.requests.pending and self.config.sr is not None:
            outcome = self.requests.opportunity(self.config.sr.dsr_trans_max)
            self.gave_up, sr = outcome is SrOutcome.GIVE_UP, outcome is SrOutcome.SEND
        if not sr and ack is None and due.cqi_n_pucch is None:
            return None
        content = on_pucch(
            self._ul,
            c_rnti,
            due,
            ack=ack,
            sr=sr,
            report=self.quality.periodic(self.config, due, tti),
            ack_with_cqi=self.config.cqi is not None and self.config.cqi.simultaneous_ack_nack,
        )
        if content is None or not self._has_resource(content):
            return None
        power = self.power.pucch(PucchFormat(content.format), content.n_cqi, content.n_ack)
        return UeTransmission(content.sent, self.alignment.n_ta(now), power)

    def _has_resource(self, content: PucchContent) -> bool:
        """Whether the cell has the PUCCH resource that an assignment or RRC named."""
        found = content.sent.n_pucch < self._n_resources[0 if content.format.on_n1 else 1]
        if not found:
            _log.warning("PUCCH format %s: resource %d is not in the cell", content.format, content.sent.n_pucch)
        return found
