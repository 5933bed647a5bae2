"""Values of S1AP's information elements that both ends write and read (TS 36.413 9.2)."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, Final, NamedTuple

from picocell.epc.interfaces.gtpv2c_ies import Arp, pack_plmn, unpack_plmn

CauseValue = tuple[str, str]
"""Group and name of the Cause IE (clause 9.2.1.3), such as ``("radioNetwork", "user-inactivity")``."""

STREAM_UE: Final = 1
"""Stream of an SCTP association for what concerns one UE; 0 is for the rest (TS 36.412 7)."""

UNSPECIFIED: Final = ("misc", "unspecified")

_CAUSE_GROUPS: Final = ("radioNetwork", "transport", "nas", "protocol", "misc")

PAGING_DRX: Final = (32, 64, 128, 256)
"""Paging cycles in radio frames (clause 9.2.1.16)."""

TIMES_TO_WAIT_S: Final = (1, 2, 5, 10, 20, 60)
"""Values of Time to Wait (clause 9.2.1.61)."""


class ValueRefused(ValueError):
    """A received value of the right type that means nothing, such as a PLMN that is not decimal."""


class STmsi(NamedTuple):
    """S-TMSI: MME code and M-TMSI (TS 23.003 2.8)."""

    mmec: int
    m_tmsi: int


class Gummei(NamedTuple):
    """Globally unique MME identity: MCC, MNC, MME group, MME code (TS 23.003 2.8.1)."""

    mcc: str
    mnc: str
    group: int
    code: int


class TaIdentity(NamedTuple):
    """Tracking area identity (clause 9.2.3.16)."""

    mcc: str
    mnc: str
    tac: int


class CellGlobalId(NamedTuple):
    """E-UTRAN cell global identity (clause 9.2.1.38); ``eci`` has 28 bits."""

    mcc: str
    mnc: str
    eci: int


class ErabEnd(NamedTuple):
    """The eNB's end of a bearer's tunnel."""

    erab_id: int
    teid: int
    address: str


class ErabFailure(NamedTuple):
    """A bearer that was not set up, or not released."""

    erab_id: int
    cause: CauseValue


class GbrQos(NamedTuple):
    """Bit rates of a guaranteed bearer in bit/s (clause 9.2.1.18)."""

    mbr_dl: int
    mbr_ul: int
    gbr_dl: int
    gbr_ul: int


@dataclass(frozen=True, slots=True)
class ErabToSetup:
    """A bearer to be set up (clauses 9.1.3.1, 9.1.4.1).

    Attributes:
        erab_id: 0 to 15, the EPS bearer identity.
        qci, arp, gbr: quality of service; ``gbr`` only for guaranteed bearers.
        transport_address, teid: the SGW's end of the tunnel.
        nas: message for the UE that comes with the bearer.
    """

    erab_id: int
    qci: int
    arp: Arp
    transport_address: str
    teid: int
    nas: bytes | None = None
    gbr: GbrQos | None = None


def plmn_text(plmn: bytes) -> str:
    """A PLMN for people, in digits and hexadecimal: ``001/01 (0x00f110)``."""
    try:
        mcc, mnc = unpack_plmn(plmn)
    except ValueError:
        return f"not decimal (0x{plmn.hex()})"
    return f"{mcc}/{mnc} (0x{plmn.hex()})"


def tac_text(tac: int) -> str:
    """A TAC for people: ``7 (0x0007)``."""
    return f"{tac} (0x{tac:04x})"


def cause_text(cause: CauseValue) -> str:
    """A Cause for people."""
    return f"{cause[0]} {cause[1]}"


def read_cause(ies: dict[str, Any]) -> CauseValue:
    """The Cause of a message; one that is missing, or of a later release, is unspecified."""
    group, name = ies.get("Cause", UNSPECIFIED)
    known = group in _CAUSE_GROUPS and isinstance(name, str) and not name.startswith("_ext")
    return (group, name) if known else UNSPECIFIED


def tai_value(tai: TaIdentity) -> dict[str, Any]:
    """Value of the TAI IE."""
    return {"pLMNidentity": pack_plmn(tai.mcc, tai.mnc), "tAC": tai.tac.to_bytes(2, "big")}


def read_plmn(value: bytes) -> tuple[str, str]:
    """MCC and MNC from a PLMN identity.

    Raises:
        ValueRefused: a digit above 9.
    """
    try:
        return unpack_plmn(value)
    except ValueError as error:
        raise ValueRefused(str(error)) from error


def read_tai(value: dict[str, Any]) -> TaIdentity:
    """A TAI from its IE.

    Raises:
        ValueRefused: a PLMN that is not decimal.
    """
    return TaIdentity(*read_plmn(value["pLMNidentity"]), int.from_bytes(value["tAC"], "big"))


def cgi_value(cell: CellGlobalId) -> dict[str, Any]:
    """Value of the E-UTRAN CGI IE."""
    return {"pLMNidentity": pack_plmn(cell.mcc, cell.mnc), "cell-ID": (cell.eci, 28)}


def read_cgi(value: dict[str, Any]) -> CellGlobalId:
    """A cell's identity from its IE.

    Raises:
        ValueRefused: a PLMN that is not decimal.
    """
    return CellGlobalId(*read_plmn(value["pLMNidentity"]), value["cell-ID"][0])


def s_tmsi_value(s_tmsi: STmsi) -> dict[str, Any]:
    """Value of the S-TMSI IE."""
    return {"mMEC": bytes((s_tmsi.mmec,)), "m-TMSI": s_tmsi.m_tmsi.to_bytes(4, "big")}


def read_s_tmsi(value: dict[str, Any]) -> STmsi:
    """An S-TMSI from its IE."""
    return STmsi(value["mMEC"][0], int.from_bytes(value["m-TMSI"], "big"))


def gummei_value(gummei: Gummei) -> dict[str, Any]:
    """Value of the GUMMEI IE."""
    return {
        "pLMN-Identity": pack_plmn(gummei.mcc, gummei.mnc),
        "mME-Group-ID": gummei.group.to_bytes(2, "big"),
        "mME-Code": bytes((gummei.code,)),
    }


def read_gummei(value: dict[str, Any]) -> Gummei:
    """A GUMMEI from its IE.

    Raises:
        ValueRefused: a PLMN that is not decimal.
    """
    plmn = read_plmn(value["pLMN-Identity"])
    return Gummei(*plmn, int.from_bytes(value["mME-Group-ID"], "big"), value["mME-Code"][0])


def imsi_value(imsi: str) -> bytes:
    """Value of the IMSI IE: digits two an octet, the first one in the lower half (clause 9.2.3.11)."""
    padded = imsi + "f" * (len(imsi) % 2)
    return bytes.fromhex("".join(padded[i + 1] + padded[i] for i in range(0, len(padded), 2)))


def read_imsi(value: bytes) -> str:
    """An IMSI from its IE.

    Raises:
        ValueRefused: a digit above 9.
    """
    digits = "".join(f"{octet & 15:x}{octet >> 4:x}" for octet in value).removesuffix("f")
    if not digits.isdecimal():
        raise ValueRefused(f"IMSI {digits!r} has digits that are not decimal")
    return digits


def address_value(address: str) -> tuple[int, int]:
    """Value of the Transport Layer Address IE (clause 9.2.2.1)."""
    parsed = ip_address(address)
    return int(parsed), parsed.max_prefixlen


def read_address(value: tuple[int, int]) -> str:
    """An address from its IE; of a pair the IPv4 address, which comes first (TS 36.414 5.3).

    Raises:
        ValueRefused: another length than 32, 128 or 160 bits.
    """
    bits, length = value
    if length == 32:
        return str(IPv4Address(bits))
    if length == 160:
        return str(IPv4Address(bits >> 128))
    if length == 128:
        return str(IPv6Address(bits))
    raise ValueRefused(f"transport layer address of {length} bits; allowed are 32, 128 and 160")


def erab_setup_value(erab: ErabToSetup) -> dict[str, Any]:
    """Item of E-RAB to be Setup List."""
    arp = {
        "priorityLevel": erab.arp.priority,
        "pre-emptionCapability": f"{'may' if erab.arp.may_pre_empt else 'shall-not'}-trigger-pre-emption",
        "pre-emptionVulnerability": "pre-emptable" if erab.arp.pre_emptable else "not-pre-emptable",
    }
    qos: dict[str, Any] = {"qCI": erab.qci, "allocationRetentionPriority": arp}
    if erab.gbr is not None:
        names = ("MaximumBitrateDL", "MaximumBitrateUL", "GuaranteedBitrateDL", "GuaranteedBitrateUL")
        qos["gbrQosInformation"] = {f"e-RAB-{name}": rate for name, rate in zip(names, erab.gbr, strict=True)}
    value = {
        "e-RAB-ID": erab.erab_id,
        "e-RABlevelQoSParameters": qos,
        "transportLayerAddress": address_value(erab.transport_address),
        "gTP-TEID": erab.teid.to_bytes(4, "big"),
    }
    return value if erab.nas is None else {**value, "nAS-PDU": erab.nas}


def read_erab_setup(value: dict[str, Any]) -> ErabToSetup:
    """A bearer from an item of E-RAB to be Setup List.

    Raises:
        ValueRefused: an address of a wrong length.
    """
    qos = value["e-RABlevelQoSParameters"]
    arp = qos["allocationRetentionPriority"]
    rates = qos.get("gbrQosInformation")
    gbr = None
    if rates is not None:
        names = ("MaximumBitrateDL", "MaximumBitrateUL", "GuaranteedBitrateDL", "GuaranteedBitrateUL")
        gbr = GbrQos(*(rates[f"e-RAB-{name}"] for name in names))
    return ErabToSetup(
        value["e-RAB-ID"],
        qos["qCI"],
        Arp(
            arp["priorityLevel"],
            arp["pre-emptionCapability"] == "may-trigger-pre-emption",
            arp["pre-emptionVulnerability"] == "pre-emptable",
        ),
        read_address(value["transportLayerAddress"]),
        int.from_bytes(value["gTP-TEID"], "big"),
        value.get("nAS-PDU"),
        gbr,
    )


def erab_end_value(end: ErabEnd) -> dict[str, Any]:
    """Item of E-RAB Setup List."""
    erab_id, teid, address = end
    return {
        "e-RAB-ID": erab_id,
        "transportLayerAddress": address_value(address),
        "gTP-TEID": teid.to_bytes(4, "big"),
    }


def read_erab_end(value: dict[str, Any]) -> ErabEnd:
    """A tunnel's end from an item of E-RAB Setup List.

    Raises:
        ValueRefused: an address of a wrong length.
    """
    address = read_address(value["transportLayerAddress"])
    return ErabEnd(value["e-RAB-ID"], int.from_bytes(value["gTP-TEID"], "big"), address)


def erab_failure_value(failure: ErabFailure) -> dict[str, Any]:
    """Item of an E-RAB List."""
    return {"e-RAB-ID": failure[0], "cause": failure[1]}


def read_erab_failure(value: dict[str, Any]) -> ErabFailure:
    """A failure from an item of an E-RAB List."""
    return ErabFailure(value["e-RAB-ID"], read_cause({"Cause": value["cause"]}))
