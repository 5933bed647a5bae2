"""SCTP of the Linux kernel (RFC 6458 sockets, one to many)."""

import errno
import socket
import struct
import sys
from typing import Final

from picocell.epc.interfaces.sctp import endpoint as base
from picocell.epc.interfaces.sctp.endpoint import SctpEndpoint
from picocell.epc.interfaces.sctp.events import SctpError
from picocell.epc.interfaces.sockets import bind_error

IPPROTO_SCTP: Final = 132
RTOINFO, ASSOCINFO, INITMSG, NODELAY = 0, 1, 2, 3
PEER_ADDR_PARAMS, EVENTS, DELAYED_SACK = 9, 11, 16
"""Socket options of linux/sctp.h."""
SNDRCV: Final = 1
"""Type of the control message that carries `SNDRCVINFO`."""
SNDRCVINFO: Final = struct.Struct("=HHHxxIIIIIi")
"""sctp_sndrcvinfo: stream, SSN, flags, PPID (network byte order), context, lifetime, TSN, cumulative TSN, number."""
NOTIFICATION: Final = 0x8000
ASSOC_CHANGE: Final = 0x8001
SEND_EOF, SEND_ABORT = 0x200, 1 << 2
HEARTBEAT_ENABLE, SACK_DELAY_ENABLE = 1, 1 << 5
BACKLOG: Final = 128
MESSAGES_AT_ONCE: Final = 256
RETRY_SECONDS: Final = 0.01


def available() -> bool:
    """Whether this kernel has SCTP (the module may be loaded by the question)."""
    try:
        socket.socket(socket.AF_INET, socket.SOCK_SEQPACKET, IPPROTO_SCTP).close()
    except OSError:
        return False
    return True


def options() -> list[tuple[int, int, bytes]]:
    """Level, name and value of every option that is set on the socket."""
    integer = struct.Struct("=i")
    heartbeat = struct.pack(
        "=i128xIHIIIIBx",
        0,
        base.HEARTBEAT_MS,
        base.MAX_RETRANSMISSIONS,
        0,
        base.SACK_DELAY_MS,
        HEARTBEAT_ENABLE | SACK_DELAY_ENABLE,
        0,
        0,
    )
    init = struct.pack("=HHHH", base.STREAMS, base.STREAMS, base.INIT_ATTEMPTS, base.RTO_MAX_MS)
    return [
        (socket.SOL_SOCKET, socket.SO_RCVBUF, integer.pack(base.BUFFER_BYTES)),
        (socket.SOL_SOCKET, socket.SO_SNDBUF, integer.pack(base.BUFFER_BYTES)),
        (IPPROTO_SCTP, INITMSG, init),
        (
            IPPROTO_SCTP,
            RTOINFO,
            struct.pack("=iIII", 0, base.RTO_INITIAL_MS, base.RTO_MAX_MS, base.RTO_MIN_MS),
        ),
        (IPPROTO_SCTP, ASSOCINFO, struct.pack("=iHHIII", 0, base.MAX_RETRANSMISSIONS, 0, 0, 0, 0)),
        (IPPROTO_SCTP, NODELAY, integer.pack(1)),
        # spp_address is 128 bytes; the structure is packed but for its end, at a multiple of 4.
        (IPPROTO_SCTP, PEER_ADDR_PARAMS, heartbeat),
        # Of sctp_event_subscribe: the data's information and changes of associations.
        (IPPROTO_SCTP, EVENTS, bytes([1, 1, 0, 0, 0, 0, 0, 0])),
    ]


class KernelEndpoint(SctpEndpoint):
    """An endpoint of the kernel's SCTP."""

    def __init__(self, address: str, port: int) -> None:
        super().__init__(address, port)
        try:
            self._socket = socket.socket(socket.AF_INET, socket.SOCK_SEQPACKET, IPPROTO_SCTP)
        except OSError as exc:
            raise SctpError(
                exc.errno or 0, "this kernel has no SCTP (sudo modprobe sctp loads it, if it is there)"
            ) from None
        try:
            self._socket.setblocking(False)
            for level, name, value in options():
                self._socket.setsockopt(level, name, value)
            self._socket.bind((address, port))
            self.port = int(self._socket.getsockname()[1])
        except OSError as exc:
            self._socket.close()
            raise bind_error(SctpError, exc, "SCTP", address, port) from None
        self._start()

    @property
    def mode(self) -> str:
        """In words, what carries the associations."""
        return "SCTP of the kernel"

    def _listen(self) -> None:
        self._socket.listen(BACKLOG)

    def _connect(self, peer: tuple[str, int]) -> int | None:
        code = self._socket.connect_ex(peer)
        if code not in (0, errno.EINPROGRESS):
            raise SctpError(code, f"connect to {peer[0]}:{peer[1]}: {errno.errorcode.get(code, code)}")
        return None

    def _try_send(self, handle: int, data: bytes, stream: int, ppid: int) -> bool:
        return self._sendmsg(data, SNDRCVINFO.pack(stream, 0, 0, socket.htonl(ppid), 0, 0, 0, 0, handle))

    def _end(self, handle: int, abort: bool) -> bool:
        flags = SEND_ABORT if abort else SEND_EOF
        try:
            return self._sendmsg(b"", SNDRCVINFO.pack(0, 0, flags, 0, 0, 0, 0, 0, handle))
        except OSError:
            # It has ended by itself in the meantime.
            return True

    def _sendmsg(self, data: bytes, info: bytes) -> bool:
        try:
            self._socket.sendmsg([data], [(IPPROTO_SCTP, SNDRCV, info)], socket.MSG_NOSIGNAL)
        except BlockingIOError:
            return False
        return True

    def _descriptor(self) -> int:
        return self._socket.fileno()

    def _wait_seconds(self) -> float | None:
        # Room for one association is no room for another, so the socket's writability says too little.
        return RETRY_SECONDS if self._busy else None

    def _work(self, reading: bool) -> None:
        for _ in range(MESSAGES_AT_ONCE):
            if not reading or self._full():
                return
            try:
                data, control, flags, source = self._socket.recvmsg(
                    base.MAX_MESSAGE, socket.CMSG_SPACE(SNDRCVINFO.size)
                )
            except BlockingIOError:
                return
            if flags & NOTIFICATION:
                if int.from_bytes(data[:2], sys.byteorder) == ASSOC_CHANGE:
                    self._changed(data, (str(source[0]), int(source[1])), first_state=0)
                continue
            for level, kind, value in control:
                if level == IPPROTO_SCTP and kind == SNDRCV:
                    stream, _, _, ppid, _, _, _, _, handle = SNDRCVINFO.unpack(value[: SNDRCVINFO.size])
                    self._received(handle, data, stream, socket.ntohl(ppid), bool(flags & socket.MSG_EOR))

    def _close(self) -> None:
        self._socket.close()
