"""An eNB's link to the core in a process of its own: S1AP over SCTP, and user packets over UDP."""

import logging
import select
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from picocell.epc.interfaces import gtpu, s1ap
from picocell.epc.interfaces.sctp import AssociationDown, AssociationUp, SctpEndpoint, SctpMessage
from picocell.epc.interfaces.transport import Interface, Message

_LOG: Final = logging.getLogger(__name__)

RETRY_S: Final = 1.0
_MAX_DATAGRAM: Final = 65_535
_BATCH: Final = 256


@dataclass(frozen=True, slots=True)
class CoreUp:
    """There is an association with the MME."""


@dataclass(frozen=True, slots=True)
class CoreDown:
    """The association with the MME is gone."""

    reason: str


class CoreLink:
    """Sockets towards MME and SGW; nothing here waits.

    Args:
        sctp: endpoint for S1AP; it is closed by `close`.
        mme_address: where the MME listens.
        mme_port: its SCTP port.
        gtpu_address: own address of the user plane.
        gtpu_port: UDP port of the user plane.
        gtpu_peer_port: UDP port of the SGW's.
        name: the eNB's name in messages, its address as S1AP knows it.

    Attributes:
        dropped: user packets that the host did not take.
        tap: sees every message of S1AP; None for nobody.

    Raises:
        OSError: the UDP port is taken, or the address is not this host's.
    """

    def __init__(
        self,
        sctp: SctpEndpoint,
        mme_address: str,
        *,
        mme_port: int = s1ap.PORT,
        gtpu_address: str,
        gtpu_port: int = gtpu.PORT,
        gtpu_peer_port: int = gtpu.PORT,
        name: str | None = None,
    ) -> None:
        self._sctp, self._mme = sctp, (mme_address, mme_port)
        self._own = name or gtpu_address
        self._port = gtpu_peer_port
        self.tap: Callable[[Message], None] | None = None
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._udp.bind((gtpu_address, gtpu_port))
        except OSError as error:
            self._udp.close()
            raise OSError(error.errno, f"GTP-U {gtpu_address}:{gtpu_port}: {error.strerror}") from error
        self._udp.setblocking(False)
        self._packets = select.poll()  # quicker to ask than to read in vain
        self._packets.register(self._udp, select.POLLIN)
        self._association: int | None = None
        self._up = False
        self._retry_at = 0.0
        self._is_known_unreachable = False
        self.dropped = 0

    def poll(self) -> Iterator[Message | CoreUp | CoreDown]:
        """What has come since the last call; connects again where there is no association."""
        if self._association is None and time.monotonic() >= self._retry_at:
            self._connect()
        while (event := self._sctp.next_event()) is not None:
            match event:
                case AssociationUp(association) if association == self._association:
                    self._up, self._is_known_unreachable = True, False
                    yield CoreUp()
                case AssociationDown(association, reason) if association == self._association:
                    was_up, self._up, self._association = self._up, False, None
                    self._retry_at = time.monotonic() + RETRY_S
                    if was_up:
                        yield CoreDown(reason)
                    else:
                        self._say_unreachable(reason)
                case SctpMessage(association, stream, _, data) if association == self._association:
                    yield self._seen(Message(Interface.S1AP, self._mme[0], self._own, data, stream))
        if self._packets.poll(0):
            yield from self._datagrams()

    def _datagrams(self) -> Iterator[Message]:
        """User packets that have come."""
        for _ in range(_BATCH):
            try:
                data, (address, _) = self._udp.recvfrom(_MAX_DATAGRAM)
            except BlockingIOError:
                break
            except OSError as error:
                _LOG.debug("GTP-U: %s", error)  # an ICMP error of an earlier packet
                continue
            yield Message(Interface.S1U, address, self._own, data)

    def send(self, message: Message) -> None:
        """Send a message; what cannot go out is lost, as on the wire."""
        if message.interface is Interface.S1U:
            try:
                self._udp.sendto(message.data, (message.destination, self._port))
            except OSError as error:
                self.dropped += 1
                _LOG.debug("GTP-U to %s: %s", message.destination, error)
        elif self._association is not None and self._up:
            try:
                self._seen(message)
                self._sctp.send(self._association, message.data, stream=message.stream, ppid=s1ap.PPID)
            except OSError as error:
                _LOG.warning("S1AP to %s: %s", message.destination, error)

    def close(self) -> None:
        """End the association, and close the sockets."""
        self._sctp.close()
        self._udp.close()

    def _seen(self, message: Message) -> Message:
        if self.tap is not None:
            self.tap(message)
        return message

    def _connect(self) -> None:
        try:
            self._association = self._sctp.connect(*self._mme)
        except OSError as error:
            self._say_unreachable(str(error))
            self._retry_at = time.monotonic() + RETRY_S

    def _say_unreachable(self, reason: str) -> None:
        """The first time as a warning: a wrong address looks just so; then only for those who want to know more."""
        level = logging.INFO if self._is_known_unreachable else logging.WARNING
        _LOG.log(level, "MME %s:%d is not reached: %s; tried again every %.0f s", *self._mme, reason, RETRY_S)
        self._is_known_unreachable = True
