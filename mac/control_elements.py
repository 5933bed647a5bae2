"""MAC control elements of the DL-SCH and the UL-SCH (TS 36.321 6.1.3), and the tables that they index."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import ClassVar, Final


class MacPduError(ValueError):
    """Bytes that are no MAC PDU, or elements that make none."""


class Direction(StrEnum):
    """Transport channel of a PDU: DL-SCH or UL-SCH."""

    DOWNLINK = "DL"
    UPLINK = "UL"


def check_range(name: str, value: int, limit: int) -> None:
    """Refuse a field outside 0..limit-1.

    Raises:
        MacPduError: the field is outside.
    """
    if not 0 <= value < limit:
        raise MacPduError(f"{name} {value} is outside 0..{limit - 1}")


@dataclass(frozen=True, slots=True)
class ContentionResolution:
    """UE Contention Resolution Identity: the first 48 bits of the UE's CCCH SDU (TS 36.321 6.1.3.4)."""

    LCID: ClassVar[int] = 0b11100
    SIZE: ClassVar[int] = 6
    identity: bytes

    def __post_init__(self) -> None:
        if len(self.identity) != 6:
            raise MacPduError(f"a contention resolution identity has 6 bytes, not {len(self.identity)}")

    @classmethod
    def unpack(cls, data: bytes) -> "ContentionResolution":
        """Read the element's bytes."""
        return cls(data)

    def pack(self) -> bytes:
        """The element's bytes."""
        return self.identity


@dataclass(frozen=True, slots=True)
class TimingAdvance:
    """Timing Advance Command T_A, 31 for no change, of a timing advance group (TS 36.321 6.1.3.5)."""

    LCID: ClassVar[int] = 0b11101
    SIZE: ClassVar[int] = 1
    command: int
    tag: int = 0

    def __post_init__(self) -> None:
        check_range("timing advance command", self.command, 64)
        check_range("timing advance group", self.tag, 4)

    @classmethod
    def unpack(cls, data: bytes) -> "TimingAdvance":
        """Read the element's bytes."""
        return cls(data[0] & 63, data[0] >> 6)

    def pack(self) -> bytes:
        """The element's bytes."""
        return bytes([self.tag << 6 | self.command])


@dataclass(frozen=True, slots=True)
class Activation:
    """Activation/Deactivation of secondary cells: bit i is SCell index i, bit 0 reserved (TS 36.321 6.1.3.8)."""

    LCID: ClassVar[int] = 0b11011
    SIZE: ClassVar[int] = 1
    bitmap: int

    def __post_init__(self) -> None:
        check_range("activation bitmap", self.bitmap, 256)

    @classmethod
    def unpack(cls, data: bytes) -> "Activation":
        """Read the element's bytes."""
        return cls(data[0])

    def pack(self) -> bytes:
        """The element's bytes."""
        return bytes([self.bitmap])


@dataclass(frozen=True, slots=True)
class DrxCommand:
    """DRX Command (TS 36.321 6.1.3.3); it has no bytes beyond its subheader."""

    LCID: ClassVar[int] = 0b11110
    SIZE: ClassVar[int] = 0

    @classmethod
    def unpack(cls, _data: bytes) -> "DrxCommand":
        """Read the element's bytes, none."""
        return cls()

    def pack(self) -> bytes:
        """The element's bytes, none."""
        return b""


@dataclass(frozen=True, slots=True)
class LongDrxCommand:
    """Long DRX Command (TS 36.321 6.1.3.9); it has no bytes beyond its subheader."""

    LCID: ClassVar[int] = 0b11010
    SIZE: ClassVar[int] = 0

    @classmethod
    def unpack(cls, _data: bytes) -> "LongDrxCommand":
        """Read the element's bytes, none."""
        return cls()

    def pack(self) -> bytes:
        """The element's bytes, none."""
        return b""


@dataclass(frozen=True, slots=True)
class CRnti:
    """C-RNTI of the UE that sends the PDU (TS 36.321 6.1.3.2)."""

    LCID: ClassVar[int] = 0b11011
    SIZE: ClassVar[int] = 2
    rnti: int

    def __post_init__(self) -> None:
        check_range("C-RNTI", self.rnti, 1 << 16)

    @classmethod
    def unpack(cls, data: bytes) -> "CRnti":
        """Read the element's bytes."""
        return cls(int.from_bytes(data, "big"))

    def pack(self) -> bytes:
        """The element's bytes."""
        return self.rnti.to_bytes(2, "big")


@dataclass(frozen=True, slots=True)
class PowerHeadroom:
    """Power Headroom level 0..63 (TS 36.321 6.1.3.6)."""

    LCID: ClassVar[int] = 0b11010
    SIZE: ClassVar[int] = 1
    level: int

    def __post_init__(self) -> None:
        check_range("power headroom level", self.level, 64)

    @property
    def least_db(self) -> int:
        """Lower edge of the level in dB: -23 for level 0, 40 for level 63 (TS 36.133 9.1.8.4)."""
        return self.level - 23

    @classmethod
    def unpack(cls, data: bytes) -> "PowerHeadroom":
        """Read the element's bytes."""
        return cls(data[0] & 63)

    def pack(self) -> bytes:
        """The element's bytes."""
        return bytes([self.level])


@dataclass(frozen=True, slots=True)
class ShortBsr:
    """Buffer size index of one logical channel group (TS 36.321 6.1.3.1)."""

    LCID: ClassVar[int] = 0b11101
    SIZE: ClassVar[int] = 1
    lcg: int
    index: int

    def __post_init__(self) -> None:
        check_range("logical channel group", self.lcg, 4)
        check_range("buffer size index", self.index, 64)

    @classmethod
    def unpack(cls, data: bytes) -> "ShortBsr":
        """Read the element's bytes."""
        return cls(data[0] >> 6, data[0] & 63)

    def pack(self) -> bytes:
        """The element's bytes."""
        return bytes([self.lcg << 6 | self.index])


@dataclass(frozen=True, slots=True)
class TruncatedBsr(ShortBsr):
    """A Short BSR that stands for more groups than it names (TS 36.321 6.1.3.1)."""

    LCID: ClassVar[int] = 0b11100

    @classmethod
    def unpack(cls, data: bytes) -> "TruncatedBsr":
        """Read the element's bytes."""
        return cls(data[0] >> 6, data[0] & 63)


@dataclass(frozen=True, slots=True)
class LongBsr:
    """Buffer size indices of the four logical channel groups (TS 36.321 6.1.3.1)."""

    LCID: ClassVar[int] = 0b11110
    SIZE: ClassVar[int] = 3
    indices: tuple[int, int, int, int]

    def __post_init__(self) -> None:
        if len(self.indices) != 4:
            raise MacPduError(f"a Long BSR has 4 buffer size indices, not {len(self.indices)}")
        for index in self.indices:
            check_range("buffer size index", index, 64)

    @classmethod
    def unpack(cls, data: bytes) -> "LongBsr":
        """Read the element's bytes."""
        word = int.from_bytes(data, "big")
        return cls((word >> 18, word >> 12 & 63, word >> 6 & 63, word & 63))

    def pack(self) -> bytes:
        """The element's bytes."""
        a, b, c, d = self.indices
        return (a << 18 | b << 12 | c << 6 | d).to_bytes(3, "big")


ControlElement = (
    ContentionResolution
    | TimingAdvance
    | Activation
    | DrxCommand
    | LongDrxCommand
    | CRnti
    | PowerHeadroom
    | ShortBsr
    | TruncatedBsr
    | LongBsr
)

_DOWNLINK: Final = (ContentionResolution, TimingAdvance, Activation, DrxCommand, LongDrxCommand)
_UPLINK: Final = (CRnti, PowerHeadroom, ShortBsr, TruncatedBsr, LongBsr)

ELEMENTS: Final[Mapping[Direction, Mapping[int, type[ControlElement]]]] = {
    Direction.DOWNLINK: {kind.LCID: kind for kind in _DOWNLINK},
    Direction.UPLINK: {kind.LCID: kind for kind in _UPLINK},
}
"""Control elements by direction and LCID (TS 36.321 Tables 6.2.1-1 and 6.2.1-2)."""


@cache
def _bsr_limits() -> tuple[int | None, ...]:
    """Largest buffer size in bytes of each index (TS 36.321 Table 6.1.3.1-1); None for the last, which has no limit."""
    text = files(__package__).joinpath("data", "36321_6.1.3.1_bsr.csv").read_text(encoding="utf-8")
    sizes = [line.split(",")[1] for line in text.splitlines()[2:]]
    return tuple(None if size.startswith(">") else int(size) for size in sizes)


def bsr_bytes(index: int) -> int | None:
    """Largest buffer size that a BSR index stands for, in bytes; None for index 63 (more than the table's end).

    Raises:
        MacPduError: an index outside 0..63.
    """
    check_range("buffer size index", index, 64)
    return _bsr_limits()[index]


def bsr_index(n_bytes: int) -> int:
    """BSR index of a buffer size in bytes.

    Raises:
        MacPduError: a negative size.
    """
    if n_bytes < 0:
        raise MacPduError(f"buffer size {n_bytes} is negative")
    return next(index for index, limit in enumerate(_bsr_limits()) if limit is None or n_bytes <= limit)
