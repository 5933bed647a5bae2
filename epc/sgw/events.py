"""Which procedure of the SGW takes which message of GTPv2-C."""

import logging
from collections.abc import Callable
from typing import Any

from picocell.epc.interfaces import gtpv2c_messages as m
from picocell.epc.interfaces.gtpv2c_endpoint import CONTEXT_NOT_FOUND, ControlEndpoint, Event, PeerLost
from picocell.epc.interfaces.gtpv2c_transactions import RequestReceived, RequestTimedOut, ResponseReceived
from picocell.epc.interfaces.transport import Interface
from picocell.epc.sgw.bearers import BearerProcedures
from picocell.epc.sgw.paging import Paging
from picocell.epc.sgw.sessions import SessionProcedures

logger = logging.getLogger(__name__)


def dispatch(
    event: Event,
    sessions: SessionProcedures,
    bearers: BearerProcedures,
    paging: Paging,
    control: ControlEndpoint,
    now: int,
) -> None:
    """Hand an event to its procedure; a request that no procedure takes on that interface is refused."""
    match event:
        case PeerLost((Interface.S11, address)):
            sessions.mme_lost(address, now)
        case PeerLost((_, address)):
            sessions.pgw_lost(address, now)
        case RequestReceived():
            _request(event, sessions, bearers, paging, control, now)
        case ResponseReceived():
            _response(event, sessions, bearers, paging, now)
        case RequestTimedOut():
            _timeout(event, sessions, bearers, paging, now)


def _request(
    event: RequestReceived,
    sessions: SessionProcedures,
    bearers: BearerProcedures,
    paging: Paging,
    control: ControlEndpoint,
    now: int,
) -> None:
    kind, interface = type(event.packet.message), _interface(event)
    handlers: dict[tuple[Interface, type[m.Message]], Callable[[Any, int], None]] = {
        (Interface.S11, m.CreateSessionRequest): sessions.create,
        (Interface.S11, m.DeleteSessionRequest): sessions.delete,
        (Interface.S11, m.ModifyBearerRequest): sessions.modify,
        (Interface.S11, m.ReleaseAccessBearersRequest): sessions.release_access,
        (Interface.S5C, m.CreateBearerRequest): bearers.create,
        (Interface.S5C, m.DeleteBearerRequest): bearers.delete,
        (Interface.S11, m.DownlinkDataNotificationFailureIndication): lambda event, _: paging.failed(event),
    }
    handler = handlers.get((interface, kind))
    if handler is not None:
        handler(event, now)
        return
    control.ignored += 1
    logger.warning("SGW: %s on %s from %s is refused", kind.__name__, interface, event.peer)
    control.refuse(event, CONTEXT_NOT_FOUND, now)


def _response(
    event: ResponseReceived, sessions: SessionProcedures, bearers: BearerProcedures, paging: Paging, now: int
) -> None:
    match event.packet.message:
        case m.CreateSessionResponse():
            sessions.created(event, now)
        case m.DeleteSessionResponse():
            sessions.deleted(event, now)
        case m.CreateBearerResponse():
            bearers.created(event, now)
        case m.DeleteBearerResponse():
            bearers.deleted(event, now)
        case m.DownlinkDataNotificationAcknowledge():
            paging.acknowledged(event, now)
        case _:
            pass


def _timeout(
    event: RequestTimedOut, sessions: SessionProcedures, bearers: BearerProcedures, paging: Paging, now: int
) -> None:
    logger.warning("SGW: no answer to %s from %s", type(event.request).__name__, event.peer)
    match event.request:
        case m.CreateSessionRequest():
            sessions.create_timed_out(event, now)
        case m.DeleteSessionRequest():
            sessions.delete_timed_out(event, now)
        case m.CreateBearerRequest():
            bearers.create_timed_out(event, now)
        case m.DeleteBearerRequest():
            bearers.delete_timed_out(event, now)
        case m.DownlinkDataNotification():
            paging.timed_out(event)
        case _:
            pass


def _interface(event: RequestReceived) -> Interface:
    peer: Any = event.peer
    interface: Interface = peer[0]
    return interface
