"""Authentication algorithms of a subscriber, by name; with them the XOR test algorithm (TS 34.108 8.1.2.1)."""

from enum import StrEnum

from picocell.rrc_nas.security.aka import Functions, Response, check_length
from picocell.rrc_nas.security.milenage import Milenage
from picocell.rrc_nas.security.tuak import Tuak


class Algorithm(StrEnum):
    """Sets of the functions f1 to f5*."""

    MILENAGE = "milenage"
    TUAK = "tuak"
    XOR = "xor"


class OperatorKey(StrEnum):
    """Which key of the operator is stored: OP (TOP), or OPc (TOPc), which is derived from it and K."""

    OP = "op"
    OPC = "opc"


class Xor:
    """The test algorithm of test USIMs: everything from K xor RAND. It protects nothing."""

    def __init__(self, k: bytes) -> None:
        """Take K of 16 bytes.

        Raises:
            ValueError: another length.
        """
        check_length("K", k, 16)
        self._k = bytes(k)

    def f1(self, rand: bytes, sqn: bytes, amf: bytes) -> bytes:
        """MAC-A: the first 8 bytes of XDOUT xor CDOUT, with CDOUT = SQN || AMF."""
        check_length("SQN", sqn, 6)
        check_length("AMF", amf, 2)
        return bytes(a ^ b for a, b in zip(self._xdout(rand)[:8], sqn + amf, strict=True))

    def f1_star(self, rand: bytes, sqn: bytes, amf: bytes) -> bytes:
        """MAC-S, computed as MAC-A."""
        return self.f1(rand, sqn, amf)

    def f2345(self, rand: bytes) -> Response:
        """RES of 16 bytes, CK and IK rotated by one and two bytes, AK from byte 3 on."""
        xdout = self._xdout(rand)
        return Response(xdout, xdout[1:] + xdout[:1], xdout[2:] + xdout[:2], xdout[3:9])

    def f5_star(self, rand: bytes) -> bytes:
        """AK of a resynchronisation, computed as AK."""
        return self._xdout(rand)[3:9]

    def _xdout(self, rand: bytes) -> bytes:
        check_length("RAND", rand, 16)
        return bytes(a ^ b for a, b in zip(self._k, rand, strict=True))


def functions(algorithm: Algorithm, k: bytes, kind: OperatorKey, operator_key: bytes) -> Functions:
    """The functions f1 to f5* under a subscriber's keys; XOR has no operator's key.

    Raises:
        ValueError: a key of the wrong length.
    """
    match algorithm, kind:
        case Algorithm.XOR, _:
            return Xor(k)
        case Algorithm.TUAK, OperatorKey.OP:
            return Tuak.from_top(k, operator_key)
        case Algorithm.TUAK, _:
            return Tuak(k, operator_key)
        case _, OperatorKey.OP:
            return Milenage.from_op(k, operator_key)
        case _:
            return Milenage(k, operator_key)
