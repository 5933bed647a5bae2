"""The recorded NAS conversations, message by message."""

from collections.abc import Iterator

from picocell.epc.interfaces import s1ap
from picocell.rrc_nas.security.algorithms import Direction
from picocell.rrc_nas.security.usim import Usim
from support.captures import capture
from support.pcap import packets, sctp_user_messages

IMSI = "001010123456780"
K = bytes.fromhex("00112233445566778899aabbccddeeff")
OPC = bytes.fromhex("63bfa50ee6523365ff14c1f45f88737d")
PLMN = ("001", "01")

_NAS_PDU, _ERABS = 26, 24
_DOWNLINK_PROCEDURES = {9, 11}

NAS_TYPES_UPLINK = {0x41, 0x53, 0x56, 0x5E, 0x43, 0x45}


def usim() -> Usim:
    """The recorded UE's card."""
    return Usim(IMSI, K, opc=OPC)


def over_the_air() -> list[tuple[Direction, bytes]]:
    """The UE's own record; its uplink messages were taken down before their MAC was filled in."""
    found = []
    for pdu in packets(capture("lte6_nas.pcap"))[1]:
        kind = pdu[7] if pdu[0] >> 4 else pdu[1]
        found.append((Direction.UPLINK if kind in NAS_TYPES_UPLINK else Direction.DOWNLINK, pdu))
    return found


def over_s1ap() -> list[tuple[Direction, bytes]]:
    """NAS of the S1AP record, with MACs in both directions."""
    return list(_over_s1ap())


def _over_s1ap() -> Iterator[tuple[Direction, bytes]]:
    for message in sctp_user_messages(capture("lte6_s1ap.pcap"), 18):
        pdu = s1ap.decode(message)
        downlink = pdu.procedure_code in _DOWNLINK_PROCEDURES
        for ie in pdu.raw or ():
            if ie.id == _NAS_PDU:
                yield Direction.DOWNLINK if downlink else Direction.UPLINK, bytes(ie.value)
            if ie.id == _ERABS and downlink:
                for erab in ie.value:
                    yield Direction.DOWNLINK, bytes(erab["nAS-PDU"])
