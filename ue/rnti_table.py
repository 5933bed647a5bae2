"""Which RNTIs an observer believes in, and why (TS 36.321 7.1)."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Generic, TypeVar

from picocell.phy.lte.dci import P_RNTI, SI_RNTI
from picocell.phy.lte.frame import TTI_MODULO

FIRST_C_RNTI: Final = 0x003D
LAST_C_RNTI: Final = 0xFFF3
LAST_RA_RNTI_FDD: Final = 10
"""RA-RNTI = 1 + t_id + 10 f_id with f_id = 0 in FDD (TS 36.321 5.1.4)."""

SURE: Final = 0.5
"""Confidence (0 for noise, 1 for a clean message) from which a DCI for a known RNTI is believed as it stands."""

SURE_OF_UNKNOWN: Final = 0.7
"""Confidence from which a DCI with an RNTI that nothing announced counts as a sighting."""

SIGHTINGS: Final = 2
SIGHTING_WINDOW: Final = 200
"""An RNTI without a decoded transport block is believed after this many sightings within so many subframes.

A false sighting takes one of 65536 values, so that a second one with the same value within the window is rare: with ten
false sightings a subframe it happens once in about a minute.
"""

LIFETIME: Final = 5000
"""Subframes without a grant after which an RNTI that the observer found itself is forgotten."""


class RntiKind(StrEnum):
    """What an RNTI is for (TS 36.321 Table 7.1-1, FDD)."""

    SI = "SI"
    P = "P"
    RA = "RA"
    C = "C"
    NONE = "none"


def kind_of(rnti: int) -> RntiKind:
    """Kind of an RNTI by its value; C stands for C-RNTI, temporary C-RNTI and semi-persistent scheduling."""
    if rnti == SI_RNTI:
        return RntiKind.SI
    if rnti == P_RNTI:
        return RntiKind.P
    if 1 <= rnti <= LAST_RA_RNTI_FDD:
        return RntiKind.RA
    if FIRST_C_RNTI <= rnti <= LAST_C_RNTI:
        return RntiKind.C
    return RntiKind.NONE


Line = TypeVar("Line")
"""What the caller shows for a DCI."""


@dataclass(slots=True)
class _Suspect(Generic[Line]):
    """An RNTI that was seen but is not believed in yet: when first, and the lines held back."""

    first_tti: int
    sightings: int = 0
    lines: list[Line] = field(default_factory=list)


class RntiTable(Generic[Line]):
    """C-RNTIs in use: given by the user, announced by a random access response, or found on the PDCCH.

    Args:
        rntis: those that are known from the start; they are never forgotten.
    """

    def __init__(self, rntis: tuple[int, ...] = ()) -> None:
        self._given = frozenset(rntis)
        self._last_tti: dict[int, int] = {}
        self._suspects: dict[int, _Suspect[Line]] = {}

    def __contains__(self, rnti: int) -> bool:
        return rnti in self._given or rnti in self._last_tti

    def add(self, tti: int, rnti: int) -> None:
        """An RNTI was announced."""
        self._last_tti[rnti] = tti
        self._suspects.pop(rnti, None)

    def judge(self, tti: int, rnti: int, confidence: float, *, proven: bool, lines: list[Line]) -> list[Line]:
        """Which lines to show for a DCI of a C-RNTI.

        Args:
            tti: when it was seen.
            rnti: the RNTI of its CRC.
            confidence: 0 for noise on the average, 1 for a message without noise.
            proven: a transport block that it granted had a correct CRC.
            lines: its lines.

        Returns:
            The lines, with earlier ones that were held back until the RNTI was believed; none while it is not.
        """
        if rnti in self:
            if not proven and confidence < SURE:
                return []
            self._last_tti[rnti] = tti
            return lines
        if proven:
            suspect = self._suspects.pop(rnti, None)
            self.add(tti, rnti)
            return [*(suspect.lines if suspect else []), *lines]
        if confidence < SURE_OF_UNKNOWN:
            return []
        suspect = self._suspects.setdefault(rnti, _Suspect(tti))
        suspect.sightings += 1
        suspect.lines += lines
        if suspect.sightings < SIGHTINGS:
            return []
        self.add(tti, rnti)
        return suspect.lines

    def expire(self, tti: int) -> list[int]:
        """Forget what has not been seen for long.

        Returns:
            The RNTIs that were believed in and are forgotten now.
        """
        self._suspects = {r: s for r, s in self._suspects.items() if (tti - s.first_tti) % TTI_MODULO < SIGHTING_WINDOW}
        expired = [r for r, t in self._last_tti.items() if (tti - t) % TTI_MODULO >= LIFETIME]
        for rnti in expired:
            del self._last_tti[rnti]
        return [rnti for rnti in expired if rnti not in self._given]
