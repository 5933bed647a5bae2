"""A UE's RRC with the messages of a network that tests make up field by field."""

import random
from typing import Any, Literal, TypeVar

from picocell.enb import system_information
from picocell.enb.system_information import Identity
from picocell.phy.lte.cell import PhichDuration, PhichResource
from picocell.phy.lte.mib import Mib
from picocell.rrc_nas import asn1
from picocell.rrc_nas.rrc.ue import RrcState, UeIdentity, UeRrc, UeRrcSettings
from picocell.rrc_nas.rrc.ue_capability import capability
from picocell.rrc_nas.rrc.ue_events import UeRrcEvent

Value = dict[str, Any]
E = TypeVar("E")

IMSI = "001010123456780"
K_ENB = bytes(range(32))
SETUP = bytes.fromhex("60129b2e661e82f2e0ccc860d3000099020003e0")
RECONFIGURATION = bytes.fromhex(
    "201610800000068b02801289e592ba540041d0804f8180003c440001c0075480704041c1c19cdc9cd85c1b81406b040000c9c220000341020202"
    "021402fd803c44000046a9eed8d8c4c03c44000188c17d29eed8d8d89f07d40be3a43c733cb833321834c00026408000f8"
)
"""Recorded RRCConnectionSetup, and RRCConnectionReconfiguration with SRB2, a DRB and a measurement object."""


def mib(n_prb: int = 6, sfn: int = 0) -> Mib:
    return Mib(n_prb, PhichDuration.NORMAL, PhichResource.ONE, sfn >> 2)


def sib1(identity: Identity | None = None, **fields: Any) -> bytes:
    """SIB1 with fields of cellAccessRelatedInfo, cellSelectionInfo or the block itself changed."""
    message = asn1.decode("BCCH-DL-SCH", system_information.sib1(identity or Identity()))
    block = message["message"][1][1]
    for name, value in fields.items():
        key = name.replace("_", "-")
        for part in (block["cellAccessRelatedInfo"], block["cellSelectionInfo"], block):
            if key in part:
                part[key] = value
                break
        else:
            block[key] = value
    return asn1.encode("BCCH-DL-SCH", message)


def si(sib2_changes: Value | None = None) -> bytes:
    """The SI message, with fields of SIB2 changed."""
    return system_information.system_information(
        {2: system_information.sib2(6) | (sib2_changes or {}), 3: system_information.sib3()}
    )


def timers(**changes: str) -> Value:
    """SIB2 change of ue-TimersAndConstants."""
    return {"ue-TimersAndConstants": system_information.sib2(6)["ue-TimersAndConstants"] | changes}


def dl(
    name: str,
    body: Value | None = None,
    *,
    transaction: int = 0,
    channel: Literal["DL-CCCH", "DL-DCCH"] = "DL-DCCH",
    choice: bool = True,
) -> bytes:
    """A message of the downlink; ``choice``: its extensions come as ``("c1", (name, body))``."""
    extensions: tuple[str, Any] = (f"{name}-r8", body or {})
    content: Value = {"criticalExtensions": ("c1", extensions) if choice else extensions}
    if name not in ("rrcConnectionReject", "rrcConnectionReestablishmentReject"):
        content["rrc-TransactionIdentifier"] = transaction
    return asn1.encode(channel, {"message": ("c1", (name, content))})


def reject(wait_s: int) -> bytes:
    return dl("rrcConnectionReject", {"waitTime": wait_s}, channel="DL-CCCH")


def security_mode_command(eea: str = "eea2", eia: str = "eia2", transaction: int = 1) -> bytes:
    algorithms = {"cipheringAlgorithm": eea, "integrityProtAlgorithm": eia}
    body = {"securityConfigSMC": {"securityAlgorithmConfig": algorithms}}
    return dl("securityModeCommand", body, transaction=transaction)


def release(cause: str = "other") -> bytes:
    return dl("rrcConnectionRelease", {"releaseCause": cause})


def information_transfer(nas: bytes) -> bytes:
    return dl("dlInformationTransfer", {"dedicatedInfoType": ("dedicatedInfoNAS", nas)})


def reconfiguration(transaction: int = 2, **body: Any) -> bytes:
    fields = {name.replace("_", "-"): value for name, value in body.items()}
    return dl("rrcConnectionReconfiguration", fields, transaction=transaction)


def reestablishment(ncc: int = 0, transaction: int = 1) -> bytes:
    resources = {
        "srb-ToAddModList": [
            {
                "srb-Identity": 1,
                "rlc-Config": ("defaultValue", None),
                "logicalChannelConfig": ("defaultValue", None),
            }
        ]
    }
    body = {"radioResourceConfigDedicated": resources, "nextHopChainingCount": ncc}
    return dl("rrcConnectionReestablishment", body, transaction=transaction, channel="DL-CCCH")


def reestablishment_reject() -> bytes:
    return dl("rrcConnectionReestablishmentReject", channel="DL-CCCH", choice=False)


def paging(*records: tuple[str, Any], modification: bool = False) -> bytes:
    """A Paging message."""
    value: Value = {}
    if records:
        value["pagingRecordList"] = [{"ue-Identity": record, "cn-Domain": "ps"} for record in records]
    if modification:
        value["systemInfoModification"] = "true"
    return asn1.encode("PCCH", {"message": ("c1", ("paging", value))})


class Phone:
    """A UE's RRC, and what it told so far."""

    def __init__(self, *, settings: UeRrcSettings | None = None, identity: UeIdentity | None = None) -> None:
        self.rrc = UeRrc(
            ue_identity=identity or UeIdentity(IMSI),
            capability=capability(),
            selected_plmn=("001", "01"),
            rng=random.Random(1),
            settings=settings,
        )
        self.rrc.verify_last = lambda _keys: True

    def events(self) -> list[UeRrcEvent]:
        """Events since the last call."""
        found = []
        while (event := self.rrc.next_event()) is not None:
            found.append(event)
        return found

    def event(self, kind: type[E]) -> E:
        """The one event of a kind since the last call."""
        (found,) = [event for event in self.events() if isinstance(event, kind)]
        return found

    def sent(self) -> list[tuple[int, str, Value]]:
        """SRB, name and content of the messages sent since the last call; other events are dropped."""
        return [opened(event.srb, event.message) for event in self.events() if hasattr(event, "srb")]

    def run(self, until: int) -> None:
        """Let the timers run."""
        while (due := self.rrc.next_timer()) is not None and due <= until:
            self.rrc.handle_timers(due)

    def camp(self, now: int = 0, **sib2: Any) -> "Phone":
        """Find a cell and camp on it."""
        self.find(now, **sib2)
        assert self.rrc.camped
        self.events()
        return self

    def find(self, now: int = 0, pci: int = 1, identity: Identity | None = None, **sib2: Any) -> None:
        self.rrc.mib(mib(), pci, now)
        self.rrc.measurement(now, -80.0, -8.0)
        self.rrc.receive_bcch(sib1(identity), now)
        self.rrc.receive_bcch(si({name.replace("_", "-"): value for name, value in sib2.items()}), now)

    def connect(self, now: int = 100, *, secure: bool = True, bearers: bool = False) -> "Phone":
        """Set a connection up, from the cell on."""
        self.rrc.set_security(K_ENB, bytes(32))
        self.rrc.connect(b"\x07\x41", "mo-Signalling", now)
        self.rrc.random_access_complete(now, 0x46)
        self.rrc.receive_ccch(SETUP, now)
        if secure:
            self.rrc.receive_dcch(1, security_mode_command(), now)
        if bearers:
            self.rrc.receive_dcch(1, RECONFIGURATION, now)
        assert self.rrc.state is RrcState.CONNECTED
        self.events()
        return self


def opened(srb: int, message: bytes) -> tuple[int, str, Value]:
    """SRB, name and release 8 content of a message of the uplink."""
    value = asn1.decode("UL-DCCH" if srb else "UL-CCCH", message)
    name, content = value["message"][1]
    kind, body = content["criticalExtensions"]
    return srb, name, body[1] if kind == "c1" else body
