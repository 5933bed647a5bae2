"""MILENAGE: the authentication and key generation functions f1 to f5* on AES (TS 35.206)."""

from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from picocell.rrc_nas.security.aka import Response, check_length

_R: Final = {1: 64, 2: 0, 3: 32, 4: 64, 5: 96}
"""Rotations r1 to r5 in bits (TS 35.206 4.1)."""

_C: Final = {1: 0, 2: 1, 3: 2, 4: 4, 5: 8}
"""Constants c1 to c5 (TS 35.206 4.1)."""

_MASK: Final = (1 << 128) - 1


def derive_opc(k: bytes, op: bytes) -> bytes:
    """OPc of a subscriber's K and an operator's OP: OP xor E[OP]_K (TS 35.206 4.1).

    Raises:
        ValueError: an argument that has not 16 bytes.
    """
    check_length("K", k, 16)
    check_length("OP", op, 16)
    encrypted = Cipher(algorithms.AES(k), modes.ECB()).encryptor().update(op)
    return bytes(a ^ b for a, b in zip(op, encrypted, strict=True))


class Milenage:
    """f1, f1*, f2 to f5 and f5* of one subscriber.

    An object belongs to one thread.

    Args:
        k: subscriber key K, 16 bytes.
        opc: OPc, 16 bytes.

    Raises:
        ValueError: an argument that has not 16 bytes.
    """

    def __init__(self, k: bytes, opc: bytes) -> None:
        check_length("K", k, 16)
        check_length("OPc", opc, 16)
        self._encryptor = Cipher(algorithms.AES(k), modes.ECB()).encryptor()
        self._opc = int.from_bytes(opc, "big")

    @classmethod
    def from_op(cls, k: bytes, op: bytes) -> "Milenage":
        """The functions of a subscriber whose operator's OP is given.

        Raises:
            ValueError: an argument that has not 16 bytes.
        """
        return cls(k, derive_opc(k, op))

    def f1(self, rand: bytes, sqn: bytes, amf: bytes) -> bytes:
        """MAC-A, 8 bytes, of RAND (16 bytes), SQN (6 bytes) and AMF (2 bytes)."""
        return self._out1(rand, sqn, amf)[:8]

    def f1_star(self, rand: bytes, sqn: bytes, amf: bytes) -> bytes:
        """MAC-S, 8 bytes, of RAND (16 bytes), SQN (6 bytes) and AMF (2 bytes)."""
        return self._out1(rand, sqn, amf)[8:]

    def f2345(self, rand: bytes) -> Response:
        """RES (8 bytes), CK, IK (16 bytes each) and AK (6 bytes) of RAND."""
        temp = self._temp(rand)
        out2 = self._out(2, temp)
        return Response(out2[8:], self._out(3, temp), self._out(4, temp), out2[:6])

    def f5_star(self, rand: bytes) -> bytes:
        """AK of a resynchronisation, 6 bytes."""
        return self._out(5, self._temp(rand))[:6]

    def _encrypt(self, block: int) -> bytes:
        return self._encryptor.update(block.to_bytes(16, "big"))

    def _temp(self, rand: bytes) -> int:
        check_length("RAND", rand, 16)
        return int.from_bytes(self._encrypt(int.from_bytes(rand, "big") ^ self._opc), "big")

    def _out(self, i: int, temp: int) -> bytes:
        """OUT2 to OUT5."""
        block = self._encrypt(_rotated(temp ^ self._opc, _R[i]) ^ _C[i])
        return (int.from_bytes(block, "big") ^ self._opc).to_bytes(16, "big")

    def _out1(self, rand: bytes, sqn: bytes, amf: bytes) -> bytes:
        check_length("SQN", sqn, 6)
        check_length("AMF", amf, 2)
        in1 = int.from_bytes((sqn + amf) * 2, "big")
        block = self._encrypt(self._temp(rand) ^ _rotated(in1 ^ self._opc, _R[1]) ^ _C[1])
        return (int.from_bytes(block, "big") ^ self._opc).to_bytes(16, "big")


def _rotated(block: int, bits: int) -> int:
    """Cyclic shift of 128 bits towards the most significant."""
    return (block << bits | block >> (128 - bits)) & _MASK
