"""A base station's RRC with stand-ins around it, and the messages of a UE."""

from dataclasses import dataclass
from typing import Any

from picocell.enb.system_information import sib2
from picocell.mac.dedicated_config import PeriodicCqi, SchedulingRequest
from picocell.phy.lte.cell import Cell
from picocell.rrc_nas import asn1
from picocell.rrc_nas.rrc.enb import EnbRrc
from picocell.rrc_nas.rrc.enb_settings import EnbRrcSettings, Erab, InitialContext
from picocell.rrc_nas.rrc.events import SendSrb, UeEvent

K_ENB = bytes(range(32))
CONTEXT = InitialContext(K_ENB, 0xE000, 0xE000, (Erab(5, 9, b"attach accept"),))


@dataclass(frozen=True)
class Allocation:
    sr: SchedulingRequest
    cqi: PeriodicCqi


class Resources:
    """Uplink control resources, counted."""

    def __init__(self, capacity: int = 8) -> None:
        self.capacity = capacity
        self.taken: dict[int, int] = {}

    def allocate(self, rnti: int) -> Allocation:
        free = [place for place in range(self.capacity) if place not in self.taken.values()]
        if not free or rnti in self.taken:
            raise ValueError(f"{len(self.taken)} of {self.capacity} are taken")
        self.taken[rnti] = free[0]
        return Allocation(
            SchedulingRequest(0, 15 + free[0], 64), PeriodicCqi(0, 38 + free[0], simultaneous_ack_nack=True)
        )

    def release(self, rnti: int) -> None:
        del self.taken[rnti]


def make(*, capacity: int = 8, cell: Cell | None = None, **settings: Any) -> tuple[EnbRrc, Resources]:
    resources = Resources(capacity)
    cell = Cell(1, 6) if cell is None else cell
    return EnbRrc(cell, sib2=sib2(6), resources=resources, settings=EnbRrcSettings(**settings)), resources


def drain(rrc: EnbRrc) -> list[Any]:
    found = []
    while (event := rrc.next_event()) is not None:
        found.append(event)
    return found


def ccch(name: str, body: Any) -> bytes:
    return asn1.encode("UL-CCCH", {"message": ("c1", (name, {"criticalExtensions": (f"{name}-r8", body)}))})


def dcch(name: str, body: Any, transaction: int | None, *, grouped: bool = True) -> bytes:
    release = (f"{name}-r8", body)
    content: dict[str, Any] = {"criticalExtensions": ("c1", release) if grouped else release}
    if transaction is not None:
        content["rrc-TransactionIdentifier"] = transaction
    return asn1.encode("UL-DCCH", {"message": ("c1", (name, content))})


def request(identity: tuple[str, Any] = ("randomValue", (7, 40)), cause: str = "mo-Signalling") -> bytes:
    body = {"ue-Identity": identity, "establishmentCause": cause, "spare": (0, 1)}
    return ccch("rrcConnectionRequest", body)


def s_tmsi_identity(mmec: int, m_tmsi: int) -> tuple[str, Any]:
    return "s-TMSI", {"mmec": (mmec, 8), "m-TMSI": (m_tmsi, 32)}


def setup_complete(transaction: int, nas: bytes = b"attach request", **more: Any) -> bytes:
    body = {"selectedPLMN-Identity": 1, "dedicatedInfoNAS": nas, **more}
    return dcch("rrcConnectionSetupComplete", body, transaction)


def uplink_nas(nas: bytes = b"uplink") -> bytes:
    return dcch("ulInformationTransfer", {"dedicatedInfoType": ("dedicatedInfoNAS", nas)}, None)


def capability(transaction: int) -> bytes:
    container = {"rat-Type": "eutra", "ueCapabilityRAT-Container": bytes.fromhex("8180000180 00f30208 0000")}
    return dcch("ueCapabilityInformation", {"ue-CapabilityRAT-ContainerList": [container]}, transaction)


def complete(name: str, transaction: int) -> bytes:
    return dcch(name, {}, transaction, grouped=False)


def reestablishment_request(rnti: int, pci: int, short_mac: int) -> bytes:
    body = {
        "ue-Identity": {"c-RNTI": (rnti, 16), "physCellId": pci, "shortMAC-I": (short_mac, 16)},
        "reestablishmentCause": "otherFailure",
        "spare": (0, 2),
    }
    return ccch("rrcConnectionReestablishmentRequest", body)


def sent(events: list[Any]) -> list[tuple[int, str, dict[str, Any], int]]:
    """Messages among events: SRB, name, body, transaction (-1 where there is none)."""
    found = []
    for event in events:
        if isinstance(event, UeEvent) and isinstance(event.event, SendSrb):
            channel: Any = "DL-CCCH" if event.event.srb == 0 else "DL-DCCH"
            name, content = asn1.decode(channel, event.event.message)["message"][1]
            kind, body = content["criticalExtensions"]
            if kind == "c1":
                _, body = body
            found.append((event.event.srb, name, body, content.get("rrc-TransactionIdentifier", -1)))
    return found


def connect(rrc: EnbRrc, rnti: int = 70, now: int = 0, identity: tuple[str, Any] | None = None) -> list[Any]:
    """Connect a UE, without security."""
    rrc.receive_ccch(rnti, request(("randomValue", (rnti, 40)) if identity is None else identity), now)
    rrc.receive_dcch(rnti, 1, setup_complete(rrc.ues[rnti].transaction), now + 20)
    return drain(rrc)


def secure(rrc: EnbRrc, rnti: int = 70, now: int = 50, context: InitialContext = CONTEXT) -> list[Any]:
    """Give a connected UE its context, to the end."""
    rrc.initial_context_setup(rnti, context, now)
    rrc.receive_dcch(rnti, 1, complete("securityModeComplete", rrc.ues[rnti].transaction), now + 10)
    if context.ue_radio_capability is None:
        rrc.receive_dcch(rnti, 1, capability(rrc.ues[rnti].transaction), now + 20)
    rrc.receive_dcch(rnti, 1, complete("rrcConnectionReconfigurationComplete", rrc.ues[rnti].transaction), now + 30)
    return drain(rrc)
