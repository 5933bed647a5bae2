"""The uplink of an eNB's MAC: what is expected in a subframe, and what its results mean (TS 36.321 5.1.5, 5.4)."""

import logging
from functools import lru_cache
from typing import Final

from picocell.mac import pdu
from picocell.mac.control_elements import (
    ControlElement,
    CRnti,
    Direction,
    LongBsr,
    MacPduError,
    PowerHeadroom,
    ShortBsr,
)
from picocell.mac.enb_dl_harq import Answer
from picocell.mac.enb_downlink import DownlinkScheduling
from picocell.mac.enb_events import CcchReceived, CRntiReceived, UeLost
from picocell.mac.enb_state import EnbState, PuschRecord, UlPlan
from picocell.mac.enb_ue import EnbUe, UePhase
from picocell.mac.enb_ul_harq import UlState
from picocell.mac.pdu import LCID_CCCH, MacPdu, Sdu
from picocell.mac.uci_composition import carrying, pusch_uci
from picocell.phy.fapi_uplink import CrcPdu, UciPdu, UlConfigRequest, UlIndication, UlschPdu
from picocell.phy.lte.frame import TTI_MODULO
from picocell.phy.lte.pucch import PucchRequest
from picocell.phy.lte.ul_grant import PuschUci

_log = logging.getLogger(__name__)

UCI_HANDLES: Final = 1000
"""Handles of PUCCHs count from here, those of PUSCHs from 0."""

_WIDEBAND_CQI_BITS: Final = 4
_IDENTITY_BYTES: Final = 6


@lru_cache(maxsize=4096)
def _request(
    rnti: int, sr: int | None, ack: int | None, n2_pucch: int | None, n_cqi: int, ack_with_cqi: bool
) -> PucchRequest:
    """What a UE may send on PUCCH; the same comes again, and as the same object the receiver knows it at once."""
    return PucchRequest(rnti, sr, ack, int(ack is not None), n2_pucch, n_cqi, ack_with_cqi)


class Reception:
    """Expects and takes in uplink subframes.

    Args:
        state: the MAC's state.
        downlink: told of acknowledgements.
    """

    def __init__(self, state: EnbState, downlink: DownlinkScheduling) -> None:
        self._state = state
        self._downlink = downlink

    # --- what is expected

    def request(self, plan: UlPlan) -> UlConfigRequest:
        """What may come in a subframe: control information goes with a PUSCH where there is one (TS 36.213 10.1)."""
        due = self._state.control_due(plan)
        if not (plan.pusch or plan.acks or due):
            return UlConfigRequest(plan.subframe % TTI_MODULO)
        ulsch = []
        with_pusch = set()
        for handle, record in enumerate(plan.pusch):
            if plan.unheard and not record.process.msg3:  # whose grant is of an earlier subframe
                continue
            rnti = record.ue.rnti
            with_pusch.add(rnti)
            uci = self._pusch_uci(plan, record)
            if uci:
                record.grant = carrying(record.grant, uci)
            ulsch.append(UlschPdu(record.grant, handle))
        requests = []
        for rnti in due if plan.unheard else {**plan.acks, **due}:
            if rnti not in with_pusch and rnti in self._state.ues:
                requests.append(self._pucch_request(plan, self._state.ues[rnti]))
        plan.uci = tuple(request.rnti for request in requests)
        uci_pdus = tuple(UciPdu(request, UCI_HANDLES + i) for i, request in enumerate(requests))
        return UlConfigRequest(plan.subframe % TTI_MODULO, tuple(ulsch), uci_pdus)

    def _pusch_uci(self, plan: UlPlan, record: PuschRecord) -> PuschUci | None:
        rnti, beta = record.ue.rnti, record.ue.config.beta
        due = self._state.control_due(plan).get(rnti)
        n_ack = int(rnti in plan.acks and not plan.unheard)
        n_cqi, n_ri = record.n_cqi, record.n_ri
        if not n_cqi and due is not None:
            n_cqi, n_ri = due.n_cqi, due.n_ri
        if not (n_ack or n_cqi or n_ri):
            return None
        return pusch_uci(n_ack, n_ri, n_cqi, beta)

    def _pucch_request(self, plan: UlPlan, ue: EnbUe) -> PucchRequest:
        due, ack = self._state.control_due(plan).get(ue.rnti), plan.acks.get(ue.rnti)
        ack = None if plan.unheard else ack
        n_pucch_ack = ack.n_pucch if ack is not None else None
        sr = due.sr_n_pucch if due is not None else None
        n_cqi = (due.n_cqi or due.n_ri) if due is not None else 0
        n2_pucch = due.cqi_n_pucch if due is not None and n_cqi else None
        with_cqi = ue.config.cqi is not None and ue.config.cqi.simultaneous_ack_nack
        return _request(ue.rnti, sr if sr != n_pucch_ack else None, n_pucch_ack, n2_pucch, n_cqi, with_cqi)

    # --- what has come

    def receive(self, plan: UlPlan, indication: UlIndication, now: int) -> None:
        """Results of a subframe, preambles apart."""
        measured = indication.pusch if len(indication.pusch) == len(plan.pusch) else None
        data = {rx.handle: rx for rx in indication.rx}
        for crc in indication.crc:
            if not 0 <= crc.handle < len(plan.pusch) or plan.pusch[crc.handle].ok is not None:
                continue
            record, rx = plan.pusch[crc.handle], data.get(crc.handle)
            if crc.detected and measured is not None:
                found = measured[crc.handle]
                record.ue.measured_pusch(found.snr_db, found.timing_offset_s, plan.subframe)
            elif rx is not None:
                record.ue.measured_pusch(rx.measurement.snr_db, rx.measurement.timing_offset_s, plan.subframe)
            self.result(plan, record, crc, rx.data if rx is not None else b"", now)
        for harq in indication.harq:
            due = plan.acks.get(harq.rnti)
            if due is not None:
                answer = Answer.DTX if not harq.ack else Answer.ACK if harq.ack[0] else Answer.NACK
                self._downlink.answered(due, answer, now)
        for request in indication.sr:
            self._scheduling_request(request.rnti)
        for report in indication.cqi:
            self._channel_report(plan, report.rnti, report.cqi, now)
        if len(indication.pucch) == len(plan.uci):
            for result in indication.pucch:
                ue = self._state.ues.get(result.rnti)
                if ue is not None and not result.dtx:
                    ue.metrics.pucch_snr_db = ue.pucch_power.snr_db = result.snr_db
                    ue.measured_delay(result.timing_offset_s, plan.subframe)

    def result(self, plan: UlPlan, record: PuschRecord, crc: CrcPdu, data: bytes, now: int) -> None:
        """The outcome of a PUSCH."""
        ue, process, state = record.ue, record.process, self._state
        record.ok, record.detected = crc.crc_ok, crc.detected
        if state.ues.get(ue.rnti) is not ue:
            return
        first = process.transmissions == 1
        process.received(crc.crc_ok, crc.detected)
        if first and not process.msg3:
            ue.pdcch_loop.feedback(crc.detected)
        if not crc.detected and not crc.crc_ok:
            self._missed(ue, now)
        elif first and not process.msg3:
            ue.ul_loop.feedback(crc.crc_ok, process.at_limit)
        if crc.crc_ok:
            ue.metrics.ul_ok += 1
            ue.metrics.ul_bytes += len(data)
            ue.missed_pusch, ue.lost, ue.heard_at = 0, False, now
            self._block(plan, record, data, now)
        else:
            ue.metrics.ul_nok += 1
            if state.now >= plan.subframe + 4:  # the PHICH of this PUSCH has gone out without the result
                state.failed[ue.rnti, process.number] = crc.detected

    def _missed(self, ue: EnbUe, now: int) -> None:
        ue.missed_pusch += 1
        if ue.missed_pusch >= self._state.settings.lost_after_pusch and self._state.is_silent(ue, now):
            ue.lost = True
            self._state.events.append(UeLost(ue.rnti, f"{ue.missed_pusch} PUSCHs in a row did not come"))

    def close(self, plan: UlPlan, now: int) -> None:
        """A subframe's results can come no more: what is missing was not there."""
        for due in plan.acks.values():
            if plan.unheard:
                self._downlink.unheard(due)
            else:
                self._downlink.answered(due, Answer.DTX, now)
        for handle, record in enumerate(plan.pusch):
            if record.ok is None and record.process.state is UlState.DUE and record.process.grant is not None:
                if plan.unheard:
                    self._unheard(record)
                else:
                    self.result(plan, record, CrcPdu(handle, record.ue.rnti, False, False), b"", now)

    def _unheard(self, record: PuschRecord) -> None:
        """A PUSCH that is not known to have come or not: asked for again, and nothing is learnt from it."""
        record.ok = record.detected = False
        if self._state.ues.get(record.ue.rnti) is record.ue:
            record.process.received(False, False)
            self._state.failed[record.ue.rnti, record.process.number] = False

    def _scheduling_request(self, rnti: int) -> None:
        ue = self._state.ues.get(rnti)
        if ue is not None:
            ue.lost = False
            ue.wants_grant = max(ue.wants_grant, self._state.settings.sr_grant_bytes)
            self._state.ul_active[rnti] = None

    def _channel_report(self, plan: UlPlan, rnti: int, bits: tuple[int, ...], now: int) -> None:
        ue = self._state.ues.get(rnti)
        due = self._state.control_due(plan).get(rnti)
        aperiodic = any(record.ue.rnti == rnti and record.n_cqi for record in plan.pusch)
        if ue is None or len(bits) < _WIDEBAND_CQI_BITS or (due is not None and due.subband and not aperiodic):
            return
        ue.cqi = int("".join(map(str, bits[:_WIDEBAND_CQI_BITS])), 2)
        ue.cqi_at = now

    # --- transport blocks

    def _block(self, plan: UlPlan, record: PuschRecord, data: bytes, now: int) -> None:
        ue, process = record.ue, record.process
        ue.granted.pop(process.first_at, None)
        try:
            block = pdu.parse(data, Direction.UPLINK)
        except MacPduError as error:
            self._state.count("malformed uplink MAC PDU")
            _log.warning("RNTI %d sent a malformed MAC PDU: %s", ue.rnti, error)
            return
        elements, sdus = block.control_elements, block.sdus
        for element in elements:
            if isinstance(element, CRnti):
                found = self._returned(ue, element.rnti, now)
                if found is None:
                    return
                ue = found
        if ue.phase is UePhase.MSG3 and not self._contention(ue, block, plan.subframe):
            return
        if ue.order_preamble is not None and process.msg3:
            ue.order_preamble = None
            self._state.events.append(CRntiReceived(ue.rnti))
        self._controls(ue, record, elements)
        self._data(ue, sdus, process.first_at, now)
        full = block.padding is None and bool(sdus)
        reported = any(isinstance(element, ShortBsr | LongBsr) for element in elements)
        self._more(ue, full and not reported, plan.subframe)

    def _controls(self, ue: EnbUe, record: PuschRecord, elements: tuple[ControlElement, ...]) -> None:
        for element in elements:
            if isinstance(element, PowerHeadroom):
                ue.phr_db, ue.phr_n_prb = element.least_db, record.grant.n_prb
            elif isinstance(element, ShortBsr | LongBsr):
                ue.report(element, record.process.first_at)

    def _data(self, ue: EnbUe, sdus: tuple[Sdu, ...], first_at: int, now: int) -> None:
        for sdu in sdus:
            if sdu.lcid == LCID_CCCH:
                continue
            ue.sdu_received(sdu.lcid, len(sdu.data), first_at)
            channel = ue.channels.get(sdu.lcid)
            if channel is None:
                self._state.count("SDU of an unknown logical channel")
                _log.info(
                    "RNTI %d sent %d bytes on logical channel %d, which it does not have",
                    ue.rnti,
                    len(sdu.data),
                    sdu.lcid,
                )
            elif sdu.data:
                channel.receive_pdu(sdu.data, now)

    def _more(self, ue: EnbUe, hides: bool, subframe: int) -> None:
        """Grant on where the UE has more; a block full of data without a report hides whether it has.

        One or two bytes of padding stand at the front, and leave no room for a report either.
        """
        if hides and not ue.bsr_total and not any(at > subframe for at in ue.granted):
            ue.wants_grant = max(ue.wants_grant, self._state.settings.sr_grant_bytes)
        if ue.ul_need():
            self._state.ul_active[ue.rnti] = None

    def _contention(self, ue: EnbUe, block: MacPdu, subframe: int) -> bool:
        """Message 3 with a CCCH SDU: its first six octets resolve the contention (TS 36.321 5.1.5, 6.1.3.4)."""
        sdu = next((sdu.data for sdu in block.sdus if sdu.lcid == LCID_CCCH), None)
        if sdu is None or len(sdu) < _IDENTITY_BYTES:
            self._state.count("message 3 without CCCH SDU or C-RNTI")
            _log.warning("message 3 of RNTI %d has neither a C-RNTI nor a CCCH SDU of six bytes", ue.rnti)
            self._state.deadlines[ue.rnti] = -1
            return False
        ue.phase, ue.contention_identity, ue.contention_since = UePhase.MSG4, sdu[:_IDENTITY_BYTES], subframe
        self._state.deadlines[ue.rnti] = subframe + self._state.rach.contention_timer
        self._state.wake(ue.rnti)
        self._state.events.append(CcchReceived(ue.rnti, sdu))
        return True

    def _returned(self, ue: EnbUe, rnti: int, now: int) -> EnbUe | None:
        """A C-RNTI control element: the UE of that C-RNTI sent message 3; the temporary one is dropped."""
        if rnti == ue.rnti:
            return ue
        known = self._state.ues.get(rnti)
        if known is None or known.phase is not UePhase.CONNECTED:
            self._state.count("C-RNTI of an unknown UE")
            _log.warning("message 3 of RNTI %d names the C-RNTI %d, which is nobody's", ue.rnti, rnti)
            self._state.deadlines[ue.rnti] = -1
            return None
        known.ul_snr_db, known.lost, known.missed_pusch, known.missed_dl = ue.ul_snr_db, False, 0, 0
        known.ta_total, known.ta_measured, known.ta_offset_s, known.ta_command = ue.ta_total, 0, 0.0, None
        known.ta_aligned_at, known.ta_ignore, known.ta_next = now, now, now
        known.order = False
        known.order_preamble = None
        known.phr_db = None
        # an uplink grant to the C-RNTI resolves the contention
        known.wants_grant = max(known.wants_grant, self._state.settings.sr_grant_bytes)
        self._state.ul_active[rnti] = None
        self._state.deadlines[ue.rnti] = -2
        self._state.events.append(CRntiReceived(rnti))
        return known
