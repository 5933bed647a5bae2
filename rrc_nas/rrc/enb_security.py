"""Security of a UE's connection in a base station: choice of algorithms, proof of identity, capability container."""

from collections.abc import Iterable
from hmac import compare_digest
from typing import Final

from picocell.rrc_nas import asn1
from picocell.rrc_nas.asn1 import Asn1Error
from picocell.rrc_nas.rrc.states import SecurityKeys
from picocell.rrc_nas.security.algorithms import Direction, Eea, Eia, Integrity

_SHORT_MAC_BITS: Final = 53
_ALL_ONES_COUNT: Final = 0xFFFF_FFFF
_ALL_ONES_BEARER: Final = 31
_DCCH_CHOICE_BITS: Final = 5
"""Bits by which a UL-DCCH message chooses: one for c1, four for its sixteen alternatives."""


def choose_algorithms(
    eea: int, eia: int, preferred_eea: Iterable[Eea], preferred_eia: Iterable[Eia]
) -> tuple[Eea, Eia] | None:
    """Algorithms that the UE has too, the preferred ones first; None where there is no integrity protection.

    EEA0 is what every UE has (TS 33.401 5.1.3.2). EIA0 is never chosen.

    Args:
        eea: ciphering algorithms of the UE: bit 15 is EEA1, bit 14 EEA2, …
        eia: integrity algorithms of the UE in the same way.
        preferred_eea: in descending order of preference.
        preferred_eia: in descending order of preference.
    """
    ciphering = next((a for a in preferred_eea if a is Eea.EEA0 or _has(eea, a)), Eea.EEA0)
    integrity = next((a for a in preferred_eia if a is not Eia.EIA0 and _has(eia, a)), None)
    return None if integrity is None else (ciphering, integrity)


def _has(bitmap: int, algorithm: Eea | Eia) -> bool:
    return bool(bitmap >> 16 - algorithm & 1)


def short_mac_i(keys: SecurityKeys, cell_identity: int, pci: int, c_rnti: int) -> int:
    """ShortMAC-I: the 16 least significant bits of the MAC-I over VarShortMAC-Input (TS 36.331 5.3.7.4, 7.1).

    With COUNT, BEARER and DIRECTION all ones, under K_RRCint of the connection that is to be re-established.

    Args:
        keys: keys of that connection.
        cell_identity: of the cell that the UE asks for re-establishment, 28 bits.
        pci: of the cell in which the trouble came.
        c_rnti: that the UE had there.
    """
    bits = (cell_identity << 9 | pci) << 16 | c_rnti
    text = (bits << -_SHORT_MAC_BITS % 8).to_bytes(-(-_SHORT_MAC_BITS // 8), "big")
    mac = Integrity(keys.eia, keys.k_rrc_int).mac(_ALL_ONES_COUNT, _ALL_ONES_BEARER, Direction.DOWNLINK, text)
    return int.from_bytes(mac[2:], "big")


def is_short_mac_right(keys: SecurityKeys, cell_identity: int, pci: int, c_rnti: int, given: int) -> bool:
    """Whether a UE's ShortMAC-I proves that it is the one that had a C-RNTI."""
    expected = short_mac_i(keys, cell_identity, pci, c_rnti)
    return compare_digest(expected.to_bytes(2, "big"), given.to_bytes(2, "big"))


def capability_container(message: bytes) -> bytes:
    """UERadioAccessCapabilityInformation around a UECapabilityInformation (TS 36.331 10.2.2).

    Args:
        message: UL-DCCH message ueCapabilityInformation.

    Raises:
        Asn1Error: another message.
    """
    from pycrate_asn1dir import RRCLTE  # as late as in `asn1`: it takes a while

    definitions, between_nodes = RRCLTE.EUTRA_RRC_Definitions, RRCLTE.EUTRA_InterNodeDefinitions
    shifted = int.from_bytes(message, "big") << _DCCH_CHOICE_BITS & (1 << 8 * len(message)) - 1
    with asn1.LOCK:
        try:
            inner = definitions.UECapabilityInformation
            inner.from_uper(shifted.to_bytes(len(message), "big"))
            outer = between_nodes.UERadioAccessCapabilityInformation
            body = {"ue-RadioAccessCapabilityInfo": bytes(inner.to_uper())}
            outer.set_val({"criticalExtensions": ("c1", ("ueRadioAccessCapabilityInformation-r8", body))})
            return bytes(outer.to_uper())
        except Exception as error:  # the codec lets its own kinds and others through
            raise Asn1Error(f"no UE capability in {asn1.excerpt(message)}: {asn1.reason(error)}") from error
