"""What the MME asks of an eNB for one phone (TS 36.413 8.2, 8.3, 8.6); what eNBs send is taken in `s1_ue`."""

import logging
from typing import Any

from picocell.epc.interfaces import s1ap_values as values
from picocell.epc.interfaces.s1ap_values import STREAM_UE, CauseValue
from picocell.epc.mme.core import Core
from picocell.epc.mme.nas_port import erab_of_nas
from picocell.epc.mme.ue_context import ConnectionState, Guard, S1Connection, UeContext
from picocell.rrc_nas.nas import mme_events as nas

_log = logging.getLogger(__name__)


class UeRequests:
    """Requests about all phones."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def send_nas(self, ue: UeContext, pdu: bytes) -> None:
        """Send a NAS message (clause 8.6.2.2)."""
        connection = ue.connection
        if connection is None or connection.state is ConnectionState.RELEASING:
            self._core.counters["nas_without_connection"] += 1
            _log.warning("%s: NAS message dropped: there is no S1 connection", ue.name)
            return
        self._core.send_ue(connection, "DownlinkNASTransport", {"NAS-PDU": pdu})

    def set_up_context(self, ue: UeContext, wanted: nas.InitialContextSetup, now: int) -> None:
        """Initial Context Setup (clause 8.3.1), with what the eNB told of the phone's radio before."""
        connection = ue.connection
        if connection is None or connection.state is not ConnectionState.CONNECTED:
            _log.warning("%s: no context setup: %s", ue.name, "idle" if connection is None else connection.state.value)
            return
        if wanted.nas is not None:
            self.send_nas(ue, wanted.nas)
        ies: dict[str, Any] = {
            "uEaggregateMaximumBitrate": _ambr(wanted.ambr),
            "E-RABToBeSetupListCtxtSUReq": [values.erab_setup_value(erab_of_nas(erab)) for erab in wanted.erabs],
            "UESecurityCapabilities": {
                "encryptionAlgorithms": (wanted.eea, 16),
                "integrityProtectionAlgorithms": (wanted.eia, 16),
            },
            "SecurityKey": (int.from_bytes(wanted.k_enb, "big"), 256),
        }
        if ue.radio_capability is not None:
            ies["UERadioCapability"] = ue.radio_capability
        connection.state = ConnectionState.SETTING_UP
        connection.wanted_erabs = tuple(erab.erab_id for erab in wanted.erabs)
        connection.guards = {Guard.CONTEXT: now + self._core.settings.guard_ms}
        self._core.send_ue(connection, "InitialContextSetupRequest", ies)

    def set_up_erabs(self, ue: UeContext, erabs: tuple[nas.Erab, ...], now: int) -> None:
        """E-RAB Setup (clause 8.2.1)."""
        connection = self._active(ue, "E-RAB setup")
        if connection is None:
            ue.nas.erabs_set_up((), [erab.erab_id for erab in erabs], now)
            return
        # unlike that of a context setup, the item always has a NAS message (clause 9.1.3.1)
        items = [{"nAS-PDU": b"", **values.erab_setup_value(erab_of_nas(erab))} for erab in erabs]
        connection.wanted_erabs = tuple(erab.erab_id for erab in erabs)
        connection.guards[Guard.ERABS] = now + self._core.settings.guard_ms
        self._core.send_ue(connection, "E-RABSetupRequest", {"E-RABToBeSetupListBearerSUReq": items})

    def modify_erab(self, ue: UeContext, erab: nas.Erab, now: int) -> None:
        """E-RAB Modify (clause 8.2.2)."""
        del now
        connection = self._active(ue, "E-RAB modification")
        if connection is None:
            return
        value = values.erab_setup_value(erab_of_nas(erab))
        item = {"e-RAB-ID": value["e-RAB-ID"], "e-RABLevelQoSParameters": value["e-RABlevelQoSParameters"]}
        item["nAS-PDU"] = erab.nas or b""
        self._core.send_ue(connection, "E-RABModifyRequest", {"E-RABToBeModifiedListBearerModReq": [item]})

    def release_erabs(self, ue: UeContext, ebis: tuple[int, ...], pdu: bytes | None, now: int) -> None:
        """E-RAB Release (clause 8.2.3); without a context only its NAS message goes out."""
        connection = ue.connection
        if connection is None or connection.state is not ConnectionState.ACTIVE:
            if pdu is not None:
                self.send_nas(ue, pdu)
            return
        items = [{"e-RAB-ID": ebi, "cause": ("nas", "normal-release")} for ebi in ebis]
        ies: dict[str, Any] = {"E-RABToBeReleasedList": items}
        connection.releasing_erabs = ebis
        connection.guards[Guard.ERABS] = now + self._core.settings.guard_ms
        self._core.send_ue(connection, "E-RABReleaseCommand", ies if pdu is None else {**ies, "NAS-PDU": pdu})

    def release_ue(self, ue: UeContext, cause: CauseValue, now: int) -> None:
        """Release a phone's S1 connection."""
        if ue.connection is not None:
            self.release(ue.connection, cause, now)

    def release(self, connection: S1Connection, cause: CauseValue, now: int) -> None:
        """UE Context Release (clause 8.3.3)."""
        if connection.state is ConnectionState.RELEASING or connection.mme_id not in self._core.connections:
            return
        connection.state = ConnectionState.RELEASING
        connection.guards = {Guard.RELEASE: now + self._core.settings.guard_ms}
        pair = {"mME-UE-S1AP-ID": connection.mme_id, "eNB-UE-S1AP-ID": connection.enb_id}
        ies = {"UE-S1AP-IDs": ("uE-S1AP-ID-pair", pair), "Cause": cause}
        self._core.send_s1(connection.enb, "UEContextReleaseCommand", ies, STREAM_UE)

    def _active(self, ue: UeContext, what: str) -> S1Connection | None:
        connection = ue.connection
        if connection is not None and connection.state is ConnectionState.ACTIVE:
            return connection
        _log.warning("%s: no %s: %s", ue.name, what, "idle" if connection is None else connection.state.value)
        return None


def _ambr(ambr: nas.Ambr) -> dict[str, int]:
    return {"uEaggregateMaximumBitRateDL": ambr.downlink, "uEaggregateMaximumBitRateUL": ambr.uplink}
