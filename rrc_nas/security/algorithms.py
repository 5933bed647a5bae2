"""Ciphering 128-EEA and integrity 128-EIA of PDCP and NAS (TS 33.401 Annex B).

A `Cipher` and an `Integrity` hold the keyed state of one key, so that a packet costs a few microseconds at most. The
state of EEA2 moves with every call: an object belongs to one thread.
"""

from collections.abc import Callable
from enum import IntEnum
from typing import Final

from cryptography.hazmat.primitives import ciphers, cmac
from cryptography.hazmat.primitives.ciphers import algorithms, modes

from picocell.kernels.snow3g import Snow3g
from picocell.kernels.zuc import Zuc

KEY_BYTES: Final = 16
_BLOCK: Final = 16

_Apply = Callable[[int, int, int, bytes, int], bytes]


class Direction(IntEnum):
    """DIRECTION bit (TS 33.401 B.1.1)."""

    UPLINK = 0
    DOWNLINK = 1


class Eea(IntEnum):
    """Ciphering algorithm identity (TS 33.401 5.1.3.2)."""

    EEA0 = 0
    EEA1 = 1
    EEA2 = 2
    EEA3 = 3


class Eia(IntEnum):
    """Integrity algorithm identity (TS 33.401 5.1.4.2)."""

    EIA0 = 0
    EIA1 = 1
    EIA2 = 2
    EIA3 = 3


class Cipher:
    """A ciphering algorithm under one key (TS 33.401 B.1).

    Args:
        algorithm: 128-EEA identity.
        key: 16 bytes; not used by EEA0.

    Raises:
        ValueError: no such algorithm, or a key of another length.
    """

    def __init__(self, algorithm: Eea, key: bytes) -> None:
        self.algorithm: Final = Eea(algorithm)
        _check_key(key)
        self._apply: Final = _CIPHERS[self.algorithm](bytes(key))

    def apply(self, count: int, bearer: int, direction: int, data: bytes, bit_length: int | None = None) -> bytes:
        """Data ciphered, or deciphered, which is the same operation.

        Args:
            count: COUNT, 32 bits.
            bearer: BEARER, 0 to 31: the radio bearer identity less 1, or 0 for NAS.
            direction: DIRECTION.
            data: the message, most significant bit of byte 0 first.
            bit_length: bits of it that are ciphered, all of them if None.

        Returns:
            ceil(bit_length / 8) bytes; spare bits of the last one are zero.

        Raises:
            ValueError: an argument out of its range.
        """
        if count >> 32 or bearer >> 5 or direction >> 1:
            raise _range_error(count, bearer, direction)
        return self._apply(count, bearer, direction, data, _checked_length(data, bit_length))


class Integrity:
    """An integrity algorithm under one key (TS 33.401 B.2).

    Args:
        algorithm: 128-EIA identity.
        key: 16 bytes; not used by EIA0.

    Raises:
        ValueError: no such algorithm, or a key of another length.
    """

    def __init__(self, algorithm: Eia, key: bytes) -> None:
        self.algorithm: Final = Eia(algorithm)
        _check_key(key)
        self._mac: Final = _INTEGRITY[self.algorithm](bytes(key))

    def mac(self, count: int, bearer: int, direction: int, data: bytes, bit_length: int | None = None) -> bytes:
        """MAC-I, NAS-MAC or short form before truncation: 4 bytes.

        Args:
            count: COUNT, 32 bits.
            bearer: BEARER, 0 to 31: the radio bearer identity less 1, or 0 for NAS.
            direction: DIRECTION.
            data: the message, most significant bit of byte 0 first.
            bit_length: bits of it that are protected, all of them if None.

        Raises:
            ValueError: an argument out of its range.
        """
        if count >> 32 or bearer >> 5 or direction >> 1:
            raise _range_error(count, bearer, direction)
        return self._mac(count, bearer, direction, data, _checked_length(data, bit_length))


def _eea0(_key: bytes) -> _Apply:
    def apply(_count: int, _bearer: int, _direction: int, data: bytes, bits: int) -> bytes:
        return _trimmed(data, bits)

    return apply


def _eea1(key: bytes) -> _Apply:
    return Snow3g(key).f8


def _eea2(key: bytes) -> _Apply:
    """AES in counter mode; the counter block starts at COUNT, BEARER, DIRECTION and 90 zero bits (TS 33.401 B.1.3)."""
    context = ciphers.Cipher(algorithms.AES(key), modes.CTR(bytes(_BLOCK))).encryptor()

    def apply(count: int, bearer: int, direction: int, data: bytes, bits: int) -> bytes:
        context.reset_nonce((count << 96 | bearer << 91 | direction << 90).to_bytes(_BLOCK, "big"))
        n = (bits + 7) // 8
        out = context.update(data if n == len(data) else data[:n])
        return _trimmed(out, bits) if bits % 8 else out

    return apply


def _eea3(key: bytes) -> _Apply:
    return Zuc(key).eea3


def _eia0(_key: bytes) -> _Apply:
    def mac(_count: int, _bearer: int, _direction: int, _data: bytes, _bits: int) -> bytes:
        return bytes(4)

    return mac


def _eia1(key: bytes) -> _Apply:
    """f9 with FRESH = BEARER and 27 zero bits (TS 33.401 B.2.2)."""
    f9 = Snow3g(key).f9

    def mac(count: int, bearer: int, direction: int, data: bytes, bits: int) -> bytes:
        return f9(count, bearer << 27, direction, data, bits).to_bytes(4, "big")

    return mac


def _eia2(key: bytes) -> _Apply:
    """AES-CMAC over COUNT, BEARER, DIRECTION, 26 zero bits and the message (TS 33.401 B.2.3, RFC 4493)."""
    keyed = cmac.CMAC(algorithms.AES(key))
    zero = ciphers.Cipher(algorithms.AES(key), modes.ECB()).encryptor().update(bytes(_BLOCK))
    whole_key = _doubled(int.from_bytes(zero, "big"))
    correction = whole_key ^ _doubled(whole_key)

    def mac(count: int, bearer: int, direction: int, data: bytes, bits: int) -> bytes:
        message = (count << 32 | bearer << 27 | direction << 26).to_bytes(8, "big") + data[: (bits + 7) // 8]
        if bits % 8:
            # The library pads whole bytes only: pad here, and make the subkey of a whole block that of a short one.
            message = _padded(message, bits % 8)
            message = message[:-_BLOCK] + (int.from_bytes(message[-_BLOCK:], "big") ^ correction).to_bytes(
                _BLOCK, "big"
            )
        state = keyed.copy()
        state.update(message)
        return state.finalize()[:4]

    return mac


def _eia3(key: bytes) -> _Apply:
    eia3 = Zuc(key).eia3

    def mac(count: int, bearer: int, direction: int, data: bytes, bits: int) -> bytes:
        return eia3(count, bearer, direction, data, bits).to_bytes(4, "big")

    return mac


_CIPHERS: Final[dict[Eea, Callable[[bytes], _Apply]]] = {
    Eea.EEA0: _eea0,
    Eea.EEA1: _eea1,
    Eea.EEA2: _eea2,
    Eea.EEA3: _eea3,
}
_INTEGRITY: Final[dict[Eia, Callable[[bytes], _Apply]]] = {
    Eia.EIA0: _eia0,
    Eia.EIA1: _eia1,
    Eia.EIA2: _eia2,
    Eia.EIA3: _eia3,
}


def _doubled(block: int) -> int:
    """Product with x in GF(2^128) of x^128 + x^7 + x^2 + x + 1: how CMAC makes its subkeys (RFC 4493 2.3)."""
    return (block << 1 ^ (0x87 if block >> 127 else 0)) & ((1 << 128) - 1)


def _padded(message: bytes, bits_of_last: int) -> bytes:
    """Whole blocks: the message, of whose last byte 1 to 7 bits count, then a one, then zeros."""
    last = message[-1] & (0xFF00 >> bits_of_last) & 0xFF | 0x80 >> bits_of_last
    return message[:-1] + bytes([last]) + bytes(-len(message) % _BLOCK)


def _trimmed(data: bytes, bits: int) -> bytes:
    """The first ``bits`` bits in whole bytes, spare bits zero."""
    if bits % 8 == 0:
        return bytes(data[: bits // 8])
    return bytes(data[: bits // 8]) + bytes([data[bits // 8] & (0xFF00 >> bits % 8) & 0xFF])


def _checked_length(data: bytes, bit_length: int | None) -> int:
    bits = 8 * len(data)
    if bit_length is None:
        return bits
    if not 0 <= bit_length <= bits:
        raise ValueError(f"bit length {bit_length} is outside 0..{bits}, the bits of the data")
    return bit_length


def _check_key(key: bytes) -> None:
    if len(key) != KEY_BYTES:
        raise ValueError(f"the key has {len(key)} bytes, {KEY_BYTES} are wanted")


def _range_error(count: int, bearer: int, direction: int) -> ValueError:
    if not 0 <= count < 1 << 32:
        return ValueError(f"COUNT {count} is outside 0..{(1 << 32) - 1}")
    if not 0 <= bearer < 32:
        return ValueError(f"BEARER {bearer} is outside 0..31")
    return ValueError(f"DIRECTION {direction} is neither 0 (uplink) nor 1 (downlink)")
