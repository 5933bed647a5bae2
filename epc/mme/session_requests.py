"""What the MME asks of the SGW (TS 29.274 7.2): PDN connections, and the eNB's ends of bearers."""

import logging
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Final

from picocell.epc.interfaces import gtpv2c_ies as g
from picocell.epc.interfaces import gtpv2c_messages as m
from picocell.epc.interfaces import gtpv2c_transactions as t
from picocell.epc.interfaces.s1ap_values import CauseValue, ErabEnd
from picocell.epc.mme import nas_port
from picocell.epc.mme.core import Core
from picocell.epc.mme.ue_context import PdnSession, S1Connection, UeContext
from picocell.rrc_nas.nas.mme_events import CreateSession

_log = logging.getLogger(__name__)

UE_NOT_RESPONDING: Final = 87


@dataclass(frozen=True, slots=True)
class CreateContext:
    ue: UeContext
    session: PdnSession


@dataclass(frozen=True, slots=True)
class DeleteContext:
    ue: UeContext
    ebi: int


@dataclass(frozen=True, slots=True)
class ModifyContext:
    ue: UeContext


@dataclass(frozen=True, slots=True)
class ReleaseContext:
    """``connection`` is released once the SGW has answered, with ``cause``."""

    ue: UeContext
    connection: S1Connection | None
    cause: CauseValue


class SessionRequests:
    """Requests to the SGW; `sessions` takes the answers, by the context that hangs on each."""

    def __init__(self, core: Core) -> None:
        settings = core.settings
        self._core = core
        self._transactions = t.Transactions(float(settings.gtp_t3_ms), settings.gtp_n3)
        self._pending = 0

    def __len__(self) -> int:
        return self._pending

    def create(self, ue: UeContext, wanted: CreateSession, now: int) -> None:
        """Make a PDN connection (TS 29.274 7.2.1)."""
        session = PdnSession(wanted.ebi, wanted)
        ue.sessions[wanted.ebi] = session
        nas = self._core.settings.nas
        try:
            request = m.CreateSessionRequest(
                imsi=g.Imsi(wanted.imsi),
                uli=self._location(ue),
                serving_network=g.ServingNetwork(nas.mcc, nas.mnc),
                rat_type=g.RatType(g.Rat.EUTRAN),
                sender=self._own_end(ue),
                pgw=g.FTeid(g.Interface.S5C_PGW, 0, IPv4Address(self._core.addresses.pgw)),
                apn=g.Apn(wanted.apn),
                selection_mode=g.SelectionMode(0),
                pdn_type=g.PdnType(nas_port.pdn_kind(wanted.pdn_type)),
                paa=nas_port.wanted_paa(wanted.pdn_type, wanted.ipv4),
                max_apn_restriction=g.ApnRestriction(0),
                ambr=nas_port.ambr_of_nas(wanted.ambr),
                pco=None if wanted.pco is None else g.Pco(wanted.pco),
                bearer_contexts=(m.BearerContext(ebi=g.Ebi(wanted.ebi), qos=_qos(wanted)),),
                recovery=g.Recovery(self._core.settings.restart_counter),
            )
        except ValueError as error:
            _log.error("%s: no session for APN %s: %s", ue.name, wanted.apn, error)
            del ue.sessions[wanted.ebi]
            ue.nas.session_created(wanted.ebi, nas_port.NETWORK_FAILURE_ESM, now)
            return
        self._request(request, ue.sgw_teid or 0, CreateContext(ue, session), now)

    def delete(self, ue: UeContext, ebi: int, now: int) -> None:
        """Remove a PDN connection (clause 7.2.9.1)."""
        session = ue.sessions.get(ebi)
        if session is None:
            ue.nas.session_deleted(ebi, now)
        elif not session.deleting:
            session.deleting = True
            for path in [path for path in ue.bearers.values() if path.linked_ebi == ebi]:
                del ue.bearers[path.ebi]
            if session.created:
                self._delete(ue, ebi, now)

    def delete_all(self, ue: UeContext, now: int) -> None:
        """Remove all PDN connections of a phone."""
        for ebi in list(ue.sessions):
            self.delete(ue, ebi, now)

    def modify(self, ue: UeContext, ends: list[ErabEnd], now: int) -> None:
        """Tell the SGW the eNB's ends (clause 7.2.7)."""
        contexts = []
        for end in ends:
            path = ue.bearers.get(end.erab_id)
            if path is not None:
                path.enb = end
                tunnel = g.FTeid(g.Interface.S1U_ENB, end.teid, IPv4Address(end.address))
                contexts.append(m.BearerContext(ebi=g.Ebi(end.erab_id), f_teids={0: tunnel}))
        if contexts and ue.sgw_teid is not None:
            request = m.ModifyBearerRequest(bearer_contexts=tuple(contexts))
            self._request(request, ue.sgw_teid, ModifyContext(ue), now)

    def release_access(
        self,
        ue: UeContext,
        now: int,
        connection: S1Connection | None = None,
        cause: CauseValue = ("nas", "unspecified"),
    ) -> bool:
        """Make the SGW forget the eNB's ends (clause 7.2.21), then release ``connection``; False where it has none."""
        if ue.sgw_teid is None or all(path.enb is None for path in ue.bearers.values()):
            return False
        for path in ue.bearers.values():
            path.enb = None
        request = m.ReleaseAccessBearersRequest()
        self._request(request, ue.sgw_teid, ReleaseContext(ue, connection, cause), now)
        return True

    def paging_failed(self, ue: UeContext, now: int) -> None:
        """Tell the SGW that a phone cannot be reached (clause 7.2.11.3)."""
        if ue.sgw_teid is not None:
            imsi = None if ue.imsi is None else g.Imsi(ue.imsi)
            indication = m.DownlinkDataNotificationFailureIndication(cause=g.Cause(UE_NOT_RESPONDING), imsi=imsi)
            self._transactions.request(self._core.addresses.sgw, indication, ue.sgw_teid, now)

    def _delete(self, ue: UeContext, ebi: int, now: int) -> None:
        flags = g.Indication(g.IndicationFlag.OI)
        request = m.DeleteSessionRequest(linked_ebi=g.Ebi(ebi), uli=self._location(ue), indication=flags)
        self._request(request, ue.sgw_teid or 0, DeleteContext(ue, ebi), now)

    def _request(self, message: m.Message, teid: int, context: object, now: int) -> None:
        self._pending += 1
        self._transactions.request(self._core.addresses.sgw, message, teid, now, context)

    def _respond(self, event: t.RequestReceived, message: m.Message, ue: UeContext | None, now: int) -> None:
        teid = 0 if ue is None or ue.sgw_teid is None else ue.sgw_teid
        self._transactions.respond(event, message, teid, now)

    def _own_end(self, ue: UeContext) -> g.FTeid:
        return g.FTeid(g.Interface.S11_MME, ue.key, IPv4Address(self._core.addresses.own))

    def _location(self, ue: UeContext) -> g.Uli | None:
        if ue.tai is None or ue.ecgi is None:
            return None
        return g.Uli(g.Tai(*ue.tai), g.Ecgi(*ue.ecgi))


def _qos(wanted: CreateSession) -> g.BearerQos:
    arp = wanted.arp
    return g.BearerQos(wanted.qci, arp.priority, arp.may_preempt, arp.preemptable)
