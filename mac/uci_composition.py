"""Uplink control information of a UE: what goes together, and on which channel (TS 36.213 7.2, 7.3, 8.6, 10.1)."""

from dataclasses import replace
from functools import lru_cache
from typing import Final, NamedTuple

from picocell.mac.dedicated_config import BetaOffsets, DedicatedConfig, UlControlDue, ul_control_due
from picocell.phy.lte import ulsch
from picocell.phy.lte.cell import Cell, CyclicPrefix
from picocell.phy.lte.pucch_tables import PucchFormat
from picocell.phy.lte.uci import MAX_PUCCH_BITS, as_tuple, join_extended_cp
from picocell.phy.lte.ul_grant import PuschGrant, PuschUci, beta_offset
from picocell.phy.lte.ul_periodicity import Periodicity, cqi_periodicity, sr_periodicity
from picocell.phy.lte.uplink import PucchTransmission, PuschTransmission
from picocell.phy.lte.uplink_config import UplinkConfig

NOTHING_DUE: Final = UlControlDue()

_ACK_FORMATS: Final = {0: PucchFormat.F1, 1: PucchFormat.F1A, 2: PucchFormat.F1B}
_CQI_FORMATS: Final = {0: PucchFormat.F2, 1: PucchFormat.F2A, 2: PucchFormat.F2B}


class Feedback(NamedTuple):
    """HARQ-ACK of a downlink subframe: 1 for ACK, and the first CCE of the assignment."""

    bits: tuple[int, ...]
    first_cce: int


class Report(NamedTuple):
    """Bits of a channel report: CQI/PMI, or a rank indication, or on the PUSCH both."""

    cqi: tuple[int, ...] = ()
    ri: tuple[int, ...] = ()


class ControlSchedule:
    """What a UE's configuration puts into a subframe, quick to ask.

    Args:
        cell: the cell.
        config: the UE's configuration.
        max_layers: downlink layers of its category.
    """

    def __init__(self, cell: Cell, config: DedicatedConfig, max_layers: int = 2) -> None:
        self._cell, self._config, self._max_layers = cell, config, max_layers
        self._turns: list[Periodicity] = []
        self._always = config.cqi is not None and config.cqi.ri_config_index is not None
        try:
            if config.sr is not None:
                self._turns.append(sr_periodicity(config.sr.config_index))
            if config.cqi is not None:
                self._turns.append(cqi_periodicity(config.cqi.config_index))
        except ValueError:  # a reserved index: nothing is due for it
            self._always = True

    def due(self, tti: int) -> UlControlDue:
        """Scheduling request and report of a subframe."""
        if not self._always:
            for turn in self._turns:
                if (tti - turn.offset) % turn.period == 0:
                    break
            else:
                return NOTHING_DUE
        return ul_control_due(
            self._config, tti, n_prb=self._cell.n_prb, n_ports=self._cell.n_ports, max_layers=self._max_layers
        )


class PucchContent(NamedTuple):
    """A PUCCH to send, and the numbers of bits that its power depends on."""

    sent: PucchTransmission
    format: PucchFormat
    n_cqi: int
    n_ack: int


def on_pucch(
    ul: UplinkConfig,
    rnti: int,
    due: UlControlDue,
    *,
    ack: Feedback | None,
    sr: bool,
    report: tuple[int, ...],
    ack_with_cqi: bool,
) -> PucchContent | None:
    """What goes on the PUCCH of a subframe without PUSCH; None for nothing (TS 36.213 7.2, 7.3, 10.1).

    A positive scheduling request displaces a report and takes the acknowledgement along. An acknowledgement goes with
    a report where simultaneousAckNackAndCQI allows it, else the report is dropped.

    Args:
        ul: the cell's uplink.
        rnti: C-RNTI.
        due: resources of this subframe.
        ack: acknowledgement to send; None without.
        sr: a scheduling request goes out.
        report: bits of the report that is due, none without.
        ack_with_cqi: simultaneousAckNackAndCQI.
    """
    bits = ack.bits if ack is not None else ()
    if sr and due.sr_n_pucch is not None:
        return _content(rnti, _ACK_FORMATS[len(bits)], due.sr_n_pucch, bits, 0, len(bits))
    if report and due.cqi_n_pucch is not None and len(report) <= MAX_PUCCH_BITS and (not bits or ack_with_cqi):
        return _with_report(ul, rnti, due.cqi_n_pucch, report, bits)
    if ack is not None:
        return _content(rnti, _ACK_FORMATS[len(bits)], ul.pucch.n1_pucch_an + ack.first_cce, bits, 0, len(bits))
    return None


def on_pusch(
    ul: UplinkConfig, config: DedicatedConfig, grant: PuschGrant, payload: bytes, ack: Feedback | None, report: Report
) -> PuschTransmission:
    """A PUSCH with the control information of its subframe (TS 36.213 8.6.3, TS 36.212 5.2.2.6).

    A report that leaves no room for the data is left out, then the acknowledgement.
    """
    beta = config.beta
    bits = ack.bits if ack is not None else ()
    for chosen, told in ((bits, report), (bits, Report()), ((), Report())):
        uci = pusch_uci(len(chosen), len(told.ri), len(told.cqi), beta)
        with_uci = carrying(grant, uci) if uci else grant
        if not uci or _fits(ul, with_uci):
            return PuschTransmission(with_uci, payload, chosen, told.ri, told.cqi)
    raise AssertionError("a PUSCH without control information always fits")


@lru_cache(maxsize=4096)
def carrying(grant: PuschGrant, uci: PuschUci) -> PuschGrant:
    """A grant with control information; the same few grants come again and again under load."""
    return replace(grant, uci=uci)


@lru_cache(maxsize=256)
def pusch_uci(n_ack: int, n_ri: int, n_cqi: int, beta: BetaOffsets) -> PuschUci:
    """Control information of so many bits of each kind."""
    return PuschUci(n_ack, n_ri, n_cqi, beta_ack=beta.ack, beta_ri=beta.ri, beta_cqi=beta.cqi)


@lru_cache(maxsize=16)
def _is_ack_offset(index: int) -> bool:
    try:
        return beta_offset("harq_ack", index) > 0
    except ValueError:
        return False


def _fits(ul: UplinkConfig, grant: PuschGrant) -> bool:
    if grant.tbs and not grant.uci.n_cqi and not grant.uci.n_ri:
        return _is_ack_offset(grant.uci.beta_ack)  # an acknowledgement overwrites data, and so needs no room
    try:
        return ulsch.has_room(grant, ulsch.sizes(ul, grant))
    except ValueError:  # a reserved beta offset
        return False


def _content(rnti: int, fmt: PucchFormat, n_pucch: int, bits: tuple[int, ...], n_cqi: int, n_ack: int) -> PucchContent:
    return PucchContent(PucchTransmission(rnti, fmt.value, n_pucch, bits), fmt, n_cqi, n_ack)


def _with_report(
    ul: UplinkConfig, rnti: int, n_pucch: int, report: tuple[int, ...], ack: tuple[int, ...]
) -> PucchContent:
    """Formats 2, 2a, 2b; with the extended prefix the acknowledgement is coded with the report."""
    if ack and ul.cp is CyclicPrefix.EXTENDED:
        joint = as_tuple(join_extended_cp(report, ack))
        return _content(rnti, PucchFormat.F2, n_pucch, joint, len(report), len(ack))
    return _content(rnti, _CQI_FORMATS[len(ack)], n_pucch, (*report, *ack), len(report), len(ack))
