"""RLC: what the packets of a user cost."""

from collections.abc import Callable

from picocell.rlc_pdcp.rlc import AmEntity, AmTxConfig, UmConfig, UmEntity

_SDU = bytes(1500)
_N_SDUS = 100


def _transfer(sender: AmEntity | UmEntity, receiver: AmEntity | UmEntity, grant: int) -> None:
    """Packets from one end to the other, in PDUs of a size, with what the receiver answers."""
    for _ in range(_N_SDUS):
        sender.write_sdu(_SDU, 0)
    while pdu := sender.build_pdu(grant, 0):
        receiver.receive_pdu(pdu, 0)
        answer = receiver.build_pdu(grant, 0)
        if answer:
            sender.receive_pdu(answer, 0)
    while receiver.next_event() is not None:
        pass


def cases() -> list[tuple[str, Callable[[], object], float | None]]:
    """Cases: name, callable, reference in µs a call."""
    config = AmTxConfig(poll_pdu=32)
    am, am_peer = AmEntity(config), AmEntity(config)
    um, um_peer = UmEntity(UmConfig(), None), UmEntity(None, UmConfig())
    packets = f"{_N_SDUS} packets of {len(_SDU)} bytes"
    return [
        (f"RLC AM, {packets}, one a PDU", lambda: _transfer(am, am_peer, 1502), None),
        (f"RLC AM, {packets}, PDUs of 9 kB", lambda: _transfer(am, am_peer, 9000), None),
        (f"RLC AM, {packets}, PDUs of 200 bytes", lambda: _transfer(am, am_peer, 200), None),
        (f"RLC UM, {packets}, one a PDU", lambda: _transfer(um, um_peer, 1502), None),
    ]
