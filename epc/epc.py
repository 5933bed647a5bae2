"""The core: MME, HSS, SGW and PGW of one network, which talk to each other and to eNBs only through their messages."""

import random
from dataclasses import dataclass, field
from typing import Final, Protocol

from picocell.epc.hss.hss import Hss
from picocell.epc.hss.subscribers import SubscriberStore
from picocell.epc.interfaces.transport import Message
from picocell.epc.mme.mme import Mme
from picocell.epc.mme.settings import MmeSettings
from picocell.epc.pgw.pgw import Pgw, PgwSettings
from picocell.epc.sgw.sgw import Sgw, SgwSettings


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
        self.pgw = Pgw(s.pgw_address, s.pool, s.apns, s.dns, s.mtu, settings=s.pgw, rng=random.Random(rng.random()))
        self.nodes: dict[str, Node] = {
            s.mme_address: self.mme,
            s.hss_address: self.hss,
            s.sgw_address: self.sgw,
            s.pgw_address: self.pgw,
        }

    def receive(self, message: Message, now: int) -> None:
        """Give a message to the node that it is for; one for no node is dropped."""
        node = self.nodes.get(message.destination)
        if node is not None:
            node.receive(message, now)

    def messages_to_send(self) -> list[Message]:
        """Messages of all nodes, also those from one to another."""
        return [message for node in self.nodes.values() for message in node.messages_to_send()]

    def handle_timers(self, now: int) -> None:
        """Timers of the nodes that are due."""
        for node in self.nodes.values():
            due = node.next_timer()
            if due is not None and due <= now:
                node.handle_timers(now)

    def tables(self) -> dict[str, int]:
        """Sizes of all tables by node and name."""
        parts: dict[str, Node] = {"MME": self.mme, "HSS": self.hss, "SGW": self.sgw, "PGW": self.pgw}
        return {f"{node} {name}": size for node, part in parts.items() for name, size in part.tables().items()}
