"""128-EEA2 and 128-EIA2 written from TS 33.401 B.1.3 and B.2.3, and draining of PDCP entities."""

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES128
from cryptography.hazmat.primitives.ciphers.modes import CTR
from cryptography.hazmat.primitives.cmac import CMAC

from picocell.rlc_pdcp.pdcp import AmEntity, Event, SduReceived, SrbEntity, UmEntity

Entity = AmEntity | SrbEntity | UmEntity


def _prefix(count: int, bearer: int, direction: int) -> bytes:
    return (count << 32 | bearer << 27 | direction << 26).to_bytes(8, "big")


class Eea2:
    """AES in counter mode."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def apply(self, count: int, bearer: int, direction: int, data: bytes) -> bytes:
        counter = _prefix(count, bearer, direction) + bytes(8)
        return Cipher(AES128(self._key), CTR(counter)).encryptor().update(data)


class Eia2:
    """AES-CMAC, the first 4 bytes."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def mac(self, count: int, bearer: int, direction: int, data: bytes) -> bytes:
        context = CMAC(AES128(self._key))
        context.update(_prefix(count, bearer, direction) + data)
        return context.finalize()[:4]


def events(entity: Entity) -> list[Event]:
    """All events that wait."""
    found = []
    while (event := entity.next_event()) is not None:
        found.append(event)
    return found


def sdus(entity: Entity) -> list[bytes]:
    """SDUs of all events that wait; the other events are lost."""
    return [event.sdu for event in events(entity) if isinstance(event, SduReceived)]


def pdus(entity: Entity) -> list[bytes]:
    """All PDUs that wait."""
    found = []
    while (item := entity.next_pdu()) is not None:
        found.append(item[0])
    return found
