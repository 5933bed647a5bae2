"""What a PDCP entity is configured with, and its state variables (TS 36.323 6.3, 7.1, 7.2)."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Protocol

COUNT_BITS: Final = 32
"""COUNT = HFN | PDCP SN (TS 36.323 6.3.5)."""

SRB_SN_BITS: Final = 5
UM_SN_BITS: Final = (7, 12)
AM_SN_BITS: Final = (12, 15, 18)

REORDERING_WINDOW: Final = {12: 1 << 11, 15: 1 << 14, 18: 1 << 17}
"""Reordering_Window by the length of the SN: half of the SN space (TS 36.323 7.2)."""

MAX_SDU: Final = 8188
"""Largest PDCP SDU, and largest PDCP control PDU, in bytes (TS 36.323 4.3.1)."""

MAC_I_SIZE: Final = 4
MAX_BEARER: Final = 31


class Direction(IntEnum):
    """DIRECTION of the security algorithms (TS 33.401 B.1.1, B.2.1)."""

    UPLINK = 0
    DOWNLINK = 1

    @property
    def opposite(self) -> "Direction":
        """The other direction."""
        return Direction.DOWNLINK if self is Direction.UPLINK else Direction.UPLINK


class CipherLike(Protocol):
    """A ciphering algorithm that holds its key; deciphering is the same operation (TS 33.401 B.1)."""

    def apply(self, count: int, bearer: int, direction: int, data: bytes) -> bytes:
        """Data, enciphered or deciphered, of the same length."""


class IntegrityLike(Protocol):
    """An integrity algorithm that holds its key (TS 33.401 B.2)."""

    def mac(self, count: int, bearer: int, direction: int, data: bytes) -> bytes:
        """MAC-I of the data: 4 bytes."""


@dataclass(frozen=True, slots=True)
class SrbConfig:
    """PDCP of SRB1 or SRB2.

    Attributes:
        bearer: BEARER of the security algorithms, the radio bearer identity minus 1 (TS 36.323 5.6), 0..31.
        transmit: direction that this end transmits in: uplink in a UE, downlink in a base station.
        count_margin: PDUs before the last COUNT at which the end of the COUNT is announced.
    """

    bearer: int
    transmit: Direction
    count_margin: int = 1 << 12

    def __post_init__(self) -> None:
        _check_common(self.bearer, self.count_margin)


@dataclass(frozen=True, slots=True)
class DrbConfig:
    """What DRBs on RLC UM and RLC AM have in common.

    Attributes:
        bearer: BEARER of the security algorithms, the DRB identity minus 1 (TS 36.323 5.6), 0..31.
        transmit: direction that this end transmits in: uplink in a UE, downlink in a base station.
        sn_bits: length of the PDCP SN: 7 or 12 on RLC UM; 12, 15 or 18 on RLC AM.
        discard_timer: discardTimer in ticks (ms by TS 36.331), None for infinity.
        max_queued_sdus: SDUs that may wait for an SN; what comes on top is dropped and counted.
        count_margin: PDUs before the last COUNT at which the end of the COUNT is announced.
    """

    bearer: int
    transmit: Direction
    sn_bits: int = 12
    discard_timer: int | None = None
    max_queued_sdus: int = 10_000
    count_margin: int = 1 << 16

    def __post_init__(self) -> None:
        _check_common(self.bearer, self.count_margin)
        if self.discard_timer is not None and self.discard_timer < 1:
            raise ValueError(f"discardTimer {self.discard_timer} is not positive; None is infinity")
        if self.max_queued_sdus < 1:
            raise ValueError(f"max_queued_sdus {self.max_queued_sdus} is not positive")


@dataclass(frozen=True, slots=True)
class UmConfig(DrbConfig):
    """PDCP of a DRB on RLC UM; its attributes are those of `DrbConfig`."""

    def __post_init__(self) -> None:
        DrbConfig.__post_init__(self)
        _check_sn_bits("UM", self.sn_bits, UM_SN_BITS)


@dataclass(frozen=True, slots=True)
class AmConfig(DrbConfig):
    """PDCP of a DRB on RLC AM; its attributes are those of `DrbConfig` and these.

    Attributes:
        status_report: send a status report at re-establishment and data recovery (statusReportRequired).
        t_reordering: t-Reordering in ticks, None where the reordering function is not used (TS 36.323 5.1.2.1.4).
    """

    status_report: bool = False
    t_reordering: int | None = None

    def __post_init__(self) -> None:
        DrbConfig.__post_init__(self)
        _check_sn_bits("AM", self.sn_bits, AM_SN_BITS)
        if self.t_reordering is not None and self.t_reordering < 0:
            raise ValueError(f"t-Reordering {self.t_reordering} is negative; None where it is not used")


@dataclass(slots=True)
class PdcpState:
    """State variables (TS 36.323 7.1). Those of the other kinds of bearer stay at 0.

    Attributes:
        Next_PDCP_TX_SN: SN of the next SDU.
        TX_HFN: HFN of the next SDU's COUNT; one past the last HFN when there is no COUNT left.
        Next_PDCP_RX_SN: SN that is expected next.
        RX_HFN: HFN of the COUNT that is expected next; one past the last HFN when there is no COUNT left.
        Last_Submitted_PDCP_RX_SN: AM: SN of the last SDU delivered to the upper layers.
        Reordering_PDCP_RX_COUNT: AM: COUNT after that of the PDU that started t-Reordering.
    """

    Next_PDCP_TX_SN: int = 0
    TX_HFN: int = 0
    Next_PDCP_RX_SN: int = 0
    RX_HFN: int = 0
    Last_Submitted_PDCP_RX_SN: int = 0
    Reordering_PDCP_RX_COUNT: int = 0


def check_state(state: PdcpState, sn_bits: int) -> None:
    """Check that state variables fit an SN of ``sn_bits`` bits.

    Raises:
        ValueError: one of them does not.
    """
    for name, limit in (
        ("Next_PDCP_TX_SN", 1 << sn_bits),
        ("Next_PDCP_RX_SN", 1 << sn_bits),
        ("Last_Submitted_PDCP_RX_SN", 1 << sn_bits),
        ("TX_HFN", (1 << COUNT_BITS - sn_bits) + 1),
        ("RX_HFN", (1 << COUNT_BITS - sn_bits) + 1),
        ("Reordering_PDCP_RX_COUNT", (1 << COUNT_BITS) + 1),
    ):
        if not 0 <= getattr(state, name) < limit:
            raise ValueError(f"{name} {getattr(state, name)} is outside 0..{limit - 1}")


def _check_common(bearer: int, count_margin: int) -> None:
    if not 0 <= bearer <= MAX_BEARER:
        raise ValueError(f"BEARER {bearer} is outside 0..{MAX_BEARER}")
    if not 0 < count_margin < 1 << COUNT_BITS:
        raise ValueError(f"count_margin {count_margin} is outside 1..{(1 << COUNT_BITS) - 1}")


def _check_sn_bits(mode: str, sn_bits: int, allowed: tuple[int, ...]) -> None:
    if sn_bits not in allowed:
        raise ValueError(f"an SN of {sn_bits} bits on RLC {mode}; allowed are {allowed}")
