"""The MME's end of S1AP for what concerns whole eNBs: setup, reset, errors, configuration, overload (TS 36.413 8.7)."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from picocell.epc.interfaces import s1ap_values as values
from picocell.epc.interfaces.gtpv2c_ies import pack_plmn, unpack_plmn
from picocell.epc.interfaces.s1ap import S1apPdu
from picocell.epc.interfaces.s1ap_errors import ENB_ID, MME_ID, NOT_COMPATIBLE, SEMANTIC_ERROR, judge, refusal
from picocell.epc.interfaces.s1ap_values import CauseValue, TaIdentity
from picocell.epc.mme.core import Core
from picocell.epc.mme.events import EnbConnected, EnbLost, EnbRefused
from picocell.epc.mme.ue_context import Association, ConnectionState, S1Connection

_log = logging.getLogger(__name__)

_UNKNOWN_PLMN: Final = ("misc", "unknown-PLMN")
_IDS_UNKNOWN: Final = {"unknown-mme-ue-s1ap-id", "unknown-enb-ue-s1ap-id", "unknown-pair-ue-s1ap-id"}
OVERLOAD_ACTIONS: Final = (
    "reject-non-emergency-mo-dt",
    "reject-rrc-cr-signalling",
    "permit-emergency-sessions-and-mobile-terminated-services-only",
    "permit-high-priority-sessions-and-mobile-terminated-services-only",
    "reject-delay-tolerant-access",
)


@dataclass(slots=True)
class _Repeated:
    """A procedure that is repeated until the eNB answers."""

    enb: str
    name: str
    ies: dict[str, Any]
    at: int
    left: int


class InterfaceProcedures:
    """S1 interfaces to all eNBs."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._repeated: dict[tuple[str, str], _Repeated] = {}
        self._overload: str | None = None
        self._handlers: dict[str, Callable[[str, S1apPdu, dict[str, Any] | None, int], None]] = {
            "S1SetupRequest": self._setup,
            "ENBConfigurationUpdate": self._enb_configuration,
            "Reset": self._reset,
            "ResetAcknowledge": self._acknowledged,
            "MMEConfigurationUpdateAcknowledge": self._acknowledged,
            "MMEConfigurationUpdateFailure": self._acknowledged,
            "ErrorIndication": self._error_indication,
        }
        self._supported = frozenset({*self._handlers, *core.s1.messages})

    def __len__(self) -> int:
        return len(self._repeated)

    def receive(self, enb: str, data: bytes, stream: int, now: int) -> None:
        """Take bytes of an eNB; never raises for what they are."""
        core, verdict = self._core, judge(data, self._supported)
        if verdict.answer is not None:
            core.send_pdu(enb, verdict.answer, stream)
        pdu = verdict.pdu
        if pdu is None:
            core.counters["s1_refused"] += 1
            _log.warning("MME: refused from eNB %s: %s", enb, verdict.reason)
            return
        core.counters[f"received:{pdu.message}"] += 1
        if enb not in core.associations and pdu.message not in ("S1SetupRequest", "ErrorIndication"):
            _log.warning("MME: %s of eNB %s before S1 Setup", pdu.message, enb)
            core.send_pdu(enb, refusal(pdu, NOT_COMPATIBLE), stream)
            return
        try:
            handler = self._handlers.get(pdu.message or "")
            if handler is not None:
                handler(enb, pdu, verdict.report, now)
            else:
                core.s1.receive(enb, pdu, now)
        except values.ValueRefused as error:  # of the right type, and yet it means nothing
            core.counters["s1_semantic_error"] += 1
            _log.warning("MME: %s of eNB %s refused: %s", pdu.message, enb, error)
            core.send_pdu(enb, refusal(pdu, SEMANTIC_ERROR), stream)

    def connection_lost(self, enb: str, now: int) -> None:
        """An association is gone, and every connection over it."""
        core = self._core
        self._forget_procedures(enb)
        if core.associations.pop(enb, None) is not None:
            _log.warning("MME: association with eNB %s lost", enb)
            core.events.append(EnbLost(enb))
        self._lose_connections(enb, now)

    # what the operator wants

    def reset(self, enb: str, now: int, connections: Sequence[S1Connection] | None, cause: CauseValue) -> None:
        """Have an eNB forget its phones (clause 8.7.1.2.1)."""
        if enb not in self._core.associations:
            return
        if connections is None:
            kind: tuple[str, Any] = ("s1-Interface", "reset-all")
            self._lose_connections(enb, now)
        else:
            kind = ("partOfS1-Interface", [_pair(one.mme_id, one.enb_id) for one in connections])
            for connection in connections:
                self._core.s1.lost(connection, now)
        self._start(enb, "Reset", {"Cause": cause, "ResetType": kind}, now)

    def update_configuration(self, now: int, ies: dict[str, Any]) -> None:
        """Tell every eNB (clause 8.7.5)."""
        for enb in self._core.associations:
            self._start(enb, "MMEConfigurationUpdate", ies, now)

    def overload(self, action: str | None, reduction: int | None) -> None:
        """Start (an action) or stop (None) overload at every eNB (clauses 8.7.6, 8.7.7).

        Raises:
            ValueError: no such action, or a share outside 1 to 99 percent.
        """
        if action is not None and action not in OVERLOAD_ACTIONS:
            raise ValueError(f"overload action {action!r}; allowed are {', '.join(OVERLOAD_ACTIONS)}")
        if reduction is not None and not 1 <= reduction <= 99:
            raise ValueError(f"traffic reduction of {reduction} %; allowed are 1 to 99")
        self._overload = action
        for enb in self._core.associations:
            if action is None:
                self._core.send_s1(enb, "OverloadStop", {})
            else:
                self._send_overload(enb, action, reduction)

    # S1 Setup

    def _setup(self, enb: str, pdu: S1apPdu, report: dict[str, Any] | None, now: int) -> None:
        """S1 Setup (clause 8.7.3): the eNB is served where PLMN and tracking area fit; its old contexts are gone."""
        core, settings = self._core, self._core.settings
        ies = pdu.ies
        _, (enb_id, _) = ies["Global-ENB-ID"]["eNB-ID"]
        name = str(ies.get("eNBname", f"eNB {enb_id}"))
        if enb in core.associations:
            self.connection_lost(enb, now)
        refused = self._refusal(name, enb, ies["SupportedTAs"])
        if refused is not None:
            answer: dict[str, Any] = {"Cause": _UNKNOWN_PLMN}
            if settings.time_to_wait_s is not None:
                answer["TimeToWait"] = f"v{settings.time_to_wait_s}s"
            core.events.append(EnbRefused(enb, refused))
            core.send_s1(enb, "S1SetupFailure", _with(answer, report))
            return
        tais = _areas(ies["SupportedTAs"])
        drx = int(str(ies.get("DefaultPagingDRX", "v128")).strip("v"))
        core.associations[enb] = Association(enb, name, enb_id, tais, drx)
        _log.info("MME: eNB %s (%d, %s) is served", name, enb_id, enb)
        core.events.append(EnbConnected(enb, name, enb_id, tais))
        answer = {
            "MMEname": settings.name,
            "ServedGUMMEIs": self._served(),
            "RelativeMMECapacity": settings.relative_capacity,
        }
        core.send_s1(enb, "S1SetupResponse", _with(answer, report))
        if self._overload is not None:
            self._send_overload(enb, self._overload, None)

    def _refusal(self, name: str, enb: str, supported: list[dict[str, Any]]) -> str | None:
        """Why an eNB is not served: no cell of it broadcasts our PLMN with a tracking area that we serve."""
        nas = self._core.settings.nas
        own = pack_plmn(nas.mcc, nas.mnc)
        for area in supported:
            tac = int.from_bytes(area["tAC"], "big")
            if own in area["broadcastPLMNs"] and (not nas.tacs or tac in nas.tacs):
                return None
        theirs = "; ".join(
            f"PLMN {', '.join(map(values.plmn_text, area['broadcastPLMNs']))}, "
            f"TAC {values.tac_text(int.from_bytes(area['tAC'], 'big'))}"
            for area in supported
        )
        tacs = ", ".join(map(values.tac_text, nas.tacs)) or "any"
        text = (
            f"S1 Setup of eNB {name} ({enb}) refused: misc unknown-PLMN. The eNB has {theirs}; "
            f"the MME serves PLMN {values.plmn_text(own)}, TAC {tacs}"
        )
        _log.error("%s", text)
        return text

    def _served(self) -> list[dict[str, Any]]:
        nas = self._core.settings.nas
        return [
            {
                "servedPLMNs": [pack_plmn(nas.mcc, nas.mnc)],
                "servedGroupIDs": [nas.mme_group_id.to_bytes(2, "big")],
                "servedMMECs": [bytes((nas.mme_code,))],
            }
        ]

    def _enb_configuration(self, enb: str, pdu: S1apPdu, report: dict[str, Any] | None, now: int) -> None:
        """ENB Configuration Update (clause 8.7.4)."""
        del now
        core, ies = self._core, pdu.ies
        association = core.associations[enb]
        if "SupportedTAs" in ies:
            refused = self._refusal(association.name, enb, ies["SupportedTAs"])
            if refused is not None:
                core.events.append(EnbRefused(enb, refused))
                answer: dict[str, Any] = {"Cause": _UNKNOWN_PLMN}
                core.send_s1(enb, "ENBConfigurationUpdateFailure", _with(answer, report))
                return
            association.tais = _areas(ies["SupportedTAs"])
        association.name = str(ies.get("eNBname", association.name))
        if "DefaultPagingDRX" in ies:
            association.paging_drx = int(ies["DefaultPagingDRX"].strip("v"))
        core.send_s1(enb, "ENBConfigurationUpdateAcknowledge", _with({}, report))

    # reset and errors

    def _reset(self, enb: str, pdu: S1apPdu, report: dict[str, Any] | None, now: int) -> None:
        """Reset of the eNB (clause 8.7.1.2.2)."""
        core = self._core
        kind, content = pdu.ies["ResetType"]
        _log.warning("MME: eNB %s resets %s: %s", enb, kind, values.read_cause(pdu.ies))
        answer: dict[str, Any] = {}
        if kind == "s1-Interface":
            self._lose_connections(enb, now)
        elif kind == "partOfS1-Interface":
            named = [_named(item) for item in content]
            for pair in named:
                connection = core.s1.find(enb, *pair)
                if isinstance(connection, S1Connection):
                    core.s1.lost(connection, now)
            answer["UE-associatedLogicalS1-ConnectionListResAck"] = [_pair(*pair) for pair in named]
        else:
            raise values.ValueRefused(f"reset of the kind {kind}")
        core.send_s1(enb, "ResetAcknowledge", _with(answer, report))

    def _acknowledged(self, enb: str, pdu: S1apPdu, report: dict[str, Any] | None, now: int) -> None:
        del report
        name = pdu.message or ""
        started = name.removesuffix("Acknowledge").removesuffix("Failure")
        running = self._repeated.get((enb, started))
        if running is None:
            self._core.counters[f"unexpected:{name}"] += 1
            _log.warning("MME: %s of eNB %s that nothing waits for", name, enb)
        elif name.endswith("Failure") and "TimeToWait" in pdu.ies:
            running.at = now + 1000 * int(pdu.ies["TimeToWait"].strip("vs"))
        else:
            del self._repeated[enb, started]

    def _error_indication(self, enb: str, pdu: S1apPdu, report: dict[str, Any] | None, now: int) -> None:
        """The eNB reports an error (clause 8.7.2): a connection that it does not know is gone."""
        del report
        core = self._core
        mme_id, enb_id, cause = pdu.ies.get(MME_ID), pdu.ies.get(ENB_ID), values.read_cause(pdu.ies)
        core.counters["error_indications"] += 1
        _log.warning(
            "MME: eNB %s indicates an error for MME-UE-S1AP-ID %s, eNB-UE-S1AP-ID %s: %s", enb, mme_id, enb_id, cause
        )
        if (mme_id, enb_id) == (None, None):
            return
        connection = core.s1.find(enb, mme_id, enb_id)
        if not isinstance(connection, S1Connection):
            return
        if cause[1] in _IDS_UNKNOWN:
            core.s1.lost(connection, now)
        elif connection.state is ConnectionState.SETTING_UP:
            core.s1.release(connection, cause, now)

    # guards

    def next_timer(self) -> int | None:
        """When `handle_timers` is wanted."""
        return min((one.at for one in self._repeated.values()), default=None)

    def handle_timers(self, now: int) -> None:
        """Repeat what an eNB did not answer, and give up."""
        for key, one in list(self._repeated.items()):
            if one.at > now:
                continue
            if one.left == 0:
                del self._repeated[key]
                self._core.counters[f"unanswered:{one.name}"] += 1
                _log.error("MME: eNB %s does not answer %s", one.enb, one.name)
                continue
            one.left, one.at = one.left - 1, now + self._core.settings.guard_ms
            self._core.send_s1(one.enb, one.name, one.ies)

    def _start(self, enb: str, name: str, ies: dict[str, Any], now: int) -> None:
        settings = self._core.settings
        self._repeated[enb, name] = _Repeated(enb, name, ies, now + settings.guard_ms, settings.attempts - 1)
        self._core.send_s1(enb, name, ies)

    def _forget_procedures(self, enb: str) -> None:
        for key in [key for key in self._repeated if key[0] == enb]:
            del self._repeated[key]

    def _lose_connections(self, enb: str, now: int) -> None:
        for connection in [one for one in self._core.connections.values() if one.enb == enb]:
            self._core.s1.lost(connection, now)

    def _send_overload(self, enb: str, action: str, reduction: int | None) -> None:
        ies: dict[str, Any] = {"OverloadResponse": ("overloadAction", action)}
        if reduction is not None:
            ies["TrafficLoadReductionIndication"] = reduction
        self._core.send_s1(enb, "OverloadStart", ies)


def _areas(supported: list[dict[str, Any]]) -> tuple[TaIdentity, ...]:
    """Tracking areas of an eNB; those of a PLMN that is not decimal are left out."""
    found = []
    for area in supported:
        for plmn in area["broadcastPLMNs"]:
            try:
                found.append(TaIdentity(*unpack_plmn(plmn), int.from_bytes(area["tAC"], "big")))
            except ValueError as error:
                _log.warning("MME: tracking area left out: %s", error)
    return tuple(found)


def _with(ies: dict[str, Any], report: dict[str, Any] | None) -> dict[str, Any]:
    return ies if report is None else {**ies, "CriticalityDiagnostics": report}


def _named(item: Any) -> tuple[int | None, int | None]:
    """Identities of a connection in a Reset; an item of another kind names none."""
    return (item.get("mME-UE-S1AP-ID"), item.get("eNB-UE-S1AP-ID")) if isinstance(item, dict) else (None, None)


def _pair(mme_id: int | None, enb_id: int | None) -> dict[str, int]:
    pair = {"mME-UE-S1AP-ID": mme_id, "eNB-UE-S1AP-ID": enb_id}
    return {name: value for name, value in pair.items() if value is not None}
