"""Authentication and key agreement: AUTN, AUTS and sequence numbers (TS 33.102 6.3, Annex C).

The functions f1 to f5* come from `Milenage` or `Tuak`. Sequence numbers are integers of 48 bits, SQN = SEQ || IND.
"""

import hmac
from dataclasses import dataclass, replace
from typing import Final, NamedTuple, Protocol

IND_BITS: Final = 5
"""Length of IND (TS 33.102 C.3)."""

DELTA: Final = 1 << 28
"""Largest accepted jump of SEQ (TS 33.102 C.3)."""

RESYNCHRONISATION_AMF: Final = bytes(2)
"""AMF* under MAC-S (TS 33.102 6.3.3)."""

_SQN_LIMIT: Final = 1 << 48
_SEQ_LIMIT: Final = 1 << 48 - IND_BITS


class Response(NamedTuple):
    """Outcome of f2, f3, f4 and f5."""

    res: bytes
    ck: bytes
    ik: bytes
    ak: bytes


class Functions(Protocol):
    """The functions f1 to f5* under one subscriber's key (TS 33.102 6.3.2); SQN has 6 bytes, AMF 2, RAND 16."""

    def f1(self, rand: bytes, sqn: bytes, amf: bytes) -> bytes:
        """MAC-A."""

    def f1_star(self, rand: bytes, sqn: bytes, amf: bytes) -> bytes:
        """MAC-S."""

    def f2345(self, rand: bytes) -> Response:
        """RES, CK, IK, AK."""

    def f5_star(self, rand: bytes) -> bytes:
        """AK of a resynchronisation."""


class MacFailure(ValueError):
    """AUTN or AUTS was not made with this key."""


class SynchronisationFailure(ValueError):
    """A sequence number that the USIM does not accept."""


@dataclass(frozen=True, slots=True)
class AuthenticationVector:
    """What the home network hands out for one authentication (TS 33.102 6.3.2)."""

    rand: bytes
    xres: bytes
    ck: bytes
    ik: bytes
    autn: bytes

    @property
    def sqn_xor_ak(self) -> bytes:
        """The concealed sequence number, which K_ASME is derived with."""
        return self.autn[:6]


@dataclass(frozen=True, slots=True)
class Challenge:
    """What the USIM gets from RAND and a genuine AUTN (TS 33.102 6.3.3); its SQN is still to be accepted."""

    sqn: int
    amf: bytes
    res: bytes
    ck: bytes
    ik: bytes
    sqn_xor_ak: bytes


def build_vector(functions: Functions, rand: bytes, sqn: int, amf: bytes) -> AuthenticationVector:
    """Authentication vector with AUTN = SQN xor AK || AMF || MAC-A (TS 33.102 6.3.2).

    Args:
        functions: f1 to f5* of the subscriber.
        rand: RAND, 16 bytes.
        sqn: SQN, 48 bits.
        amf: AMF, 2 bytes; bit 0, the separation bit, is 1 in EPS (TS 33.401 6.1.1).

    Raises:
        ValueError: an argument of the wrong length or out of its range.
    """
    check_length("AMF", amf, 2)
    plain = sqn_bytes(sqn)
    response = functions.f2345(rand)
    autn = _xor(plain, response.ak) + amf + functions.f1(rand, plain, amf)
    return AuthenticationVector(bytes(rand), response.res, response.ck, response.ik, autn)


def check_autn(functions: Functions, rand: bytes, autn: bytes) -> Challenge:
    """The USIM's check of MAC-A (TS 33.102 6.3.3).

    Raises:
        MacFailure: AUTN was made with another key.
        ValueError: an argument of the wrong length.
    """
    if len(autn) < 16:
        raise ValueError(f"AUTN has {len(autn)} bytes, at least 16 are wanted")
    response = functions.f2345(rand)
    concealed, amf, mac = autn[:6], autn[6:8], autn[8:]
    plain = _xor(concealed, response.ak)
    if not hmac.compare_digest(functions.f1(rand, plain, amf), mac):
        raise MacFailure("MAC-A of AUTN is wrong")
    return Challenge(int.from_bytes(plain, "big"), amf, response.res, response.ck, response.ik, concealed)


def build_auts(functions: Functions, rand: bytes, sqn_ms: int) -> bytes:
    """AUTS = SQN_MS xor AK* || MAC-S, the USIM's answer to a sequence number that it refuses (TS 33.102 6.3.3).

    Raises:
        ValueError: an argument of the wrong length or out of its range.
    """
    plain = sqn_bytes(sqn_ms)
    return _xor(plain, functions.f5_star(rand)) + functions.f1_star(rand, plain, RESYNCHRONISATION_AMF)


def check_auts(functions: Functions, rand: bytes, auts: bytes) -> int:
    """SQN_MS of an AUTS that answered RAND (TS 33.102 6.3.5).

    Raises:
        MacFailure: AUTS was made with another key, or for another RAND.
        ValueError: an argument of the wrong length.
    """
    if len(auts) < 14:
        raise ValueError(f"AUTS has {len(auts)} bytes, at least 14 are wanted")
    plain = _xor(auts[:6], functions.f5_star(rand))
    if not hmac.compare_digest(functions.f1_star(rand, plain, RESYNCHRONISATION_AMF), auts[6:]):
        raise MacFailure("MAC-S of AUTS is wrong")
    return int.from_bytes(plain, "big")


def sqn_bytes(sqn: int) -> bytes:
    """SQN in 6 bytes.

    Raises:
        ValueError: it does not fit in 48 bits.
    """
    if not 0 <= sqn < _SQN_LIMIT:
        raise ValueError(f"SQN {sqn} is outside 0..2^48-1")
    return sqn.to_bytes(6, "big")


def split_sqn(sqn: int) -> tuple[int, int]:
    """SEQ and IND of a sequence number (TS 33.102 C.1)."""
    sqn_bytes(sqn)
    return sqn >> IND_BITS, sqn & (1 << IND_BITS) - 1


def join_sqn(seq: int, ind: int) -> int:
    """Sequence number of SEQ and IND, the inverse of `split_sqn`.

    Raises:
        ValueError: one of them out of its range.
    """
    if not 0 <= seq < _SEQ_LIMIT:
        raise ValueError(f"SEQ {seq} is outside 0..2^{48 - IND_BITS}-1")
    if not 0 <= ind < 1 << IND_BITS:
        raise ValueError(f"IND {ind} is outside 0..{(1 << IND_BITS) - 1}")
    return seq << IND_BITS | ind


def next_sqn(sqn_he: int) -> int:
    """The home network's number after SQN_HE, not time-based: SEQ and IND go up by one (TS 33.102 C.1).

    Raises:
        ValueError: SEQ is exhausted.
    """
    seq, ind = split_sqn(sqn_he)
    return join_sqn(seq + 1, (ind + 1) % (1 << IND_BITS))


def resynchronised(sqn_he: int, sqn_ms: int, delta: int = DELTA) -> int:
    """SQN_HE after a genuine AUTS: kept if the number after it would be accepted, else SQN_MS (TS 33.102 6.3.5)."""
    seq_next, seq_ms = split_sqn(next_sqn(sqn_he))[0], split_sqn(sqn_ms)[0]
    return sqn_he if seq_ms < seq_next <= seq_ms + delta else sqn_ms


@dataclass(frozen=True, slots=True)
class SqnArray:
    """The USIM's memory of accepted sequence numbers (TS 33.102 C.2).

    Attributes:
        seq: SEQ_MS(IND), the highest SEQ accepted for each IND.
        delta: largest accepted jump above the highest SEQ accepted so far.
        age_limit: a SEQ this far or farther below the highest is refused; None sets no limit.
    """

    seq: tuple[int, ...] = (0,) * (1 << IND_BITS)
    delta: int = DELTA
    age_limit: int | None = None

    def __post_init__(self) -> None:
        if len(self.seq) != 1 << IND_BITS:
            raise ValueError(f"SEQ_MS has {len(self.seq)} entries, {1 << IND_BITS} are wanted")

    @property
    def sqn_ms(self) -> int:
        """SQN_MS, the highest accepted sequence number."""
        highest = max(self.seq)
        return join_sqn(highest, self.seq.index(highest))

    def accept(self, sqn: int) -> "SqnArray":
        """The array after a sequence number was accepted.

        Raises:
            SynchronisationFailure: it is not fresh, too old or too far ahead.
            ValueError: it does not fit in 48 bits.
        """
        seq, ind = split_sqn(sqn)
        highest = max(self.seq)
        if seq - highest > self.delta:
            raise SynchronisationFailure(f"SEQ {seq} is more than {self.delta} above {highest}")
        if self.age_limit is not None and highest - seq >= self.age_limit:
            raise SynchronisationFailure(f"SEQ {seq} is {self.age_limit} or more below {highest}")
        if seq <= self.seq[ind]:
            raise SynchronisationFailure(f"SEQ {seq} is not above {self.seq[ind]}, accepted for IND {ind}")
        return replace(self, seq=(*self.seq[:ind], seq, *self.seq[ind + 1 :]))


def check_length(name: str, value: bytes, wanted: int) -> None:
    """Raises ValueError unless ``value`` has ``wanted`` bytes."""
    if len(value) != wanted:
        raise ValueError(f"{name} has {len(value)} bytes, {wanted} are wanted")


def _xor(a: bytes, b: bytes) -> bytes:
    return bytes(x ^ y for x, y in zip(a, b, strict=True))
