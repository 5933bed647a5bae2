"""An observer of one cell's uplink beside its downlink: preambles, and PUSCH and PUCCH of the RNTIs being served.

Nothing is told to it: SIB2 configures the uplink, the grants and random access responses say where a PUSCH is due, the
assignments where an acknowledgement is, and the RRC messages where scheduling requests and reports may come.
"""

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from picocell.kernels.sch import SoftBuffer
from picocell.mac import rar
from picocell.mac.control_elements import Direction, MacPduError
from picocell.mac.dedicated_config import DedicatedConfig, UlControlDue, aperiodic_report, ul_control_due
from picocell.phy.fapi_uplink import UciPdu, UlConfigRequest, UlschPdu
from picocell.phy.lte import pucch, ulsch
from picocell.phy.lte.cell import Cell
from picocell.phy.lte.dci import Dci0, Dci1, Dci1A
from picocell.phy.lte.frame import TTI_MODULO
from picocell.phy.lte.pucch import PucchRequest
from picocell.phy.lte.srs_config import is_srs_subframe
from picocell.phy.lte.ul_grant import PuschGrant, PuschUci, from_dci0, from_rar, retransmission
from picocell.phy.lte.uplink import UplinkReceiver
from picocell.phy.lte.uplink_config import UplinkConfig
from picocell.rrc_nas.asn1 import Asn1Error
from picocell.rrc_nas.rrc.radio_config import rach_config, uplink_config
from picocell.rrc_nas.rrc.system_information import decode_system_information
from picocell.ue.monitor import Event
from picocell.ue.rnti_table import RntiKind, kind_of
from picocell.ue.rrc_observer import RrcObserver
from picocell.ue.uplink_events import pucch_event, pusch_event

GRANT_DELAY: Final = 4
"""Subframes from a grant or assignment to its PUSCH or acknowledgement, and from a PUSCH to its PHICH (FDD)."""

RAR_DELAY: Final = 6
"""Subframes from a random access response to message 3 (TS 36.213 6.1.1)."""

PROCESSES: Final = 8
MAX_TRANSMISSIONS: Final = 5

PREAMBLES: Final = 64
"""Preambles that every random access opportunity is searched for."""

_LONGEST_WAIT: Final = 16
"""Subframes ahead within which everything expected lies; what is due later has been passed over."""


@dataclass(frozen=True, slots=True)
class _Sent:
    """Last transmission of a HARQ process: its grant, CURRENT_TX_NB (TS 36.321 5.4.2.2) and TTI."""

    grant: PuschGrant
    number: int
    tti: int


class UplinkMonitor:
    """Turns received uplink subframes into events, on what the downlink's events say.

    Args:
        cell: the cell.
        fft: FFT size of the uplink's samples.

    Attributes:
        ul: the cell's uplink, once SIB2 has been read.
        hypotheses: how many transmissions were looked for, by channel: preambles of the opportunities, PUSCHs, and
            resources of PUCCHs.
        problem: why the uplink cannot be read, though SIB2 was; None where it can.
    """

    def __init__(self, cell: Cell, fft: int) -> None:
        self.cell = cell
        self.ul: UplinkConfig | None = None
        self.hypotheses: dict[str, int] = defaultdict(int)
        self.problem: str | None = None
        self._fft = fft
        self._receiver: UplinkReceiver | None = None
        self._rrc = RrcObserver(n_ports=cell.n_ports, pci=cell.pci)
        self._max_msg3 = MAX_TRANSMISSIONS
        self._pusch: dict[int, dict[int, tuple[PuschGrant, int]]] = defaultdict(dict)  # by TTI and RNTI, with number
        self._ack: dict[int, dict[int, int]] = defaultdict(dict)  # by TTI and RNTI: first CCE of the assignment
        self._last: dict[tuple[int, int], _Sent] = {}  # by RNTI and process
        self._soft: dict[tuple[int, int], SoftBuffer] = {}

    @property
    def samples_needed(self) -> int:
        """Samples that :meth:`subframe` reads from the start of a subframe; 0 before SIB2."""
        if self._receiver is None:
            return 0
        return max(self._receiver.samples_per_subframe, self._receiver.prach_samples)

    def downlink(self, event: Event) -> None:
        """Learn from an event of the downlink monitor."""
        if event.channel == "PHICH" and event.rnti is not None:
            self._hi(event.tti, event.rnti, bool(event.details["hi"]))
        if event.rnti is None:
            return
        kind = kind_of(event.rnti)
        if event.channel == "PDCCH" and event.found is not None and kind is RntiKind.C:
            if isinstance(event.found.dci, Dci0):
                self._grant(event.tti, event.rnti, event.found.dci)
            elif isinstance(event.found.dci, Dci1 | Dci1A):
                self._ack[(event.tti + GRANT_DELAY) % TTI_MODULO][event.rnti] = event.found.cce_index
        if event.channel == "PDSCH" and event.crc and event.payload is not None:
            if kind is RntiKind.SI:
                self._system_information(event.payload)
            elif kind is RntiKind.RA:
                self._random_access_response(event.tti, event.payload)
            elif kind is RntiKind.C:
                self._rrc.receive_pdu(event.tti, Direction.DOWNLINK, event.rnti, event.payload)

    def subframe(self, tti: int, samples: NDArray[np.complex64]) -> list[Event]:
        """What one uplink subframe holds; what was due and did not come is an event with ``dtx`` true.

        Args:
            tti: 10 SFN + subframe.
            samples: complex64 (n_rx, n), from the start of the subframe; ``samples_needed`` of them, fewer at the end.
        """
        pusch, acks = self._pusch.pop(tti, {}), self._ack.pop(tti, {})
        for expected in (self._pusch, self._ack):
            for due in [due for due in expected if (due - tti) % TTI_MODULO > _LONGEST_WAIT]:
                del expected[due]  # of subframes that were not seen
        if self._receiver is None or self.ul is None or samples.shape[1] < self._receiver.samples_per_subframe:
            return []
        request = self._request(tti, pusch, acks)
        result = self._receiver.receive(request, samples, soft_buffers=self._soft_buffer)
        events = self._preambles(tti, result.rach) if samples.shape[1] >= self._receiver.prach_samples else []
        for pdu, heard in zip(request.ulsch, result.pusch, strict=True):
            events.append(pusch_event(tti, pdu.grant, pdu.handle, heard))
            if heard.crc_ok:
                self._rrc.receive_pdu(tti, Direction.UPLINK, pdu.grant.rnti, heard.payload)
        for uci, found in zip(request.uci, result.pucch, strict=True):
            events.append(pucch_event(tti, uci.request, found))
        self.hypotheses["PUSCH"] += len(request.ulsch)
        self.hypotheses["PUCCH"] += sum(_n_resources(uci.request) for uci in request.uci)
        return events

    def lost(self) -> None:
        """Subframes were lost: what is due or half received is forgotten."""
        self._pusch.clear()
        self._ack.clear()
        self._soft.clear()
        self._last.clear()

    def forget(self, rnti: int) -> None:
        """An RNTI is not in use any more."""
        self._rrc.forget(rnti)
        for process in range(PROCESSES):
            self._last.pop((rnti, process), None)
            self._soft.pop((rnti, process), None)

    def _system_information(self, payload: bytes) -> None:
        """Configure the uplink from SIB2."""
        try:
            sib2 = decode_system_information(payload).get(2)
            if sib2 is None:
                return
            ul = uplink_config(sib2, self.cell.n_prb)
            max_msg3 = rach_config(sib2).max_harq_msg3_tx
            if ul != self.ul:
                pucch.n_resources(ul)
                receiver = UplinkReceiver(self.cell, ul, self._fft)
                self.lost()  # it was expected in the old places
                self._receiver, self.ul = receiver, ul
            self._max_msg3, self.problem = max_msg3, None
        except (Asn1Error, LookupError, TypeError, ValueError) as error:
            # a SIB2 of a later release, or an uplink that is not supported; one read before holds on
            self.problem = str(error)

    def _random_access_response(self, tti: int, payload: bytes) -> None:
        """Message 3 is due for every response."""
        if self.ul is None:
            return
        try:
            responses = rar.parse(payload).responses
        except MacPduError:
            return
        for response in responses:
            due = (tti + RAR_DELAY + response.grant.ul_delay) % TTI_MODULO
            try:
                grant = from_rar(self.cell, self.ul, due, response.tc_rnti, response.grant, srs_symbol=self._srs(due))
            except ValueError:
                continue
            self._new(due, grant, 0)

    def _grant(self, tti: int, rnti: int, dci: Dci0) -> None:
        """A PUSCH is due four subframes after its grant."""
        if self.ul is None:
            return
        due = (tti + GRANT_DELAY) % TTI_MODULO
        last = self._last.get((rnti, due % PROCESSES))
        number = 0
        try:
            grant = self._from_dci0(due, rnti, dci, last, number)
            if last is not None and last.grant.ndi == grant.ndi and last.grant.tbs == grant.tbs:
                # a NACK just before already counted this transmission
                number = last.number + (last.tti != due)
                grant = self._from_dci0(due, rnti, dci, last, number)
        except ValueError:
            self._pusch[due].pop(rnti, None)
            return
        self._new(due, grant, number)

    def _from_dci0(self, due: int, rnti: int, dci: Dci0, last: _Sent | None, number: int) -> PuschGrant:
        assert self.ul is not None
        config, asked = self._rrc.config(rnti), None
        if dci.cqi_request and config is not None:
            asked = aperiodic_report(config, n_prb=self.cell.n_prb, n_ports=self.cell.n_ports)
        return from_dci0(
            self.cell,
            self.ul,
            due,
            rnti,
            dci,
            previous=last.grant if last is not None else None,
            transmission=number,
            uci=PuschUci() if asked is None else PuschUci(n_cqi=asked[0], n_ri=asked[1]),
            srs_symbol=self._srs(due),
        )

    def _new(self, due: int, grant: PuschGrant, number: int) -> None:
        """Expect a PUSCH; a first transmission clears the process's soft buffer."""
        self._pusch[due][grant.rnti] = (grant, number)
        if not grant.tbs:
            return  # control information alone leaves the process as it is
        key = (grant.rnti, due % PROCESSES)
        if number == 0:
            self._soft.pop(key, None)
        self._last[key] = _Sent(grant, number, due)

    def _hi(self, tti: int, rnti: int, ack: bool) -> None:
        """After a NACK the UE sends again four subframes later, unless a grant says otherwise."""
        due = (tti + GRANT_DELAY) % TTI_MODULO
        last = self._last.get((rnti, due % PROCESSES))
        if ack or last is None or self.ul is None or rnti in self._pusch.get(due, {}):
            return
        if (due - last.tti) % TTI_MODULO != PROCESSES:
            return  # of a transmission that is not known
        number = last.number + 1
        config = self._rrc.config(rnti)
        if number >= (config.ul_sch.max_harq_tx if config is not None else self._max_msg3):
            return
        try:
            again = retransmission(self.cell, self.ul, due, last.grant, number, srs_symbol=self._srs(due))
        except ValueError:
            return
        self._new(due, again, number)

    def _soft_buffer(self, grant: PuschGrant) -> SoftBuffer:
        key = (grant.rnti, grant.harq_process)
        soft = self._soft.get(key)
        if soft is None:
            soft = self._soft[key] = SoftBuffer(grant.tbs)
        return soft

    def _srs(self, tti: int) -> bool:
        """Whether the last symbol of a PUSCH is left to sounding."""
        return self.ul is not None and is_srs_subframe(self.ul, tti % 10)

    def _request(self, tti: int, pusch: dict[int, tuple[PuschGrant, int]], acks: dict[int, int]) -> UlConfigRequest:
        """What may come: UCI goes with the PUSCH where there is one (TS 36.213 10.1)."""
        assert self.ul is not None
        blocks, uci = [], []
        configs = self._rrc.configs
        for rnti in sorted({*pusch, *acks, *configs}):
            config = configs.get(rnti)
            due = (
                ul_control_due(config, tti, n_prb=self.cell.n_prb, n_ports=self.cell.n_ports)
                if config is not None
                else UlControlDue()
            )
            if rnti in pusch:
                grant, number = pusch[rnti]
                grant = _with_uci(grant, config, due, rnti in acks)
                if _is_possible(self.ul, grant):
                    blocks.append(UlschPdu(grant, number))
                continue
            try:
                request = self._control(rnti, config, due, acks.get(rnti))
                if request is not None:
                    pucch.check_request(self.ul, request)
                    uci.append(UciPdu(request))
            except ValueError:
                continue  # resources that the cell does not have: a false grant, or a message misread
        return UlConfigRequest(tti, tuple(blocks), tuple(uci))

    def _control(
        self, rnti: int, config: DedicatedConfig | None, due: UlControlDue, first_cce: int | None
    ) -> PucchRequest | None:
        """What one UE may send on PUCCH; None if nothing."""
        assert self.ul is not None
        n_ack = 0 if first_cce is None else 1
        if due.sr_n_pucch is None and due.cqi_n_pucch is None and not n_ack:
            return None
        with_cqi = config is not None and config.cqi is not None and config.cqi.simultaneous_ack_nack
        n_cqi = due.n_cqi or due.n_ri
        joint = bool(n_ack and n_cqi and with_cqi)
        return PucchRequest(
            rnti,
            n_pucch_sr=due.sr_n_pucch,
            n_pucch_ack=None if first_cce is None or joint else self.ul.pucch.n1_pucch_an + first_cce,
            n_ack=n_ack,
            n2_pucch=due.cqi_n_pucch if n_cqi else None,
            n_cqi=n_cqi,
            ack_with_cqi=with_cqi,
        )

    def _preambles(self, tti: int, found: list[Any]) -> list[Event]:
        """Events of a random access opportunity; none in other subframes."""
        assert self._receiver is not None
        if not self._receiver.is_prach_opportunity(tti):
            return []
        self.hypotheses["PRACH"] += PREAMBLES
        if not found:
            return [Event(tti, "PRACH", details={"dtx": True})]
        return [
            Event(
                tti,
                "PRACH",
                details={
                    "preamble": preamble.preamble,
                    "t_a": preamble.t_a,
                    "timing_advance_us": round(1e6 * preamble.timing_advance_s, 3),
                    "snr_db": round(preamble.snr_db, 1),
                    "dtx": False,
                },
            )
            for preamble in found
        ]


def _with_uci(grant: PuschGrant, config: DedicatedConfig | None, due: UlControlDue, ack: bool) -> PuschGrant:
    """A grant with the control information that goes on its PUSCH; a report asked for takes a periodic one's place."""
    n_cqi, n_ri = (grant.uci.n_cqi, grant.uci.n_ri) if grant.uci else (due.n_cqi, due.n_ri)
    if not ack and not n_cqi and not n_ri:
        return grant
    known = config if config is not None else DedicatedConfig()
    beta = known.beta
    uci = PuschUci(n_ack=int(ack), n_ri=n_ri, n_cqi=n_cqi, beta_ack=beta.ack, beta_ri=beta.ri, beta_cqi=beta.cqi)
    return replace(grant, uci=uci)


def _is_possible(ul: UplinkConfig, grant: PuschGrant) -> bool:
    """Whether a PUSCH can be sent as it is thought to be: its control information may have been misread."""
    try:
        ulsch.sizes(ul, grant)
    except ValueError:
        return False
    return max(grant.prb_start) + grant.n_prb <= ul.n_prb


def _n_resources(request: PucchRequest) -> int:
    return sum(n is not None for n in (request.n_pucch_sr, request.n_pucch_ack, request.n2_pucch))
