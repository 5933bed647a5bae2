"""Uplink scheduling of an eNB's MAC: grants, retransmissions, HARQ indicators (TS 36.321 5.4, TS 36.213 8, 9.1.2)."""

from bisect import bisect_left
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from picocell.mac.dedicated_config import aperiodic_report
from picocell.mac.enb_common_channels import SubframeBuild
from picocell.mac.enb_downlink import dci_levels
from picocell.mac.enb_random_access import Response
from picocell.mac.enb_state import EnbState, PuschRecord, UlPlan
from picocell.mac.enb_ue import EnbUe, UePhase
from picocell.mac.enb_ul_harq import RETRANSMISSION_MCS, EnbUlProcess, Retransmission, UlState
from picocell.mac.link_adaptation import Format, efficiency, uplink_format
from picocell.mac.pdcch_allocation import Place
from picocell.mac.scheduler import Demand, Scheduler
from picocell.mac.ul_allocation import UlPrbs, sizes_upto, smallest_n_prb
from picocell.phy.fapi import HiPdu
from picocell.phy.lte.cell import N_SC_RB
from picocell.phy.lte.dci import Dci0
from picocell.phy.lte.frame import TTI_MODULO
from picocell.phy.lte.srs_config import is_srs_subframe
from picocell.phy.lte.ul_grant import (
    RV_SEQUENCE,
    PuschGrant,
    beta_offset,
    from_dci0,
    from_rar,
    n_data_symbols,
    retransmission,
)
from picocell.phy.lte.ul_hopping import Assignment, assignment_field

GRANT_DELAY: Final = 4
_N_SHIFTS: Final = 8
_N_PROCESSES: Final = 8
_MADE_KEPT: Final = 4096
_HEADER_BYTES: Final = 8
_TPC_NOTHING: Final = 1
_COMMON_LEVELS: Final = (4, 8)
_TOP_EFFICIENCY_16QAM: Final = 3.7
_TOP_EFFICIENCY_64QAM: Final = 5.5


@lru_cache(maxsize=8192)
def _dci0(riv: int, mcs: int, ndi: int, tpc: int, cyclic_shift: int, cqi_request: int) -> Dci0:
    return Dci0(riv=riv, mcs=mcs, ndi=ndi, tpc=tpc, cyclic_shift=cyclic_shift, cqi_request=cqi_request)


@dataclass(slots=True)
class _Again:
    """A block that failed and needs a grant to be sent again."""

    ue: EnbUe
    process: EnbUlProcess
    how: Retransmission
    place: Place | None = None


class UplinkScheduling:
    """Schedules the PUSCH.

    Args:
        state: the MAC's state.
        scheduler: divides the resource blocks.

    Attributes:
        is_crowded_out: a grant of the last subframe found no room on the PDCCH: the next one is the uplink's first.
    """

    def __init__(self, state: EnbState, scheduler: Scheduler) -> None:
        self._state = state
        self.scheduler = scheduler
        self._64qam = state.ul.pusch.enable_64qam
        self._top = _TOP_EFFICIENCY_64QAM if self._64qam else _TOP_EFFICIENCY_16QAM
        self._again: list[_Again] = []
        self._hi: list[tuple[PuschRecord, bool]] = []
        self._non_adaptive: list[PuschRecord] = []
        self._wanting: list[tuple[EnbUe, Demand, Place]] = []
        self.is_crowded_out = False
        self._rivs: dict[tuple[int, int], int] = {}
        self._made: dict[tuple[int, int, int, int, int, int, bool], PuschGrant] = {}

    # --- message 3

    def message_3(self, response: Response, ue: EnbUe) -> None:
        """Reserve message 3 of a response."""
        state, subframe = self._state, response.subframe
        srs = self._srs(subframe)
        tti = subframe % TTI_MODULO
        grant = from_rar(state.cell, state.ul, tti, response.rnti, response.grant, srs_symbol=srs)
        process = ue.ul_harq.at(subframe)
        process.started(grant, response.grant.mcs, False, subframe, msg3=True)
        plan = state.plan(subframe)
        plan.pusch.append(PuschRecord(ue, process, grant))
        plan.phich.add(state.phich_resource(grant.prb_start[0], grant.cyclic_shift))

    def _srs(self, subframe: int) -> bool:
        return is_srs_subframe(self._state.ul, subframe % 10)

    # --- before the control region is fixed

    def prepare(self, build: SubframeBuild, new_data: bool = True) -> None:
        """Look at what the PHICH has to answer, and place the DCIs of grants; the control region may grow."""
        target = build.now + GRANT_DELAY
        self._again, self._hi, self._non_adaptive = [], [], []
        self._answer(build.now)
        self._overdue(target)
        for entry in self._again:
            self._place_again(build, entry, grow=True)
        self.is_crowded_out = any(entry.place is None for entry in self._again)
        self._wanting = []
        if new_data:
            self._place_new(build, target)

    def _answer(self, now: int) -> None:
        """Decide on the answers to the PUSCHs of four subframes ago."""
        plan = self._state.plans.get(now - GRANT_DELAY)
        for record in plan.pusch if plan is not None else ():
            process = record.process
            if not record.grant.tbs:
                continue
            gone = self._state.ues.get(record.ue.rnti) is not record.ue
            if record.ok or record.ok is None or gone or process.state is not UlState.FAILED:
                # without a result yet, ACK: the UE keeps the block and waits for a grant
                self._hi.append((record, True))
                continue
            self._state.failed.pop((record.ue.rnti, process.number), None)
            how = process.retransmission(self._max_tx(record.ue, process), record.detected)
            if how is Retransmission.NON_ADAPTIVE:
                self._non_adaptive.append(record)
            else:
                self._hi.append((record, how is not None))
                if how is None:
                    self.given_up(record.ue, process)
                else:
                    self._again.append(_Again(record.ue, process, how))

    def _overdue(self, target: int) -> None:
        """Blocks that failed earlier and could not be asked for then."""
        for (rnti, number), detected in list(self._state.failed.items()):
            ue = self._state.ues[rnti]
            process = ue.ul_harq.processes[number]
            if number != target % len(ue.ul_harq.processes):
                continue
            del self._state.failed[rnti, number]
            if process.state is not UlState.FAILED:
                continue
            how = process.retransmission(self._max_tx(ue, process), detected)
            if how is None:
                self.given_up(ue, process)
                continue
            if how is Retransmission.NON_ADAPTIVE:
                how = Retransmission.ADAPTIVE
            self._again.append(_Again(ue, process, how))

    def _max_tx(self, ue: EnbUe, process: EnbUlProcess) -> int:
        return self._state.rach.max_harq_msg3_tx if process.msg3 else ue.config.ul_sch.max_harq_tx

    def given_up(self, ue: EnbUe, process: EnbUlProcess) -> None:
        """A block did not come in all its transmissions."""
        ue.metrics.ul_dropped += 1
        ue.granted.pop(process.first_at, None)
        if process.msg3 and ue.phase is UePhase.MSG3:
            self._state.deadlines[ue.rnti] = -1

    def _place_again(self, build: SubframeBuild, entry: _Again, grow: bool) -> None:
        if entry.process.msg3 and entry.ue.phase is UePhase.MSG3:
            # format 0 with a temporary C-RNTI stands in the common search space (TS 36.213 8, Table 8-4)
            entry.place = build.pdcch.place(entry.ue.rnti, _COMMON_LEVELS, True, grow)
        else:
            entry.place = build.pdcch.place(entry.ue.rnti, dci_levels(entry.ue), None, grow)

    def _place_new(self, build: SubframeBuild, target: int) -> None:
        """Choose the UEs that get new grants, as far as their DCIs find room."""
        state = self._state
        if not state.ul_active or state.regions.prach(target).bit_count() >= state.ul.n_prb:
            return
        busy = {entry.ue.rnti for entry in self._again} | {record.ue.rnti for record in self._non_adaptive}
        plan = state.plans.get(target)
        if plan is not None:
            busy |= {record.ue.rnti for record in plan.pusch}
        demands: dict[int, Demand] = {}
        for rnti in list(state.ul_active):
            demand = self._demand(state.ues[rnti], target) if rnti not in busy else None
            if demand is not None:
                demands[rnti] = demand
        if not demands:
            return
        n_free = state.ul.n_prb - 2
        shares = self.scheduler.divide(list(demands.values()), n_free, state.settings.max_ul_ues, build.now)
        for rnti, _ in shares:
            place = build.pdcch.place(rnti, dci_levels(state.ues[rnti]))
            if place is not None:
                self._wanting.append((state.ues[rnti], demands[rnti], place))
            else:
                self.is_crowded_out = True

    def _demand(self, ue: EnbUe, target: int) -> Demand | None:
        """What a UE wants of an uplink subframe; None for nothing."""
        need = ue.ul_need()
        process = ue.ul_harq.at(target)
        if not need or ue.phase is UePhase.MSG3:
            self._state.ul_active.pop(ue.rnti, None)
            return None
        if process.state is not UlState.IDLE:
            return None
        per_prb = N_SC_RB * n_data_symbols(self._state.ul)
        bits = min(efficiency(ue.pusch_snr_db), self._top) * per_prb
        n_prb = -(-int(8.8 * (need + _HEADER_BYTES)) // max(int(bits), 1))
        return Demand(ue.rnti, max(min(n_prb, self._power_limit(ue)), 1), bits, ue.signalling)

    def _power_limit(self, ue: EnbUe) -> int:
        """Resource blocks for which the UE's power suffices, by its last headroom report (TS 36.213 5.1.1.2)."""
        if ue.phr_db is None:
            return self._state.ul.n_prb
        return max(int(ue.phr_n_prb * 10 ** ((ue.phr_db + 1) / 10)), 1)

    # --- when the acknowledgements of the target subframe are known

    def fill(self, build: SubframeBuild) -> None:
        """Allocate the resource blocks and make the grants and the HARQ indicators."""
        if self._non_adaptive or self._again or self._wanting:
            self._allocate(build)
        build.hi += [HiPdu(r.grant.prb_start[0], r.grant.cyclic_shift, ack) for r, ack in self._hi]

    def _allocate(self, build: SubframeBuild) -> None:
        """Resource blocks for retransmissions, then for new blocks."""
        state, target = self._state, build.now + GRANT_DELAY
        plan = state.plan(target)
        prbs = UlPrbs(state.ul.n_prb, state.pucch_mask(plan) | state.regions.prach(target), state.regions.pucch)
        for record in plan.pusch:
            prbs.free &= ~record.mask
        for record in self._non_adaptive:
            if not self._send_again(plan, prbs, record):
                entry = _Again(record.ue, record.process, Retransmission.ADAPTIVE)
                self._place_again(build, entry, grow=False)
                self._again.append(entry)
                self._hi.append((record, True))
        for entry in self._again:
            if not self._adapt(build, plan, prbs, entry):
                if entry.place is not None:
                    build.pdcch.release(entry.place)
                state.failed[entry.ue.rnti, entry.process.number] = entry.how is Retransmission.ADAPTIVE
        self._new(build, plan, prbs)

    def _send_again(self, plan: UlPlan, prbs: UlPrbs, record: PuschRecord) -> bool:
        """A non-adaptive retransmission: the same resource blocks, if they are free (TS 36.321 5.4.2.2)."""
        state, process = self._state, record.process
        grant = retransmission(
            state.cell,
            state.ul,
            plan.subframe % TTI_MODULO,
            record.grant,
            process.transmissions,
            srs_symbol=self._srs(plan.subframe),
        )
        resource = state.phich_resource(grant.prb_start[0], grant.cyclic_shift)
        if resource in plan.phich or not prbs.take(grant.prb_start[0], grant.n_prb):
            return False
        self._due(plan, record.ue, process, grant, resource)
        process.again(grant)
        record.ue.metrics.ul_retx += 1
        self._hi.append((record, False))
        return True

    @staticmethod
    def _due(
        plan: UlPlan, ue: EnbUe, process: EnbUlProcess, grant: PuschGrant, resource: tuple[int, int]
    ) -> PuschRecord:
        record = PuschRecord(ue, process, grant)
        plan.pusch.append(record)
        plan.phich.add(resource)
        return record

    def _adapt(self, build: SubframeBuild, plan: UlPlan, prbs: UlPrbs, entry: _Again) -> bool:
        """A retransmission with a grant."""
        process, last = entry.process, entry.process.grant
        if entry.place is None or last is None:
            return False
        found = prbs.find(last.n_prb, exact=True)
        shift = self._shift(plan, found[0]) if found is not None else None
        if found is None or shift is None:
            return False
        mcs = process.mcs
        if entry.how is Retransmission.ADAPTIVE:
            rv = RV_SEQUENCE[(RV_SEQUENCE.index(last.rv) + 1) % len(RV_SEQUENCE)]
            mcs = RETRANSMISSION_MCS.get(rv, process.mcs)
        dci = self._dci(found[0], last.n_prb, mcs, process.ndi, shift, _TPC_NOTHING)
        grant = self._grant(plan, entry.ue, dci, last, process.transmissions)
        prbs.take(found[0], last.n_prb)
        build.ul.append((entry.place, dci))
        self._due(plan, entry.ue, process, grant, self._state.phich_resource(found[0], shift))
        process.again(grant)
        entry.ue.metrics.ul_retx += 1
        return True

    def _shift(self, plan: UlPlan, start: int) -> int | None:
        """Cyclic shift field whose PHICH nobody has."""
        for shift in range(_N_SHIFTS):
            if self._state.phich_resource(start, shift) not in plan.phich:
                return shift
        return None

    def _dci(self, start: int, n_prb: int, mcs: int, ndi: int, shift: int, tpc: int, cqi: bool = False) -> Dci0:
        riv = self._rivs.get((start, n_prb))
        if riv is None:
            riv = self._rivs[start, n_prb] = assignment_field(self._state.ul, Assignment(start, n_prb))
        return _dci0(riv, mcs, ndi, tpc, shift, int(cqi))

    def _grant(self, plan: UlPlan, ue: EnbUe, dci: Dci0, previous: PuschGrant | None, transmission: int) -> PuschGrant:
        return from_dci0(
            self._state.cell,
            self._state.ul,
            plan.subframe % TTI_MODULO,
            ue.rnti,
            dci,
            previous=previous,
            transmission=transmission,
            srs_symbol=self._srs(plan.subframe),
        )

    def _first_grant(self, plan: UlPlan, ue: EnbUe, dci: Dci0) -> PuschGrant:
        """Grant of a new block; under load the same ones come again, and without hopping the frame does not matter."""
        subframe = plan.subframe
        process, srs = subframe % _N_PROCESSES, self._srs(subframe)
        key = (ue.rnti, dci.riv, dci.mcs, dci.ndi, dci.cyclic_shift, process, srs)
        found = self._made.get(key)
        if found is None:
            if len(self._made) >= _MADE_KEPT:
                self._made.clear()
            found = self._made[key] = self._grant(plan, ue, dci, None, 0)
        return found

    def _new(self, build: SubframeBuild, plan: UlPlan, prbs: UlPrbs) -> None:
        """New grants for those whose DCI has found a place."""
        by_rnti = {ue.rnti: (ue, demand, place) for ue, demand, place in self._wanting}
        demands = [demand for _, demand, _ in self._wanting]
        shares = self.scheduler.divide(demands, prbs.n_free, len(demands), build.now) if demands else []
        for i, (rnti, share) in enumerate(shares):
            ue, demand, place = by_rnti.pop(rnti)
            wanted = demand.n_prb if i == len(shares) - 1 else share
            if not self._grant_new(build, plan, prbs, ue, place, wanted):
                build.pdcch.release(place)
        for _, _, place in by_rnti.values():
            build.pdcch.release(place)

    def _grant_new(
        self, build: SubframeBuild, plan: UlPlan, prbs: UlPrbs, ue: EnbUe, place: Place, wanted: int
    ) -> bool:
        state, settings, now = self._state, self._state.settings, build.now
        found = prbs.find(smallest_n_prb(wanted) if wanted < state.ul.n_prb else wanted)
        shift = self._shift(plan, found[0]) if found is not None else None
        if found is None or shift is None:
            return False
        report = self._report(ue, now)
        chosen, n_prb = self._format(plan, ue, found[1], report)
        if not chosen.tbs:
            return False
        ready = ue.phr_db is None or ue.phr_db > 0
        tpc = ue.pusch_power.command(settings.ul_target_snr_db, now, settings.tpc_period, ready)
        process = ue.ul_harq.at(plan.subframe)
        dci = self._dci(found[0], n_prb, chosen.mcs, process.ndi ^ 1, shift, tpc, report is not None)
        grant = self._first_grant(plan, ue, dci)
        prbs.take(found[0], n_prb)
        build.ul.append((place, dci))
        record = self._due(plan, ue, process, grant, state.phich_resource(found[0], shift))
        if report is not None:
            record.n_cqi, record.n_ri = report
            ue.cqi_at = now
        process.started(grant, chosen.mcs, chosen.at_limit, plan.subframe)
        ue.granted[plan.subframe] = chosen.tbs // 8
        ue.wants_grant = 0
        ue.metrics.ul_mcs = chosen.mcs
        ue.metrics.ul_granted += chosen.tbs // 8
        self.scheduler.served(ue.rnti, chosen.tbs, now)
        return True

    def _report(self, ue: EnbUe, now: int) -> tuple[int, int] | None:
        """Bits of an aperiodic report to ask for; None for none."""
        if ue.config.aperiodic_cqi_mode is None or now - ue.cqi_at < self._state.settings.cqi_max_age:
            return None
        return aperiodic_report(ue.config, n_prb=self._state.cell.n_prb, n_ports=self._state.cell.n_ports)

    def _format(self, plan: UlPlan, ue: EnbUe, n_prb: int, report: tuple[int, int] | None) -> tuple[Format, int]:
        """Transport format and resource blocks, as few as hold what is wanted."""
        settings = self._state.settings
        wanted = 8 * (ue.ul_need() + _HEADER_BYTES)
        per_prb = N_SC_RB * n_data_symbols(self._state.ul, self._srs(plan.subframe))
        control = self._control_elements(plan, ue, report)
        bits_per_prb = min(efficiency(ue.pusch_snr_db), self._top) * per_prb
        least = min(int(0.8 * wanted / bits_per_prb), n_prb)
        sizes = sizes_upto(n_prb)
        for size in sizes[bisect_left(sizes, least) :]:
            chosen = uplink_format(
                size,
                max(per_prb * size - control, 1),
                ue.pusch_snr_db,
                allow_64qam=self._64qam,
                wanted_bits=wanted,
                max_rate=settings.max_code_rate,
                max_tbs=settings.max_ul_tbs,
            )
            if chosen.tbs >= wanted or size == n_prb:
                return chosen, size
        return Format(0, 2, 0, False), n_prb

    def _control_elements(self, plan: UlPlan, ue: EnbUe, report: tuple[int, int] | None) -> int:
        """Resource elements that control information takes, about (TS 36.212 5.2.2.6)."""
        beta, bits = ue.config.beta, 0.0
        if ue.rnti in plan.acks:
            bits += beta_offset("harq_ack", beta.ack)
        due = self._state.control_due(plan).get(ue.rnti)
        n_cqi = report[0] if report is not None else due.n_cqi if due is not None else 0
        n_ri = report[1] if report is not None else due.n_ri if due is not None else 0
        bits += n_cqi * beta_offset("cqi", beta.cqi) if n_cqi else 0
        bits += n_ri * beta_offset("ri", beta.ri) if n_ri else 0
        return int(bits / max(min(efficiency(ue.pusch_snr_db), self._top), 0.1)) + (1 if bits else 0)
