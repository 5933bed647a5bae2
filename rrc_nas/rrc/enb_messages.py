"""RRC messages that a base station sends (TS 36.331 6.2.2), encoded."""

from collections.abc import Iterable, Sequence
from typing import Final

from picocell.rrc_nas import asn1
from picocell.rrc_nas.asn1 import MessageType
from picocell.rrc_nas.rrc.fields import Value
from picocell.rrc_nas.security.algorithms import Eea, Eia

MAX_PAGING_RECORDS: Final = 16
"""maxPageRec (TS 36.331 6.4)."""

MAX_NAS_PER_RECONFIGURATION: Final = 11
"""maxDRB: NAS messages that one RRCConnectionReconfiguration takes."""

_EEA_NAMES: Final = {Eea.EEA0: "eea0", Eea.EEA1: "eea1", Eea.EEA2: "eea2", Eea.EEA3: "eea3-v1130"}
_EIA_NAMES: Final = {Eia.EIA0: "eia0-v920", Eia.EIA1: "eia1", Eia.EIA2: "eia2", Eia.EIA3: "eia3-v1130"}


def _critical(channel: MessageType, name: str, transaction: int, body: Value) -> bytes:
    """A message of release 8 inside its criticalExtensions."""
    return asn1.encode(channel, critical_value(name, transaction, body))


def critical_value(name: str, transaction: int, body: Value) -> Value:
    """Value of a release 8 message as `asn1.decode` would give it."""
    content = {"rrc-TransactionIdentifier": transaction, "criticalExtensions": ("c1", (f"{name}-r8", body))}
    return {"message": ("c1", (name, content))}


def rrc_connection_setup(transaction: int, resources: Value) -> bytes:
    """RRCConnectionSetup with radioResourceConfigDedicated.

    Raises:
        Asn1Error: a value that the message does not allow; so do all the others here.
    """
    return _critical("DL-CCCH", "rrcConnectionSetup", transaction, {"radioResourceConfigDedicated": resources})


def rrc_connection_reject(wait_time_s: int) -> bytes:
    """RRCConnectionReject."""
    content = {"criticalExtensions": ("c1", ("rrcConnectionReject-r8", {"waitTime": wait_time_s}))}
    return asn1.encode("DL-CCCH", {"message": ("c1", ("rrcConnectionReject", content))})


def rrc_connection_reestablishment(transaction: int, resources: Value, next_hop_chaining_count: int) -> bytes:
    """RRCConnectionReestablishment."""
    body = {"radioResourceConfigDedicated": resources, "nextHopChainingCount": next_hop_chaining_count}
    return _critical("DL-CCCH", "rrcConnectionReestablishment", transaction, body)


def rrc_connection_reestablishment_reject() -> bytes:
    """RRCConnectionReestablishmentReject."""
    content: Value = {"criticalExtensions": ("rrcConnectionReestablishmentReject-r8", {})}
    return asn1.encode("DL-CCCH", {"message": ("c1", ("rrcConnectionReestablishmentReject", content))})


def rrc_connection_release(transaction: int, cause: str = "other") -> bytes:
    """RRCConnectionRelease."""
    return _critical("DL-DCCH", "rrcConnectionRelease", transaction, {"releaseCause": cause})


def dl_information_transfer(transaction: int, nas: bytes) -> bytes:
    """DLInformationTransfer of a NAS message."""
    body = {"dedicatedInfoType": ("dedicatedInfoNAS", nas)}
    return _critical("DL-DCCH", "dlInformationTransfer", transaction, body)


def security_mode_command(transaction: int, eea: Eea, eia: Eia) -> bytes:
    """SecurityModeCommand."""
    algorithms = {"cipheringAlgorithm": _EEA_NAMES[eea], "integrityProtAlgorithm": _EIA_NAMES[eia]}
    body = {"securityConfigSMC": {"securityAlgorithmConfig": algorithms}}
    return _critical("DL-DCCH", "securityModeCommand", transaction, body)


def ue_capability_enquiry(transaction: int, rats: Sequence[str] = ("eutra",)) -> bytes:
    """UECapabilityEnquiry for radio access technologies."""
    return _critical("DL-DCCH", "ueCapabilityEnquiry", transaction, {"ue-CapabilityRequest": list(rats)})


def reconfiguration_value(
    transaction: int, resources: Value | None = None, *, nas: Iterable[bytes] = (), measurement: Value | None = None
) -> Value:
    """Value of an RRCConnectionReconfiguration.

    Args:
        transaction: rrc-TransactionIdentifier.
        resources: radioResourceConfigDedicated.
        nas: dedicatedInfoNASList.
        measurement: measConfig.
    """
    body: Value = {}
    if measurement is not None:
        body["measConfig"] = measurement
    if messages := list(nas):
        body["dedicatedInfoNASList"] = messages
    if resources is not None:
        body["radioResourceConfigDedicated"] = resources
    return critical_value("rrcConnectionReconfiguration", transaction, body)


def rrc_connection_reconfiguration(
    transaction: int, resources: Value | None = None, *, nas: Iterable[bytes] = (), measurement: Value | None = None
) -> bytes:
    """RRCConnectionReconfiguration, see `reconfiguration_value`."""
    return encode_dcch(reconfiguration_value(transaction, resources, nas=nas, measurement=measurement))


def encode_ccch(value: Value) -> bytes:
    """A message on the CCCH of which there is a value."""
    return asn1.encode("DL-CCCH", value)


def encode_dcch(value: Value) -> bytes:
    """A message on the DCCH of which there is a value."""
    return asn1.encode("DL-DCCH", value)


def paging(records: Sequence[Value] = (), *, si_modification: bool = False) -> bytes:
    """Paging, with PagingRecords of `paging_record` and systemInfoModification.

    Raises:
        ValueError: more records than a message takes.
    """
    if len(records) > MAX_PAGING_RECORDS:
        raise ValueError(f"{len(records)} paging records; a message takes {MAX_PAGING_RECORDS}")
    body: Value = {}
    if records:
        body["pagingRecordList"] = list(records)
    if si_modification:
        body["systemInfoModification"] = "true"
    return asn1.encode("PCCH", {"message": ("c1", ("paging", body))})


def paging_record(identity: tuple[int, int] | str, cn_domain: str = "ps") -> Value:
    """A PagingRecord: for an S-TMSI (MME code, M-TMSI) or for the digits of an IMSI."""
    if isinstance(identity, str):
        return {"ue-Identity": ("imsi", [int(digit) for digit in identity]), "cn-Domain": cn_domain}
    mmec, m_tmsi = identity
    return {"ue-Identity": ("s-TMSI", {"mmec": (mmec, 8), "m-TMSI": (m_tmsi, 32)}), "cn-Domain": cn_domain}
