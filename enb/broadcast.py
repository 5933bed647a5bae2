"""What an eNB broadcasts, and when: MIB, SIB1 and SI messages (TS 36.331 5.2.1.2, 5.2.3; TS 36.321 5.3.1)."""

from dataclasses import dataclass, replace
from typing import Final

from picocell.phy.fapi import BchPdu, DciDlPdu, DlschPdu
from picocell.phy.lte import pdsch, tbs
from picocell.phy.lte.allocation import localised
from picocell.phy.lte.cell import Cell
from picocell.phy.lte.dci import SI_RNTI, Dci1A, riv_encode
from picocell.phy.lte.grant import from_dci
from picocell.phy.lte.mib import Mib
from picocell.rrc_nas.rrc.system_information import SIB1_SUBFRAME, Sib1, si_rv, sib1_rv

MAX_CODE_RATE: Final = 0.35
"""Broadcast is sent at most at this code rate, for the cell edge."""

AGGREGATION_LEVEL: Final = 4


@dataclass(frozen=True, slots=True)
class Broadcast:
    """What a subframe broadcasts: PDUs for DL_CONFIG.request and their payloads by index."""

    bch: BchPdu | None
    dci: tuple[DciDlPdu, ...]
    dlsch: tuple[DlschPdu, ...]
    payloads: dict[int, bytes]


_NOTHING: Final = Broadcast(None, (), (), {})


class BroadcastScheduler:
    """Schedules the MIB, SIB1 and SI messages of a cell.

    SIB1 goes out in subframe 5 of every even frame; an SI message in subframe ``si_subframe`` of every frame of its
    window.

    Args:
        cell: the cell.
        sib1_payload: SIB1.
        si_payloads: SI messages in the order of SIB1's schedulingInfoList.
        cfi: control format indicator of the subframes that carry system information.
        si_subframe: subframe for SI messages, not 0 or 5.

    Raises:
        ValueError: a message that does not fit the bandwidth, or more or fewer messages than SIB1 schedules.
    """

    def __init__(
        self, cell: Cell, sib1_payload: bytes, si_payloads: list[bytes], *, cfi: int = 3, si_subframe: int = 9
    ) -> None:
        self.cell = cell
        if si_subframe in (0, SIB1_SUBFRAME) or not 0 <= si_subframe <= 9:
            raise ValueError(f"si_subframe {si_subframe} is not allowed: use 1..4 or 6..9")
        self._cfi = cfi
        self._si_subframe = si_subframe
        self._mib = Mib(cell.n_prb, cell.phich_duration, cell.phich_resource, 0)
        self.change(sib1_payload, si_payloads)

    @property
    def value_tag(self) -> int:
        """systemInfoValueTag of what is broadcast."""
        return self._sib1.value_tag

    def change(self, sib1_payload: bytes, si_payloads: list[bytes]) -> None:
        """Broadcast other system information from now on, which is to be the beginning of a modification period.

        Args:
            sib1_payload: SIB1, with another systemInfoValueTag (TS 36.331 5.2.1.3).
            si_payloads: SI messages in the order of its schedulingInfoList.

        Raises:
            ValueError: as in the constructor; what was broadcast before stays.
        """
        sib1 = Sib1.decode(sib1_payload)
        if len(si_payloads) != len(sib1.scheduling):
            raise ValueError(f"{len(si_payloads)} SI messages, but SIB1 schedules {len(sib1.scheduling)}")
        sib1_block = _sized(self.cell, self._cfi, SIB1_SUBFRAME, sib1_payload)
        si_blocks = [_sized(self.cell, self._cfi, self._si_subframe, payload) for payload in si_payloads]
        self._sib1, self._sib1_block, self._si_blocks = sib1, sib1_block, si_blocks

    def subframe(self, tti: int, first_pdu_index: int = 0) -> Broadcast:
        """Broadcast of a subframe; PDU indices count from ``first_pdu_index``."""
        sfn, subframe = divmod(tti, 10)
        if subframe == 0:
            mib = replace(self._mib, sfn_high=sfn >> 2)
            return Broadcast(BchPdu(first_pdu_index), (), (), {first_pdu_index: mib.encode()})
        if subframe == SIB1_SUBFRAME and (rv := sib1_rv(sfn)) is not None:
            return self._send(subframe, self._sib1_block, rv, first_pdu_index)
        if subframe == self._si_subframe:
            for number, block in enumerate(self._si_blocks, start=1):
                position = self._sib1.window(number).position(sfn, subframe)
                if position is not None:
                    return self._send(subframe, block, si_rv(position), first_pdu_index)
        return _NOTHING

    def _send(self, subframe: int, block: tuple[Dci1A, bytes], rv: int, index: int) -> Broadcast:
        first, payload = block
        dci = Dci1A(riv=first.riv, mcs=first.mcs, rv=rv, tpc=first.tpc)
        grant = from_dci(self.cell, subframe, self._cfi, SI_RNTI, dci)
        return Broadcast(
            None, (DciDlPdu(SI_RNTI, dci, 0, AGGREGATION_LEVEL),), (DlschPdu(grant, index),), {index: payload}
        )


def _sized(cell: Cell, cfi: int, subframe: int, payload: bytes) -> tuple[Dci1A, bytes]:
    """DCI fields and padded payload of a broadcast block: the smallest block that holds it, on enough PRBs."""
    sizes = [(tbs.tbs_1a_common(mcs, n), mcs, n) for mcs in range(27) for n in (2, 3)]
    fitting = [entry for entry in sizes if entry[0] >= 8 * len(payload)]
    if not fitting:
        raise ValueError(f"a broadcast block of {len(payload)} bytes is too long: at most {max(sizes)[0] // 8}")
    size, mcs, n_prb_1a = min(fitting)
    for n_prb in range(2, cell.n_prb + 1):
        n_re = pdsch.n_re(cell, subframe, localised(cell.n_prb, 0, n_prb), cfi)
        if size / (2 * n_re) <= MAX_CODE_RATE:
            break
    dci = Dci1A(riv=riv_encode(cell.n_prb, 0, n_prb), mcs=mcs, tpc=n_prb_1a - 2)
    return dci, payload.ljust(size // 8, b"\0")
