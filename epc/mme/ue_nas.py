"""Between a phone's NAS and the MME's interfaces: what NAS wants is carried out, and it is told what came of it."""

import logging
from typing import TYPE_CHECKING, Final

from picocell.epc.interfaces import gtpv2c_ies as g
from picocell.epc.interfaces import gtpv2c_messages as m
from picocell.epc.interfaces import s6a
from picocell.epc.mme import events, nas_port
from picocell.epc.mme.core import Core
from picocell.epc.mme.sessions import ACCEPTED, MAX_POSTPONED
from picocell.epc.mme.ue_context import UeContext
from picocell.rrc_nas.nas import mme_events as nas

if TYPE_CHECKING:
    from picocell.rrc_nas.nas.ies import Guti

_log = logging.getLogger(__name__)

UE_REFUSES: Final = 88
UNABLE_TO_PAGE: Final = 90


class UeNasProcedures:
    """Carries out the events of every phone's NAS."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def pump(self, ue: UeContext, now: int) -> None:
        """Carry out what a phone's NAS wants, then forget the phone if nothing of it is left."""
        if ue.pumping or ue.removed:
            return
        ue.pumping = True
        try:
            while not ue.removed and (event := ue.nas.next_event()) is not None:
                self._carry_out(ue, event, now)
        finally:
            ue.pumping = False
        if not ue.removed:
            self._keep_identities(ue)
            self.forget_if_gone(ue, now)

    def current_m_tmsi(self, ue: UeContext) -> int | None:
        """The M-TMSI by which a phone is to be called."""
        context = ue.nas.context
        guti = context.old_guti or context.guti
        return None if guti is None else guti.m_tmsi

    def forget_if_gone(self, ue: UeContext, now: int) -> None:
        """Drop the context of a phone that is deregistered and has neither connection nor sessions."""
        if ue.removed or ue.registered or ue.connection is not None or ue.sessions:
            ue.expiry = None
            return
        if ue.expiry is None:
            ue.expiry = now + self._core.settings.keep_ms
        if ue.expiry <= now:
            self._core.s6a.purge(ue, now)
            self._core.remove_ue(ue)

    def cancelled(self, ue: UeContext, kind: s6a.CancellationType, now: int) -> None:
        """The HSS wants the phone to be forgotten; it is told so where its subscription ended (TS 23.401 5.3.8.4)."""
        if kind is s6a.CancellationType.SUBSCRIPTION_WITHDRAWAL and ue.registered:
            self.detach(ue, now, reattach=False)
        else:
            self.drop(ue, f"location cancelled: {kind.name}", now)

    def detach(self, ue: UeContext, now: int, *, reattach: bool, cause: int | None = None) -> None:
        """Detach a phone by the network; an idle one is paged first."""
        if ue.leaving and len(ue.postponed) < MAX_POSTPONED:
            ue.postponed.append(lambda at: self.detach(ue, at, reattach=reattach, cause=cause))
            return
        ue.nas.detach(now, reattach=reattach, cause=cause)
        self.pump(ue, now)

    def drop(self, ue: UeContext, reason: str, now: int) -> None:
        """Forget a phone without a word to it: its sessions are deleted and its connection released."""
        if ue.removed:
            return
        _log.info("%s: forgotten: %s", ue.name, reason)
        if ue.registered:
            self._core.events.append(events.UeDeregistered(ue.imsi, reason))
        ue.registered = False
        ue.page = None
        self._core.s11.delete_all(ue, now)
        connection = ue.connection
        if connection is not None:
            connection.ue, ue.connection = None, None
            self._core.s1.release(connection, ("nas", "detach"), now)
        self._core.remove_ue(ue)

    def paging_failed(self, ue: UeContext, now: int) -> None:
        """A phone did not answer: what waited for it is given up."""
        ue.nas.paging_failed(now)
        self.pump(ue, now)
        for ebi in list(ue.network_bearers):
            self._core.s11.bearer_answered(ue, ebi, UNABLE_TO_PAGE, now)

    def create_bearer(self, ue: UeContext, linked: int, context: m.BearerContext, end: g.FTeid, now: int) -> int | None:
        """Pass a dedicated bearer to NAS; returns its identity, None where it cannot be opened."""
        if context.qos is None or context.tft is None:
            _log.warning("%s: dedicated bearer without quality of service or traffic flow template", ue.name)
            return None
        qos = nas_port.bearer_qos(context.qos)
        try:
            return ue.nas.activate_bearer(
                linked, qos, context.tft.data, now, s1u_address=str(end.ipv4), s1u_teid=end.teid
            )
        except ValueError as error:
            _log.warning("%s: no dedicated bearer: %s", ue.name, error)
            return None

    def delete_bearer(self, ue: UeContext, ebi: int, now: int) -> None:
        """Pass the end of a bearer to NAS."""
        try:
            ue.nas.deactivate_bearer(ebi, now)
        except ValueError as error:
            _log.warning("%s: bearer %d ends without a word to the phone: %s", ue.name, ebi, error)
            self._core.s11.bearer_answered(ue, ebi, ACCEPTED, now)

    def next_timer(self) -> int | None:
        """When `handle_timers` is wanted."""
        times = [at for ue in self._core.ues.values() for at in (ue.nas.next_timer(), ue.expiry) if at is not None]
        return min(times, default=None)

    def handle_timers(self, now: int) -> None:
        """Timers of NAS, and contexts that are kept long enough."""
        for ue in list(self._core.ues.values()):
            at = ue.nas.next_timer()
            if at is not None and at <= now:
                ue.nas.handle_timers(now)
                self.pump(ue, now)
            if ue.expiry is not None and ue.expiry <= now:
                self.forget_if_gone(ue, now)

    def _carry_out(self, ue: UeContext, event: nas.Event, now: int) -> None:
        core = self._core
        match event:
            case nas.SendNas(pdu):
                core.s1.send_nas(ue, pdu)
            case nas.GetAuthVectors():
                core.s6a.get_vectors(ue, event, now)
            case nas.UpdateLocation(imsi):
                core.s6a.update_location(ue, imsi, now)
            case nas.CreateSession():
                core.s11.create(ue, event, now)
            case nas.DeleteSession(ebi):
                core.s11.delete(ue, ebi, now)
            case nas.InitialContextSetup():
                core.s1.set_up_context(ue, event, now)
            case nas.ErabSetup(erabs):
                core.s1.set_up_erabs(ue, erabs, now)
            case nas.ErabModify(erab):
                core.s1.modify_erab(ue, erab, now)
            case nas.ErabRelease(ebis, pdu):
                core.s1.release_erabs(ue, ebis, pdu, now)
            case nas.ReleaseConnection(cause):
                core.s1.release_ue(ue, ("nas", cause), now)
            case nas.BearerActivated(ebi):
                core.s11.bearer_answered(ue, ebi, ACCEPTED, now)
            case nas.BearerRejected(ebi):
                core.s11.bearer_answered(ue, ebi, UE_REFUSES, now)
            case nas.BearerDeactivated(ebi):
                core.s11.bearer_answered(ue, ebi, ACCEPTED, now)
                ue.bearers.pop(ebi, None)
            case nas.Page(why):
                _log.info("%s is paged for %s", ue.name, why)
                core.paging.start(ue, now, for_data=False)
            case nas.IdentityKnown(imsi):
                self._identified(ue, imsi, now)
            case nas.Registered(imsi, guti):
                self._registered(ue, imsi, guti)
            case nas.Deregistered(reason):
                ue.registered = False
                core.events.append(events.UeDeregistered(ue.imsi, reason))
            case nas.Refused(what, cause, cause_name, identity):
                core.events.append(events.UeRefused(identity, what, cause, cause_name))

    def _identified(self, ue: UeContext, imsi: str, now: int) -> None:
        """The phone is this subscriber: an older context of it is out of date (TS 23.401 5.3.2.1)."""
        older = self._core.by_imsi.get(imsi)
        if older is not None and older is not ue:
            ue.located, older.located = older.located, False
            ue.radio_capability = ue.radio_capability or older.radio_capability
            self.drop(older, "it is back with a new context", now)
        if ue.imsi is not None and ue.imsi != imsi and self._core.by_imsi.get(ue.imsi) is ue:
            del self._core.by_imsi[ue.imsi]
        ue.imsi = imsi
        self._core.by_imsi[imsi] = ue

    def _registered(self, ue: UeContext, imsi: str, guti: "Guti") -> None:
        ue.registered = True
        _log.info("IMSI %s is registered with GUTI %s", imsi, guti)
        self._core.events.append(events.UeRegistered(imsi, guti.m_tmsi))

    def _keep_identities(self, ue: UeContext) -> None:
        context = ue.nas.context
        gutis = (context.guti, context.old_guti)
        self._core.keep_m_tmsis(ue, {guti.m_tmsi for guti in gutis if guti is not None})
