"""SCTP through usrsctp: over IP (protocol 132, a raw socket) or over UDP (RFC 6951)."""

import ctypes
import errno
import socket
import struct
import sys
from typing import Final

from picocell.epc.interfaces.sctp import endpoint as base
from picocell.epc.interfaces.sctp import library
from picocell.epc.interfaces.sctp.endpoint import SctpEndpoint
from picocell.epc.interfaces.sctp.events import SctpError
from picocell.epc.interfaces.sctp.library import AF_CONN, IPPROTO_SCTP, SNDINFO, SOCKADDR
from picocell.epc.interfaces.sockets import bind_error

UDP_PORT: Final = 9899
"""The port that RFC 6951 registered for SCTP over UDP."""

RTOINFO, ASSOCINFO, INITMSG, NODELAY = 1, 2, 3, 4
PEER_ADDR_PARAMS, DELAYED_SACK, EVENT, RECVRCVINFO = 0x0A, 0x0F, 0x1E, 0x1F
ASSOC_CHANGE: Final = 1
SEND_EOF, SEND_ABORT = 0x0100, 0x0200
HEARTBEAT_ENABLE: Final = 1
PACKETS_AT_ONCE: Final = 64
TICK_SECONDS: Final = 0.04
"""How often timers are looked at that run for 200 ms or more: the thread's waking costs the one who works."""
IDLE_SECONDS: Final = 0.25
COMMON_HEADER: Final = 12
IP_MTU_DISCOVER, IP_PMTUDISC_DONT = 10, 0
"""Of linux/in.h; Python names neither."""
PORT_ATTEMPTS: Final = 16
COOKIE_ECHO: Final = 10
MAX_ROUTES: Final = 4096
"""Peers' addresses that the library is told of before those without an association are forgotten."""
LOOPBACK_BURST_BYTES: Final = 1 << 22


class UsrsctpEndpoint(SctpEndpoint):
    """An endpoint of usrsctp."""

    messages_come_from_descriptor = False

    def __init__(
        self,
        address: str,
        port: int,
        *,
        over_udp: bool,
        udp_port: int | None = None,
        peer_udp_port: int | None = None,
        why: str = "",
    ) -> None:
        self._library = library.load()
        super().__init__(address, port, self._library.lock)
        self._peer_udp_port = (UDP_PORT if peer_udp_port is None else peer_udp_port) if over_udp else 0
        self._over_udp = over_udp
        self._why = why
        self._udp_port_is_ours = True
        self._reservation: socket.socket | None = None
        self._routes: dict[int, None] = {}
        self._routes_in_use: dict[int, int] = {}
        self._socket = self._open_udp(udp_port) if over_udp else self._open_raw()
        self._number = self._library.register(self._output)
        try:
            with self._lock:
                self._so = self._open_sctp() if over_udp else self._open_reserved()
        except OSError:
            self._library.unregister(self._number)
            self._socket.close()
            raise
        self._buffer = ctypes.create_string_buffer(base.MAX_MESSAGE)
        self._from = ctypes.create_string_buffer(128)
        self._info = ctypes.create_string_buffer(64)
        self._lengths = (ctypes.c_uint32 * 2)()
        self._kinds = (ctypes.c_uint32 * 2)()
        self._start()

    @property
    def mode(self) -> str:
        """In words, what carries the associations."""
        if not self._over_udp:
            return "SCTP over IP through usrsctp"
        reason = f" ({self._why})" if self._why else ""
        return f"SCTP over UDP port {self.udp_port} (RFC 6951) through usrsctp{reason}"

    @property
    def udp_port(self) -> int | None:
        """Local UDP port, None where SCTP goes directly over IP."""
        return int(self._socket.getsockname()[1]) if self._over_udp else None

    # Sockets.

    def _open_raw(self) -> socket.socket:
        try:
            raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, IPPROTO_SCTP)
        except OSError as exc:
            raise bind_error(SctpError, exc, "SCTP over IP", self.address, self.port) from None
        return self._bound(raw, "SCTP over IP", 0)

    def _open_udp(self, udp_port: int | None) -> socket.socket:
        def udp() -> socket.socket:
            return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

        if udp_port is not None:
            return self._bound(udp(), "UDP", udp_port)
        try:
            return self._bound(udp(), "UDP", UDP_PORT)
        except SctpError as exc:
            if exc.errno != errno.EADDRINUSE:
                raise
            # An endpoint that only connects needs no port that is known.
            self._udp_port_is_ours = False
            return self._bound(udp(), "UDP", 0)

    def _bound(self, sock: socket.socket, what: str, port: int) -> socket.socket:
        try:
            sock.bind((self.address, port))
        except OSError as exc:
            sock.close()
            raise bind_error(SctpError, exc, what, self.address, port) from None
        sock.setblocking(False)
        # The library learns no path MTU here, so routers may fragment.
        sock.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT)
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            sock.setsockopt(socket.SOL_SOCKET, option, LOOPBACK_BURST_BYTES)
        return sock

    def _open_reserved(self) -> int:
        """Hold the port against other processes: raw sockets know none, so a name of a Unix socket stands for it."""
        wanted = self.port
        attempts = 1 if wanted else PORT_ATTEMPTS
        while True:
            attempts -= 1
            self.port = wanted
            so = self._open_sctp()
            holder = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            try:
                holder.bind(f"\0picocell/sctp/{self.address}/{self.port}")
            except OSError as exc:
                holder.close()
                self._library.dll.usrsctp_close(so)
                if attempts == 0:
                    raise bind_error(SctpError, exc, "SCTP", self.address, self.port) from None
            else:
                self._reservation = holder
                return so

    def _open_sctp(self) -> int:
        dll = self._library.dll
        so = dll.usrsctp_socket(AF_CONN, socket.SOCK_SEQPACKET, IPPROTO_SCTP, None, None, 0, None)
        if not so:
            self._library.check(-1, "no socket")
        try:
            self._set_options(so)
            if dll.usrsctp_bind(so, SOCKADDR.pack(AF_CONN, socket.htons(self.port), 0), SOCKADDR.size) < 0:
                code = ctypes.get_errno()
                if code == errno.EADDRINUSE:
                    raise SctpError(code, f"SCTP port {self.port} is in use by another endpoint of this process")
                self._library.check(-1, f"port {self.port}")
            if self.port == 0:
                self.port = self._bound_port(so)
        except OSError:
            dll.usrsctp_close(so)
            raise
        return int(so)

    def _bound_port(self, so: int) -> int:
        addresses = ctypes.c_void_p()
        # An endpoint bound to no address lists those of the stack: without one there is nowhere to read the port.
        self._library.dll.usrsctp_register_address(self._number)
        try:
            count = self._library.dll.usrsctp_getladdrs(so, 0, ctypes.byref(addresses))
            if count < 1 or not addresses.value:
                raise SctpError(errno.EADDRNOTAVAIL, "usrsctp gave no port")
            port = socket.ntohs(SOCKADDR.unpack(ctypes.string_at(addresses.value, SOCKADDR.size))[1])
            self._library.dll.usrsctp_freeladdrs(addresses)
        finally:
            self._library.dll.usrsctp_deregister_address(self._number)
        return port

    def _set_options(self, so: int) -> None:
        dll, check = self._library.dll, self._library.check
        check(dll.usrsctp_set_non_blocking(so, 1), "non-blocking")
        integer = struct.Struct("=i")
        options = [
            (socket.SOL_SOCKET, socket.SO_RCVBUF, integer.pack(base.BUFFER_BYTES)),
            (socket.SOL_SOCKET, socket.SO_SNDBUF, integer.pack(base.BUFFER_BYTES)),
            (
                IPPROTO_SCTP,
                INITMSG,
                struct.pack("=HHHH", base.STREAMS, base.STREAMS, base.INIT_ATTEMPTS, base.RTO_MAX_MS),
            ),
            (
                IPPROTO_SCTP,
                RTOINFO,
                struct.pack("=IIII", 0, base.RTO_INITIAL_MS, base.RTO_MAX_MS, base.RTO_MIN_MS),
            ),
            (IPPROTO_SCTP, ASSOCINFO, struct.pack("=IIIIHH", 0, 0, 0, 0, base.MAX_RETRANSMISSIONS, 0)),
            (IPPROTO_SCTP, NODELAY, integer.pack(1)),
            (IPPROTO_SCTP, DELAYED_SACK, struct.pack("=III", 0, base.SACK_DELAY_MS, 2)),
            (
                IPPROTO_SCTP,
                PEER_ADDR_PARAMS,
                struct.pack("=128xIIIIIHBx", 0, base.HEARTBEAT_MS, 0, HEARTBEAT_ENABLE, 0, base.MAX_RETRANSMISSIONS, 0),
            ),
            (IPPROTO_SCTP, EVENT, struct.pack("=IHBx", 0, ASSOC_CHANGE, 1)),
            (IPPROTO_SCTP, RECVRCVINFO, integer.pack(1)),
        ]
        for level, name, value in options:
            check(dll.usrsctp_setsockopt(so, level, name, value, len(value)), f"option {name:#x}")

    # What the base calls.

    def _listen(self) -> None:
        if not self._udp_port_is_ours:
            raise SctpError(
                errno.EADDRINUSE,
                f"UDP port {UDP_PORT} of {self.address} is in use by another program: choose another for this one",
            )
        self._library.check(self._library.dll.usrsctp_listen(self._so, 1), "listen")

    def _connect(self, peer: tuple[str, int]) -> int | None:
        where = self._sockaddr(peer)
        self._know(SOCKADDR.unpack(where)[2])
        # Timers start at the library's time: were it behind, they would run out early.
        self._library.run_timers()
        if self._library.dll.usrsctp_connect(self._so, where, len(where)) < 0:
            code = ctypes.get_errno()
            if code != errno.EINPROGRESS:
                self._library.check(-1, f"connect to {peer[0]}:{peer[1]}")
        return int(self._library.dll.usrsctp_getassocid(self._so, where)) or None

    def _try_send(self, handle: int, data: bytes, stream: int, ppid: int) -> bool:
        info = SNDINFO.pack(stream, 0, socket.htonl(ppid), 0, handle)
        return self._sendv(data, info)

    def _end(self, handle: int, abort: bool) -> bool:
        try:
            return self._sendv(b"", SNDINFO.pack(0, SEND_ABORT if abort else SEND_EOF, 0, 0, handle))
        except SctpError:
            # It has ended by itself in the meantime.
            return True

    def _sendv(self, data: bytes, info: bytes) -> bool:
        self._library.run_timers()
        sent = self._library.dll.usrsctp_sendv(
            self._so, data, len(data), None, 0, info, len(info), library.SENDV_SNDINFO, 0
        )
        code = ctypes.get_errno()
        self._library.raise_interruption()
        if sent >= 0:
            return True
        if code in (errno.EAGAIN, errno.ENOBUFS):
            return False
        raise SctpError(code, f"usrsctp: {errno.errorcode.get(code, code)}")

    def _descriptor(self) -> int:
        return self._socket.fileno()

    def _wait_seconds(self) -> float | None:
        return TICK_SECONDS if self._associations else IDLE_SECONDS

    def _work(self, reading: bool) -> None:
        self._take_packets()
        self._library.run_timers()
        if reading:
            self._take_messages()

    def _close(self) -> None:
        self._library.dll.usrsctp_close(self._so)
        for address in self._routes:
            self._library.dll.usrsctp_deregister_address(address)
        self._library.unregister(self._number)
        self._socket.close()
        if self._reservation is not None:
            self._reservation.close()

    # Packets.

    def _sockaddr(self, peer: tuple[str, int]) -> bytes:
        host = int.from_bytes(socket.inet_aton(peer[0]), "big")
        return SOCKADDR.pack(AF_CONN, socket.htons(peer[1]), host << 32 | self._peer_udp_port << 16 | self._number)

    def _output(self, address: int, packet: bytes) -> None:
        host = socket.inet_ntoa((address >> 32).to_bytes(4, "big"))
        try:
            self._socket.sendto(packet, (host, address >> 16 & 0xFFFF))
        except OSError:
            # As lost on the way: SCTP repeats it, and reports a path that stays dead.
            return

    def _take_packets(self) -> None:
        port = self.port.to_bytes(2, "big")
        for _ in range(PACKETS_AT_ONCE):
            try:
                packet, (host, udp_port) = self._socket.recvfrom(65535)
            except BlockingIOError:
                return
            except OSError:
                # An ICMP error of a packet sent before; the next call has the next packet.
                continue
            if not self._over_udp:
                packet, udp_port = packet[(packet[0] & 15) * 4 :], 0
                # Stacks of this host leave the checksum out, as the packet meets no wire.
                if packet[8:12] == bytes(4):
                    packet = packet[:8] + self._library.checksum(packet) + packet[12:]
            # A raw socket is handed the packets of all ports of the address: those of other programs are none of ours.
            if len(packet) < COMMON_HEADER or packet[2:4] != port:
                continue
            address = int.from_bytes(socket.inet_aton(host), "big") << 32 | udp_port << 16 | self._number
            # Nothing is kept of a sender before it shows, by the cookie, that it gets what is sent to it.
            if packet[COMMON_HEADER : COMMON_HEADER + 1] == bytes([COOKIE_ECHO]):
                self._know(address)
            self._library.dll.usrsctp_conninput(address, packet, len(packet), 0)

    def _know(self, address: int) -> None:
        """Tell the library of an address: it finds associations by those only."""
        if address in self._routes:
            return
        self._library.dll.usrsctp_register_address(address)
        self._routes[address] = None
        if len(self._routes) > MAX_ROUTES:
            self._routes_in_use = {h: a for h, a in self._routes_in_use.items() if h in self._by_handle}
            in_use = {address, *self._routes_in_use.values()}
            for old in [a for a in self._routes if a not in in_use]:
                self._library.dll.usrsctp_deregister_address(old)
                del self._routes[old]

    def _take_messages(self) -> None:
        while not self._full():
            self._lengths[0], self._lengths[1] = len(self._from), len(self._info)
            self._kinds[0] = self._kinds[1] = 0
            lengths, kinds = ctypes.addressof(self._lengths), ctypes.addressof(self._kinds)
            count = self._library.dll.usrsctp_recvv(
                self._so,
                self._buffer,
                len(self._buffer),
                self._from,
                lengths,
                self._info,
                lengths + 4,
                kinds,
                kinds + 4,
            )
            if count <= 0:
                return
            flags = self._kinds[1]
            data = ctypes.string_at(self._buffer, count)
            if flags & library.NOTIFICATION:
                if int.from_bytes(data[:2], sys.byteorder) == ASSOC_CHANGE:
                    _, port, address = SOCKADDR.unpack_from(self._from)
                    self._routes_in_use[base.ASSOCIATION_CHANGE.unpack_from(data)[-1]] = address
                    host = socket.inet_ntoa((address >> 32).to_bytes(4, "big"))
                    self._changed(data, (host, socket.ntohs(port)), first_state=1)
                continue
            stream, _, _, ppid, _, _, _, handle = library.RCVINFO.unpack_from(self._info)
            self._received(handle, data, stream, socket.ntohl(ppid), bool(flags & socket.MSG_EOR))
