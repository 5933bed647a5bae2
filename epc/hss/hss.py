"""The HSS: answers an MME's requests of S6a (TS 29.272 clause 5) from the subscriber database.

An object without a socket or a clock: it is handed messages, and drained with `messages_to_send`.
"""

import logging
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from typing import Any, Final

from sqlalchemy.exc import SQLAlchemyError

from picocell.epc.hss.subscribers import SEPARATION_BIT, Subscriber, SubscriberStore, UnknownSubscriberError
from picocell.epc.interfaces import s6a
from picocell.epc.interfaces.gtpv2c_ies import Ambr
from picocell.epc.interfaces.s6a import DiameterError, ErrorCode, Packet, Result, ResultCode
from picocell.epc.interfaces.transport import Interface, Message
from picocell.rrc_nas.security import aka, keys

logger = logging.getLogger(__name__)

MAX_VECTORS: Final = 5
"""Vectors handed out for one request."""

ANSWER_MEMORY_MS: Final = 30_000
"""How long the answer to a request is kept, should the request come again (RFC 6733 5.5.4)."""


@dataclass(frozen=True, slots=True)
class Location:
    """The MME where a subscriber is registered."""

    host: str
    realm: str
    address: str


class Refused(Exception):
    """A request gets an error for an answer."""

    def __init__(self, code: ErrorCode, text: str, diagnostic: s6a.ErrorDiagnostic | None = None) -> None:
        super().__init__(text)
        self.code = code
        self.diagnostic = diagnostic


class Hss:
    """Home subscriber server."""

    def __init__(
        self,
        subscribers: SubscriberStore,
        address: str,
        *,
        host: str = "hss.picocell",
        realm: str = "picocell",
        plmns: Iterable[tuple[str, str]] | None = None,
        rng: random.Random | None = None,
    ) -> None:
        """Start without registrations.

        Args:
            subscribers: the database.
            address: IPv4 address of this node.
            host, realm: its Diameter identity.
            plmns: MCC and MNC of the networks where subscribers may be; None for all.
            rng: source of RAND; `random.SystemRandom` where there is none.
        """
        self._subscribers, self.address, self.host, self.realm = subscribers, address, host, realm
        self._plmns = None if plmns is None else frozenset(plmns)
        self._rng = rng or random.SystemRandom()
        self._locations: dict[str, Location] = {}
        self._cancelling: dict[int, tuple[str, int]] = {}
        self._answered: dict[tuple[str, int, int, str], tuple[bytes, int]] = {}
        self._identifier = self._rng.getrandbits(32)
        self._outgoing: list[Message] = []
        self._refused = self._malformed = 0
        self._handlers: dict[type[s6a.Message], Callable[[Any, str, int], s6a.Answer]] = {
            s6a.AuthenticationInformationRequest: self._authentication_information,
            s6a.UpdateLocationRequest: self._update_location,
            s6a.PurgeUeRequest: self._purge,
        }

    def receive(self, message: Message, now: int) -> None:
        """Take a message of S6a; what is malformed is answered and counted."""
        if message.interface is not Interface.S6A:
            self._malformed += 1
            logger.warning("HSS: %s from %s is not for an HSS", message.interface, message.source)
            return
        try:
            packet = s6a.decode(message.data)
        except DiameterError as error:
            self._refuse_malformed(message, error)
            return
        if isinstance(packet.message, s6a.Answer):
            self._take_answer(packet, message)
            return
        request = packet.message
        key = (request.origin_host, packet.end_to_end, request.COMMAND, request.session_id)
        answered = self._answered.get(key)
        if answered is not None and answered[1] > now:
            # the request came again; its hop-by-hop identifier may be another one
            data = answered[0][:12] + packet.hop_by_hop.to_bytes(4, "big") + answered[0][16:]
        else:
            answer = self._answer(request, message.source, now)
            data = s6a.encode(Packet(answer, packet.hop_by_hop, packet.end_to_end))
            self._answered[key] = data, now + ANSWER_MEMORY_MS
        self._outgoing.append(Message(Interface.S6A, self.address, message.source, data, message.stream))

    def messages_to_send(self) -> list[Message]:
        """Messages to send now; each is returned once."""
        out, self._outgoing = self._outgoing, []
        return out

    def next_timer(self) -> int | None:
        """When `handle_timers` is to be called next, None for not at all."""
        times = [expiry for _, expiry in self._answered.values()] + [expiry for _, expiry in self._cancelling.values()]
        return min(times, default=None)

    def handle_timers(self, now: int) -> None:
        """Forget old answers, and cancellations that were not answered."""
        self._answered = {key: value for key, value in self._answered.items() if value[1] > now}
        for identifier, (imsi, expiry) in list(self._cancelling.items()):
            if expiry <= now:
                del self._cancelling[identifier]
                logger.warning("HSS: no answer to Cancel Location for IMSI %s", imsi)

    def location(self, imsi: str) -> Location | None:
        """Where a subscriber is registered, None for nowhere."""
        return self._locations.get(imsi)

    def withdraw(self, imsi: str, now: int) -> None:
        """Tell the MME that the subscription has ended; the database is not changed."""
        location = self._locations.pop(imsi, None)
        if location is not None:
            self._cancel(imsi, location, s6a.CancellationType.SUBSCRIPTION_WITHDRAWAL, now)

    def tables(self) -> dict[str, int]:
        """Sizes of all tables by name."""
        return {
            "locations": len(self._locations),
            "cancelling": len(self._cancelling),
            "answered": len(self._answered),
        }

    def counters(self) -> dict[str, int]:
        """What was refused, by name."""
        return {"refused": self._refused, "malformed": self._malformed}

    def _answer(self, request: s6a.Request, source: str, now: int) -> s6a.Answer:
        common = self._common(request)
        handler = self._handlers.get(type(request))
        kind = _ANSWERS[type(request)]
        if handler is None:
            return kind(**common, result=Result(ResultCode.UNABLE_TO_COMPLY), error_message="not a request to an HSS")
        try:
            return handler(request, source, now)
        except (SQLAlchemyError, ValueError) as error:  # the database, or what somebody else wrote into it
            self._refused += 1
            logger.error("HSS: IMSI %s cannot be read from the subscriber database: %s", request.imsi, error)
            return kind(**common, result=Result(ResultCode.UNABLE_TO_COMPLY), error_message="subscriber database")
        except Refused as refused:
            self._refused += 1
            result = s6a.failure(refused.code)
            logger.warning(
                "HSS: %s of IMSI %s refused: %s; %s", type(request).__name__, request.imsi, refused, result.name
            )
            return kind(
                **common, result=result, error_message=str(refused) or None, error_diagnostic=refused.diagnostic
            )

    def _common(self, request: s6a.Request) -> dict[str, Any]:
        return {"session_id": request.session_id, "origin_host": self.host, "origin_realm": self.realm}

    def _subscriber(self, imsi: str) -> Subscriber:
        try:
            subscriber = self._subscribers.get(imsi)
        except UnknownSubscriberError:
            raise Refused(ErrorCode.USER_UNKNOWN, f"IMSI {imsi} is not in the subscriber database") from None
        if not subscriber.enabled:
            diagnostic = s6a.ErrorDiagnostic.NO_GPRS_DATA_SUBSCRIBED
            raise Refused(ErrorCode.UNKNOWN_EPS_SUBSCRIPTION, f"IMSI {imsi} is disabled", diagnostic)
        return subscriber

    def _authentication_information(self, request: s6a.AuthenticationInformationRequest, *_: object) -> s6a.Answer:
        """Vectors (clause 5.2.3); their sequence numbers are in the database before they go out."""
        subscriber = self._subscriber(request.imsi)
        count = max(1, min(request.n_vectors, MAX_VECTORS))
        functions = subscriber.functions()
        sqn_ms = None if request.resync is None else _checked_auts(request, functions)

        def start(sqn_he: int) -> int:
            return sqn_he if sqn_ms is None else aka.resynchronised(sqn_he, sqn_ms)

        try:
            change = self._subscribers.advance_sqn(request.imsi, lambda sqn: _numbers(start(sqn), count)[-1])
            numbers = _numbers(start(change[0]), count)
        except ValueError as error:
            raise Refused(ErrorCode.AUTHENTICATION_DATA_UNAVAILABLE, f"sequence numbers: {error}") from error
        amf = bytes((subscriber.amf[0] | SEPARATION_BIT, subscriber.amf[1]))
        network = keys.sn_id(request.mcc, request.mnc)
        vectors = []
        for sqn in numbers:
            vector = aka.build_vector(functions, self._rng.getrandbits(128).to_bytes(16, "big"), sqn, amf)
            k_asme = keys.k_asme(vector.ck, vector.ik, network, vector.sqn_xor_ak)
            vectors.append(s6a.EutranVector(vector.rand, vector.xres, vector.autn, k_asme))
        return s6a.AuthenticationInformationAnswer(**self._common(request), result=s6a.SUCCESS, vectors=tuple(vectors))

    def _update_location(self, request: s6a.UpdateLocationRequest, source: str, now: int) -> s6a.Answer:
        """Registration (clause 5.2.1.1): the MME before is told to forget the phone."""
        subscriber = self._subscriber(request.imsi)
        if request.rat_type is not s6a.RatType.EUTRAN:
            raise Refused(ErrorCode.RAT_NOT_ALLOWED, f"RAT type {request.rat_type.name}; allowed is EUTRAN")
        if self._plmns is not None and (request.mcc, request.mnc) not in self._plmns:
            raise Refused(ErrorCode.ROAMING_NOT_ALLOWED, f"PLMN {request.mcc}-{request.mnc} is not allowed")
        former = self._locations.get(request.imsi)
        location = Location(request.origin_host, request.origin_realm, source)
        self._locations[request.imsi] = location
        if former is not None and former.host != location.host:
            is_attach = bool(request.flags & s6a.UlrFlag.INITIAL_ATTACH)
            kind = s6a.CancellationType.INITIAL_ATTACH_PROCEDURE if is_attach else _MME_UPDATE
            self._cancel(request.imsi, former, kind, now)
        skip = bool(request.flags & s6a.UlrFlag.SKIP_SUBSCRIBER_DATA)
        return s6a.UpdateLocationAnswer(
            **self._common(request),
            result=s6a.SUCCESS,
            flags=1,
            subscription=None if skip else subscription(subscriber),
        )

    def _purge(self, request: s6a.PurgeUeRequest, *_: object) -> s6a.Answer:
        """The MME forgot a phone (clause 5.2.1.3); one that is registered elsewhere by now stays registered."""
        try:
            self._subscribers.get(request.imsi)
        except UnknownSubscriberError:
            raise Refused(ErrorCode.USER_UNKNOWN, f"IMSI {request.imsi} is not in the subscriber database") from None
        location = self._locations.get(request.imsi)
        is_there = location is not None and location.host == request.origin_host
        if is_there:
            del self._locations[request.imsi]
        return s6a.PurgeUeAnswer(**self._common(request), result=s6a.SUCCESS, freeze_m_tmsi=is_there)

    def _cancel(self, imsi: str, location: Location, kind: s6a.CancellationType, now: int) -> None:
        identifier = self._identifier = (self._identifier + 1) % (1 << 32)
        request = s6a.CancelLocationRequest(
            session_id=f"{self.host};{identifier};{imsi}",
            origin_host=self.host,
            origin_realm=self.realm,
            destination_host=location.host,
            destination_realm=location.realm,
            imsi=imsi,
            cancellation_type=kind,
        )
        self._cancelling[identifier] = imsi, now + ANSWER_MEMORY_MS
        data = s6a.encode(Packet(request, identifier, identifier))
        self._outgoing.append(Message(Interface.S6A, self.address, location.address, data))

    def _take_answer(self, packet: Packet, message: Message) -> None:
        cancelled = self._cancelling.pop(packet.hop_by_hop, None)
        if isinstance(packet.message, s6a.CancelLocationAnswer) and packet.message.result.success:
            return
        who = f" for IMSI {cancelled[0]}" if cancelled else ""
        logger.warning("HSS: %s from %s%s", type(packet.message).__name__, message.source, who)

    def _refuse_malformed(self, message: Message, error: DiameterError) -> None:
        self._malformed += 1
        logger.warning("HSS: malformed message from %s: %s", message.source, error)
        data = s6a.error_answer(error, self.host, self.realm)
        if data is not None:
            self._outgoing.append(Message(Interface.S6A, self.address, message.source, data, message.stream))


def subscription(subscriber: Subscriber) -> s6a.Subscription:
    """What S6a says of a subscriber."""
    ambr = Ambr(subscriber.ambr_ul, subscriber.ambr_dl)
    addresses = () if subscriber.static_ip is None else (IPv4Address(subscriber.static_ip),)
    apns = [
        s6a.ApnConfiguration(context_id=number, apn=apn, qci=subscriber.qci, ambr=ambr)
        for number, apn in enumerate(subscriber.apns, 1)
    ]
    apns[0] = replace(apns[0], addresses=addresses)
    return s6a.Subscription(msisdn=subscriber.msisdn, ambr=ambr, default_context_id=1, apns=tuple(apns))


_MME_UPDATE: Final = s6a.CancellationType.MME_UPDATE_PROCEDURE
_ANSWERS: Final[dict[type[s6a.Request], type[s6a.Answer]]] = {
    s6a.AuthenticationInformationRequest: s6a.AuthenticationInformationAnswer,
    s6a.UpdateLocationRequest: s6a.UpdateLocationAnswer,
    s6a.PurgeUeRequest: s6a.PurgeUeAnswer,
    s6a.CancelLocationRequest: s6a.CancelLocationAnswer,
}


def _checked_auts(request: s6a.AuthenticationInformationRequest, functions: aka.Functions) -> int:
    """SQN_MS of the resynchronisation (TS 33.102 6.3.5)."""
    rand, auts = request.resync or (b"", b"")
    try:
        return aka.check_auts(functions, rand, auts)
    except ValueError as error:
        text = f"resynchronisation: {error}: the phone's K or OPc is not that of the database"
        raise Refused(ErrorCode.AUTHENTICATION_DATA_UNAVAILABLE, text) from error


def _numbers(sqn_he: int, count: int) -> list[int]:
    """The ``count`` sequence numbers after SQN_HE."""
    numbers = []
    for _ in range(count):
        sqn_he = aka.next_sqn(sqn_he)
        numbers.append(sqn_he)
    return numbers
