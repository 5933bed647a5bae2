"""An observer of RRC: the messages that can be read off the air, and what they configure each UE with.

It reads CCCH messages, and DCCH messages of signalling bearers while they are not ciphered (EEA0 never ciphers). It
checks no integrity. Messages that it cannot read are passed over, so what it knows may be out of date; and where it
missed the beginning of a connection, it takes what it was not told to be the default.
"""

import re
from dataclasses import dataclass, field
from typing import Any, Final

from picocell.mac import pdu as mac_pdu
from picocell.mac.control_elements import Direction, MacPduError
from picocell.mac.dedicated_config import DedicatedConfig
from picocell.rrc_nas import asn1
from picocell.rrc_nas.asn1 import Asn1Error, MessageType
from picocell.rrc_nas.rrc.dedicated_update import apply
from picocell.ue.rnti_table import RntiKind, kind_of
from picocell.ue.srb_observer import AmObserver, RlcPduError, pdcp_sdu

SRB_LCIDS: Final = (1, 2)

_CCCH: Final[dict[Direction, MessageType]] = {Direction.DOWNLINK: "DL-CCCH", Direction.UPLINK: "UL-CCCH"}
_DCCH: Final[dict[Direction, MessageType]] = {Direction.DOWNLINK: "DL-DCCH", Direction.UPLINK: "UL-DCCH"}
_NO_CIPHER: Final = "eea0"
_GROUP: Final = re.compile(r"c\d|messageClassExtension.*")


@dataclass(frozen=True, slots=True)
class RrcMessage:
    """A message that was read.

    Attributes:
        tti: when its last part was received, 10 SFN + subframe.
        rnti: C-RNTI or temporary C-RNTI of the UE.
        channel: ``DL-CCCH``, ``UL-CCCH``, ``DL-DCCH`` or ``UL-DCCH``.
        name: such as ``rrcConnectionSetup``.
        value: the whole message as `asn1.decode` gives it.
    """

    tti: int
    rnti: int
    channel: MessageType
    name: str
    value: dict[str, Any]


@dataclass(slots=True)
class _Ue:
    """What is known of one UE.

    Attributes:
        config: its configuration; None before a message that configures it.
        bearers: its SRBs by direction and LCID.
        ciphered: DCCH messages are ciphered from now on.
        setup: the connection's beginning was seen, so that its bearers start at sequence number 0.
    """

    config: DedicatedConfig | None = None
    bearers: dict[tuple[Direction, int], AmObserver] = field(default_factory=dict)
    ciphered: bool = False
    setup: bool = False


class RrcObserver:
    """Turns MAC PDUs of C-RNTIs into RRC messages and configurations.

    Args:
        n_ports: antenna ports of the cell, for the default transmission mode.
        pci: physical cell identity; a handover to this cell carries the configuration over to the new C-RNTI.
    """

    def __init__(self, *, n_ports: int = 1, pci: int | None = None) -> None:
        self._n_ports = n_ports
        self._pci = pci
        self._ues: dict[int, _Ue] = {}

    @property
    def configs(self) -> dict[int, DedicatedConfig]:
        """Configuration by C-RNTI, of the UEs that a message configured."""
        return {rnti: ue.config for rnti, ue in self._ues.items() if ue.config is not None}

    def config(self, rnti: int) -> DedicatedConfig | None:
        """Configuration of a C-RNTI, None where no message was seen."""
        ue = self._ues.get(rnti)
        return ue.config if ue is not None else None

    def forget(self, rnti: int) -> None:
        """A C-RNTI is no longer in use."""
        self._ues.pop(rnti, None)

    def receive_pdu(self, tti: int, direction: Direction, rnti: int, pdu: bytes) -> list[RrcMessage]:
        """Messages that a MAC PDU completes; PDUs that are malformed or not of a C-RNTI hold none.

        Args:
            tti: 10 SFN + subframe.
            direction: of the PDU.
            rnti: C-RNTI or temporary C-RNTI that it was for or from.
            pdu: transport block with a correct CRC.
        """
        if kind_of(rnti) is not RntiKind.C:
            return []
        try:
            sdus = mac_pdu.parse(pdu, direction).sdus
        except MacPduError:
            return []
        messages: list[RrcMessage] = []
        for sdu in sdus:
            if sdu.lcid == mac_pdu.LCID_CCCH:
                messages += self._ccch(tti, direction, rnti, sdu.data)
            elif sdu.lcid in SRB_LCIDS:
                messages += self._srb(tti, direction, rnti, sdu)
        return messages

    def _ccch(self, tti: int, direction: Direction, rnti: int, data: bytes) -> list[RrcMessage]:
        try:
            value = asn1.decode(_CCCH[direction], data)
        except Asn1Error:
            return []
        return [self._handle(RrcMessage(tti, rnti, _CCCH[direction], _name(value), value))]

    def _srb(self, tti: int, direction: Direction, rnti: int, sdu: mac_pdu.Sdu) -> list[RrcMessage]:
        ue = self._ues.setdefault(rnti, _Ue())
        bearer = ue.bearers.setdefault((direction, sdu.lcid), AmObserver(0 if ue.setup else None))
        try:
            pdcp_pdus = bearer.receive_pdu(tti, sdu.data)
        except RlcPduError:
            return []
        messages = []
        for pdcp_pdu in pdcp_pdus:
            data = pdcp_sdu(pdcp_pdu)
            value = _readable(_DCCH[direction], data) if data is not None and not self._is_ciphered(rnti) else None
            if value is not None:
                messages.append(self._handle(RrcMessage(tti, rnti, _DCCH[direction], _name(value), value)))
        return messages

    def _is_ciphered(self, rnti: int) -> bool:
        return rnti in self._ues and self._ues[rnti].ciphered

    def _handle(self, message: RrcMessage) -> RrcMessage:
        """Learn from a message of the downlink."""
        match message.channel, message.name:
            case "DL-CCCH", "rrcConnectionSetup" | "rrcConnectionReestablishment":
                self._ues[message.rnti] = _Ue(setup=True)
                self._configure(message)
            case "DL-CCCH", "rrcConnectionReject" | "rrcConnectionReestablishmentReject":
                self.forget(message.rnti)
            case "DL-DCCH", "rrcConnectionReconfiguration":
                self._configure(message)
                self._hand_over(message)
            case "DL-DCCH", "securityModeCommand":
                self._ues.setdefault(message.rnti, _Ue()).ciphered = _cipher(message.value) != _NO_CIPHER
            case "DL-DCCH", "rrcConnectionRelease":
                self.forget(message.rnti)
        return message

    def _configure(self, message: RrcMessage) -> None:
        ue = self._ues.setdefault(message.rnti, _Ue())
        try:
            ue.config = apply(ue.config, message.value, n_ports=self._n_ports)
        except Asn1Error:
            return  # of a later release, or with values that are spare in this one

    def _hand_over(self, message: RrcMessage) -> None:
        """A message with mobilityControlInfo ends the C-RNTI, and may start another one of this cell."""
        try:
            body = message.value["message"][1][1]["criticalExtensions"][1][1]
            mobility = body["mobilityControlInfo"]
            target, new_rnti = mobility["targetPhysCellId"], mobility["newUE-Identity"][0]
        except (LookupError, TypeError):
            return
        old = self._ues.pop(message.rnti, _Ue())
        if target == self._pci:
            self._ues[new_rnti] = _Ue(old.config, ciphered=old.ciphered, setup=True)


def _name(value: dict[str, Any]) -> str:
    """Name of a message, inside the choices c1, c2, … and messageClassExtension."""
    name, content = value["message"]
    while isinstance(content, tuple) and _GROUP.fullmatch(name):
        name, content = content
    return str(name)


def _readable(message_type: MessageType, data: bytes) -> dict[str, Any] | None:
    """A DCCH message, None for what is no message.

    Ciphered bytes may happen to decode. A message has no bytes after its end on a DCCH, so it must encode to as many.
    """
    try:
        value = asn1.decode(message_type, data)
        return value if asn1.encode(message_type, value) == data else None
    except Asn1Error:
        return None


def _cipher(value: dict[str, Any]) -> str:
    """cipheringAlgorithm of a securityModeCommand; empty where it cannot be read."""
    try:
        body = value["message"][1][1]["criticalExtensions"][1][1]
        return str(body["securityConfigSMC"]["securityAlgorithmConfig"]["cipheringAlgorithm"])
    except (LookupError, TypeError):
        return ""
