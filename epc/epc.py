"""The core: MME, HSS, SGW and PGW of one network, which talk to each other and to eNBs only through their messages."""

import random
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from picocell.epc.hss.hss import Hss
from picocell.epc.hss.subscribers import SubscriberStore
from picocell.epc.interfaces.transport import Interface, Message
from picocell.epc.mme.mme import Mme
from picocell.epc.mme.settings import MmeSettings
from picocell.epc.pgw.pgw import Pgw, PgwSettings
from picocell.epc.sgw.sgw import Sgw, SgwSettings

_USER_PLANE: Final = (Interface.S1U, Interface.S5U)

_LONGEST_REST: Final = 16
"""ms after which a node is asked for its timers again, whatever it said."""


class Node(Protocol):
    """What the nodes have in common."""

    def receive(self, message: Message, now: int) -> None:
        """Take a message."""

    def messages_to_send(self) -> list[Message]:
        """Messages to send, each given once."""

    def next_timer(self) -> int | None:
        """When `handle_timers` is due, ms."""

    def handle_timers(self, now: int) -> None:
        """Do what is due."""

    def tables(self) -> dict[str, int]:
        """Sizes of all tables by name."""


@dataclass(frozen=True, slots=True)
class EpcSettings:
    """What a core is.

    Attributes:
        mme, sgw, pgw: settings of the nodes.
        pool: addresses of phones, in CIDR notation.
        apns: access points that the gateway has, the default one first.
        dns: name servers told to phones.
        mtu: of the link, told to phones.
        mme_address, hss_address, sgw_address, pgw_address: of the nodes.
    """

    mme: MmeSettings = field(default_factory=MmeSettings)
    sgw: SgwSettings = field(default_factory=SgwSettings)
    pgw: PgwSettings = field(default_factory=PgwSettings)
    pool: str = "172.16.0.0/24"
    apns: tuple[str, ...] = ("internet",)
    dns: tuple[str, ...] = ("8.8.8.8", "8.8.4.4")
    mtu: int = 1500
    mme_address: str = "127.0.1.100"
    hss_address: str = "127.0.1.101"
    sgw_address: str = "127.0.1.102"
    pgw_address: str = "127.0.1.103"


class Epc:
    """A core in the caller's time.

    Args:
        settings: what it is.
        subscribers: who may use it.
        seed: of challenges and identifiers.

    Attributes:
        mme, hss, sgw, pgw: the nodes.
        nodes: the same by address.
    """

    def __init__(self, settings: EpcSettings, subscribers: SubscriberStore, *, seed: int = 0) -> None:
        self.settings: Final = settings
        self.subscribers: Final = subscribers
        rng = random.Random(seed)
        s = settings
        self.mme = Mme(s.mme, s.mme_address, s.hss_address, s.sgw_address, s.pgw_address, random.Random(rng.random()))
        nas = s.mme.nas
        self.hss = Hss(
            subscribers,
            s.hss_address,
            realm=s.mme.diameter_realm,
            plmns=[(nas.mcc, nas.mnc)],
            rng=random.Random(rng.random()),
        )
        self.sgw = Sgw(s.sgw_address, settings=s.sgw, rng=random.Random(rng.random()))
        reserved = {*s.pgw.reserved, *subscribers.static_addresses()}
        pgw = replace(s.pgw, reserved=tuple(sorted(reserved)))
        self.pgw = Pgw(s.pgw_address, s.pool, s.apns, s.dns, s.mtu, settings=pgw, rng=random.Random(rng.random()))
        self.nodes: dict[str, Node] = {
            s.mme_address: self.mme,
            s.hss_address: self.hss,
            s.sgw_address: self.sgw,
            s.pgw_address: self.pgw,
        }

        self._look_at = dict.fromkeys(self.nodes, 0)

    def receive(self, message: Message, now: int) -> None:
        """Give a message to the node that it is for; one for no node is dropped."""
        node = self.nodes.get(message.destination)
        if node is not None:
            if message.interface not in _USER_PLANE:
                self._look_at[message.destination] = 0
            node.receive(message, now)

    def messages_to_send(self, of: str | None = None) -> list[Message]:
        """Messages of all nodes, also those from one to another; with ``of`` only those of the node there."""
        found: list[Message] = []
        for address in self.nodes if of is None else (of,):
            messages = self.nodes[address].messages_to_send() if address in self.nodes else []
            if messages:
                if messages[0].interface not in _USER_PLANE:  # which is what comes last
                    self._look_at[address] = 0
                found += messages
        return found

    def handle_timers(self, now: int) -> None:
        """Timers of the nodes that are due."""
        for address, look_at in self._look_at.items():
            if now < look_at:
                continue
            node = self.nodes[address]
            due = node.next_timer()
            if due is not None and due <= now:
                node.handle_timers(now)
                due = now + 1
            # what starts a timer comes in a message or sends one, though not in a packet of a user; an operator's
            # command may be the exception
            self._look_at[address] = now + _LONGEST_REST if due is None else min(due, now + _LONGEST_REST)

    def tables(self) -> dict[str, int]:
        """Sizes of all tables by node and name."""
        parts: dict[str, Node] = {"MME": self.mme, "HSS": self.hss, "SGW": self.sgw, "PGW": self.pgw}
        return {f"{node} {name}": size for node, part in parts.items() for name, size in part.tables().items()}
