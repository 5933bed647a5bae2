"""Security: what ciphering and integrity of a packet cost, and one authentication."""

from collections.abc import Callable

from picocell.rrc_nas.security import aka
from picocell.rrc_nas.security.algorithms import Cipher, Direction, Eea, Eia, Integrity
from picocell.rrc_nas.security.milenage import Milenage
from picocell.rrc_nas.security.tuak import Tuak

KEY = bytes(range(16))
PACKET = bytes(i & 0xFF for i in range(1500))
SHORT = PACKET[:50]
GOAL_US = 1500 * 8 / 1000
"""1 Gb/s."""


def cases() -> list[tuple[str, Callable[[], object], float | None]]:
    """Cases: name, callable, reference in µs a call."""
    found: list[tuple[str, Callable[[], object], float | None]] = []
    for eea in Eea:
        cipher = Cipher(eea, KEY)
        found.append((f"security {eea.name}, 1500 bytes", _call(cipher.apply, PACKET), GOAL_US))
        found.append((f"security {eea.name}, 50 bytes", _call(cipher.apply, SHORT), None))
    for eia in Eia:
        integrity = Integrity(eia, KEY)
        found.append((f"security {eia.name}, 1500 bytes", _call(integrity.mac, PACKET), GOAL_US))
        found.append((f"security {eia.name}, 50 bytes", _call(integrity.mac, SHORT), None))
    milenage, tuak = Milenage(KEY, KEY), Tuak(KEY, KEY * 2)
    found.append(("security MILENAGE vector", lambda: aka.build_vector(milenage, KEY, 5, b"\x80\0"), None))
    found.append(("security TUAK vector", lambda: aka.build_vector(tuak, KEY, 5, b"\x80\0"), None))
    return found


def _call(function: Callable[[int, int, int, bytes], bytes], data: bytes) -> Callable[[], bytes]:
    return lambda: function(0x12345678, 3, Direction.DOWNLINK, data)
