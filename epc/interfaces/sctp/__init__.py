"""SCTP for processes (TS 36.412): the kernel's where there is one, else usrsctp.

endpoint = open_endpoint(local_address="127.0.1.100", port=36412)
endpoint.listen()
event = endpoint.next_event()       # when endpoint.fileno() is readable
"""

import errno
from typing import Literal, get_args

from picocell.epc.interfaces.sctp import kernel, usrsctp
from picocell.epc.interfaces.sctp.endpoint import SctpEndpoint
from picocell.epc.interfaces.sctp.events import (
    AssociationDown,
    AssociationUp,
    SctpError,
    SctpEvent,
    SctpMessage,
)
from picocell.epc.interfaces.sctp.library import load
from picocell.epc.interfaces.sockets import checked_address, checked_port

Mode = Literal["auto", "kernel", "usrsctp", "usrsctp-udp"]


def open_endpoint(
    mode: Mode = "auto",
    local_address: str = "127.0.0.1",
    port: int = 0,
    udp_port: int | None = None,
    peer_udp_port: int | None = None,
) -> SctpEndpoint:
    """An SCTP endpoint at an address of this machine.

    Args:
        mode: ``kernel``; ``usrsctp`` for protocol 132 from user space, which needs CAP_NET_RAW; ``usrsctp-udp`` for
            SCTP over UDP (RFC 6951), which the peer must speak, too; ``auto`` for the first of these that works here.
            With a UDP port given, ``auto`` means ``usrsctp-udp``.
        local_address: IPv4 address.
        port: SCTP port, 0 for any.
        udp_port: local UDP port of ``usrsctp-udp``; None for 9899 or, if that is taken, for any, which will do to
            connect but not to listen.
        peer_udp_port: UDP port of the peers that are connected to; None for 9899.

    Raises:
        ValueError: no such mode, address or port.
        SctpError: the address is not of this machine, the port is in use, a permission or the library is missing.
    """
    if mode not in get_args(Mode):
        raise ValueError(f"the mode of SCTP is one of {', '.join(get_args(Mode))}, not {mode!r}")
    address = checked_address(local_address)
    checked_port(port)
    for number in (udp_port, peer_udp_port):
        if number is not None:
            checked_port(number, lowest=1)
    has_udp_ports = udp_port is not None or peer_udp_port is not None
    if has_udp_ports and mode in ("kernel", "usrsctp"):
        raise ValueError(f"UDP ports are for the mode usrsctp-udp, not {mode}")
    if mode == "kernel" or (mode == "auto" and not has_udp_ports and kernel.available()):
        return kernel.KernelEndpoint(address, port)
    why = ""
    if mode == "auto":
        _library_or_reason()
    if mode == "usrsctp" or (mode == "auto" and not has_udp_ports):
        try:
            return usrsctp.UsrsctpEndpoint(address, port, over_udp=False)
        except SctpError as exc:
            if mode == "usrsctp" or exc.errno not in (errno.EPERM, errno.EACCES):
                raise
            why = "SCTP over IP needs root or CAP_NET_RAW"
    return usrsctp.UsrsctpEndpoint(
        address, port, over_udp=True, udp_port=udp_port, peer_udp_port=peer_udp_port, why=why
    )


def _library_or_reason() -> None:
    try:
        load()
    except SctpError as exc:
        raise SctpError(exc.errno or 0, f"this kernel has no SCTP, and {exc.strerror}") from None


__all__ = [
    "AssociationDown",
    "AssociationUp",
    "Mode",
    "SctpEndpoint",
    "SctpError",
    "SctpEvent",
    "SctpMessage",
    "open_endpoint",
]
