"""TUAK: the authentication and key generation functions f1 to f5* on Keccak (TS 35.231)."""

from functools import cache
from typing import Final

from picocell.rrc_nas.security.aka import Response, check_length

ALGONAME: Final = b"TUAK1.0"

_MAC_BITS: Final = {64: 0x08, 128: 0x10, 256: 0x20}
_RES_BITS: Final = {32: 0x00, 64: 0x08, 128: 0x10, 256: 0x20}
_CK_BITS: Final = {128: 0x00, 256: 0x04}
_IK_BITS: Final = {128: 0x00, 256: 0x02}
_LONG_KEY: Final = 0x01
"""Parts of the octet INSTANCE, bit 0 most significant."""

_F1_STAR: Final = 0x80
_F2345: Final = 0x40
_F5_STAR: Final = 0xC0

_LANE: Final = (1 << 64) - 1


def derive_topc(k: bytes, top: bytes, iterations: int = 1) -> bytes:
    """TOPc, 32 bytes, of a subscriber's K (16 or 32 bytes) and an operator's TOP (32 bytes).

    Raises:
        ValueError: an argument of the wrong length or out of its range.
    """
    _check_key(k, iterations)
    check_length("TOP", top, 32)
    return _permuted(top, _key_bit(k), bytes(16), bytes(2), bytes(6), k, iterations)[:32][::-1]


class Tuak:
    """f1, f1*, f2 to f5 and f5* of one subscriber.

    Args:
        k: subscriber key K, 16 or 32 bytes.
        topc: TOPc, 32 bytes.
        iterations: how often the permutation is applied.
        mac_bits: length of MAC-A and MAC-S: 64, 128 or 256.
        res_bits: length of RES: 32, 64, 128 or 256.
        ck_bits: length of CK: 128 or 256.
        ik_bits: length of IK: 128 or 256.

    Raises:
        ValueError: an argument of the wrong length or out of its range.
    """

    def __init__(
        self,
        k: bytes,
        topc: bytes,
        *,
        iterations: int = 1,
        mac_bits: int = 64,
        res_bits: int = 64,
        ck_bits: int = 128,
        ik_bits: int = 128,
    ) -> None:
        _check_key(k, iterations)
        check_length("TOPc", topc, 32)
        self._k, self._topc, self._iterations = bytes(k), bytes(topc), iterations
        self._mac_bytes, self._res_bytes = mac_bits // 8, res_bits // 8
        self._ck_bytes, self._ik_bytes = ck_bits // 8, ik_bits // 8
        self._f1_instance = _choice("MAC", _MAC_BITS, mac_bits) | _key_bit(k)
        lengths = _choice("RES", _RES_BITS, res_bits) | _choice("CK", _CK_BITS, ck_bits)
        self._f2345_instance = _F2345 | lengths | _choice("IK", _IK_BITS, ik_bits) | _key_bit(k)

    @classmethod
    def from_top(cls, k: bytes, top: bytes, *, iterations: int = 1) -> "Tuak":
        """The functions, of default lengths, of a subscriber whose operator's TOP is given.

        Raises:
            ValueError: an argument of the wrong length or out of its range.
        """
        return cls(k, derive_topc(k, top, iterations), iterations=iterations)

    def f1(self, rand: bytes, sqn: bytes, amf: bytes) -> bytes:
        """MAC-A of RAND (16 bytes), SQN (6 bytes) and AMF (2 bytes)."""
        return self._out(self._f1_instance, rand, sqn, amf)[: self._mac_bytes][::-1]

    def f1_star(self, rand: bytes, sqn: bytes, amf: bytes) -> bytes:
        """MAC-S of RAND (16 bytes), SQN (6 bytes) and AMF (2 bytes)."""
        return self._out(_F1_STAR | self._f1_instance, rand, sqn, amf)[: self._mac_bytes][::-1]

    def f2345(self, rand: bytes) -> Response:
        """RES, CK, IK and AK (6 bytes) of RAND."""
        out = self._out(self._f2345_instance, rand)
        lengths = (self._res_bytes, self._ck_bytes, self._ik_bytes, 6)
        res, ck, ik, ak = (out[32 * i : 32 * i + n][::-1] for i, n in enumerate(lengths))
        return Response(res, ck, ik, ak)

    def f5_star(self, rand: bytes) -> bytes:
        """AK of a resynchronisation, 6 bytes."""
        return self._out(_F5_STAR | _key_bit(self._k), rand)[96:102][::-1]

    def _out(self, instance: int, rand: bytes, sqn: bytes = bytes(6), amf: bytes = bytes(2)) -> bytes:
        check_length("RAND", rand, 16)
        check_length("SQN", sqn, 6)
        check_length("AMF", amf, 2)
        return _permuted(self._topc, instance, rand, amf, sqn, self._k, self._iterations)


def keccak_f1600(state: bytes) -> bytes:
    """Permutation KECCAK-f[1600] of 200 bytes, lane by lane, least significant byte first (FIPS 202 3.2, 3.3).

    Raises:
        ValueError: not 200 bytes.
    """
    check_length("the state", state, 200)
    a = [[int.from_bytes(state[8 * (x + 5 * y) :][:8], "little") for y in range(5)] for x in range(5)]
    for constant in _round_constants():
        parity = [a[x][0] ^ a[x][1] ^ a[x][2] ^ a[x][3] ^ a[x][4] for x in range(5)]
        theta = [parity[x - 1] ^ _rotated(parity[(x + 1) % 5], 1) for x in range(5)]
        b = [[0] * 5 for _ in range(5)]
        for x, y, offset in _rotations():  # rho and pi
            b[y][(2 * x + 3 * y) % 5] = _rotated(a[x][y] ^ theta[x], offset)
        a = [[b[x][y] ^ (~b[(x + 1) % 5][y] & b[(x + 2) % 5][y]) for y in range(5)] for x in range(5)]
        a[0][0] ^= constant
    return b"".join(a[x][y].to_bytes(8, "little") for y in range(5) for x in range(5))


def _permuted(top: bytes, instance: int, rand: bytes, amf: bytes, sqn: bytes, k: bytes, iterations: int) -> bytes:
    """The permutation's output for the input that TS 35.231 lays out; fields stand last byte first."""
    fields = (top, bytes([instance]), ALGONAME, rand, amf, sqn, k)
    state = b"".join(field[::-1] for field in fields).ljust(96, b"\0")
    state += b"\x1f" + bytes(38) + b"\x80"
    state = state.ljust(200, b"\0")
    for _ in range(iterations):
        state = keccak_f1600(state)
    return state


def _rotated(lane: int, bits: int) -> int:
    return (lane << bits | lane >> (64 - bits)) & _LANE


@cache
def _rotations() -> tuple[tuple[int, int, int], ...]:
    """Column, row and offset of each lane's rotation (FIPS 202 3.2.2)."""
    found = [(0, 0, 0)]
    x, y = 1, 0
    for t in range(24):
        found.append((x, y, (t + 1) * (t + 2) // 2 % 64))
        x, y = y, (2 * x + 3 * y) % 5
    return tuple(found)


@cache
def _round_constants() -> tuple[int, ...]:
    """The 24 constants, from the shift register x^8 + x^6 + x^5 + x^4 + 1 (FIPS 202 3.2.5)."""
    constants = []
    register = 1
    for _ in range(24):
        constant = 0
        for j in range(7):
            constant |= (register & 1) << ((1 << j) - 1)
            register <<= 1
            register ^= 0x171 if register & 0x100 else 0
        constants.append(constant)
    return tuple(constants)


def _key_bit(k: bytes) -> int:
    return _LONG_KEY if len(k) == 32 else 0


def _check_key(k: bytes, iterations: int) -> None:
    if len(k) not in (16, 32):
        raise ValueError(f"K has {len(k)} bytes, 16 or 32 are wanted")
    if iterations < 1:
        raise ValueError(f"{iterations} iterations, at least 1 is wanted")


def _choice(name: str, table: dict[int, int], bits: int) -> int:
    if bits not in table:
        raise ValueError(f"{name} of {bits} bits: use one of {', '.join(map(str, table))}")
    return table[bits]
