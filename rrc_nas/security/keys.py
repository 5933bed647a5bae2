"""Key hierarchy of EPS (TS 33.401 6.2, Annex A) on the key derivation function of TS 33.220 B.2."""

import csv
import hmac
from functools import cache
from importlib.resources import files

from picocell.rrc_nas.security.algorithms import Eea, Eia

LONG_KEY_BYTES = 32


def kdf(key: bytes, fc: int, *parameters: bytes) -> bytes:
    """Derived key: HMAC-SHA-256 over FC and each parameter followed by its length (TS 33.220 B.2).

    Args:
        key: the key, of any length.
        fc: FC, one byte.
        parameters: P0, P1, ... of at most 65,535 bytes each.

    Returns:
        32 bytes.

    Raises:
        ValueError: FC does not fit in a byte, or a parameter is too long.
    """
    if not 0 <= fc < 256:
        raise ValueError(f"FC {fc} is outside 0..255")
    text = bytearray([fc])
    for index, parameter in enumerate(parameters):
        if len(parameter) > 0xFFFF:
            raise ValueError(f"P{index} has {len(parameter)} bytes, at most 65535 are allowed")
        text += parameter + len(parameter).to_bytes(2, "big")
    return hmac.digest(key, bytes(text), "sha256")


def sn_id(mcc: str, mnc: str) -> bytes:
    """SN id: MCC and MNC in three bytes as in a PLMN identity (TS 33.401 A.2, TS 24.301 9.9.3.32).

    Raises:
        ValueError: not three digits of MCC and two or three of MNC.
    """
    if not (len(mcc) == 3 and len(mnc) in (2, 3) and (mcc + mnc).isascii() and (mcc + mnc).isdigit()):
        raise ValueError(f"PLMN {mcc!r}/{mnc!r}: MCC has three digits, MNC two or three")
    third = mnc[2] if len(mnc) == 3 else "f"
    return bytes.fromhex(mcc[1] + mcc[0] + third + mcc[2] + mnc[1] + mnc[0])


def k_asme(ck: bytes, ik: bytes, serving_network: bytes, sqn_xor_ak: bytes) -> bytes:
    """K_ASME from CK, IK, SN id and SQN xor AK, the first six bytes of AUTN (TS 33.401 A.2).

    Raises:
        ValueError: an argument of the wrong length.
    """
    _check_length("CK", ck, 16)
    _check_length("IK", ik, 16)
    _check_length("SN id", serving_network, 3)
    _check_length("SQN xor AK", sqn_xor_ak, 6)
    return kdf(ck + ik, _fc("K_ASME"), serving_network, sqn_xor_ak)


def k_enb(k_asme: bytes, uplink_nas_count: int) -> bytes:
    """K_eNB at the establishment of the access stratum (TS 33.401 A.3).

    Raises:
        ValueError: an argument of the wrong length or out of its range.
    """
    _check_length("K_ASME", k_asme, LONG_KEY_BYTES)
    return kdf(k_asme, _fc("K_eNB"), _number("uplink NAS COUNT", uplink_nas_count, 4))


def next_hop(k_asme: bytes, sync_input: bytes) -> bytes:
    """NH; SYNC-input is the first K_eNB for the first NH and the NH before it for every other (TS 33.401 A.4).

    Raises:
        ValueError: an argument of the wrong length.
    """
    _check_length("K_ASME", k_asme, LONG_KEY_BYTES)
    _check_length("SYNC-input", sync_input, LONG_KEY_BYTES)
    return kdf(k_asme, _fc("NH"), sync_input)


def k_enb_star(key: bytes, pci: int, earfcn_dl: int) -> bytes:
    """K_eNB* of the target cell of a handover or of a re-establishment (TS 33.401 A.5).

    Args:
        key: NH (vertical derivation) or the current K_eNB (horizontal derivation).
        pci: physical cell identity of the target cell, 0 to 503.
        earfcn_dl: its downlink EARFCN, 0 to 262143; two bytes up to 65535, else three.

    Raises:
        ValueError: an argument of the wrong length or out of its range.
    """
    _check_length("NH or K_eNB", key, LONG_KEY_BYTES)
    if not 0 <= pci <= 503:
        raise ValueError(f"PCI {pci} is outside 0..503")
    if not 0 <= earfcn_dl <= 262143:
        raise ValueError(f"EARFCN-DL {earfcn_dl} is outside 0..262143")
    return kdf(key, _fc("K_eNB*"), pci.to_bytes(2, "big"), earfcn_dl.to_bytes(2 if earfcn_dl < 1 << 16 else 3, "big"))


def k_nas_enc(k_asme: bytes, algorithm: Eea) -> bytes:
    """K_NASenc, 16 bytes (TS 33.401 A.7)."""
    return _algorithm_key("K_ASME", k_asme, "NAS-enc-alg", Eea(algorithm))


def k_nas_int(k_asme: bytes, algorithm: Eia) -> bytes:
    """K_NASint, 16 bytes (TS 33.401 A.7)."""
    return _algorithm_key("K_ASME", k_asme, "NAS-int-alg", Eia(algorithm))


def k_rrc_enc(k_enb: bytes, algorithm: Eea) -> bytes:
    """K_RRCenc, 16 bytes (TS 33.401 A.7)."""
    return _algorithm_key("K_eNB", k_enb, "RRC-enc-alg", Eea(algorithm))


def k_rrc_int(k_enb: bytes, algorithm: Eia) -> bytes:
    """K_RRCint, 16 bytes (TS 33.401 A.7)."""
    return _algorithm_key("K_eNB", k_enb, "RRC-int-alg", Eia(algorithm))


def k_up_enc(k_enb: bytes, algorithm: Eea) -> bytes:
    """K_UPenc, 16 bytes (TS 33.401 A.7)."""
    return _algorithm_key("K_eNB", k_enb, "UP-enc-alg", Eea(algorithm))


def k_up_int(k_enb: bytes, algorithm: Eia) -> bytes:
    """K_UPint, 16 bytes (TS 33.401 A.7)."""
    return _algorithm_key("K_eNB", k_enb, "UP-int-alg", Eia(algorithm))


def _algorithm_key(name: str, key: bytes, kind: str, identity: Eea | Eia) -> bytes:
    """The 128 least significant bits of an algorithm's key; ``kind`` names its type distinguisher (Table A.7-1)."""
    _check_length(name, key, LONG_KEY_BYTES)
    return kdf(key, _fc("algorithm keys"), bytes([_distinguishers()[kind]]), bytes([identity]))[16:]


def _check_length(name: str, value: bytes, wanted: int) -> None:
    if len(value) != wanted:
        raise ValueError(f"{name} has {len(value)} bytes, {wanted} are wanted")


def _number(name: str, value: int, n_bytes: int) -> bytes:
    if not 0 <= value < 1 << 8 * n_bytes:
        raise ValueError(f"{name} {value} is outside 0..{(1 << 8 * n_bytes) - 1}")
    return value.to_bytes(n_bytes, "big")


def _rows(name: str) -> list[dict[str, str]]:
    text = files(__package__).joinpath("data", f"{name}.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(line for line in text.splitlines() if line and not line.startswith("#")))


@cache
def _fc_values() -> dict[str, int]:
    return {row["output"]: int(row["FC"], 16) for row in _rows("33401_33501_kdf_fc")}


def _fc(output: str) -> int:
    return _fc_values()[output]


@cache
def _distinguishers() -> dict[str, int]:
    return {row["name"]: int(row["value"]) for row in _rows("33401_A.7_distinguishers")}
