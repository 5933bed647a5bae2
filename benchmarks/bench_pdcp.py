"""PDCP of one bearer: a packet of 1500 bytes at the transmitting end and across both, an RRC message both ways."""

from collections.abc import Callable
from functools import partial

from picocell.rlc_pdcp.pdcp import (
    AmConfig,
    AmEntity,
    CipherLike,
    Direction,
    SrbConfig,
    SrbEntity,
    UmConfig,
    UmEntity,
)
from picocell.rrc_nas.security.algorithms import Cipher, Eea, Eia, Integrity

PACKET = bytes(range(250)) * 6
KEY = bytes(range(16))
MODES = {"no cipher": None, "EEA1": Eea.EEA1, "EEA2": Eea.EEA2, "EEA3": Eea.EEA3}


def _entity(mode: str, direction: int, cipher: CipherLike | None) -> AmEntity | UmEntity:
    if mode == "AM":
        return AmEntity(AmConfig(0, Direction(direction), discard_timer=100), cipher)
    return UmEntity(UmConfig(0, Direction(direction), discard_timer=100), cipher)


def _transmit(entity: AmEntity | UmEntity) -> None:
    entity.write_sdu(PACKET, 0)
    item = entity.next_pdu()
    if item is not None and item[1] is not None:
        entity.delivered(item[1])
    entity.next_timer()


def _transfer(sender: AmEntity | UmEntity, receiver: AmEntity | UmEntity) -> None:
    sender.write_sdu(PACKET, 0)
    item = sender.next_pdu()
    if item is not None and item[1] is not None:
        sender.delivered(item[1])
        receiver.receive_pdu(item[0], 0)
        receiver.next_event()
    sender.next_timer()


def _message(sender: SrbEntity, receiver: SrbEntity) -> None:
    sender.write_sdu(PACKET[:60], 0)
    item = sender.next_pdu()
    if item is not None:
        receiver.receive_pdu(item[0], 0)
    receiver.next_event()


def cases() -> list[tuple[str, Callable[[], object], float | None]]:
    """Names, calls and the times aimed at, in µs."""
    found: list[tuple[str, Callable[[], object], float | None]] = []
    for name, algorithm in MODES.items():
        cipher: CipherLike | None = None if algorithm is None else Cipher(algorithm, KEY)
        if cipher is not None:
            found.append((f"pdcp cipher alone {name}", partial(cipher.apply, 1, 0, 0, PACKET), None))
        for mode in ("AM", "UM"):
            idle, sender, receiver = (_entity(mode, direction, cipher) for direction in (0, 0, 1))
            found += [
                (f"pdcp {mode} {name}, transmit", partial(_transmit, idle), None),
                (f"pdcp {mode} {name}, both ends", partial(_transfer, sender, receiver), None),
            ]
    ends = [SrbEntity(SrbConfig(0, direction)) for direction in Direction]
    for end in ends:
        end.activate_integrity(Integrity(Eia.EIA2, KEY))
        end.activate_ciphering(Cipher(Eea.EEA2, KEY))
    found.append(("pdcp SRB message of 60 bytes, both ends, EEA2 EIA2", partial(_message, *ends), None))
    return found
