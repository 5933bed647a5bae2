"""When an idle UE looks for paging: paging frames and paging occasions (TS 36.304 7.1, 7.2)."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Final, Self

from picocell.phy.lte.cell import Duplex
from picocell.rrc_nas.rrc.fields import Value, number, reading

SFN_MODULO: Final = 1024
CYCLES_RF: Final = (32, 64, 128, 256)
"""Paging cycles in radio frames."""

_N_B: Final = {
    "fourT": Fraction(4),
    "twoT": Fraction(2),
    "oneT": Fraction(1),
    "halfT": Fraction(1, 2),
    "quarterT": Fraction(1, 4),
    "oneEighthT": Fraction(1, 8),
    "oneSixteenthT": Fraction(1, 16),
    "oneThirtySecondT": Fraction(1, 32),
}
_SUBFRAMES: Final = {  # by N_s: subframes for i_s = 0, 1, … (TS 36.304 7.2)
    Duplex.FDD: {1: (9,), 2: (4, 9), 4: (0, 4, 5, 9)},
    Duplex.TDD: {1: (0,), 2: (0, 5), 4: (0, 1, 5, 6)},
}


@dataclass(frozen=True, slots=True)
class PagingCycle:
    """pcch-Config, and which UE it is applied to.

    Attributes:
        cycle_rf: DRX cycle T of the UE in radio frames.
        n_b: nB as a multiple of T.
        duplex: frame structure, which the subframes depend on.

    Raises:
        ValueError: a value that the standard does not have.
    """

    cycle_rf: int
    n_b: Fraction = Fraction(1)
    duplex: Duplex = Duplex.FDD

    def __post_init__(self) -> None:
        if self.cycle_rf not in CYCLES_RF:
            raise ValueError(f"a paging cycle of {self.cycle_rf} frames is not allowed: use one of {CYCLES_RF}")
        if self.n_b not in _N_B.values():
            raise ValueError(f"nB = {self.n_b} T is not allowed: use 4, 2, 1, 1/2, … 1/32")

    @classmethod
    def from_sib2(cls, sib2: Value, ue_cycle_rf: int | None = None, duplex: Duplex = Duplex.FDD) -> Self:
        """Cycle of a UE: the shorter one of its own and the cell's.

        Args:
            sib2: SIB2 as `asn1.decode` gives it.
            ue_cycle_rf: UE specific DRX cycle in radio frames; None where upper layers gave none.
            duplex: frame structure.

        Raises:
            Asn1Error: a value that is no SIB2.
        """
        with reading("SIB2"):
            pcch = sib2["radioResourceConfigCommon"]["pcch-Config"]
            default = number(pcch["defaultPagingCycle"])
            return cls(default if ue_cycle_rf is None else min(default, ue_cycle_rf), _N_B[pcch["nB"]], duplex)

    def occasion(self, ue_id: int) -> tuple[int, int]:
        """Paging frame and subframe: SFN mod T, and the subframe of the paging occasion.

        Args:
            ue_id: IMSI mod 1024, the UE Identity Index value.
        """
        n = min(self.cycle_rf, int(self.cycle_rf * self.n_b))
        n_s = max(1, int(self.n_b))
        frame = self.cycle_rf // n * (ue_id % n)
        return frame, _SUBFRAMES[self.duplex][n_s][ue_id // n % n_s]

    def is_occasion(self, ue_id: int, now: int) -> bool:
        """Whether subframe ``now`` is a UE's paging occasion."""
        return self.next_occasion(ue_id, now) == now

    def next_occasion(self, ue_id: int, now: int) -> int:
        """A UE's first paging occasion in subframe ``now`` or later, in absolute subframes."""
        frame, subframe = self.occasion(ue_id)
        period = 10 * self.cycle_rf  # a cycle divides the SFN's 1024 frames
        return now + (10 * frame + subframe - now) % period


def ue_identity_index(imsi: str) -> int:
    """UE_ID of an IMSI: IMSI mod 1024 (TS 36.304 7.1).

    Raises:
        ValueError: something else than 6 to 15 digits.
    """
    check_imsi(imsi)
    return int(imsi) % 1024


def check_imsi(imsi: str) -> None:
    """Refuse what is no IMSI.

    Raises:
        ValueError: something else than 6 to 15 digits.
    """
    if not (imsi.isascii() and imsi.isdigit() and 6 <= len(imsi) <= 15):
        raise ValueError(f"IMSI {imsi!r} is not 6 to 15 digits")
