"""Idle phones at the SGW: Downlink Data Notification and what comes of it (TS 29.274 7.2.11, TS 23.401 5.3.4.3)."""

import logging
from typing import Final

from picocell.epc.interfaces import gtpv2c
from picocell.epc.interfaces import gtpv2c_messages as m
from picocell.epc.interfaces.gtpv2c_endpoint import ControlEndpoint
from picocell.epc.interfaces.gtpv2c_ies import Arp, Cause, Ebi
from picocell.epc.interfaces.gtpv2c_transactions import RequestReceived, RequestTimedOut, ResponseReceived
from picocell.epc.interfaces.transport import Interface
from picocell.epc.sgw.contexts import Bearer, Contexts, Tunnel, Ue
from picocell.epc.sgw.user_plane import UserPlane

logger = logging.getLogger(__name__)

ERROR_INDICATION_RECEIVED: Final = 6
TEMPORARILY_REJECTED: Final = 110
"""Cause values (TS 29.274 Table 8.4-1)."""


class Paging:
    """Notifies MMEs of data for idle phones."""

    def __init__(self, contexts: Contexts, control: ControlEndpoint, guard_ms: int) -> None:
        self._contexts, self._control, self._guard = contexts, control, guard_ms
        self._user: UserPlane | None = None
        self.sent = 0

    def attach(self, user: UserPlane) -> None:
        """The user plane, where the packets wait."""
        self._user = user

    def data_waits(self, bearer: Bearer, now: int) -> None:
        """A packet came for an idle phone: one notification until the MME has brought the phone or given up."""
        ue = bearer.pdn.ue
        if ue.notified_until is None or now >= ue.notified_until:
            self._notify(ue, bearer, None, now)

    def enb_forgot(self, address: str, teid: int, now: int) -> None:
        """Error Indication from an eNB: the phone is idle now, and the MME is told (TS 23.007 22)."""
        bearer = self._contexts.enb_ends.get(Tunnel(teid.to_bytes(4, "big"), address))
        if bearer is None or self._user is None:
            return
        ue = bearer.pdn.ue
        logger.warning("SGW: eNB %s has no tunnel %#x of IMSI %s", address, teid, ue.imsi)
        for each in ue.bearers():
            self._user.set_enb(each, None, now)
        self._notify(ue, bearer, Cause(ERROR_INDICATION_RECEIVED), now)

    def acknowledged(self, event: ResponseReceived, now: int) -> None:
        """The MME's answer: it pages, or it cannot."""
        ue, message = event.context, event.packet.message
        if isinstance(ue, Ue) and isinstance(message, m.DownlinkDataNotificationAcknowledge):
            cause = message.cause.value
            if not message.cause.accepted and cause != TEMPORARILY_REJECTED:
                self._give_up(ue, gtpv2c.cause_name(cause))
            elif cause == TEMPORARILY_REJECTED:
                ue.notified_until = now + self._guard

    def timed_out(self, event: RequestTimedOut) -> None:
        """The MME did not answer."""
        if isinstance(event.context, Ue):
            self._give_up(event.context, "no answer from the MME")

    def failed(self, event: RequestReceived) -> None:
        """The MME has paged in vain (TS 29.274 7.2.11.3)."""
        ue, message = self._contexts.by_s11.get(event.packet.teid or 0), event.packet.message
        if ue is not None and isinstance(message, m.DownlinkDataNotificationFailureIndication):
            self._give_up(ue, gtpv2c.cause_name(message.cause.value))

    def _notify(self, ue: Ue, bearer: Bearer, cause: Cause | None, now: int) -> None:
        qos = bearer.qos
        message = m.DownlinkDataNotification(
            cause=cause,
            ebis=(Ebi(bearer.ebi or bearer.pdn.ebi),),
            arp=None if qos is None else Arp(qos.priority, qos.may_pre_empt, qos.pre_emptable),
        )
        ue.notified_until = now + self._guard
        self.sent += 1
        self._control.request((Interface.S11, ue.mme_address), message, ue.mme_teid, now, ue)

    def _give_up(self, ue: Ue, why: str) -> None:
        logger.warning("SGW: IMSI %s cannot be paged: %s; %d packets dropped", ue.imsi, why, len(ue.buffer))
        if self._user is not None:
            self._user.discard(ue)
        ue.notified_until = None
