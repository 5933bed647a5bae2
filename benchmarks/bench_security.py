"""Security: what ciphering and integrity of a packet cost, and one authentication."""

from collections.abc import Callable

from benchmarks.measure import Case
from picocell.rrc_nas.security import aka
from picocell.rrc_nas.security.algorithms import Cipher, Direction, Eea, Eia, Integrity
from picocell.rrc_nas.security.milenage import Milenage
from picocell.rrc_nas.security.tuak import Tuak

KEY = bytes(range(16))
PACKET = bytes(i & 0xFF for i in range(1500))
SHORT = PACKET[:50]
REFERENCE_MBPS = {"EEA1": 13, "EEA3": 1400}
"""Bindings of other open libraries for Python, a packet of 1,500 bytes at a time."""


def cases() -> list[Case]:
    """A packet at a time: bits are those ciphered or checked."""
    found: list[Case] = []
    for eea in Eea:
        cipher = Cipher(eea, KEY)
        reference = 8 * len(PACKET) / REFERENCE_MBPS[eea.name] if eea.name in REFERENCE_MBPS else None
        found.append(Case(f"security {eea.name}, 1500 bytes", _call(cipher.apply, PACKET), reference, 8 * len(PACKET)))
        found.append(Case(f"security {eea.name}, 50 bytes", _call(cipher.apply, SHORT), None, 8 * len(SHORT)))
    for eia in Eia:
        integrity = Integrity(eia, KEY)
        found.append(Case(f"security {eia.name}, 1500 bytes", _call(integrity.mac, PACKET), None, 8 * len(PACKET)))
        found.append(Case(f"security {eia.name}, 50 bytes", _call(integrity.mac, SHORT), None, 8 * len(SHORT)))
    milenage, tuak = Milenage(KEY, KEY), Tuak(KEY, KEY * 2)
    found.append(Case("security MILENAGE vector", lambda: aka.build_vector(milenage, KEY, 5, b"\x80\0")))
    found.append(Case("security TUAK vector", lambda: aka.build_vector(tuak, KEY, 5, b"\x80\0")))
    return found


def _call(function: Callable[[int, int, int, bytes], bytes], data: bytes) -> Callable[[], bytes]:
    return lambda: function(0x12345678, 3, Direction.DOWNLINK, data)
