"""What a receiver or transmitter must know of a cell: identity, bandwidth, antenna ports, cyclic prefix, PHICH."""

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Final

BANDWIDTHS: Final = (6, 15, 25, 50, 75, 100)
"""N_RB^DL of the channel bandwidths 1.4, 3, 5, 10, 15 and 20 MHz (TS 36.101 5.6), in the order of the MIB's field."""

N_SC_RB: Final = 12
"""Subcarriers of a resource block at 15 kHz (TS 36.211 6.2.3)."""


class CyclicPrefix(StrEnum):
    """Cyclic prefix of the downlink (TS 36.211 6.12)."""

    NORMAL = "normal"
    EXTENDED = "extended"


class PhichDuration(StrEnum):
    """PHICH duration of the MIB (TS 36.211 6.9.3)."""

    NORMAL = "normal"
    EXTENDED = "extended"


class PhichResource(StrEnum):
    """PHICH resource N_g of the MIB (TS 36.211 6.9), in the order of its field."""

    ONE_SIXTH = "1/6"
    HALF = "1/2"
    ONE = "1"
    TWO = "2"

    @property
    def n_g(self) -> Fraction:
        """N_g as a number."""
        return Fraction(self.value)


class Duplex(StrEnum):
    """Frame structure type 1 (FDD) or 2 (TDD) (TS 36.211 4)."""

    FDD = "fdd"
    TDD = "tdd"


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell as the physical layer sees it.

    Attributes:
        pci: physical-layer cell identity N_ID^cell, 0..503.
        n_prb: downlink bandwidth N_RB^DL: 6, 15, 25, 50, 75 or 100.
        n_ports: cell-specific reference signal ports: 1, 2 or 4.
        cp: downlink cyclic prefix.
        phich_duration: PHICH duration.
        phich_resource: PHICH resource N_g.
        duplex: frame structure.
        tdd_config: uplink-downlink configuration 0..6 (TS 36.211 Table 4.2-2); read for TDD only.
        special_subframe: special subframe configuration 0..9 (TS 36.211 Table 4.2-1); read for TDD only.

    Raises:
        ValueError: a value that the standard does not have.
    """

    pci: int
    n_prb: int = 6
    n_ports: int = 1
    cp: CyclicPrefix = CyclicPrefix.NORMAL
    phich_duration: PhichDuration = PhichDuration.NORMAL
    phich_resource: PhichResource = PhichResource.ONE
    duplex: Duplex = Duplex.FDD
    tdd_config: int = 0
    special_subframe: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.pci <= 503:
            raise ValueError(f"pci {self.pci} is outside 0..503")
        if self.n_prb not in BANDWIDTHS:
            raise ValueError(f"n_prb {self.n_prb} is no LTE bandwidth: use one of {BANDWIDTHS}")
        if self.n_ports not in (1, 2, 4):
            raise ValueError(f"n_ports {self.n_ports} is not allowed: use 1, 2 or 4")
        if not 0 <= self.tdd_config <= 6:
            raise ValueError(f"tdd_config {self.tdd_config} is outside 0..6")
        if not 0 <= self.special_subframe <= 9:
            raise ValueError(f"special_subframe {self.special_subframe} is outside 0..9")

    def __hash__(self) -> int:
        # tables are looked up by it many times a subframe: numbers tell cells apart, and enumerations hash slowly
        return self.pci << 12 | self.n_prb << 4 | self.n_ports

    @property
    def n_id_1(self) -> int:
        """Group N_ID^(1), 0..167 (TS 36.211 6.11)."""
        return self.pci // 3

    @property
    def n_id_2(self) -> int:
        """Identity in the group N_ID^(2), 0..2 (TS 36.211 6.11)."""
        return self.pci % 3

    @property
    def n_sc(self) -> int:
        """Occupied subcarriers, 12 N_RB^DL."""
        return N_SC_RB * self.n_prb

    @property
    def n_symb_slot(self) -> int:
        """OFDM symbols of a slot N_symb^DL: 7 or 6 (TS 36.211 Table 6.2.3-1)."""
        return 7 if self.cp is CyclicPrefix.NORMAL else 6

    @property
    def n_symb(self) -> int:
        """OFDM symbols of a subframe: 14 or 12."""
        return 2 * self.n_symb_slot
