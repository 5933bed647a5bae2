"""The eNB's end of S1AP for what concerns one UE: its connection, context, bearers and NAS messages (TS 36.413 8)."""

import logging
from collections.abc import Callable
from typing import Any, Final

from picocell.enb import s1ap_events as events
from picocell.enb.s1ap_connections import UNFINISHED, UeConnection, UeState, Waiting, ids
from picocell.enb.s1ap_ue_requests import UeRequests
from picocell.enb.system_information import Identity
from picocell.epc.interfaces import s1ap_values as values
from picocell.epc.interfaces.s1ap import S1apPdu
from picocell.epc.interfaces.s1ap_errors import ENB_ID, MME_ID, NOT_COMPATIBLE, error_indication, refusal
from picocell.epc.interfaces.s1ap_values import STREAM_UE, ErabFailure

_log = logging.getLogger(__name__)

_SILENT: Final = ("radioNetwork", "release-due-to-eutran-generated-reason")
_TWICE: Final = ("radioNetwork", "multiple-E-RAB-ID-instances")
_UNKNOWN_ERAB: Final = ("radioNetwork", "unknown-E-RAB-ID")
MAX_ERABS: Final = 16


Handler = Callable[[UeConnection, S1apPdu, dict[str, Any] | None, int], None]


class UeProcedures(UeRequests):
    """Connections of all UEs, and the procedures of each."""

    def __init__(self, identity: Identity, address: str, mme_address: str, gtpu_address: str, guard_ms: int) -> None:
        super().__init__(identity, address, mme_address, gtpu_address, guard_ms)
        accepts_nas = {UeState.INITIAL, UeState.CONNECTED, UeState.SETTING_UP, UeState.ACTIVE}
        active = {UeState.ACTIVE}
        everywhere = set(UeState)
        self._ue_handlers: dict[str, tuple[set[UeState], Handler]] = {
            "DownlinkNASTransport": (accepts_nas, self._downlink_nas),
            "InitialContextSetupRequest": ({UeState.INITIAL, UeState.CONNECTED}, self._initial_context_setup),
            "UEContextModificationRequest": (active, self._modify_context),
            "E-RABSetupRequest": (active, self._erab_setup),
            "E-RABReleaseCommand": (active, self._erab_release),
            "UEContextReleaseCommand": (everywhere, self._release_command),
        }

    # messages of the MME

    def _take_ue_message(self, pdu: S1apPdu, report: dict[str, Any] | None, now: int) -> None:
        """Find the UE and carry out a message for it (clauses 10.4, 10.6)."""
        name = pdu.message or ""
        mme_id, enb_id = _named(pdu)
        ue = self._find(mme_id, enb_id)
        if isinstance(ue, str):
            self._count(f"unknown_ue:{name}")
            _log.warning(
                "eNB %s: %s for MME-UE-S1AP-ID %s, eNB-UE-S1AP-ID %s: %s", self._address, name, mme_id, enb_id, ue
            )
            if name == "UEContextReleaseCommand" and mme_id is not None and enb_id is not None:
                # what is to be released is gone already
                self._send("UEContextReleaseComplete", {MME_ID: mme_id, ENB_ID: enb_id})
                return
            self._send_pdu(error_indication(("radioNetwork", ue), mme_id, enb_id), STREAM_UE)
            return
        states, handler = self._ue_handlers[name]
        if ue.state not in states:
            self._count(f"unexpected:{name}")
            _log.warning("eNB %s: %s for UE 0x%04x, which is: %s", self._address, name, ue.rnti, ue.state.value)
            self._send_pdu(refusal(pdu, NOT_COMPATIBLE), STREAM_UE)
            return
        ue.mme_id = mme_id if ue.mme_id is None else ue.mme_id
        ue.guards.pop(Waiting.MME, None)
        handler(ue, pdu, report, now)
        early, ue.early_nas = ue.early_nas, []
        for message in early:
            self.uplink_nas(ue.rnti, message)

    def _downlink_nas(self, ue: UeConnection, pdu: S1apPdu, report: dict[str, Any] | None, now: int) -> None:
        del report, now
        if ue.state is UeState.INITIAL:
            ue.state = UeState.CONNECTED
        self._events.append(events.DownlinkNas(ue.rnti, pdu.ies["NAS-PDU"]))

    def _initial_context_setup(self, ue: UeConnection, pdu: S1apPdu, report: dict[str, Any] | None, now: int) -> None:
        ies = pdu.ies
        erabs = self._wanted(ue, ies["E-RABToBeSetupListCtxtSUReq"])
        self._keep(ue, "InitialContextSetupRequest", report)
        ue.state = UeState.SETTING_UP
        if not erabs:
            self.initial_context_setup_failure(ue.rnti, ue.refused[0].cause)
            return
        ue.guards[Waiting.CONTEXT] = now + self._guard_ms
        ambr, capabilities = ies["uEaggregateMaximumBitrate"], ies["UESecurityCapabilities"]
        request = events.InitialContextSetupRequest(
            ue.rnti,
            ies["SecurityKey"][0].to_bytes(32, "big"),
            capabilities["encryptionAlgorithms"][0],
            capabilities["integrityProtectionAlgorithms"][0],
            ambr["uEaggregateMaximumBitRateUL"],
            ambr["uEaggregateMaximumBitRateDL"],
            erabs,
            ies.get("UERadioCapability"),
        )
        self._events.append(request)

    def _modify_context(self, ue: UeConnection, pdu: S1apPdu, report: dict[str, Any] | None, now: int) -> None:
        del now
        ies = pdu.ies
        key, ambr = ies.get("SecurityKey"), ies.get("uEaggregateMaximumBitrate")
        capabilities = ies.get("UESecurityCapabilities")
        self._events.append(
            events.ContextModified(
                ue.rnti,
                None if key is None else key[0].to_bytes(32, "big"),
                None if capabilities is None else capabilities["encryptionAlgorithms"][0],
                None if capabilities is None else capabilities["integrityProtectionAlgorithms"][0],
                None if ambr is None else ambr["uEaggregateMaximumBitRateUL"],
                None if ambr is None else ambr["uEaggregateMaximumBitRateDL"],
            )
        )
        self._keep(ue, "UEContextModificationRequest", report)
        self._answer(ue, "UEContextModificationRequest", "UEContextModificationResponse", ids(ue))

    def _erab_setup(self, ue: UeConnection, pdu: S1apPdu, report: dict[str, Any] | None, now: int) -> None:
        if ue.setting_up or ue.releasing:
            cause = ("radioNetwork", "interaction-with-other-procedure")
            failures = [
                values.erab_failure_value(ErabFailure(item["e-RAB-ID"], cause))
                for item in pdu.ies["E-RABToBeSetupListBearerSUReq"]
            ]
            self._send("E-RABSetupResponse", {**ids(ue), "E-RABFailedToSetupListBearerSURes": failures})
            return
        erabs = self._wanted(ue, pdu.ies["E-RABToBeSetupListBearerSUReq"])
        self._keep(ue, "E-RABSetupRequest", report)
        ue.setting_up = tuple(erab.erab_id for erab in erabs) or (-1,)
        if not erabs:
            self.erab_setup_response(ue.rnti, ())
            return
        ue.guards[Waiting.ERABS] = now + self._guard_ms
        ambr = pdu.ies.get("uEaggregateMaximumBitrate") or {}
        rates = ambr.get("uEaggregateMaximumBitRateUL"), ambr.get("uEaggregateMaximumBitRateDL")
        self._events.append(events.ErabSetupRequest(ue.rnti, erabs, *rates))

    def _erab_release(self, ue: UeConnection, pdu: S1apPdu, report: dict[str, Any] | None, now: int) -> None:
        named = tuple(dict.fromkeys(item["e-RAB-ID"] for item in pdu.ies.get("E-RABToBeReleasedList", ())))
        failures = tuple(ErabFailure(erab, _UNKNOWN_ERAB) for erab in named if erab not in ue.erabs)
        known = tuple(erab for erab in named if erab in ue.erabs)
        self._keep(ue, "E-RABReleaseCommand", report)
        nas = pdu.ies.get("NAS-PDU")
        if not known or ue.setting_up or ue.releasing:
            if nas is not None:  # it is for the UE whatever becomes of the bearers (clause 8.2.3.2)
                self._events.append(events.DownlinkNas(ue.rnti, nas))
            busy = tuple(ErabFailure(erab, ("radioNetwork", "interaction-with-other-procedure")) for erab in known)
            self._send_erabs_released(ue, (), failures + busy)
            return
        ue.releasing, ue.refused = known, failures
        ue.guards[Waiting.ERABS] = now + self._guard_ms
        self._events.append(events.ErabReleaseCommand(ue.rnti, known, nas))

    def _release_command(self, ue: UeConnection, pdu: S1apPdu, report: dict[str, Any] | None, now: int) -> None:
        ue.guards = {Waiting.RELEASE: now + self._guard_ms}
        if ue.state is UeState.RELEASING:
            return
        self._keep(ue, "UEContextReleaseCommand", report)
        ue.state = UeState.RELEASING
        self._events.append(events.ReleaseCommand(ue.rnti, values.read_cause(pdu.ies)))

    # guards

    def _ue_timers(self) -> list[int]:
        return [at for ue in self._by_rnti.values() for at in ue.guards.values()]

    def _handle_ue_timers(self, now: int) -> None:
        for ue in list(self._by_rnti.values()):
            for waiting, at in list(ue.guards.items()):
                if at <= now and self._by_rnti.get(ue.rnti) is ue and waiting in ue.guards:
                    del ue.guards[waiting]
                    self._run_out(ue, waiting)

    def _run_out(self, ue: UeConnection, waiting: Waiting) -> None:
        self._count(f"guard:{waiting.name.lower()}")
        _log.warning("eNB %s: UE 0x%04x: gave up on %s", self._address, ue.rnti, waiting.value)
        match waiting:
            case Waiting.CONTEXT:
                self.initial_context_setup_failure(ue.rnti, UNFINISHED)
            case Waiting.ERABS:
                if ue.setting_up:
                    self.erab_setup_response(ue.rnti, (), [(erab, UNFINISHED) for erab in ue.setting_up])
                elif ue.releasing:
                    self.erab_release_response(ue.rnti, ue.releasing)
            case Waiting.RELEASE:
                self.release_complete(ue.rnti)
            case _:
                self._release_locally(ue, _SILENT)

    # helpers

    def _wanted(self, ue: UeConnection, items: list[dict[str, Any]]) -> tuple[values.ErabToSetup, ...]:
        """Bearers that may be set up; the others are kept in ``ue.refused`` (clause 8.2.1.3)."""
        count: dict[int, int] = {}
        for item in items:
            count[item["e-RAB-ID"]] = count.get(item["e-RAB-ID"], 0) + 1
        wanted, refused = [], {}
        for item in items:
            erab_id = item["e-RAB-ID"]
            if count[erab_id] > 1 or erab_id in ue.erabs or erab_id >= MAX_ERABS:
                refused[erab_id] = ErabFailure(erab_id, _TWICE)
                continue
            try:
                wanted.append(values.read_erab_setup(item))
            except values.ValueRefused as error:
                _log.warning("eNB %s: E-RAB %d of UE 0x%04x refused: %s", self._address, erab_id, ue.rnti, error)
                refused[erab_id] = ErabFailure(erab_id, ("transport", "unspecified"))
        ue.refused = tuple(refused.values())
        return tuple(wanted)


def _named(pdu: S1apPdu) -> tuple[int | None, int | None]:
    """The identities that a message names, the MME's first."""
    ies = pdu.ies
    kind, content = ies.get("UE-S1AP-IDs", ("", None))
    if kind == "uE-S1AP-ID-pair":
        return content["mME-UE-S1AP-ID"], content["eNB-UE-S1AP-ID"]
    if kind:
        return content, None
    return ies.get(MME_ID), ies.get(ENB_ID)
