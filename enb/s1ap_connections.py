"""UEs' S1 connections at the eNB: their states, their identities, and what is sent on them (TS 36.413 8, 9.2.3.3)."""

import logging
from collections import deque
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from picocell.enb import s1ap_events as events
from picocell.enb.system_information import Identity
from picocell.epc.interfaces import s1ap
from picocell.epc.interfaces import s1ap_values as values
from picocell.epc.interfaces.s1ap import S1apPdu
from picocell.epc.interfaces.s1ap_errors import ENB_ID, MME_ID
from picocell.epc.interfaces.s1ap_values import STREAM_UE, CauseValue, ErabFailure
from picocell.epc.interfaces.transport import Interface, Message

_log = logging.getLogger(__name__)

_ENB_IDS: Final = 1 << 24
UNFINISHED: Final = ("radioNetwork", "failure-in-radio-interface-procedure")


class UeState(Enum):
    """Where a UE's S1 connection is."""

    INITIAL = "initial UE message sent"
    CONNECTED = "connected, without a context"
    SETTING_UP = "context under way"
    ACTIVE = "context set up"
    RELEASING = "release ordered"


class Waiting(Enum):
    """What a UE's guard waits for, and so what happens when it runs out."""

    MME = "the MME's answer to the first message"
    CONTEXT = "the outcome of the context setup from our own layers"
    ERABS = "the outcome of bearers from our own layers"
    RELEASE_COMMAND = "the MME's answer to a release request"
    RELEASE = "the release by our own layers"


@dataclass(slots=True)
class UeConnection:
    """One UE-associated logical S1 connection.

    Attributes:
        rnti: the UE in our own layers.
        enb_id, mme_id: its identities on S1; the MME's is None until it answers.
        state: see `UeState`.
        erabs: bearers that are set up.
        setting_up, releasing: bearers of the procedure that our own layers work on.
        guards: absolute ms by what is waited for.
        reports: Criticality Diagnostics for the answer, by the request's message.
        asked_release: a UE Context Release Request is out.
        early_nas: messages of the UE that wait for the MME's identity, without which they cannot be sent.
    """

    rnti: int
    enb_id: int
    mme_id: int | None = None
    state: UeState = UeState.INITIAL
    erabs: set[int] = field(default_factory=set)
    setting_up: tuple[int, ...] = ()
    releasing: tuple[int, ...] = ()
    refused: tuple[ErabFailure, ...] = ()
    guards: dict[Waiting, int] = field(default_factory=dict)
    reports: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked_release: bool = False
    early_nas: list[bytes] = field(default_factory=list)


class UeConnections:
    """Connections of all UEs."""

    def __init__(self, identity: Identity, address: str, mme_address: str, gtpu_address: str, guard_ms: int) -> None:
        self._identity, self._address, self._mme_address = identity, address, mme_address
        self._gtpu_address, self._guard_ms = gtpu_address, guard_ms
        self._by_rnti: dict[int, UeConnection] = {}
        self._by_enb_id: dict[int, UeConnection] = {}
        self._last_enb_id = 0
        self._outgoing: deque[Message] = deque()
        self._events: deque[events.Event] = deque()
        self.counters: dict[str, int] = {}

    @property
    def ready(self) -> bool:
        """Whether the MME serves this eNB, so that UEs may be connected."""
        raise NotImplementedError

    def ue_state(self, rnti: int) -> UeState | None:
        """State of a UE's S1 connection, None where it has none."""
        found = self._by_rnti.get(rnti)
        return None if found is None else found.state

    def _find(self, mme_id: int | None, enb_id: int | None) -> UeConnection | str:
        """The UE of a pair of identities, or the name of the cause."""
        if enb_id is None:
            found = next((ue for ue in self._by_enb_id.values() if mme_id is not None and ue.mme_id == mme_id), None)
            return found or "unknown-mme-ue-s1ap-id"
        ue = self._by_enb_id.get(enb_id)
        if ue is None:
            return "unknown-enb-ue-s1ap-id"
        if mme_id is not None and ue.mme_id not in (None, mme_id):
            return "unknown-pair-ue-s1ap-id"
        return ue

    def _release_locally(self, ue: UeConnection, cause: CauseValue) -> None:
        self._drop(ue)
        self._events.append(events.ReleaseCommand(ue.rnti, cause, local=True))

    def _drop(self, ue: UeConnection | None) -> None:
        if ue is not None:
            self._by_enb_id.pop(ue.enb_id, None)
            if self._by_rnti.get(ue.rnti) is ue:
                del self._by_rnti[ue.rnti]

    def _drop_all(self) -> tuple[int, ...]:
        rntis = tuple(self._by_rnti)
        self._by_rnti.clear()
        self._by_enb_id.clear()
        return rntis

    def _known(self, rnti: int, what: str) -> UeConnection | None:
        """A UE that the MME knows, so that both identities can be named."""
        ue = self._by_rnti.get(rnti)
        if ue is not None and ue.mme_id is not None:
            return ue
        self._count("no_connection")
        _log.warning("eNB %s: %s of UE 0x%04x dropped: it has no S1 connection", self._address, what, rnti)
        return None

    def _in_state(self, rnti: int, state: UeState, what: str) -> UeConnection | None:
        ue = self._by_rnti.get(rnti)
        if ue is not None and ue.state is state:
            return ue
        # late answers are ordinary: the UE may have been released meanwhile
        _log.info("eNB %s: %s of UE 0x%04x dropped: too late", self._address, what, rnti)
        return None

    def _new_enb_id(self) -> int | None:
        """The next ENB-UE-S1AP-ID, 24 bits, that is free."""
        if len(self._by_enb_id) >= _ENB_IDS - 1:
            return None
        while True:
            self._last_enb_id = self._last_enb_id % (_ENB_IDS - 1) + 1
            if self._last_enb_id not in self._by_enb_id:
                return self._last_enb_id

    def _place(self) -> dict[str, Any]:
        who = self._identity
        tai = values.TaIdentity(who.mcc, who.mnc, who.tac)
        cell = values.CellGlobalId(who.mcc, who.mnc, who.cell_identity)
        return {"TAI": values.tai_value(tai), "EUTRAN-CGI": values.cgi_value(cell)}

    def _keep(self, ue: UeConnection, request: str, report: dict[str, Any] | None) -> None:
        if report is not None:
            ue.reports[request] = report

    def _answer(self, ue: UeConnection, request: str, name: str, ies: dict[str, Any]) -> None:
        report = ue.reports.pop(request, None)
        self._send(name, ies if report is None else {**ies, "CriticalityDiagnostics": report})

    def _send(self, name: str, ies: dict[str, Any], stream: int = STREAM_UE) -> None:
        self._send_pdu(s1ap.build(name, ies), stream)

    def _send_pdu(self, pdu: S1apPdu, stream: int) -> None:
        self._count(f"sent:{pdu.message}")
        data = s1ap.encode(pdu)
        self._outgoing.append(Message(Interface.S1AP, self._address, self._mme_address, data, stream))

    def _count(self, what: str) -> None:
        self.counters[what] = self.counters.get(what, 0) + 1

    def _send_erabs_released(
        self, ue: UeConnection, released: tuple[int, ...], failed: tuple[ErabFailure, ...]
    ) -> None:
        ies: dict[str, Any] = ids(ue)
        if released:
            ies["E-RABReleaseListBearerRelComp"] = [{"e-RAB-ID": erab} for erab in released]
        if failed:
            ies["E-RABFailedToReleaseList"] = [values.erab_failure_value(one) for one in failed]
        self._answer(ue, "E-RABReleaseCommand", "E-RABReleaseResponse", ies)

    def _bearers_done(self, ue: UeConnection) -> None:
        ue.guards.pop(Waiting.ERABS, None)


def ids(ue: UeConnection) -> dict[str, Any]:
    return {MME_ID: ue.mme_id, ENB_ID: ue.enb_id}
