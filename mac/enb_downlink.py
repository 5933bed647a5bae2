"""Downlink scheduling of an eNB's MAC: who is sent what, and what comes of it (TS 36.321 5.3, TS 36.213 7)."""

import logging
from dataclasses import dataclass
from typing import Final

from picocell.mac.control_elements import ContentionResolution, ControlElement, TimingAdvance
from picocell.mac.dl_allocation import DlBlocks, n_re
from picocell.mac.enb_common_channels import SubframeBuild
from picocell.mac.enb_dl_harq import Answer, EnbDlProcess
from picocell.mac.enb_events import UeLost
from picocell.mac.enb_multiplexing import multiplex
from picocell.mac.enb_state import AckDue, EnbState
from picocell.mac.enb_ue import EnbUe, UePhase
from picocell.mac.link_adaptation import aggregation_level, downlink_format, efficiency
from picocell.mac.pdcch_allocation import Place
from picocell.mac.scheduler import Demand, Scheduler
from picocell.phy.lte import timing_advance
from picocell.phy.lte.dci import DciPdcchOrder

_log = logging.getLogger(__name__)

ACK_DELAY: Final = 4
_HEADER_BYTES: Final = 4
_TOP_EFFICIENCY: Final = 5.55
_LEVELS: Final = {1: (1, 2, 4), 2: (2, 4, 1), 4: (4, 8, 2), 8: (8, 4, 2)}
_TA_STEP_S: Final = timing_advance.STEP_TS / timing_advance.TS_RATE
_TA_APPLIED_AFTER: Final = 8
_TA_REFRESH: Final = 0.6
_LONGEST_WAIT: Final = 16
_ORDER_AGAIN: Final = 200


@dataclass(slots=True)
class _Chosen:
    """A UE that is sent something: its place and resource blocks, and the process if it is a retransmission."""

    ue: EnbUe
    place: Place
    blocks: DlBlocks
    process: EnbDlProcess | None = None
    keep_mcs: bool = True


def dci_levels(ue: EnbUe) -> tuple[int, ...]:
    """Aggregation levels for a UE's DCIs, the one preferred first."""
    return _LEVELS[aggregation_level(ue.pdcch_snr_db)]


class DownlinkScheduling:
    """Schedules the PDSCH of UEs.

    Args:
        state: the MAC's state.
        scheduler: divides the resource blocks.
    """

    def __init__(self, state: EnbState, scheduler: Scheduler) -> None:
        self._state = state
        self.scheduler = scheduler
        self.retransmit: dict[int, None] = {}

    def forget(self, rnti: int) -> None:
        """A UE is gone."""
        self.scheduler.forget(rnti)
        self.retransmit.pop(rnti, None)

    # --- what is wanted

    def poll(self, now: int) -> list[EnbUe]:
        """UEs with something to send; those that had nothing for a while are looked at now and then."""
        state = self._state
        found = []
        for rnti in [*state.active, *state.idle[now % len(state.idle)]]:
            ue = state.ues[rnti]
            pending = 0
            for channel in ue.channels.values():
                pending += channel.buffer_status(now).n_bytes
            ue.dl_pending = pending
            self._align(ue, now)
            if ue.dl_pending or ue.ta_command is not None or ue.contention_identity is not None:
                ue.last_data = now
                state.wake(rnti)
                if self._may_send(ue, now):
                    found.append(ue)
            elif rnti in state.active and now - ue.last_data > state.settings.active_ms:
                state.rest(rnti)
        return found

    def _may_send(self, ue: EnbUe, now: int) -> bool:
        if ue.contention_identity is not None:
            waited = now - ue.contention_since >= self._state.settings.ccch_wait
            return (waited or ue.dl_pending > 0) and ue.dl_harq.idle() is not None
        if ue.phase is UePhase.MSG3 or ue.dl_harq.idle() is None:
            return False
        timer = ue.config.time_alignment_timer
        if timer is not None and now - ue.ta_aligned_at > timer:
            if ue.order_preamble is None or now - ue.order_at > _ORDER_AGAIN:
                ue.order = True
            return False
        return True

    def _align(self, ue: EnbUe, now: int) -> None:
        """Decide on a timing advance command (TS 36.321 5.2, TS 36.213 4.2.3)."""
        if ue.ta_command is not None or now < ue.ta_next or ue.phase is not UePhase.CONNECTED:
            return
        timer = ue.config.time_alignment_timer
        refresh = timer is not None and now - ue.ta_aligned_at > _TA_REFRESH * timer
        moved = ue.ta_measured >= 3 and abs(ue.ta_offset_s) > 0.75 * _TA_STEP_S
        if moved or refresh:
            ue.ta_command = timing_advance.command(ue.ta_offset_s if moved else 0.0)

    # --- choosing

    def choose(self, build: SubframeBuild, new_data: bool = True) -> list[_Chosen]:
        """Resource blocks and places for orders, retransmissions and new blocks; the control region may still grow."""
        chosen = [entry for rnti in list(self.retransmit) if (entry := self._again(build, rnti)) is not None]
        if not new_data:
            return chosen
        busy = {entry.ue.rnti for entry in chosen}
        ready = [ue for ue in self.poll(build.now) if ue.rnti not in busy]
        if not ready or not build.prbs.free:
            return chosen
        per_prb = n_re(self._state.cell, build.subframe, build.pdcch.largest_cfi, build.prbs.free)
        demands = [self._demand(ue, per_prb / build.prbs.n_free) for ue in ready]
        shares = self.scheduler.divide(demands, build.prbs.n_free, self._state.settings.max_dl_ues, build.now)
        left = len(shares)
        for rnti, share in shares:
            ue = self._state.ues[rnti]
            left -= 1
            place = self._place(build, ue)
            if place is None:
                continue
            # what others could not use goes to the last one, if it wants it
            wanted = next(d.n_prb for d in demands if d.rnti == rnti) if not left else share
            blocks = build.prbs.allocate(wanted, contiguous=ue.phase is not UePhase.CONNECTED)
            if blocks is None:
                build.pdcch.release(place)
                break
            chosen.append(_Chosen(ue, place, blocks))
        return chosen

    def _demand(self, ue: EnbUe, re_per_prb: float) -> Demand:
        bits = min(efficiency(ue.rate_snr_db), _TOP_EFFICIENCY) * max(re_per_prb, 1.0)
        wanted = 8 * (ue.dl_pending + _HEADER_BYTES + 8)
        n_prb = min(-(-int(1.1 * wanted) // max(int(bits), 1)), self._state.cell.n_prb)
        return Demand(ue.rnti, max(n_prb, 1), bits, ue.signalling)

    def _place(self, build: SubframeBuild, ue: EnbUe) -> Place | None:
        return build.pdcch.place(ue.rnti, dci_levels(ue))

    def _again(self, build: SubframeBuild, rnti: int) -> _Chosen | None:
        """Place the oldest retransmission of a UE; on other numbers of resource blocks only if it knows the size."""
        ue = self._state.ues[rnti]
        for process in ue.dl_harq.retransmissions():
            contiguous = ue.phase is not UePhase.CONNECTED
            blocks = build.prbs.allocate(process.n_prb, exact=True, contiguous=contiguous)
            keep = blocks is not None
            if blocks is None and process.heard and build.prbs.n_free >= max(process.n_prb // 2, 1):
                blocks = build.prbs.allocate(process.n_prb, contiguous=contiguous)
            if blocks is None:
                continue
            place = self._place(build, ue) if self._decodable(build, process, blocks) else None
            if place is not None:
                return _Chosen(ue, place, blocks, process, keep)
            build.prbs.give_back(blocks.mask)
        return None

    def _decodable(self, build: SubframeBuild, process: EnbDlProcess, blocks: DlBlocks) -> bool:
        """Whether a UE that has heard nothing of a block can decode it from what this subframe has room for.

        Synchronisation signals and the PBCH may leave less room than the first transmission had; but not for ever.
        """
        if process.heard or build.now - process.sent_at > _LONGEST_WAIT:
            return True
        elements = n_re(self._state.cell, build.subframe, build.pdcch.cfi, blocks.mask)
        return process.tbs + 24 <= self._state.settings.max_code_rate * elements * process.q_m

    def orders(self, build: SubframeBuild, preamble_of: dict[int, int]) -> None:
        """Orders to start random access (TS 36.212 5.3.3.1.3), by RNTI."""
        for rnti, preamble in preamble_of.items():
            place = build.pdcch.place(rnti, dci_levels(self._state.ues[rnti]))
            if place is not None:
                self._state.ues[rnti].order = False
                self._state.ues[rnti].order_preamble, self._state.ues[rnti].order_at = preamble, build.now
                build.dl.append((place, DciPdcchOrder(preamble_index=preamble)))

    # --- filling

    def fill(self, build: SubframeBuild, chosen: list[_Chosen]) -> None:
        """Make the transport blocks, now that the control region's length is known."""
        plan = self._state.plan(build.now + ACK_DELAY)
        first = self._state.ul.pucch.n1_pucch_an
        for entry in chosen:
            n_pucch = first + entry.place.first_cce
            if n_pucch >= len(self._state.regions.n1):
                build.pdcch.release(entry.place)
                continue
            if entry.process is None:
                process, mcs = self._new(build, entry)
            else:
                process, mcs = self._repeat(build, entry, entry.process)
            ue, now = entry.ue, build.now
            target = self._state.settings.pucch_target_snr_db
            tpc = ue.pucch_power.command(target, now, self._state.settings.tpc_period)
            dci = entry.blocks.dci(mcs, process.number, process.ndi, process.redundancy_version, tpc)
            build.dl.append((entry.place, dci))
            build.blocks.append((ue.rnti, dci, process.payload, process.tbs))
            plan.acks[ue.rnti] = AckDue(ue, process, n_pucch)

    def _new(self, build: SubframeBuild, entry: _Chosen) -> tuple[EnbDlProcess, int]:
        ue, settings = entry.ue, self._state.settings
        process = ue.dl_harq.idle()
        if process is None:
            raise RuntimeError(f"UE {ue.rnti} was chosen without an idle process")
        controls = self._controls(ue)
        least = sum([1 + control.SIZE for control in controls])
        headers = 3 * len(ue.channels) + least
        elements = n_re(self._state.cell, build.subframe, build.pdcch.cfi, entry.blocks.mask)
        chosen = downlink_format(
            entry.blocks.n_prb,
            elements,
            ue.rate_snr_db,
            wanted_bits=8 * (ue.dl_pending + headers + 2),
            max_rate=settings.max_code_rate,
            max_tbs=settings.max_dl_tbs,
        )
        if controls and chosen.tbs < 8 * (least + 1):
            controls = controls[:1] if ue.contention_identity is not None and chosen.tbs >= 64 else []
        payload, _ = multiplex(controls, ue.channels, chosen.tbs // 8, build.now)
        process.start(payload, build.now)
        process.tbs, process.mcs, process.q_m = chosen.tbs, chosen.mcs, chosen.q_m
        process.n_prb, process.at_limit = entry.blocks.n_prb, chosen.at_limit
        self._carried(ue, process, controls)
        ue.metrics.dl_mcs = chosen.mcs
        ue.metrics.dl_granted += chosen.tbs // 8
        self.scheduler.served(ue.rnti, chosen.tbs, build.now)
        return process, chosen.mcs

    @staticmethod
    def _controls(ue: EnbUe) -> list[ControlElement]:
        controls: list[ControlElement] = []
        if ue.contention_identity is not None:
            controls.append(ContentionResolution(ue.contention_identity))
        elif ue.ta_command is not None:
            controls.append(TimingAdvance(ue.ta_command))
        return controls

    @staticmethod
    def _carried(ue: EnbUe, process: EnbDlProcess, controls: list[ControlElement]) -> None:
        for control in controls:
            if isinstance(control, ContentionResolution):
                process.contention, ue.contention_identity = True, None
            elif isinstance(control, TimingAdvance):
                process.timing_advance = True
                ue.ta_total += control.command - timing_advance.NEUTRAL_COMMAND
                ue.ta_command = None
                ue.ta_next = ue.ta_ignore = 10**15  # until the answer is in

    def _repeat(self, build: SubframeBuild, entry: _Chosen, process: EnbDlProcess) -> tuple[EnbDlProcess, int]:
        process.again(build.now)
        entry.ue.metrics.dl_retx += 1
        if not entry.ue.dl_harq.retransmissions():
            self.retransmit.pop(entry.ue.rnti, None)
        return process, process.mcs if entry.keep_mcs else {2: 29, 4: 30, 6: 31}[process.q_m]

    # --- answers

    def answered(self, due: AckDue, answer: Answer, now: int) -> None:
        """An acknowledgement is in, or its subframe is over without one."""
        if due.answered or due.ue.rnti not in self._state.ues:
            return
        due.answered = True
        ue, process, metrics = due.ue, due.process, due.ue.metrics
        first, size = process.transmissions == 1, process.tbs
        if answer is Answer.DTX:
            metrics.dl_dtx += 1
            ue.missed_dl += 1
        else:
            ue.missed_dl, ue.heard_at = 0, now
            if first:
                ue.dl_loop.feedback(answer is Answer.ACK, process.at_limit)
        ue.pdcch_loop.feedback(answer is not Answer.DTX)
        if answer is Answer.ACK:
            metrics.dl_ok += 1
            metrics.dl_bytes += size // 8
            self._received(ue, process, now)
        else:
            metrics.dl_nok += 1
        self._go_on(ue, process, answer)
        if ue.missed_dl >= self._state.settings.lost_after_dl and self._state.is_silent(ue, now):
            ue.lost = True
            self._state.events.append(UeLost(ue.rnti, f"{ue.missed_dl} downlink transmissions without an answer"))

    def unheard(self, due: AckDue) -> None:
        """Nobody listened to an acknowledgement, or there was none to send: the block goes out again."""
        if not due.answered and due.ue.rnti in self._state.ues:
            due.answered = True
            self._go_on(due.ue, due.process, Answer.DTX)

    def _go_on(self, ue: EnbUe, process: EnbDlProcess, answer: Answer) -> None:
        if process.answered(answer, self._state.settings.max_dl_tx):
            ue.metrics.dl_dropped += 1
            self._given_up(ue, process)
        elif answer is not Answer.ACK:
            self.retransmit[ue.rnti] = None

    def _received(self, ue: EnbUe, process: EnbDlProcess, now: int) -> None:
        ue.lost = False
        if process.timing_advance:
            ue.ta_aligned_at, ue.ta_measured, ue.ta_offset_s = now, 0, 0.0
            ue.ta_ignore, ue.ta_next = now + _TA_APPLIED_AFTER, now + self._state.settings.ta_period
        if process.contention:
            self._state.deadlines.pop(ue.rnti, None)
            ue.phase, ue.ta_aligned_at = UePhase.CONNECTED, now
            wait = self._state.settings.grant_after_msg4
            if wait is not None:
                self._state.grant_at[ue.rnti] = now + wait

    def _given_up(self, ue: EnbUe, process: EnbDlProcess) -> None:
        if process.timing_advance:
            ue.ta_next, ue.ta_ignore, ue.ta_measured = 0, -1, 0
        if process.contention and ue.phase is not UePhase.CONNECTED:
            _log.warning("RNTI %d: contention resolution not acknowledged; random access given up", ue.rnti)
            self._state.deadlines[ue.rnti] = -1
            self._state.count("contention resolution not acknowledged")
