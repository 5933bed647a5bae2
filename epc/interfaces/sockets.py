"""What opening a socket may be refused for, in words."""

import errno
import socket
from typing import TypeVar


class TransportError(OSError):
    """What a transport cannot do, in words."""


E = TypeVar("E", bound=TransportError)


def checked_address(address: str) -> str:
    """An IPv4 address in dotted form.

    Raises:
        ValueError: it is not.
    """
    try:
        return socket.inet_ntoa(socket.inet_pton(socket.AF_INET, address))
    except OSError:
        raise ValueError(f"{address!r} is no IPv4 address such as 127.0.1.100") from None


def checked_port(port: int, lowest: int = 0) -> int:
    """A port number.

    Raises:
        ValueError: it is not.
    """
    if not lowest <= port <= 65535:
        raise ValueError(f"a port is {lowest} to 65535, not {port}")
    return port


def bind_error(kind: type[E], exc: OSError, what: str, address: str, port: int) -> E:
    """The error of opening or binding a socket in words."""
    if exc.errno == errno.EADDRNOTAVAIL:
        return kind(exc.errno, f"{address} is no address of this machine (see: ip -4 address)")
    if exc.errno == errno.EADDRINUSE:
        return kind(exc.errno, f"{what} port {port} of {address} is in use by another program")
    if exc.errno in (errno.EPERM, errno.EACCES):
        return kind(exc.errno, f"no permission for {what} at {address}: it needs root or CAP_NET_RAW")
    return kind(exc.errno or 0, f"{what} at {address}:{port}: {exc.strerror}")
