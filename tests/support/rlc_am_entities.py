"""Entities of RLC AM in a state, and what goes in and comes out."""

from picocell.rlc_pdcp.rlc import (
    AmEntity,
    AmRxConfig,
    AmTxConfig,
    Event,
    SduReceived,
)
from picocell.rlc_pdcp.rlc.am_rx import AmRxState
from picocell.rlc_pdcp.rlc.am_tx import AmTxState
from picocell.rlc_pdcp.rlc.pdu import (
    Nack,
    StatusPdu,
    build_status,
)

LARGE = 100_000
NEVER = 10**9
"""A poll that is never repeated within a test."""


def drain(entity: AmEntity) -> list[Event]:
    return list(iter(entity.next_event, None))


def sdus_of(events: list[Event]) -> list[bytes]:
    return [event.sdu for event in events if isinstance(event, SduReceived)]


def pdus_of(entity: AmEntity, grant: int = LARGE, now: int = 0) -> list[bytes]:
    return list(iter(lambda: entity.build_pdu(grant, now), b""))


def entity_at(sn: int, tx: AmTxConfig | None = None, rx: AmRxConfig | None = None) -> AmEntity:
    entity = AmEntity(tx, rx)
    entity.set_state(AmTxState(vt_a=sn, vt_s=sn), AmRxState(vr_r=sn, vr_ms=sn, vr_h=sn))
    return entity


def sender(n_sdus: int, size: int = 10, **config: int) -> tuple[AmEntity, list[bytes]]:
    """An entity that has sent ``n_sdus`` SDUs, one in each AMD PDU; their names are 0, 1, …"""
    entity = AmEntity(AmTxConfig(**config))
    pdus = []
    for k in range(n_sdus):
        entity.write_sdu(bytes([k % 256]) * size, 0, k)
        pdus.append(entity.build_pdu(LARGE, 0))
    return entity, pdus


def acknowledge(entity: AmEntity, ack_sn: int, *nacks: Nack, now: int = 0) -> None:
    entity.receive_pdu(build_status(StatusPdu(ack_sn, nacks)), now)
