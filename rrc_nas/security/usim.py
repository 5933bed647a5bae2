"""A USIM: subscriber identity, key and sequence numbers (TS 33.102 6.3.3, TS 31.102 7.1)."""

from dataclasses import dataclass
from typing import Final, Literal

from picocell.rrc_nas.security import aka, keys
from picocell.rrc_nas.security.milenage import Milenage, derive_opc
from picocell.rrc_nas.security.tuak import Tuak, derive_topc


@dataclass(frozen=True, slots=True)
class AuthResult:
    """Answer to a genuine and fresh challenge.

    Attributes:
        res: RES, which the network compares with its own.
        ck: cipher key.
        ik: integrity key.
        sqn_xor_ak: the concealed sequence number of AUTN.
    """

    res: bytes
    ck: bytes
    ik: bytes
    sqn_xor_ak: bytes

    def k_asme(self, mcc: str, mnc: str) -> bytes:
        """K_ASME for the serving network (TS 33.401 A.2)."""
        return keys.k_asme(self.ck, self.ik, keys.sn_id(mcc, mnc), self.sqn_xor_ak)


@dataclass(frozen=True, slots=True)
class MacFailure:
    """AUTN was not made with this subscriber's key."""


@dataclass(frozen=True, slots=True)
class SyncFailure:
    """The sequence number is not accepted; AUTS tells the home network which one was last."""

    auts: bytes


def separation_bit(autn: bytes) -> bool:
    """Whether AMF in AUTN allows authentication in EPS (TS 33.401 6.1.1)."""
    return bool(autn[6] & 0x80)


class Usim:
    """A subscriber's card.

    Args:
        imsi: 6 to 15 digits.
        k: key, 16 bytes (TUAK: 16 or 32).
        opc: OPc, or TOPc of TUAK; exactly one of ``opc`` and ``op`` is given.
        op: OP, or TOP of TUAK.
        algorithm: functions f1 to f5*.
        sqn: accepted sequence numbers so far, none by default.
        mnc_digits: length of MNC in the IMSI, 2 or 3.

    Raises:
        ValueError: an argument of the wrong length or out of its range.
    """

    def __init__(
        self,
        imsi: str,
        k: bytes,
        *,
        opc: bytes | None = None,
        op: bytes | None = None,
        algorithm: Literal["milenage", "tuak"] = "milenage",
        sqn: aka.SqnArray | None = None,
        mnc_digits: int = 2,
    ) -> None:
        if not (imsi.isascii() and imsi.isdigit() and 6 <= len(imsi) <= 15):
            raise ValueError(f"IMSI {imsi!r}: 6 to 15 digits are wanted")
        if mnc_digits not in (2, 3):
            raise ValueError(f"MNC of {mnc_digits} digits: 2 or 3 are allowed")
        self.imsi: Final = imsi
        self.home_plmn: Final = (imsi[:3], imsi[3 : 3 + mnc_digits])
        self.sqn = sqn if sqn is not None else aka.SqnArray()
        self._functions: Final = _functions(k, opc, op, algorithm)

    def authenticate(self, rand: bytes, autn: bytes) -> AuthResult | MacFailure | SyncFailure:
        """Check a challenge and answer it (TS 33.102 6.3.3); the sequence number of an accepted one is used up.

        Raises:
            ValueError: RAND has not 16 bytes, or AUTN too few.
        """
        try:
            challenge = aka.check_autn(self._functions, rand, autn)
        except aka.MacFailure:
            return MacFailure()
        try:
            self.sqn = self.sqn.accept(challenge.sqn)
        except aka.SynchronisationFailure:
            return SyncFailure(aka.build_auts(self._functions, rand, self.sqn.sqn_ms))
        return AuthResult(challenge.res, challenge.ck, challenge.ik, challenge.sqn_xor_ak)


def _functions(k: bytes, opc: bytes | None, op: bytes | None, algorithm: str) -> aka.Functions:
    if (opc is None) == (op is None):
        raise ValueError("one of OPc and OP is wanted, not both and not none")
    match algorithm:
        case "milenage":
            return Milenage(k, opc if opc is not None else derive_opc(k, op or b""))
        case "tuak":
            return Tuak(k, opc if opc is not None else derive_topc(k, op or b""))
    raise ValueError(f"algorithm {algorithm!r}: use milenage or tuak")
