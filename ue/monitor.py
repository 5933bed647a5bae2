"""An observer of one cell's downlink: every DCI, transport block and HARQ indicator, for RNTIs known or found."""

from dataclasses import asdict, dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from picocell.mac import rar
from picocell.mac.control_elements import MacPduError
from picocell.mac.harq import BroadcastHarq, DlHarqEntities, DlHarqProcess, PhichExpectation, UlHarqTracker
from picocell.phy.fapi import DciIndication, DlschIndication
from picocell.phy.lte import pdcch_search, phich
from picocell.phy.lte.cell import Cell
from picocell.phy.lte.dci import Dci0, Dci1, Dci1A, Dci1C, DciFormat, riv_decode, size
from picocell.phy.lte.dci_sizes import n_hopping_bits, riv_width
from picocell.phy.lte.downlink import ControlRegion, DownlinkReceiver, unpacked
from picocell.phy.lte.frame import TTI_MODULO
from picocell.phy.lte.grant import PdschGrant, from_dci
from picocell.rrc_nas.asn1 import Asn1Error
from picocell.rrc_nas.rrc.system_information import SIB1_SUBFRAME, Sib1, SiWindow, si_rv, sib1_rv
from picocell.ue.rnti_table import SURE, RntiKind, RntiTable, kind_of

_COMMON: Final = (DciFormat.FORMAT_1A, DciFormat.FORMAT_1C)


@dataclass(slots=True)
class Event:
    """One line of the monitor.

    Attributes:
        tti: 10 SFN + subframe.
        channel: ``PBCH``, ``PDCCH``, ``PDSCH``, ``PHICH``, ``PRACH``, ``PUSCH`` or ``PUCCH``.
        rnti: whom it is for or from; None on the PBCH and PRACH.
        crc: whether the transport block's CRC matched; None where there is none to check.
        payload: the transport block's bytes; None where there is none.
        details: further fields by channel, ready for JSON.
        symbols: equalised symbols of a PDSCH, if they were asked for.
        found: the DCI of a PDCCH event.
    """

    tti: int
    channel: str
    rnti: int | None = None
    crc: bool | None = None
    payload: bytes | None = None
    details: dict[str, Any] = field(default_factory=dict)
    symbols: NDArray[np.complex64] | None = None
    found: DciIndication | None = None

    def as_dict(self) -> dict[str, Any]:
        """The event as JSON-able values."""
        result: dict[str, Any] = {"tti": self.tti, "channel": self.channel}
        if self.rnti is not None:
            result |= {"rnti": self.rnti, "rnti_type": kind_of(self.rnti).value}
        result |= self.details
        if self.crc is not None:
            result["crc"] = self.crc
        if self.payload is not None:
            result["payload"] = self.payload.hex()
        return result


class Monitor:
    """Turns received subframes of one cell into events.

    Args:
        cell: the cell.
        fft: FFT size of the receiver.
        rntis: C-RNTIs known to be in use.
        blind: also look for C-RNTIs that nothing announced.
        user_data: decode the PDSCH of C-RNTIs and the PHICH too; without it, broadcast only.
        keep_symbols: keep the equalised symbols of each PDSCH in its event.

    Attributes:
        table: RNTIs known so far.
        sib1: the last SIB1 received, or None.
        expired: RNTIs that were forgotten in the last subframe.
    """

    def __init__(
        self,
        cell: Cell,
        fft: int | None = None,
        *,
        rntis: tuple[int, ...] = (),
        blind: bool = True,
        user_data: bool = True,
        keep_symbols: bool = False,
    ) -> None:
        self.cell = cell
        self.receiver = DownlinkReceiver(cell, fft)
        self.table: RntiTable[Event] = RntiTable(rntis)
        self.sib1: Sib1 | None = None
        self.expired: list[int] = []
        self._blind = blind
        self._user_data = user_data
        self._keep_symbols = keep_symbols
        self._harq = DlHarqEntities()
        self._si_harq = BroadcastHarq()
        self._uplink = UlHarqTracker()
        self._formats = _formats(cell, user_data)
        self._next_tti: int | None = None

    def subframe(self, tti: int, grid: NDArray[np.complex64]) -> tuple[ControlRegion, list[Event]]:
        """What one subframe holds.

        Args:
            tti: 10 SFN + subframe.
            grid: complex64 (n_rx, n_symb, n_sc).
        """
        if tti != self._next_tti:
            self._uplink.clear()  # a HARQ indicator that was missed must not be read when the TTIs begin anew
        self._next_tti = (tti + 1) % TTI_MODULO
        region = self.receiver.control(tti, grid)
        events = self._hi(region) if self._user_data else []
        for hit in pdcch_search.search_all(self.cell, region.pdcch, list(self._formats)):
            events += self._hit(region, hit)
        self.expired = self.table.expire(tti)
        self._harq.keep(self.table.__contains__)
        return region, events

    def lost(self) -> None:
        """Subframes were lost: what is due or half received is forgotten."""
        self._uplink.clear()
        self._harq = DlHarqEntities()
        self._si_harq = BroadcastHarq()

    def _hi(self, region: ControlRegion) -> list[Event]:
        """HARQ indicators that are due."""
        due = self._uplink.due(region.tti)
        if not due:
            return []
        resources = [phich.resource(self.cell, e.prb_start, e.n_dmrs) for e in due]
        events = []
        for expected, found in zip(due, self.receiver.hi(region, resources), strict=True):
            self._uplink.received(region.tti, expected, found.ack)
            events.append(_hi_event(region.tti, expected, found.n_group, found.n_seq, found.ack, found.metric))
        return events

    def _hit(self, region: ControlRegion, hit: pdcch_search.FoundDci) -> list[Event]:
        """Events of one candidate that decoded: none, unless it is believable."""
        rnti, kind = hit.rnti, kind_of(hit.rnti)
        if kind is RntiKind.NONE or (kind is RntiKind.C and not self._user_data):
            return []
        known = kind is not RntiKind.C or rnti in self.table
        if not known and not self._blind:
            return []
        if not pdcch_search.may_start_at(
            region.pdcch.n_cce, rnti, region.subframe, hit.first_cce, hit.aggregation_level
        ):
            return []
        found = self._unpacked(hit, kind)
        if found is None or not self._is_legal(region, found):
            return []
        if isinstance(found.dci, Dci0):
            return self._uplink_grant(region, found, hit.confidence, known)
        if not isinstance(found.dci, Dci1 | Dci1A | Dci1C):
            return self._other(region, found, hit.confidence)
        return self._downlink_grant(region, found, hit.confidence, known)

    def _unpacked(self, hit: pdcch_search.FoundDci, kind: RntiKind) -> DciIndication | None:
        """The message read as the format that fits its size and RNTI; None if there is none."""
        for fmt in self._formats[len(hit.bits)]:
            if (fmt in _COMMON) if kind is not RntiKind.C else (fmt is not DciFormat.FORMAT_1C):
                found = unpacked(self.cell, hit.as_format(fmt), hit.rnti)
                if found is not None:
                    return found
        return None

    def _is_legal(self, region: ControlRegion, found: DciIndication) -> bool:
        """Whether a message's fields make sense in this cell and subframe."""
        try:
            if isinstance(found.dci, Dci0):
                _pusch_prbs(self.cell, found.dci)
            elif isinstance(found.dci, Dci1 | Dci1A | Dci1C):
                self._grant(region, found, found.dci)
        except ValueError:
            return False
        return True

    def _grant(self, region: ControlRegion, found: DciIndication, dci: Dci1 | Dci1A | Dci1C) -> PdschGrant:
        """Grant of a downlink DCI; ValueError if it is not legal."""
        previous = None if isinstance(dci, Dci1C) else self._harq.previous_tbs(found.rnti, dci.harq_process)
        return from_dci(
            self.cell,
            region.subframe,
            region.cfi,
            found.rnti,
            dci,
            previous_tbs=previous,
            rv=self._broadcast_rv(region.tti) if isinstance(dci, Dci1C) else 0,
        )

    def _downlink_grant(
        self, region: ControlRegion, found: DciIndication, confidence: float, known: bool
    ) -> list[Event]:
        """A grant and the transport block that it announces."""
        assert isinstance(found.dci, Dci1 | Dci1A | Dci1C)
        grant = self._grant(region, found, found.dci)
        # a doubtful grant must not disturb the soft bits of a process
        process = self._process(region.tti, grant) if known and confidence >= SURE else None
        block = self._block(region, grant, process)
        events = [
            _dci_event(region.tti, found),
            Event(
                region.tti,
                "PDSCH",
                found.rnti,
                block.crc_ok,
                block.payload,
                {
                    "dci": _dci_dict(found),
                    "n_prb": grant.n_prb,
                    "n_re": block.n_re,
                    "q_m": grant.q_m,
                    "tbs": grant.tbs,
                    "rv": grant.rv,
                    "transmission": process.transmissions if process is not None else 1,
                    "iterations": round(block.iterations, 2),
                },
                block.symbols,
            ),
        ]
        if block.crc_ok:
            self._received(region.tti, grant.rnti, block.payload)
        if kind_of(found.rnti) is not RntiKind.C:
            return events if block.crc_ok or confidence >= SURE else []
        return self.table.judge(region.tti, found.rnti, confidence, proven=block.crc_ok, lines=events)

    def _block(self, region: ControlRegion, grant: PdschGrant, process: DlHarqProcess | None) -> DlschIndication:
        """The transport block of a grant, combined with what its process holds."""
        soft = process.soft if process is not None else None
        block = self.receiver.dlsch(region, grant, soft, keep_symbols=self._keep_symbols)
        if process is None:
            return block
        # where grants were missed, a new block can look like a repetition of one long received, or of a failed one
        if process.transmissions > 1 and (process.acked or not block.crc_ok):
            alone = self.receiver.dlsch(region, grant)
            if alone.crc_ok and alone.payload != block.payload:
                process.restart()
                block = self.receiver.dlsch(region, grant, soft, keep_symbols=self._keep_symbols)
        process.acked = process.acked or block.crc_ok
        return block

    def _uplink_grant(self, region: ControlRegion, found: DciIndication, confidence: float, known: bool) -> list[Event]:
        """An uplink grant: four subframes later a PUSCH, another four later its HARQ indicator."""
        assert isinstance(found.dci, Dci0)
        events = self.table.judge(
            region.tti, found.rnti, confidence, proven=False, lines=[_dci_event(region.tti, found)]
        )
        if events and (known or found.rnti in self.table):
            start, _ = _pusch_prbs(self.cell, found.dci)
            self._uplink.pusch_sent((region.tti + 4) % TTI_MODULO, found.rnti, start, found.dci.cyclic_shift)
        return events

    def _other(self, region: ControlRegion, found: DciIndication, confidence: float) -> list[Event]:
        """A DCI without a transport block that this receiver decodes: a PDCCH order, or spatial multiplexing."""
        return self.table.judge(region.tti, found.rnti, confidence, proven=False, lines=[_dci_event(region.tti, found)])

    def _process(self, tti: int, grant: PdschGrant) -> DlHarqProcess | None:
        """HARQ process of a grant, told of the transmission; None where nothing combines."""
        kind = kind_of(grant.rnti)
        if kind is RntiKind.SI:
            return self._si_harq.received_grant(self._si_block(tti), grant.tbs)
        return self._harq.received_grant(grant) if kind is RntiKind.C else None

    def _si_block(self, tti: int) -> tuple[str, int]:
        """Which system information block a subframe repeats: SIB1 of these 80 ms, or the message of this window."""
        sfn, subframe = divmod(tti, 10)
        if subframe == SIB1_SUBFRAME and sfn % 2 == 0:
            return "SIB1", sfn // 8
        found = self._window(tti)
        if found is None:
            return "SI", tti  # no schedule yet: nothing combines
        index, position = found
        return f"SI {index}", (tti - position) % TTI_MODULO

    def _window(self, tti: int) -> tuple[int, int] | None:
        """SI message whose window a subframe lies in, and the subframe's number in it."""
        windows: list[SiWindow] = []
        if self.sib1 is not None:
            windows = [self.sib1.window(n + 1) for n in range(len(self.sib1.scheduling))]
        for index, window in enumerate(windows, start=1):
            position = window.position(*divmod(tti, 10))
            if position is not None:
                return index, position
        return None

    def _broadcast_rv(self, tti: int) -> int:
        """Redundancy version where format 1C carries none (TS 36.321 5.3.1)."""
        sfn, subframe = divmod(tti, 10)
        if subframe == SIB1_SUBFRAME and (rv := sib1_rv(sfn)) is not None:
            return rv
        window = self._window(tti)
        return si_rv(window[1]) if window is not None else 0

    def _received(self, tti: int, rnti: int, payload: bytes) -> None:
        """Learn from a transport block: SIB1's schedule, a random access response's RNTI and uplink grant."""
        match kind_of(rnti):
            case RntiKind.SI:
                try:
                    self.sib1 = Sib1.decode(payload)
                except (Asn1Error, LookupError, TypeError):
                    return  # another SI message, or one of a later release
            case RntiKind.RA:
                self._random_access_response(tti, payload)

    def _random_access_response(self, tti: int, payload: bytes) -> None:
        try:
            pdu = rar.parse(payload)
        except MacPduError:
            return
        for response in pdu.responses:
            self.table.add(tti, response.tc_rnti)
            grant = response.grant
            try:
                start, _ = _rar_prbs(self.cell, grant)
            except ValueError:
                continue
            self._uplink.pusch_sent((tti + 6 + grant.ul_delay) % TTI_MODULO, response.tc_rnti, start, 0)


def _formats(cell: Cell, user_data: bool) -> dict[int, tuple[DciFormat, ...]]:
    """DCI formats that may be on air by their size."""
    formats = [DciFormat.FORMAT_1A, DciFormat.FORMAT_1C]
    if user_data:
        formats += [DciFormat.FORMAT_0, DciFormat.FORMAT_1]
        if cell.n_ports > 1:
            formats += [DciFormat.FORMAT_2, DciFormat.FORMAT_2A]
    sizes: dict[int, tuple[DciFormat, ...]] = {}
    for fmt in formats:
        sizes[size(cell, fmt)] = (*sizes.get(size(cell, fmt), ()), fmt)
    return sizes


def _pusch_prbs(cell: Cell, dci: Dci0) -> tuple[int, int]:
    """First PRB and number of PRBs of an uplink grant's first slot (TS 36.213 8.1, 8.4); ValueError if not legal."""
    width = riv_width(cell.n_prb) - (n_hopping_bits(cell.n_prb) if dci.hopping else 0)
    return riv_decode(cell.n_prb, dci.riv & ((1 << width) - 1))


def _rar_prbs(cell: Cell, grant: rar.RarGrant) -> tuple[int, int]:
    """First PRB and number of PRBs of a random access response grant (TS 36.213 6.2)."""
    width = riv_width(cell.n_prb)
    if grant.hopping:
        width = min(width, 10) - n_hopping_bits(cell.n_prb)
    return riv_decode(cell.n_prb, grant.rb_assignment & ((1 << min(width, 10)) - 1))


def _dci_dict(found: DciIndication) -> dict[str, Any]:
    """Fields of a DCI for JSON."""
    return {"format": found.format.value, **asdict(found.dci)}


def _dci_event(tti: int, found: DciIndication) -> Event:
    details = {
        "dci": _dci_dict(found),
        "cce": found.cce_index,
        "aggregation_level": found.aggregation_level,
        "quality": round(found.quality, 4),
    }
    return Event(tti, "PDCCH", found.rnti, details=details, found=found)


def _hi_event(tti: int, expected: PhichExpectation, group: int, sequence: int, ack: bool, metric: float) -> Event:
    details = {
        "hi": int(ack),
        "n_group": group,
        "n_seq": sequence,
        "prb_start": expected.prb_start,
        "n_dmrs": expected.n_dmrs,
        "metric": round(metric, 3),
    }
    return Event(tti, "PHICH", expected.rnti, details=details)
