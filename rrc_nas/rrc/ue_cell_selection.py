"""Which cells a UE may camp on: the S criterion, networks, barring (TS 36.304 5.2.3, 5.3.1)."""

from dataclasses import dataclass
from typing import Final

from picocell.rrc_nas.rrc.fields import Value, reading
from picocell.rrc_nas.rrc.system_information import Sib1
from picocell.rrc_nas.rrc.ue_context import UeContext
from picocell.rrc_nas.rrc.ue_system_information import CellInformation

LOST_AFTER_MS: Final = 10_000
"""How long a serving cell may fail the S criterion before another one is selected (TS 36.133 4.2.2.1)."""


@dataclass(frozen=True, slots=True)
class Unsuitable:
    """Why a cell is not suitable.

    Attributes:
        reason: in plain words.
        barred: it is to be left alone for a while.
        unread: what it broadcasts could not be read: it is left alone for a shorter while.
        intra_frequency_allowed: the other cells of its frequency may be tried.
    """

    reason: str
    barred: bool = True
    unread: bool = False
    intra_frequency_allowed: bool = True


class CellSelection:
    """Suitability of cells, and those that are barred.

    Args:
        context: of the UE.
    """

    def __init__(self, context: UeContext) -> None:
        self._context = context
        self._barred: dict[tuple[int, int], int] = {}
        self._barred_frequencies: dict[int, int] = {}
        self._below_since: int | None = None

    def bar(self, info: CellInformation, unsuitable: Unsuitable, now: int) -> None:
        """Leave a cell alone from now on, and its frequency where the cell says so."""
        until = now + self.barred_ms(unsuitable)
        self._barred[(info.earfcn_dl, info.cell.pci)] = until
        if not unsuitable.intra_frequency_allowed:
            self._barred_frequencies[info.earfcn_dl] = until

    def barred_ms(self, unsuitable: Unsuitable) -> int:
        """For how long it is left alone (TS 36.304 5.3.1)."""
        settings = self._context.settings
        return settings.unread_ms if unsuitable.unread else settings.barred_ms

    def is_barred(self, earfcn_dl: int, pci: int, now: int) -> bool:
        """Whether a cell, or its frequency, is left alone at present."""
        return max(self._barred.get((earfcn_dl, pci), now), self._barred_frequencies.get(earfcn_dl, now)) > now

    def barred_pcis(self, now: int) -> tuple[int, ...]:
        """Physical identities of the cells that are left alone."""
        return tuple(sorted({pci for (_, pci), until in self._barred.items() if until > now}))

    def unsuitable(self, sib1: Sib1) -> Unsuitable | None:
        """What SIB1 says against a cell; None where nothing."""
        if sib1.barred:
            return Unsuitable("cellBarred", intra_frequency_allowed=sib1.intra_freq_reselection)
        if sib1.csg:
            return Unsuitable("closed subscriber group")
        if sib1.band not in self._context.settings.bands:
            return Unsuitable(f"band {sib1.band} is none of the UE's")
        index = self.plmn_index(sib1)
        if index is None:
            found, wanted = ", ".join(map(str, sib1.plmns)), "-".join(self._context.selected_plmn)
            return Unsuitable(f"networks {found}: the selected one, {wanted}, is not among them")
        if sib1.plmns[index - 1].reserved and not {11, 15}.intersection(self._context.identity.special_classes):
            return Unsuitable("reserved for operator use", intra_frequency_allowed=sib1.intra_freq_reselection)
        return None

    def plmn_index(self, sib1: Sib1) -> int | None:
        """selectedPLMN-Identity: place of the selected network in SIB1, from 1; None where it is missing."""
        names = [(plmn.mcc, plmn.mnc) for plmn in sib1.plmns]
        wanted = tuple(self._context.selected_plmn)
        return names.index(wanted) + 1 if wanted in names else None

    def s_criterion(self, sib1: Sib1) -> bool | None:
        """Whether Srxlev > 0, and Squal > 0 where the cell has a q-QualMin; None without a measurement."""
        rsrp, rsrq = self._context.rsrp_dbm, self._context.rsrq_db
        if rsrp is None:
            return None
        p_max = sib1.p_max_dbm
        compensation = 0.0 if p_max is None else max(p_max - self._context.settings.p_max_dbm, 0.0)
        if rsrp - sib1.q_rx_lev_min_dbm - compensation <= 0:
            return False
        minimum = q_qual_min_db(sib1.value)
        return minimum is None or rsrq is None or rsrq > minimum

    def serving_cell_lost(self, sib1: Sib1, now: int) -> bool:
        """Whether the serving cell has failed the S criterion for too long."""
        if self.s_criterion(sib1) is not False:
            self._below_since = None
            return False
        if self._below_since is None:
            self._below_since = now
        return now - self._below_since >= LOST_AFTER_MS

    def selected(self) -> None:
        """Another cell was selected."""
        self._below_since = None


def q_qual_min_db(sib1: Value) -> int | None:
    """q-QualMin-r9 of SIB1 in dB; None where the cell has none.

    Raises:
        Asn1Error: a value that is no SIB1.
    """
    with reading("SIB1"):
        v920 = sib1.get("nonCriticalExtension", {}).get("nonCriticalExtension", {})
        selection = v920.get("cellSelectionInfo-v920")
        return None if selection is None else int(selection["q-QualMin-r9"])
