"""What a UE's MAC sends, and what it tells the layers above (TS 36.321)."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from picocell.phy.lte.uplink import PucchTransmission, PuschTransmission


@dataclass(frozen=True, slots=True)
class Preamble:
    """A random access preamble of a cell, 0..63."""

    number: int


class UeTransmission(NamedTuple):
    """What a UE sends in one subframe.

    Attributes:
        sent: the signal, at amplitude 1.
        n_ta: timing advance N_TA in T_s; 0 for a preamble.
        power_dbm: transmission power.
    """

    sent: PuschTransmission | PucchTransmission | Preamble
    n_ta: int
    power_dbm: float


class RandomAccessCause(StrEnum):
    """Why random access starts (TS 36.321 5.1.1, 5.4.4)."""

    CCCH = "data on the CCCH"
    NO_SR_RESOURCE = "data and no resource for a scheduling request"
    SR_FAILED = "scheduling requests without answer"
    PDCCH_ORDER = "PDCCH order"


@dataclass(frozen=True, slots=True)
class RandomAccessStarted:
    """A random access procedure began."""

    cause: RandomAccessCause


@dataclass(frozen=True, slots=True)
class RandomAccessSent:
    """A preamble goes out: the attempt counts from 1."""

    preamble: int
    attempt: int
    power_dbm: float


@dataclass(frozen=True, slots=True)
class RandomAccessComplete:
    """Random access succeeded: the UE is known by this C-RNTI."""

    c_rnti: int


@dataclass(frozen=True, slots=True)
class RandomAccessProblem:
    """preambleTransMax attempts failed; the procedure goes on until the MAC is reset (5.1.4, 5.1.5)."""

    attempts: int


@dataclass(frozen=True, slots=True)
class ContentionLost:
    """Contention was not resolved in this UE's favour; the procedure goes on (5.1.5)."""

    attempt: int
    expired: bool


@dataclass(frozen=True, slots=True)
class TimeAlignmentExpired:
    """The time alignment timer ran out: PUCCH resources and sounding are given up (5.2)."""


@dataclass(frozen=True, slots=True)
class PucchReleased:
    """dsr-TransMax scheduling requests went unanswered: PUCCH resources and sounding are given up (5.4.4)."""


UeMacEvent = (
    RandomAccessStarted
    | RandomAccessSent
    | RandomAccessComplete
    | RandomAccessProblem
    | ContentionLost
    | TimeAlignmentExpired
    | PucchReleased
)
