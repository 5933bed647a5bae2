"""An eNB's MAC: random access, HARQ, scheduling, control information (TS 36.321, TS 36.213). No I/O, virtual time.

Every ms, for subframe ``now``: :meth:`EnbMac.downlink`, then :meth:`EnbMac.uplink`; :meth:`EnbMac.receive` when the
results are there, at most three subframes later.
"""

import logging

from picocell.kernels.sch import SoftBuffer
from picocell.mac.channel import BroadcastLike, LogicalChannel
from picocell.mac.common_config import RachConfig
from picocell.mac.dedicated_config import DedicatedConfig
from picocell.mac.enb_common_channels import CommonChannels, DownlinkSubframe, SubframeBuild
from picocell.mac.enb_downlink import ACK_DELAY, DownlinkScheduling
from picocell.mac.enb_events import EnbMacEvent, RandomAccessExpired
from picocell.mac.enb_random_access import EnbRandomAccess, Response
from picocell.mac.enb_reception import Reception
from picocell.mac.enb_settings import EnbMacSettings
from picocell.mac.enb_state import EnbState
from picocell.mac.enb_ue import EnbUe, UePhase
from picocell.mac.enb_uplink import UplinkScheduling
from picocell.mac.scheduler import Scheduler, make_scheduler
from picocell.phy.fapi_uplink import UlConfigRequest, UlIndication
from picocell.phy.lte import pucch
from picocell.phy.lte.cell import Cell, Duplex
from picocell.phy.lte.frame import TTI_MODULO
from picocell.phy.lte.ul_grant import PuschGrant
from picocell.phy.lte.uplink_config import UplinkConfig

__all__ = ["DownlinkSubframe", "EnbMac", "EnbMacSettings"]

_log = logging.getLogger(__name__)

RESULT_DEADLINE = 8
"""Subframes after an uplink subframe at which results that are not there count as nothing sent."""


class EnbMac:
    """The MAC of one cell.

    Args:
        cell: the cell; FDD.
        ul: its uplink.
        rach: its random access parameters.
        settings: what the standard leaves open.
        scheduler: "rr", "pf" or one of one's own, for the downlink; the uplink gets another of its kind.

    Raises:
        ValueError: a TDD cell, an unknown scheduler, or an uplink configuration that the standard does not have.
    """

    def __init__(
        self,
        cell: Cell,
        ul: UplinkConfig,
        rach: RachConfig,
        *,
        settings: EnbMacSettings | None = None,
        scheduler: Scheduler | str = "rr",
    ) -> None:
        if cell.duplex is not Duplex.FDD:
            raise ValueError("TDD cells are not supported yet")
        self.state = EnbState(cell, ul, rach, settings or EnbMacSettings())
        chosen = make_scheduler(scheduler)
        self._random_access = EnbRandomAccess(self.state)
        self._common = CommonChannels(self.state, self._random_access)
        self._downlink = DownlinkScheduling(self.state, chosen)
        self._uplink = UplinkScheduling(self.state, chosen.fresh())
        self._reception = Reception(self.state, self._downlink)

    # --- control

    @property
    def rntis(self) -> tuple[int, ...]:
        """RNTIs of all contexts, of random accesses under way too."""
        return tuple(self.state.ues)

    @property
    def counters(self) -> dict[str, int]:
        """What was refused or lost, by what it was."""
        return self.state.counters

    def ue(self, rnti: int) -> EnbUe:
        """Context of a UE.

        Raises:
            ValueError: there is none.
        """
        found = self.state.ues.get(rnti)
        if found is None:
            raise ValueError(f"RNTI {rnti} is not known; known are {list(self.state.ues)}")
        return found

    def configure(self, rnti: int, config: DedicatedConfig, now: int) -> None:
        """Give a UE its radio configuration, and a context if it has none. Requests and reports are expected at once.

        Raises:
            ValueError: an RNTI that no UE may have, or PUCCH resources that the uplink does not have.
        """
        self._check(config)
        ue = self.state.ues.get(rnti)
        if ue is None:
            ue = self._add(rnti, UePhase.CONNECTED, now)
            ue.ta_aligned_at = now
        ue.config = config
        ue.sort_channels()
        self.state.uci.set(rnti, config)

    def _check(self, config: DedicatedConfig) -> None:
        n_1, n_2 = pucch.n_resources(self.state.ul)
        if config.sr is not None and not 0 <= config.sr.n1_pucch < min(n_1, len(self.state.regions.n1)):
            raise ValueError(f"resource n_PUCCH^(1) {config.sr.n1_pucch} of scheduling requests does not exist")
        if config.cqi is not None and not 0 <= config.cqi.n2_pucch < min(n_2, len(self.state.regions.n2)):
            raise ValueError(f"resource n_PUCCH^(2) {config.cqi.n2_pucch} of channel reports does not exist")

    def _add(self, rnti: int, phase: UePhase, now: int) -> EnbUe:
        if not 1 <= rnti <= 0xFFF3:
            raise ValueError(f"RNTI {rnti} is outside 1..65523")
        config = DedicatedConfig.default(self.state.cell.n_ports)
        ue = EnbUe(rnti, phase, config, self.state.settings, now)
        self.state.ues[rnti] = ue
        self.state.rest(rnti)
        if phase is UePhase.CONNECTED and self.state.settings.proactive_grant_period is not None:
            self.state.grant_at[rnti] = now + self.state.settings.proactive_grant_period
        return ue

    def add_channel(self, rnti: int, lcid: int, channel: LogicalChannel) -> None:
        """Attach a logical channel: 0 for the CCCH, 1 and 2 for signalling, from 3 on for data.

        Raises:
            ValueError: an unknown RNTI or an LCID outside 0..10.
        """
        if not 0 <= lcid <= 10:
            raise ValueError(f"LCID {lcid} is outside 0..10")
        ue = self.ue(rnti)
        ue.channels[lcid] = channel
        ue.sort_channels()
        self.state.wake(rnti)

    def remove_channel(self, rnti: int, lcid: int) -> None:
        """Detach a logical channel, if it is there.

        Raises:
            ValueError: an unknown RNTI.
        """
        self.ue(rnti).channels.pop(lcid, None)

    def remove(self, rnti: int) -> None:
        """Forget a UE, if it is known."""
        self.state.forget(rnti)
        self._downlink.forget(rnti)
        self._uplink.scheduler.forget(rnti)
        self._random_access.forget(rnti)

    def order_random_access(self, rnti: int, now: int) -> None:
        """Order a UE to start random access (PDCCH order).

        Raises:
            ValueError: an unknown RNTI.
        """
        del now
        self.ue(rnti).order = True
        self.state.wake(rnti)

    def data_ready(self, rnti: int) -> None:
        """Data has come for a UE: look at its buffers in the next subframe rather than in one of the next few."""
        if rnti in self.state.ues:
            self.state.wake(rnti)

    # --- every ms

    def downlink(
        self, now: int, broadcast: BroadcastLike | None = None, paging: bytes | None = None, *, new_data: bool = True
    ) -> DownlinkSubframe:
        """What to send in a subframe.

        Args:
            now: absolute subframe number, one more than in the last call.
            broadcast: what the subframe broadcasts.
            paging: PCCH message of this subframe.
            new_data: False for a subframe that is quickly made: no new blocks and no grants for any, only what cannot
                wait: broadcast, random access, retransmissions, HARQ indicators.
        """
        self._housekeeping(now)
        build = self._common.start(now, broadcast, paging)
        for response in self._common.respond(build):
            self._responded(response, now)
        self._order(build)
        if self._uplink.is_crowded_out:  # small cells at the edge have room on the PDCCH for one of both
            self._uplink.prepare(build, new_data)
            chosen = self._downlink.choose(build, new_data)
        else:
            chosen = self._downlink.choose(build, new_data)
            self._uplink.prepare(build, new_data)
        self._downlink.fill(build, chosen)
        self._uplink.fill(build)
        return build.finish(self.state.cell)

    def _order(self, build: SubframeBuild) -> None:
        wanted = [rnti for rnti in self.state.active if self.state.ues[rnti].order]
        if wanted:
            preambles = {rnti: self._random_access.order(rnti, build.now) for rnti in wanted}
            self._downlink.orders(build, preambles)

    def _responded(self, response: Response, now: int) -> None:
        """A response goes out: the UE has a context from here on."""
        pending = response.pending
        if pending.rnti is not None:
            ue = self.state.ues[pending.rnti]
            ue.ta_aligned_at, ue.ta_measured, ue.ta_command = now, 0, None
        else:
            ue = self._add(response.rnti, UePhase.MSG3, now)
            # until message 3 cannot come any more
            longest = 8 * self.state.rach.max_harq_msg3_tx + RESULT_DEADLINE
            self.state.deadlines[response.rnti] = response.subframe + longest
        ue.ta_total = pending.t_a
        self._uplink.message_3(response, ue)

    def _housekeeping(self, now: int) -> None:
        state = self.state
        state.now = now
        for subframe in [subframe for subframe in state.plans if subframe <= now - RESULT_DEADLINE]:
            self._reception.close(state.plans.pop(subframe), now)
        self._random_access.expire(now)
        for rnti, deadline in list(state.deadlines.items()):
            if deadline < now:
                self.remove(rnti)
                if deadline != -2:
                    _log.info("RNTI %d: random access did not complete", rnti)
                    state.events.append(RandomAccessExpired(rnti))
        for rnti, at in list(self.state.grant_at.items()):
            if at <= now:
                self._proactive_grant(rnti, now)

    def _proactive_grant(self, rnti: int, now: int) -> None:
        period = self.state.settings.proactive_grant_period
        ue = self.state.ues[rnti]
        ue.wants_grant = max(ue.wants_grant, self.state.settings.sr_grant_bytes)
        self.state.ul_active[rnti] = None
        if period is None:
            del self.state.grant_at[rnti]
        else:
            self.state.grant_at[rnti] = now + period

    def uplink(self, now: int) -> UlConfigRequest:
        """What may come in an uplink subframe; valid once ``downlink(now - 4)`` has run."""
        return self._reception.request(self.state.plan(now))

    def receive(self, indication: UlIndication, now: int) -> None:
        """Results of an uplink subframe, which its TTI tells; at most three subframes late.

        Args:
            indication: the results.
            now: absolute subframe number of the subframe, or of the present.
        """
        subframe = now - (now - indication.tti) % TTI_MODULO
        self._random_access.heard(indication.rach, subframe)
        plan = self.state.plans.get(subframe)
        if plan is not None:
            self._reception.receive(plan, indication, now)

    def not_sent(self, now: int) -> None:
        """Downlink subframe ``now`` did not go out, so that what it asks for does not come four subframes later."""
        self.state.plan(now + ACK_DELAY).unheard = True

    def not_heard(self, now: int) -> None:
        """Nobody listened to uplink subframe ``now``: whatever did not come tells nothing of the UEs."""
        self.state.plan(now).unheard = True

    def soft_buffer(self, grant: PuschGrant) -> SoftBuffer | None:
        """Soft buffer of a grant's HARQ process, cleared where the transport block is new; None for unknown UEs."""
        ue = self.state.ues.get(grant.rnti)
        if ue is None or not grant.tbs:
            return None
        return ue.ul_harq.processes[grant.harq_process].soft_buffer(grant.tbs)

    def next_event(self) -> EnbMacEvent | None:
        """The next event; None where there is none."""
        return self.state.events.popleft() if self.state.events else None
