"""A subscription as the HSS hands it to the MME: Subscription-Data and what is in it (TS 29.272 clause 7.3.2)."""

from dataclasses import dataclass
from enum import IntEnum, IntFlag
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from picocell.epc.interfaces import diameter
from picocell.epc.interfaces.diameter import Avp, DiameterError, Known, Reader, ResultCode
from picocell.epc.interfaces.gtpv2c_ies import Ambr, Arp, Msisdn

TGPP: Final = 10415
"""Vendor identifier of 3GPP."""

KNOWN: Final[Known] = {
    *((0, code) for code in (1, 258, 260, 263, 264, 266, 268, 277, 278, 279, 281, 282, 283, 284, 292, 293, 296, 297)),
    *((0, code) for code in (33, 280, 298, 301, 493)),
    *((TGPP, code) for code in (628, 629, 630, 701, 848, 1614, 1032, 1615, 1407, 1409, 1618)),
}
"""AVPs that are understood but not used here; those of the messages are known because they are read."""


class NetworkAccessMode(IntEnum):
    """Which domains a subscriber may use (clause 7.3.21)."""

    PACKET_AND_CIRCUIT = 0
    ONLY_PACKET = 2


class SubscriberStatus(IntEnum):
    """Whether service is granted (clause 7.3.29)."""

    SERVICE_GRANTED = 0
    OPERATOR_DETERMINED_BARRING = 1


class AccessRestriction(IntFlag):
    """Radio access technologies that a subscriber may not use (clause 7.3.31)."""

    UTRAN = 1
    GERAN = 2
    GAN = 4
    HSPA_EVOLUTION = 8
    EUTRAN = 16
    HANDOVER_TO_NON_3GPP = 32


class PdnType(IntEnum):
    """Which addresses a PDN connection may have (clause 7.3.62)."""

    IPV4 = 0
    IPV6 = 1
    IPV4V6 = 2
    IPV4_OR_IPV6 = 3


NO_RESTRICTION: Final = AccessRestriction(0)
DEFAULT_ARP: Final = Arp(8)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApnConfiguration:
    """What a subscriber gets at one APN (clause 7.3.35).

    Attributes:
        context_id: number of the APN in the subscription.
        apn: network identifier of the APN; ``*`` stands for any.
        qci, arp: of the default bearer.
        ambr: kbit/s of all its bearers without a guarantee; on the wire bit/s.
        addresses: static addresses.
    """

    context_id: int
    apn: str
    pdn_type: PdnType = PdnType.IPV4
    qci: int = 9
    arp: Arp = DEFAULT_ARP
    ambr: Ambr | None = None
    addresses: tuple[IPv4Address | IPv6Address, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """What the MME is told of a subscriber (clause 7.3.2).

    Attributes:
        msisdn: digits with country code.
        ambr: kbit/s of the phone in all; on the wire bit/s.
        default_context_id: which of ``apns`` is taken where the phone names none.
    """

    msisdn: str | None = None
    status: SubscriberStatus = SubscriberStatus.SERVICE_GRANTED
    network_access_mode: NetworkAccessMode = NetworkAccessMode.ONLY_PACKET
    access_restriction: AccessRestriction = NO_RESTRICTION
    ambr: Ambr | None = None
    default_context_id: int = 1
    apns: tuple[ApnConfiguration, ...] = ()

    def apn(self, name: str | None) -> ApnConfiguration | None:
        """The APN of a name (case does not count), the default one for None; None where it is not subscribed.

        An APN ``*`` allows every name (TS 23.003 9.1.2).
        """
        if name is None:
            return next((apn for apn in self.apns if apn.context_id == self.default_context_id), None)
        wanted = name.lower().split(".mnc")[0] if ".mnc" in name.lower() else name.lower()
        exact = next((apn for apn in self.apns if apn.apn.lower() == wanted), None)
        return exact or next((apn for apn in self.apns if apn.apn == "*"), None)


def _pack_msisdn(digits: str) -> bytes:
    try:
        return Msisdn(digits).pack()
    except ValueError as error:
        raise DiameterError(str(error), ResultCode.INVALID_AVP_VALUE) from error


_MAX_BANDWIDTH: Final = 4_294_967
"""kbit/s that the AVPs of 32 bits can hold."""

_MSISDN: Final = diameter.AvpType("MSISDN", 701, TGPP, True, _pack_msisdn, lambda data: Msisdn.unpack(data).digits)
_STATUS: Final = diameter.enumerated("Subscriber-Status", 1424, SubscriberStatus, TGPP)
_ACCESS_MODE: Final = diameter.enumerated("Network-Access-Mode", 1417, NetworkAccessMode, TGPP)
_ACCESS_RESTRICTION: Final = diameter.unsigned("Access-Restriction-Data", 1426, TGPP)
_BANDWIDTH_UL: Final = diameter.unsigned("Max-Requested-Bandwidth-UL", 516, TGPP)
_BANDWIDTH_DL: Final = diameter.unsigned("Max-Requested-Bandwidth-DL", 515, TGPP)
_CONTEXT_ID: Final = diameter.unsigned("Context-Identifier", 1423, TGPP)
_ALL_APNS: Final = diameter.unsigned("All-APN-Configurations-Included-Indicator", 1428, TGPP)
_PDN_TYPE: Final = diameter.enumerated("PDN-Type", 1456, PdnType, TGPP)
_APN: Final = diameter.text("Service-Selection", 493)
_ADDRESS: Final = diameter.address("Served-Party-IP-Address", 848, TGPP)
_QCI: Final = diameter.unsigned("QoS-Class-Identifier", 1028, TGPP, allowed=range(256))
_PRIORITY: Final = diameter.unsigned("Priority-Level", 1046, TGPP, allowed=range(1, 16))
_CAPABILITY: Final = diameter.unsigned("Pre-emption-Capability", 1047, TGPP, allowed=range(2))
_VULNERABILITY: Final = diameter.unsigned("Pre-emption-Vulnerability", 1048, TGPP, allowed=range(2))


def _read_arp(reader: Reader) -> Arp:
    """Both flags say 0 for enabled; without them: may not pre-empt, may be pre-empted (TS 29.212 5.3.46, 5.3.47)."""
    priority, capability, vulnerability = (
        reader.one(_PRIORITY),
        reader.optional(_CAPABILITY),
        reader.optional(_VULNERABILITY),
    )
    return Arp(priority, capability == 0, vulnerability != 1)


_AMBR: Final = diameter.grouped(
    "AMBR",
    1435,
    TGPP,
    lambda ambr: [
        _BANDWIDTH_UL.avp(1000 * min(ambr.uplink, _MAX_BANDWIDTH)),
        _BANDWIDTH_DL.avp(1000 * min(ambr.downlink, _MAX_BANDWIDTH)),
    ],
    lambda reader: Ambr(reader.one(_BANDWIDTH_UL) // 1000, reader.one(_BANDWIDTH_DL) // 1000),
    KNOWN,
)
_ARP: Final = diameter.grouped(
    "Allocation-Retention-Priority",
    1034,
    TGPP,
    lambda arp: [
        _PRIORITY.avp(arp.priority),
        _CAPABILITY.avp(int(not arp.may_pre_empt)),
        _VULNERABILITY.avp(int(not arp.pre_emptable)),
    ],
    _read_arp,
    KNOWN,
)
_QOS: Final = diameter.grouped(
    "EPS-Subscribed-QoS-Profile",
    1431,
    TGPP,
    lambda pair: [_QCI.avp(pair[0]), _ARP.avp(pair[1])],
    lambda reader: (reader.one(_QCI), reader.one(_ARP)),
    KNOWN,
)


def _write_apn(apn: ApnConfiguration) -> list[Avp]:
    return [
        _CONTEXT_ID.avp(apn.context_id),
        *(_ADDRESS.avp(address) for address in apn.addresses),
        _PDN_TYPE.avp(apn.pdn_type),
        _APN.avp(apn.apn),
        _QOS.avp((apn.qci, apn.arp)),
        *_AMBR.optional(apn.ambr),
    ]


def _read_apn(reader: Reader) -> ApnConfiguration:
    context_id, addresses, pdn_type = reader.one(_CONTEXT_ID), reader.many(_ADDRESS), reader.one(_PDN_TYPE)
    apn, qos, ambr = reader.one(_APN), reader.optional(_QOS), reader.optional(_AMBR)
    qci, arp = qos or (9, DEFAULT_ARP)
    return ApnConfiguration(
        context_id=context_id, apn=apn, pdn_type=pdn_type, qci=qci, arp=arp, ambr=ambr, addresses=addresses
    )


_APN_CONFIGURATION: Final = diameter.grouped("APN-Configuration", 1430, TGPP, _write_apn, _read_apn, KNOWN)


def _write_profile(profile: tuple[int, tuple[ApnConfiguration, ...]]) -> list[Avp]:
    return [_CONTEXT_ID.avp(profile[0]), _ALL_APNS.avp(0), *(_APN_CONFIGURATION.avp(apn) for apn in profile[1])]


def _read_profile(reader: Reader) -> tuple[int, tuple[ApnConfiguration, ...]]:
    context_id, _, apns = reader.one(_CONTEXT_ID), reader.one(_ALL_APNS), reader.many(_APN_CONFIGURATION)
    if not apns:
        missing = Avp(_APN_CONFIGURATION.code, b"", TGPP)
        raise DiameterError("APN-Configuration is missing", ResultCode.MISSING_AVP, missing)
    return context_id, apns


_PROFILE: Final = diameter.grouped("APN-Configuration-Profile", 1429, TGPP, _write_profile, _read_profile, KNOWN)


def _write_subscription(data: Subscription) -> list[Avp]:
    return [
        _STATUS.avp(data.status),
        *_MSISDN.optional(data.msisdn),
        _ACCESS_MODE.avp(data.network_access_mode),
        *((_ACCESS_RESTRICTION.avp(data.access_restriction),) if data.access_restriction else ()),
        *_AMBR.optional(data.ambr),
        *((_PROFILE.avp((data.default_context_id, data.apns)),) if data.apns else ()),
    ]


def _read_subscription(reader: Reader) -> Subscription:
    status, mode, profile = reader.optional(_STATUS), reader.optional(_ACCESS_MODE), reader.optional(_PROFILE)
    context_id, apns = profile or (1, ())
    return Subscription(
        msisdn=reader.optional(_MSISDN),
        status=SubscriberStatus.SERVICE_GRANTED if status is None else status,
        network_access_mode=NetworkAccessMode.ONLY_PACKET if mode is None else mode,
        access_restriction=AccessRestriction(reader.optional(_ACCESS_RESTRICTION) or 0),
        ambr=reader.optional(_AMBR),
        default_context_id=context_id,
        apns=apns,
    )


SUBSCRIPTION_DATA: Final = diameter.grouped(
    "Subscription-Data", 1400, TGPP, _write_subscription, _read_subscription, KNOWN
)
