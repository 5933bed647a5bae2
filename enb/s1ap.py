"""The eNB's end of S1AP (TS 36.413): reset, errors, paging and overload.

S1 Setup is in `s1ap_setup`, what concerns one UE in `s1ap_ue`.

An object without a socket or a clock: `receive` takes what came, `messages_to_send` gives what goes, `next_event` tells
what it means, `handle_timers` is called at `next_timer`. Times are absolute milliseconds.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, Final

from picocell.enb import s1ap_events as events
from picocell.enb.s1ap_connections import UeConnection
from picocell.enb.s1ap_setup import EnbS1apSettings, S1State, Setup
from picocell.enb.system_information import Identity
from picocell.epc.interfaces import s1ap_values as values
from picocell.epc.interfaces.s1ap import S1apPdu
from picocell.epc.interfaces.s1ap_errors import ENB_ID, MME_ID, NOT_COMPATIBLE, SEMANTIC_ERROR, judge, refusal
from picocell.epc.interfaces.s1ap_values import CauseValue
from picocell.epc.interfaces.transport import Interface, Message

__all__ = ["EnbS1ap", "EnbS1apSettings", "S1State"]

_log = logging.getLogger(__name__)

_IDS_UNKNOWN: Final = {"unknown-mme-ue-s1ap-id", "unknown-enb-ue-s1ap-id", "unknown-pair-ue-s1ap-id"}
_MAX_CONNECTIONS: Final = 256
"""maxnoofIndividualS1ConnectionsToReset (clause 9.1.8.1)."""


class EnbS1ap(Setup):
    """One eNB towards its MME."""

    @cached_property
    def _handlers(self) -> dict[str, Callable[[S1apPdu, dict[str, Any] | None, int], None]]:
        """Who takes a message, by its name."""
        return {
            "S1SetupResponse": self._setup_response,
            "S1SetupFailure": self._setup_failure,
            "Paging": self._paging,
            "Reset": self._reset,
            "ResetAcknowledge": self._reset_acknowledge,
            "ErrorIndication": self._error_indication,
            "OverloadStart": self._overload_start,
            "OverloadStop": self._overload_stop,
            "MMEConfigurationUpdate": self._mme_configuration,
            "ENBConfigurationUpdateAcknowledge": self._update_acknowledge,
            "ENBConfigurationUpdateFailure": self._update_failure,
            **dict.fromkeys(self._ue_handlers, self._take_ue_message),
        }

    @property
    def gtpu_address(self) -> str:
        """Our end of the tunnels."""
        return self._gtpu_address

    def receive(self, message: Message, now: int) -> None:
        """Take what came on S1; never raises for what a peer sent."""
        if message.interface is not Interface.S1AP or message.source != self._mme_address:
            self._count("misdirected")
            _log.warning(
                "eNB %s: %s message from %s dropped: our MME is %s",
                self._address,
                message.interface,
                message.source,
                self._mme_address,
            )
            return
        verdict = judge(message.data, self._handlers)
        if verdict.answer is not None:
            self._send_pdu(verdict.answer, message.stream)
        if verdict.pdu is None:
            self._count("refused")
            _log.warning("eNB %s: refused from MME %s: %s", self._address, message.source, verdict.reason)
            return
        pdu = verdict.pdu
        self._count(f"received:{pdu.message}")
        if not self.ready and pdu.message not in ("S1SetupResponse", "S1SetupFailure", "ErrorIndication"):
            _log.warning("eNB %s: %s before S1 Setup is done", self._address, pdu.message)
            self._send_pdu(refusal(pdu, NOT_COMPATIBLE), message.stream)
            return
        try:
            self._handlers[pdu.message or ""](pdu, verdict.report, now)
        except values.ValueRefused as error:  # of the right type, and yet it means nothing
            self._count("semantic_error")
            _log.warning("eNB %s: %s refused: %s", self._address, pdu.message, error)
            self._send_pdu(refusal(pdu, SEMANTIC_ERROR), message.stream)

    def messages_to_send(self) -> list[Message]:
        """What goes out; each message is returned once."""
        out = list(self._outgoing)
        self._outgoing.clear()
        return out

    def next_event(self) -> events.Event | None:
        """What happened, in order; None where nothing is left."""
        return self._events.popleft() if self._events else None

    def next_timer(self) -> int | None:
        """When `handle_timers` is to be called, None for not at all."""
        times = self._ue_timers() + [one.at for one in self._repeated.values()]
        times += [self._setup_timer] if self._setup_timer is not None else []
        return min(times, default=None)

    def handle_timers(self, now: int) -> None:
        """Carry out what is due."""
        if self._setup_timer is not None and self._setup_timer <= now:
            if self.state is S1State.SETTING_UP:
                self._setup_refused(None, now, None)
            else:
                self._send_setup(now)
        for key, one in list(self._repeated.items()):
            if one.at <= now:
                self._repeat(key, one, now)
        self._handle_ue_timers(now)

    def tables(self) -> dict[str, int]:
        """Sizes of all tables; zero for an eNB without UEs."""
        return {
            "ues": len(self._by_rnti),
            "enb_ue_s1ap_ids": len(self._by_enb_id),
            "guards": len(self._ue_timers()),
            "procedures": len(self._repeated),
            "outgoing": len(self._outgoing),
            "events": len(self._events),
        }

    @property
    def settled(self) -> bool:
        """Whether the MME has answered everything."""
        return not self._repeated

    def reset(
        self, now: int, rntis: Sequence[int] | None = None, cause: CauseValue = ("misc", "om-intervention")
    ) -> None:
        """Have the MME forget UEs, or all of them (clause 8.7.1.2.2); our own contexts are gone at once.

        Raises:
            ValueError: more UEs than a message can name.
        """
        if rntis is not None and len(rntis) > _MAX_CONNECTIONS:
            raise ValueError(f"reset of {len(rntis)} UEs; at most {_MAX_CONNECTIONS} in one message")
        if not self.ready:
            return
        if rntis is None:
            self._drop_all()
            kind: tuple[str, Any] = ("s1-Interface", "reset-all")
        else:
            found = [ue for ue in (self._by_rnti.get(rnti) for rnti in rntis) if ue is not None]
            if not found:
                return
            kind = ("partOfS1-Interface", [_connection(ue.mme_id, ue.enb_id) for ue in found])
            for ue in found:
                self._drop(ue)
        self._start("Reset", {"Cause": cause, "ResetType": kind}, now)

    def update_configuration(self, now: int, *, identity: Identity | None = None, name: str | None = None) -> None:
        """Tell the MME of a new name, PLMN or TAC (clause 8.7.4)."""
        ies: dict[str, Any] = {}
        if name is not None:
            self.name = ies["eNBname"] = name
        if identity is not None:
            self._identity = replace(identity)
            ies["SupportedTAs"] = self._supported_tas()
        if ies and self.ready:
            self._start("ENBConfigurationUpdate", ies, now)

    # S1 Setup

    # other procedures of the interface

    def _paging(self, pdu: S1apPdu, report: dict[str, Any] | None, now: int) -> None:
        del report, now
        ies = pdu.ies
        missing = [name for name in ("UEIdentityIndexValue", "UEPagingID", "TAIList") if name not in ies]
        if missing:  # the criticality of these is to ignore
            raise values.ValueRefused(f"paging without {', '.join(missing)}")
        kind, content = ies["UEPagingID"]
        drx = ies.get("pagingDRX")
        tais = []
        for item in ies["TAIList"]:
            tais.append(values.read_tai(item["tAI"]))
        if kind not in ("s-TMSI", "iMSI"):
            raise values.ValueRefused(f"paging identity of the kind {kind}")
        page = events.PagingRequest(
            ies["UEIdentityIndexValue"][0],
            values.read_s_tmsi(content) if kind == "s-TMSI" else None,
            values.read_imsi(content) if kind == "iMSI" else None,
            None if drx is None else int(drx.strip("v")),
            ies.get("CNDomain", "ps"),
            tuple(tais),
        )
        who = self._identity
        if values.TaIdentity(who.mcc, who.mnc, who.tac) in tais:
            self._events.append(page)
        else:
            self._count("paging_elsewhere")
            _log.warning("eNB %s: paging for other tracking areas: %s", self._address, tais)

    def _reset(self, pdu: S1apPdu, report: dict[str, Any] | None, now: int) -> None:
        del now
        cause = values.read_cause(pdu.ies)
        kind, content = pdu.ies["ResetType"]
        ies: dict[str, Any] = {}
        if kind == "s1-Interface":
            rntis = self._drop_all()
        elif kind == "partOfS1-Interface":
            named = [(item.get("mME-UE-S1AP-ID"), item.get("eNB-UE-S1AP-ID")) for item in _items(content)]
            found = [ue for ue in (self._find(*pair) for pair in named) if isinstance(ue, UeConnection)]
            for ue in found:
                self._drop(ue)
            rntis = tuple(dict.fromkeys(ue.rnti for ue in found))
            ies["UE-associatedLogicalS1-ConnectionListResAck"] = [_connection(*pair) for pair in named]
        else:
            raise values.ValueRefused(f"reset of the kind {kind}")
        _log.warning(
            "eNB %s: MME %s reset %d UEs: %s", self._address, self._mme_address, len(rntis), values.cause_text(cause)
        )
        self._events.append(events.Reset(rntis, kind == "s1-Interface", cause))
        self._send("ResetAcknowledge", ies if report is None else {**ies, "CriticalityDiagnostics": report}, 0)

    def _reset_acknowledge(self, pdu: S1apPdu, report: dict[str, Any] | None, now: int) -> None:
        del report, now
        if self._repeated.pop("Reset", None) is None:
            self._unexpected(pdu)

    def _error_indication(self, pdu: S1apPdu, report: dict[str, Any] | None, now: int) -> None:
        """The MME reports an error (clause 8.7.2); a connection that it does not know is released."""
        del report, now
        mme_id, enb_id = pdu.ies.get(MME_ID), pdu.ies.get(ENB_ID)
        cause = values.read_cause(pdu.ies)
        found = self._find(mme_id, enb_id) if (mme_id, enb_id) != (None, None) else None
        ue = found if isinstance(found, UeConnection) else None
        _log.warning(
            "eNB %s: MME %s indicates an error for MME-UE-S1AP-ID %s, eNB-UE-S1AP-ID %s: %s",
            self._address,
            self._mme_address,
            mme_id,
            enb_id,
            cause,
        )
        self._events.append(events.ErrorIndicated(ue.rnti if ue is not None else None, cause))
        if ue is not None and cause[1] in _IDS_UNKNOWN:
            self._release_locally(ue, cause)

    def _overload_start(self, pdu: S1apPdu, report: dict[str, Any] | None, now: int) -> None:
        del report, now
        kind, action = pdu.ies["OverloadResponse"]
        if kind != "overloadAction":
            raise values.ValueRefused(f"overload response of the kind {kind}")
        self.overload = action
        _log.warning("eNB %s: MME %s is overloaded: %s", self._address, self._mme_address, action)
        self._events.append(events.OverloadStarted(action, pdu.ies.get("TrafficLoadReductionIndication")))

    def _overload_stop(self, pdu: S1apPdu, report: dict[str, Any] | None, now: int) -> None:
        del pdu, report, now
        self.overload = None
        self._events.append(events.OverloadStopped())

    def _mme_configuration(self, pdu: S1apPdu, report: dict[str, Any] | None, now: int) -> None:
        del now
        _log.info("eNB %s: MME %s changed its configuration: %s", self._address, self._mme_address, sorted(pdu.ies))
        self._send("MMEConfigurationUpdateAcknowledge", {} if report is None else {"CriticalityDiagnostics": report}, 0)

    def _update_acknowledge(self, pdu: S1apPdu, report: dict[str, Any] | None, now: int) -> None:
        del report, now
        if self._repeated.pop("ENBConfigurationUpdate", None) is None:
            self._unexpected(pdu)

    def _update_failure(self, pdu: S1apPdu, report: dict[str, Any] | None, now: int) -> None:
        del report
        one = self._repeated.get("ENBConfigurationUpdate")
        if one is None:
            self._unexpected(pdu)
            return
        wait = pdu.ies.get("TimeToWait")
        cause = values.read_cause(pdu.ies)
        _log.error(
            "eNB %s: MME %s refused our configuration: %s; %s",
            self._address,
            self._mme_address,
            values.cause_text(cause),
            self._who(),
        )
        if wait is None:
            del self._repeated["ENBConfigurationUpdate"]
        else:
            one.at = now + 1000 * int(wait.strip("vs"))


def _items(content: list[Any]) -> list[dict[str, Any]]:
    """Connections of a Reset; an item of another kind names none."""
    return [item if isinstance(item, dict) else {} for item in content]


def _connection(mme_id: int | None, enb_id: int | None) -> dict[str, int]:
    """Item of UE-associated Logical S1-connection List."""
    pair = {"mME-UE-S1AP-ID": mme_id, "eNB-UE-S1AP-ID": enb_id}
    return {name: value for name, value in pair.items() if value is not None}
