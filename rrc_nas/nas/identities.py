"""Identities of networks, areas and subscribers as NAS writes them (TS 24.301 9.9.3, TS 24.008 10.5.1)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, Self


class Plmn(NamedTuple):
    """A PLMN identity: three digits of MCC, two or three of MNC."""

    mcc: str
    mnc: str

    def pack(self) -> bytes:
        """Three octets (TS 24.008 10.5.1.13).

        Raises:
            ValueError: not such digits.
        """
        mcc, mnc = self
        if not (len(mcc) == 3 and len(mnc) in (2, 3) and (mcc + mnc).isascii() and (mcc + mnc).isdigit()):
            raise ValueError(f"PLMN {mcc!r}/{mnc!r}: MCC has three digits, MNC two or three")
        third = mnc[2] if len(mnc) == 3 else "f"
        return bytes.fromhex(mcc[1] + mcc[0] + third + mcc[2] + mnc[1] + mnc[0])

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        """The identity in three octets."""
        if len(data) != 3:
            raise ValueError(f"a PLMN identity has {len(data)} octets, 3 are wanted")
        text = data.hex()
        mcc, mnc = text[1] + text[0] + text[3], text[5] + text[4] + text[2].replace("f", "")
        if not (mcc + mnc).isdigit():
            raise ValueError(f"PLMN identity {text} holds other than digits")
        return cls(mcc, mnc)

    def __str__(self) -> str:
        return f"{self.mcc}{self.mnc}"


class Tai(NamedTuple):
    """Tracking area identity (TS 24.301 9.9.3.32)."""

    plmn: Plmn
    tac: int

    def pack(self) -> bytes:
        """Five octets."""
        return self.plmn.pack() + self.tac.to_bytes(2, "big")

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        """The identity in five octets."""
        if len(data) != 5:
            raise ValueError(f"a TAI has {len(data)} octets, 5 are wanted")
        return cls(Plmn.unpack(data[:3]), int.from_bytes(data[3:], "big"))


class Guti(NamedTuple):
    """Globally unique temporary identity (TS 23.003 2.8)."""

    plmn: Plmn
    mme_group_id: int
    mme_code: int
    m_tmsi: int

    @property
    def s_tmsi(self) -> tuple[int, int]:
        """MME code and M-TMSI."""
        return self.mme_code, self.m_tmsi

    def pack(self) -> bytes:
        """Ten octets, without the octet that says what they are."""
        group = self.mme_group_id.to_bytes(2, "big")
        return self.plmn.pack() + group + bytes([self.mme_code]) + self.m_tmsi.to_bytes(4, "big")

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        """The identity in ten octets."""
        if len(data) != 10:
            raise ValueError(f"a GUTI has {len(data)} octets, 10 are wanted")
        number = int.from_bytes
        return cls(Plmn.unpack(data[:3]), number(data[3:5], "big"), data[5], number(data[6:], "big"))


IdentityKind = Literal["none", "imsi", "imei", "imeisv", "tmsi", "guti"]

_MOBILE_KINDS: Final[dict[int, IdentityKind]] = {0: "none", 1: "imsi", 2: "imei", 3: "imeisv", 4: "tmsi"}
"""Type of identity (TS 24.008 10.5.1.4), also what IDENTITY REQUEST asks for (10.5.5.9)."""

_EPS_KINDS: Final[dict[int, IdentityKind]] = {1: "imsi", 3: "imei", 6: "guti"}
"""Type of identity (TS 24.301 9.9.3.12)."""

IDENTITY_TYPES: Final[dict[IdentityKind, int]] = {kind: number for number, kind in _MOBILE_KINDS.items()}
"""Number of an identity in IDENTITY REQUEST."""


@dataclass(frozen=True, slots=True)
class MobileIdentity:
    """An identity of a subscriber or an equipment.

    Attributes:
        kind: which.
        digits: of an IMSI, IMEI or IMEISV.
        guti: of a GUTI.
        tmsi: of a TMSI, 32 bits.
    """

    kind: IdentityKind
    digits: str = ""
    guti: Guti | None = None
    tmsi: int = 0

    @classmethod
    def imsi(cls, digits: str) -> Self:
        """An IMSI."""
        return cls("imsi", digits)

    @classmethod
    def of_guti(cls, guti: Guti) -> Self:
        """A GUTI."""
        return cls("guti", guti=guti)

    def pack(self) -> bytes:
        """As mobile identity (TS 24.008 10.5.1.4): IMSI, IMEI, IMEISV, TMSI or none."""
        if self.kind == "tmsi":
            return b"\xf4" + self.tmsi.to_bytes(4, "big")
        if self.kind == "none":
            return bytes(3)
        return _digits(self.digits, _number(_MOBILE_KINDS, self.kind))

    def pack_eps(self) -> bytes:
        """As EPS mobile identity (TS 24.301 9.9.3.12): IMSI, GUTI or IMEI."""
        if self.kind == "guti":
            if self.guti is None:
                raise ValueError("the identity is a GUTI but holds none")
            return b"\xf6" + self.guti.pack()
        return _digits(self.digits, _number(_EPS_KINDS, self.kind))

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        """The mobile identity in some octets."""
        kind = _kind(_MOBILE_KINDS, data)
        if kind == "tmsi":
            if len(data) != 5:
                raise ValueError(f"a TMSI has {len(data)} octets, 5 are wanted")
            return cls(kind, tmsi=int.from_bytes(data[1:], "big"))
        return cls(kind) if kind == "none" else cls(kind, _undigits(data))

    @classmethod
    def unpack_eps(cls, data: bytes) -> Self:
        """The EPS mobile identity in some octets."""
        kind = _kind(_EPS_KINDS, data)
        return cls(kind, guti=Guti.unpack(data[1:])) if kind == "guti" else cls(kind, _undigits(data))

    def __str__(self) -> str:
        match self.kind:
            case "guti":
                return f"GUTI {self.guti}"
            case "tmsi":
                return f"TMSI {self.tmsi:#010x}"
        return f"{self.kind.upper()} {self.digits}".strip()


def _kind(kinds: dict[int, IdentityKind], data: bytes) -> IdentityKind:
    if not data or data[0] & 7 not in kinds:
        raise ValueError(f"identity {data.hex()!r} is of no known type")
    return kinds[data[0] & 7]


def _number(kinds: dict[int, IdentityKind], kind: IdentityKind) -> int:
    for number, known in kinds.items():
        if known == kind:
            return number
    raise ValueError(f"an identity of kind {kind} cannot be sent here: use one of {', '.join(kinds.values())}")


def _digits(digits: str, kind: int) -> bytes:
    """Digits in semi-octets after the type, odd/even indicator in bit 4."""
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 16):
        raise ValueError(f"identity {digits!r}: up to 16 digits are wanted")
    odd = len(digits) % 2
    text = digits + ("" if odd else "f")
    rest = "".join(text[i + 1] + text[i] for i in range(1, len(text), 2))
    return bytes([int(text[0]) << 4 | odd << 3 | kind]) + bytes.fromhex(rest)


def _undigits(data: bytes) -> str:
    text = f"{data[0] >> 4:x}" + "".join(f"{octet & 15:x}{octet >> 4:x}" for octet in data[1:])
    if not data[0] & 8:
        text = text[:-1]
    if not text.isdigit() or len(text) > 16:
        raise ValueError(f"identity {data.hex()} holds other than up to 16 digits")
    return text


def pack_tai_list(tais: Sequence[Tai]) -> bytes:
    """TAI list: one partial list of one PLMN, or of TAIs in full (TS 24.301 9.9.3.33).

    Raises:
        ValueError: not 1 to 16 TAIs.
    """
    if not 1 <= len(tais) <= 16:
        raise ValueError(f"{len(tais)} TAIs, 1 to 16 fit in a list")
    if all(tai.plmn == tais[0].plmn for tai in tais):
        return bytes([len(tais) - 1]) + tais[0].plmn.pack() + b"".join(tai.tac.to_bytes(2, "big") for tai in tais)
    return bytes([2 << 5 | len(tais) - 1]) + b"".join(tai.pack() for tai in tais)


def unpack_tai_list(data: bytes) -> tuple[Tai, ...]:
    """TAIs of a TAI list."""
    tais: list[Tai] = []
    position = 0
    while position < len(data):
        kind, n = data[position] >> 5 & 3, (data[position] & 31) + 1
        length = 1 + (3 + 2 * n, 5, 5 * n)[kind] if kind < 3 else 0
        part = data[position + 1 : position + length]
        if kind == 3 or len(part) != length - 1:
            raise ValueError(f"TAI list {data.hex()} is cut short or of an unknown type")
        if kind == 2:
            tais += [Tai.unpack(part[5 * i : 5 * i + 5]) for i in range(n)]
        else:
            plmn = Plmn.unpack(part[:3])
            first = int.from_bytes(part[3:5], "big")
            for i in range(n):
                tac = first + i if kind == 1 else int.from_bytes(part[3 + 2 * i : 5 + 2 * i], "big")
                tais.append(Tai(plmn, tac & 0xFFFF))
        position += length
    if not 1 <= len(tais) <= 16:
        raise ValueError(f"TAI list of {len(tais)} TAIs, 1 to 16 are allowed")
    return tuple(tais)


def pack_plmns(plmns: Iterable[Plmn]) -> bytes:
    """PLMN list (TS 24.008 10.5.1.13)."""
    return b"".join(plmn.pack() for plmn in plmns)


def unpack_plmns(data: bytes) -> tuple[Plmn, ...]:
    """PLMNs of a PLMN list."""
    if not data or len(data) % 3:
        raise ValueError(f"a PLMN list has {len(data)} octets, a multiple of 3 is wanted")
    return tuple(Plmn.unpack(data[i : i + 3]) for i in range(0, len(data), 3))
