"""Configuration of RLC entities (TS 36.322 7; values that RRC may signal: TS 36.331 6.3.2, RLC-Config)."""

from dataclasses import dataclass
from typing import Final

MAX_SDU_BYTES: Final = 65_535
"""Longest SDU that is accepted and reassembled; a PDCP PDU has little more than 8188 bytes (TS 36.323 4.3.1)."""

AM_SN_MODULO: Final = 1 << 10
AM_WINDOW_SIZE: Final = 512
"""AM_Window_Size of a sequence number of 10 bits (TS 36.322 7.2)."""

UM_WINDOW_SIZE: Final = {5: 16, 10: 512}
"""UM_Window_Size by the bits of a sequence number (TS 36.322 7.2)."""


@dataclass(frozen=True, slots=True)
class AmTxConfig:
    """Transmitting side of an AM entity: UL-AM-RLC in a UE. The defaults are those of an SRB (TS 36.331 9.2.1).

    Attributes:
        t_poll_retransmit: ms.
        poll_pdu: pollPDU, None for infinity.
        poll_byte: pollByte in bytes, None for infinity.
        max_retx_threshold: maxRetxThreshold.

    Raises:
        ValueError: a value that is not positive.
    """

    t_poll_retransmit: int = 45
    poll_pdu: int | None = None
    poll_byte: int | None = None
    max_retx_threshold: int = 4

    def __post_init__(self) -> None:
        for name in ("t_poll_retransmit", "poll_pdu", "poll_byte", "max_retx_threshold"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} {value} is not positive")


@dataclass(frozen=True, slots=True)
class AmRxConfig:
    """Receiving side of an AM entity: DL-AM-RLC in a UE. The defaults are those of an SRB (TS 36.331 9.2.1).

    Attributes:
        t_reordering: ms.
        t_status_prohibit: ms.

    Raises:
        ValueError: a negative time.
    """

    t_reordering: int = 35
    t_status_prohibit: int = 0

    def __post_init__(self) -> None:
        check_time("t_reordering", self.t_reordering)
        check_time("t_status_prohibit", self.t_status_prohibit)


@dataclass(frozen=True, slots=True)
class UmConfig:
    """One direction of a UM bearer: UL-UM-RLC or DL-UM-RLC.

    Attributes:
        sn_bits: bits of a sequence number, 5 or 10.
        t_reordering: ms; of no effect on the transmitting side.

    Raises:
        ValueError: another number of bits, a negative time.
    """

    sn_bits: int = 10
    t_reordering: int = 35

    def __post_init__(self) -> None:
        check_sn_bits(self.sn_bits)
        check_time("t_reordering", self.t_reordering)


def check_sn_bits(sn_bits: int) -> None:
    """Refuse a length of a UM sequence number that is not 5 or 10 bits."""
    if sn_bits not in UM_WINDOW_SIZE:
        raise ValueError(f"UM sequence numbers have 5 or 10 bits, not {sn_bits}")


def check_time(name: str, value: int) -> None:
    """Refuse a negative time."""
    if value < 0:
        raise ValueError(f"{name} {value} is negative")


def check_sn(name: str, sn: int, modulo: int) -> None:
    """Refuse a sequence number outside 0..modulo-1."""
    if not 0 <= sn < modulo:
        raise ValueError(f"{name} {sn} is outside 0..{modulo - 1}")
