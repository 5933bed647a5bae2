"""libusrsctp through ctypes: SCTP in this process, without threads of its own and without sockets of its own.

The library is handed packets and hands out packets (its AF_CONN addresses), so that the sockets are ours: bound to one
address, with the system's own errors. An address of the library is a number of 64 bits: IPv4 address, UDP port (0 for
SCTP directly over IP) and the number of the endpoint.
"""

import ctypes
import ctypes.util
import errno
import functools
import os
import struct
import sys
import threading
import time
from collections.abc import Callable
from typing import Final

from picocell.epc.interfaces.sctp.events import SctpError

NAMES: Final = ("libusrsctp.so.2", "libusrsctp.so.1", "libusrsctp.so")
AF_CONN: Final = 123
IPPROTO_SCTP: Final = 132
NOTIFICATION: Final = 0x2000

SENDV_SNDINFO: Final = 1
SOCKADDR: Final = struct.Struct("=HHxxxxQ")
"""sockaddr_conn: family, port (network byte order) and address."""
SNDINFO: Final = struct.Struct("=HHIII")
"""sctp_sndinfo: stream, flags, PPID (network byte order), context, association."""
RCVINFO: Final = struct.Struct("=HHHxxIIIII")
"""sctp_rcvinfo: stream, SSN, flags, PPID (network byte order), TSN, cumulative TSN, context, association."""

Output = Callable[[int, bytes], None]
"""Sends a packet of an endpoint to an address of the library."""

_OUTPUT = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_uint8, ctypes.c_uint8
)


class Library:
    """The loaded library and its one stack; every call but `register` must hold `lock`."""

    def __init__(self, path: str, dll: ctypes.CDLL) -> None:
        self.path = path
        self.lock = threading.RLock()
        self.dll = dll
        self._outputs: dict[int, Output] = {}
        self._last_endpoint = 0
        self._interruption: BaseException | None = None
        self._output = _OUTPUT(self._send_packet)
        self._elapsed_until = time.monotonic()
        self._declare()
        dll.usrsctp_init_nothreads(0, self._output, None)
        for name, value in (("sctp_ecn_enable", 0), ("sctp_asconf_enable", 0), ("sctp_auth_enable", 0)):
            getattr(dll, f"usrsctp_sysctl_set_{name}")(value)

    def _declare(self) -> None:
        pointer, integer, size = ctypes.c_void_p, ctypes.c_int, ctypes.c_uint32
        data = ctypes.c_char_p
        for name, result, arguments in (
            ("init_nothreads", None, (ctypes.c_uint16, _OUTPUT, pointer)),
            ("socket", pointer, (integer, integer, integer, pointer, pointer, size, pointer)),
            ("setsockopt", integer, (pointer, integer, integer, data, size)),
            ("bind", integer, (pointer, data, size)),
            ("listen", integer, (pointer, integer)),
            ("connect", integer, (pointer, data, size)),
            ("getassocid", ctypes.c_uint32, (pointer, data)),
            ("sendv", ctypes.c_ssize_t, (pointer, data, ctypes.c_size_t, pointer, integer, data, size, size, integer)),
            (
                "recvv",
                ctypes.c_ssize_t,
                (pointer, pointer, ctypes.c_size_t, pointer, pointer, pointer, pointer, pointer, pointer),
            ),
            ("getladdrs", integer, (pointer, ctypes.c_uint32, pointer)),
            ("freeladdrs", None, (pointer,)),
            ("set_non_blocking", integer, (pointer, integer)),
            ("close", None, (pointer,)),
            ("conninput", None, (pointer, data, ctypes.c_size_t, ctypes.c_uint8)),
            ("register_address", None, (pointer,)),
            ("deregister_address", None, (pointer,)),
            ("handle_timers", None, (ctypes.c_uint32,)),
            ("crc32c", ctypes.c_uint32, (data, ctypes.c_size_t)),
        ):
            function = getattr(self.dll, f"usrsctp_{name}")
            function.restype = result
            function.argtypes = arguments

    def _send_packet(self, address: int | None, data: int, length: int, _tos: int, _set_df: int) -> int:
        output = self._outputs.get((address or 0) & 0xFFFF)
        if output is not None:
            try:
                output(address or 0, ctypes.string_at(data, length))
            except BaseException as exc:
                # Such as KeyboardInterrupt: an exception cannot pass through the library, see `raise_interruption`.
                self._interruption = exc
        return 0

    def raise_interruption(self) -> None:
        """Raise what a signal's handler raised while the library sent a packet."""
        interruption, self._interruption = self._interruption, None
        if interruption is not None:
            raise interruption

    def register(self, output: Output) -> int:
        """Number of a new endpoint whose packets ``output`` sends."""
        with self.lock:
            for _ in range(0xFFFF):
                self._last_endpoint = self._last_endpoint % 0xFFFF + 1
                if self._last_endpoint not in self._outputs:
                    self._outputs[self._last_endpoint] = output
                    return self._last_endpoint
        raise SctpError(errno.EMFILE, "this process has 65535 SCTP endpoints already")

    def unregister(self, endpoint: int) -> None:
        """Packets of the endpoint are dropped from now on."""
        with self.lock:
            self._outputs.pop(endpoint, None)

    def checksum(self, packet: bytes) -> bytes:
        """CRC32c of a packet with zeros in its place (RFC 9260 6.8), as it stands in the header."""
        return int(self.dll.usrsctp_crc32c(packet, len(packet))).to_bytes(4, sys.byteorder)

    def run_timers(self) -> None:
        """Let the time pass that has passed."""
        elapsed = int((time.monotonic() - self._elapsed_until) * 1000)
        if elapsed > 0:
            self._elapsed_until += elapsed / 1000
            self.dll.usrsctp_handle_timers(elapsed)

    def check(self, result: int, what: str) -> None:
        """Raise what the library says in errno if ``result`` is negative.

        Raises:
            SctpError: it failed.
        """
        if result < 0:
            code = ctypes.get_errno()
            raise SctpError(code, f"usrsctp: {what}: {os.strerror(code)}")


@functools.cache
def load() -> Library:
    """The library, loaded once.

    Raises:
        SctpError: it is not installed, or is too old.
    """
    if ctypes.sizeof(ctypes.c_void_p) < 8:
        raise SctpError(errno.ENOSYS, "SCTP through usrsctp needs a machine of 64 bits")
    for name in NAMES:
        try:
            dll = ctypes.CDLL(name, use_errno=True)
        except OSError:
            continue
        try:
            return Library(name, dll)
        except AttributeError as exc:
            raise SctpError(errno.ENOSYS, f"{name} is too old, 0.9.4 or later is needed ({exc})") from None
    raise SctpError(errno.ENOENT, "libusrsctp is not installed: sudo apt-get install libusrsctp2")
