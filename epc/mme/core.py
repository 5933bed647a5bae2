"""What all procedures of the MME share: tables, identities, sending, counters."""

import logging
import random
from collections import Counter, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from picocell.epc.interfaces import s1ap
from picocell.epc.interfaces.s1ap import S1apPdu
from picocell.epc.interfaces.s1ap_values import STREAM_UE
from picocell.epc.interfaces.transport import Interface, Message
from picocell.epc.mme.events import Event
from picocell.epc.mme.nas_port import NasFactory
from picocell.epc.mme.settings import MmeSettings
from picocell.epc.mme.ue_context import Association, S1Connection, UeContext

if TYPE_CHECKING:
    from picocell.epc.mme.paging import Paging
    from picocell.epc.mme.s1_ue import UeProcedures
    from picocell.epc.mme.sessions import Sessions
    from picocell.epc.mme.subscribers import Subscribers
    from picocell.epc.mme.ue_nas import UeNasProcedures

_log = logging.getLogger(__name__)

_MME_IDS: Final = 1 << 32


@dataclass(frozen=True, slots=True)
class Addresses:
    """Of the MME and its neighbours."""

    own: str
    hss: str
    sgw: str
    pgw: str


class Core:
    """Tables and means of one MME; its procedures reach each other through it.

    Attributes:
        associations: eNBs by address.
        connections: S1 connections by MME-UE-S1AP-ID.
        ues: phones by key.
        by_imsi, by_m_tmsi: the same phones by identity.
    """

    s1: "UeProcedures"
    nas: "UeNasProcedures"
    s11: "Sessions"
    s6a: "Subscribers"
    paging: "Paging"

    def __init__(
        self, settings: MmeSettings, addresses: Addresses, rng: random.Random, nas_factory: NasFactory
    ) -> None:
        self.settings, self.addresses, self.rng, self.nas_factory = settings, addresses, rng, nas_factory
        self.associations: dict[str, Association] = {}
        self.connections: dict[int, S1Connection] = {}
        self.by_enb_id: dict[tuple[str, int], S1Connection] = {}
        self.ues: dict[int, UeContext] = {}
        self.by_imsi: dict[str, UeContext] = {}
        self.by_m_tmsi: dict[int, UeContext] = {}
        self.outgoing: deque[Message] = deque()
        self.events: deque[Event] = deque(maxlen=10_000)
        self.counters: Counter[str] = Counter()
        self._last_mme_id = 0
        self._last_key = 0

    # sending

    def send(self, interface: Interface, destination: str, data: bytes, stream: int = 0) -> None:
        """Put a message on its way."""
        self.outgoing.append(Message(interface, self.addresses.own, destination, data, stream))

    def send_s1(self, enb: str, name: str, ies: dict[str, Any], stream: int = 0) -> None:
        """Send an S1AP message to an eNB."""
        self.send_pdu(enb, s1ap.build(name, ies), stream)

    def send_pdu(self, enb: str, pdu: S1apPdu, stream: int = 0) -> None:
        """Send an S1AP PDU to an eNB."""
        self.counters[f"sent:{pdu.message}"] += 1
        self.send(Interface.S1AP, enb, s1ap.encode(pdu), stream)

    def send_ue(self, connection: S1Connection, name: str, ies: dict[str, Any]) -> None:
        """Send an S1AP message about one connection, with both identities."""
        ids = {"MME-UE-S1AP-ID": connection.mme_id, "eNB-UE-S1AP-ID": connection.enb_id}
        self.send_s1(connection.enb, name, {**ids, **ies}, STREAM_UE)

    # phones

    def new_ue(self) -> UeContext:
        """A phone that is not known yet."""
        self._last_key = _next_free(self._last_key, self.ues, _MME_IDS)
        key = self._last_key
        nas = self.nas_factory(lambda: self._allocate_m_tmsi(key))
        ue = self.ues[key] = UeContext(key, nas)
        return ue

    def _allocate_m_tmsi(self, key: int) -> int:
        """An M-TMSI that no other phone has; the phone is found by it from now on."""
        while True:
            m_tmsi = self.rng.getrandbits(32)
            if m_tmsi not in self.by_m_tmsi and m_tmsi != 0xFFFFFFFF:  # all ones are no M-TMSI (TS 23.003 2.4)
                break
        ue = self.ues.get(key)
        if ue is not None:
            self.by_m_tmsi[m_tmsi] = ue
            ue.m_tmsis.add(m_tmsi)
        return m_tmsi

    def keep_m_tmsis(self, ue: UeContext, valid: set[int]) -> None:
        """Find a phone by these M-TMSIs and by no other."""
        for m_tmsi in ue.m_tmsis - valid:
            if self.by_m_tmsi.get(m_tmsi) is ue:
                del self.by_m_tmsi[m_tmsi]
        for m_tmsi in valid:
            self.by_m_tmsi[m_tmsi] = ue
        ue.m_tmsis = set(valid)

    def remove_ue(self, ue: UeContext) -> None:
        """Forget a phone; its connection and sessions are to be gone already."""
        ue.removed = True
        self.ues.pop(ue.key, None)
        self.keep_m_tmsis(ue, set())
        if ue.imsi is not None and self.by_imsi.get(ue.imsi) is ue:
            del self.by_imsi[ue.imsi]

    # S1 connections

    def new_mme_id(self) -> int:
        """An MME-UE-S1AP-ID, 32 bits, that is free."""
        self._last_mme_id = _next_free(self._last_mme_id, self.connections, _MME_IDS)
        return self._last_mme_id

    def add_connection(self, connection: S1Connection) -> None:
        """Enter an S1 connection."""
        self.connections[connection.mme_id] = connection
        self.by_enb_id[connection.enb, connection.enb_id] = connection

    def forget_connection(self, connection: S1Connection) -> None:
        """Take an S1 connection out of the tables."""
        self.connections.pop(connection.mme_id, None)
        if self.by_enb_id.get((connection.enb, connection.enb_id)) is connection:
            del self.by_enb_id[connection.enb, connection.enb_id]


def _next_free(last: int, taken: dict[int, Any], limit: int) -> int:
    """The number after ``last``, from 1, that is not taken."""
    while True:
        last = last % (limit - 1) + 1
        if last not in taken:
            return last
