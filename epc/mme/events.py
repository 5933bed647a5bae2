"""What the MME tells its owner, for logs and counters."""

from dataclasses import dataclass

from picocell.epc.interfaces.s1ap_values import TaIdentity


@dataclass(frozen=True, slots=True)
class EnbConnected:
    """An eNB is served from now on."""

    address: str
    name: str
    enb_id: int
    tais: tuple[TaIdentity, ...]


@dataclass(frozen=True, slots=True)
class EnbRefused:
    """An eNB's S1 Setup was refused; `text` names PLMN and TAC of both sides in decimal and hexadecimal."""

    address: str
    text: str


@dataclass(frozen=True, slots=True)
class EnbLost:
    """An association is gone, and the S1 connections over it."""

    address: str


@dataclass(frozen=True, slots=True)
class UeRegistered:
    """A phone is attached, or its tracking area is updated."""

    imsi: str
    m_tmsi: int


@dataclass(frozen=True, slots=True)
class UeDeregistered:
    """A phone is detached."""

    imsi: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class UeRefused:
    """Something was refused to a phone, with a cause of NAS."""

    identity: str
    what: str
    cause: int
    cause_name: str


@dataclass(frozen=True, slots=True)
class PagingFailed:
    """A phone did not answer any paging."""

    imsi: str | None


Event = EnbConnected | EnbRefused | EnbLost | UeRegistered | UeDeregistered | UeRefused | PagingFailed
