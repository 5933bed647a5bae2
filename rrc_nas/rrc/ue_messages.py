"""RRC messages that a UE sends (TS 36.331 6.2.2), as bytes."""

from collections.abc import Iterable
from typing import Any, Final, Literal

from picocell.rrc_nas import asn1
from picocell.rrc_nas.rrc.fields import Value
from picocell.rrc_nas.rrc.states import RegisteredMme, SecurityKeys
from picocell.rrc_nas.security.algorithms import Direction, Integrity

RANDOM_VALUE_BITS: Final = 40

ESTABLISHMENT_CAUSES: Final = (
    "emergency",
    "highPriorityAccess",
    "mt-Access",
    "mo-Signalling",
    "mo-Data",
    "delayTolerantAccess-v1020",
)
ReestablishmentCause = Literal["reconfigurationFailure", "handoverFailure", "otherFailure"]


def connection_request(identity: tuple[int, int] | int, cause: str) -> bytes:
    """RRCConnectionRequest.

    Args:
        identity: S-TMSI (mmec, m_tmsi), or a random value of 40 bits.
        cause: EstablishmentCause.

    Raises:
        Asn1Error: a value that the message does not allow.
    """
    if isinstance(identity, int):
        ue = ("randomValue", (identity, RANDOM_VALUE_BITS))
    else:
        ue = ("s-TMSI", {"mmec": (identity[0], 8), "m-TMSI": (identity[1], 32)})  # type: ignore[assignment]
    body = {"ue-Identity": ue, "establishmentCause": cause, "spare": (0, 1)}
    return _ccch("rrcConnectionRequest", ("rrcConnectionRequest-r8", body))


def connection_setup_complete(
    transaction: int,
    nas: bytes,
    plmn_index: int,
    registered_mme: RegisteredMme | None = None,
) -> bytes:
    """RRCConnectionSetupComplete.

    Args:
        transaction: rrc-TransactionIdentifier of the setup.
        nas: the first NAS message.
        plmn_index: selectedPLMN-Identity: place of the network in SIB1, from 1.
        registered_mme: MME that the UE is registered at.

    Raises:
        Asn1Error: a value that the message does not allow.
    """
    body: Value = {"selectedPLMN-Identity": plmn_index, "dedicatedInfoNAS": nas}
    if registered_mme is not None:
        mmegi, mmec, plmn = registered_mme
        body["registeredMME"] = {"mmegi": (mmegi, 16), "mmec": (mmec, 8)}
        if plmn is not None:
            mcc, mnc = plmn
            body["registeredMME"]["plmn-Identity"] = {"mcc": [int(d) for d in mcc], "mnc": [int(d) for d in mnc]}
    return _dcch("rrcConnectionSetupComplete", transaction, ("c1", ("rrcConnectionSetupComplete-r8", body)))


def reconfiguration_complete(transaction: int) -> bytes:
    """RRCConnectionReconfigurationComplete."""
    name = "rrcConnectionReconfigurationComplete"
    return _dcch(name, transaction, (f"{name}-r8", {}))


def security_mode_complete(transaction: int) -> bytes:
    """SecurityModeComplete."""
    return _dcch("securityModeComplete", transaction, ("securityModeComplete-r8", {}))


def security_mode_failure(transaction: int) -> bytes:
    """SecurityModeFailure."""
    return _dcch("securityModeFailure", transaction, ("securityModeFailure-r8", {}))


def capability_information(transaction: int, containers: Iterable[tuple[str, bytes]]) -> bytes:
    """UECapabilityInformation.

    Args:
        transaction: rrc-TransactionIdentifier of the enquiry.
        containers: radio access technology and capability of each.

    Raises:
        Asn1Error: a value that the message does not allow.
    """
    entries = [{"rat-Type": rat, "ueCapabilityRAT-Container": data} for rat, data in containers]
    body = {"ue-CapabilityRAT-ContainerList": entries}
    return _dcch("ueCapabilityInformation", transaction, ("c1", ("ueCapabilityInformation-r8", body)))


def ul_information_transfer(nas: bytes) -> bytes:
    """ULInformationTransfer with a NAS message.

    Raises:
        Asn1Error: a NAS message that it does not take.
    """
    body = {"dedicatedInfoType": ("dedicatedInfoNAS", nas)}
    return _dcch("ulInformationTransfer", None, ("c1", ("ulInformationTransfer-r8", body)))


def counter_check_response(transaction: int, counts: Iterable[tuple[int, int, int]]) -> bytes:
    """CounterCheckResponse.

    Args:
        transaction: rrc-TransactionIdentifier of the check.
        counts: DRB, uplink COUNT, downlink COUNT of those that differ.
    """
    entries = [{"drb-Identity": drb, "count-Uplink": ul, "count-Downlink": dl} for drb, ul, dl in counts]
    body = {"drb-CountInfoList": entries}
    return _dcch("counterCheckResponse", transaction, ("counterCheckResponse-r8", body))


def measurement_report(meas_id: int, rsrp: int, rsrq: int) -> bytes:
    """MeasurementReport of the serving cell.

    Args:
        meas_id: measId.
        rsrp: RSRP-Range 0..97.
        rsrq: RSRQ-Range 0..34.
    """
    results = {"measId": meas_id, "measResultPCell": {"rsrpResult": rsrp, "rsrqResult": rsrq}}
    body = {"measResults": results}
    return _dcch("measurementReport", None, ("c1", ("measurementReport-r8", body)))


def reestablishment_request(c_rnti: int, pci: int, short_mac_i: int, cause: ReestablishmentCause) -> bytes:
    """RRCConnectionReestablishmentRequest.

    Args:
        c_rnti: C-RNTI in the cell of the failure.
        pci: identity of that cell.
        short_mac_i: see `short_mac_i`.
        cause: why.
    """
    identity = {"c-RNTI": (c_rnti, 16), "physCellId": pci, "shortMAC-I": (short_mac_i, 16)}
    body = {"ue-Identity": identity, "reestablishmentCause": cause, "spare": (0, 2)}
    return _ccch("rrcConnectionReestablishmentRequest", ("rrcConnectionReestablishmentRequest-r8", body))


def reestablishment_complete(transaction: int) -> bytes:
    """RRCConnectionReestablishmentComplete."""
    name = "rrcConnectionReestablishmentComplete"
    return _dcch(name, transaction, (f"{name}-r8", {}))


def short_mac_i(keys: SecurityKeys, cell_identity: int, pci: int, c_rnti: int) -> int:
    """The 16 least significant bits of the MAC-I over VarShortMAC-Input (TS 36.331 5.3.7.4, 7.1).

    COUNT, BEARER and DIRECTION are all ones.

    Args:
        keys: of the cell of the failure.
        cell_identity: 28 bits, of the cell that is asked.
        pci: physical identity of the cell of the failure.
        c_rnti: C-RNTI there.
    """
    bits = cell_identity << 25 | pci << 16 | c_rnti  # 28 + 9 + 16 bits
    data = (bits << 3).to_bytes(7, "big")
    mac = Integrity(keys.eia, keys.k_rrc_int).mac(0xFFFFFFFF, 0x1F, Direction.DOWNLINK, data)
    return int.from_bytes(mac[2:], "big")


def _ccch(name: str, extensions: tuple[str, Any]) -> bytes:
    return asn1.encode("UL-CCCH", {"message": ("c1", (name, {"criticalExtensions": extensions}))})


def _dcch(name: str, transaction: int | None, extensions: tuple[str, Any]) -> bytes:
    content: Value = {"criticalExtensions": extensions}
    if transaction is not None:
        content["rrc-TransactionIdentifier"] = transaction
    return asn1.encode("UL-DCCH", {"message": ("c1", (name, content))})
