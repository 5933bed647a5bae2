"""What the PGW tells its owner."""

from dataclasses import dataclass
from ipaddress import IPv4Address


@dataclass(frozen=True, slots=True)
class SessionCreated:
    """A phone has an address."""

    imsi: str
    ebi: int
    apn: str
    address: IPv4Address


@dataclass(frozen=True, slots=True)
class SessionDeleted:
    """A phone's address is free again."""

    imsi: str
    ebi: int
    address: IPv4Address


@dataclass(frozen=True, slots=True)
class DedicatedBearerCreated:
    """A dedicated bearer is in use."""

    imsi: str
    linked_ebi: int
    ebi: int
    qci: int


@dataclass(frozen=True, slots=True)
class DedicatedBearerFailed:
    """A dedicated bearer was refused, with the cause's number and name."""

    imsi: str
    linked_ebi: int
    qci: int
    cause: int
    reason: str


@dataclass(frozen=True, slots=True)
class DedicatedBearerDeleted:
    """A dedicated bearer has ended."""

    imsi: str
    linked_ebi: int
    ebi: int


Event = SessionCreated | SessionDeleted | DedicatedBearerCreated | DedicatedBearerFailed | DedicatedBearerDeleted
