"""A phone made of messages written by hand, and the ways to bring its network end to every state."""

from dataclasses import replace
from typing import Any

from picocell.rrc_nas.nas import codec
from picocell.rrc_nas.nas import mme_events as ev
from picocell.rrc_nas.nas.ies import Guti, MobileIdentity, Plmn, UeNetworkCapability
from picocell.rrc_nas.nas.mme_states import Procedure, State
from picocell.rrc_nas.nas.protection import NasSecurityContext, SecurityHeader
from picocell.rrc_nas.security.algorithms import Direction, Eea, Eia
from support.mme_network import IMSI, Network

SETTINGS = replace(Network().settings, eea=(Eea.EEA0,), eia=(Eia.EIA2,))
NEW, CIPHERED = SecurityHeader.INTEGRITY_CIPHERED_NEW_CONTEXT, SecurityHeader.INTEGRITY_CIPHERED
PDN_REQUEST = codec.encode("PDN connectivity request", pti=1, pdn_type=1, request_type=1)


class Phone:
    """A phone made of messages written by hand, one a method, with the network's own answers around it."""

    def __init__(self, network: Network | None = None) -> None:
        self.network = network or Network(SETTINGS)
        self.security: NasSecurityContext | None = None
        self.vector: ev.EpsVector | None = None

    @property
    def nas(self) -> Any:
        return self.network.nas

    def send(
        self, name: str, *, initial: bool = False, header: SecurityHeader | None = CIPHERED, **fields: Any
    ) -> None:
        """A message, protected where there are keys and a header is given."""
        plain = codec.encode(name, **fields)
        if self.security is not None and header is not None:
            plain = self.security.protect(plain, header, Direction.UPLINK)
        self.network.receive(plain, initial=initial)

    def attach_request(self, identity: MobileIdentity | None = None, ksi: int = 7, **kwargs: Any) -> None:
        fields = {
            "nas_key_set_identifier": ksi,
            "eps_attach_type": 1,
            "eps_mobile_identity": identity or MobileIdentity.imsi(IMSI),
            "ue_network_capability": UeNetworkCapability(0xE0, 0x60),
            "esm_message_container": PDN_REQUEST,
        }
        self.send("attach request", **{"initial": True, "header": None, **fields, **kwargs})

    def authenticate(self) -> None:
        """The right answer to the challenge."""
        vector = self.nas.context.vector
        self.security = NasSecurityContext(self.nas.context.ksi, vector.k_asme, 0, 0, Eea.EEA0, Eia.EIA2)
        self.send("authentication response", header=None, authentication_response_parameter=vector.xres)

    def secure(self) -> None:
        self.send("security mode complete", header=NEW)

    def complete(self) -> None:
        esm = codec.encode("activate default EPS bearer context accept", ebi=5)
        self.send("attach complete", esm_message_container=esm)

    def register(self) -> "Phone":
        self.attach_request()
        self.authenticate()
        self.secure()
        self.complete()
        assert self.nas.state is State.REGISTERED
        self.network.sent.clear()
        return self

    def identity(self) -> MobileIdentity:
        return MobileIdentity.of_guti(self.nas.guti)

    def update(self) -> dict[str, Any]:
        """Mandatory elements of a tracking area update request."""
        return {"nas_key_set_identifier": self.ksi(), "eps_update_type": 0, "old_guti": self.identity()}

    def ksi(self) -> int:
        assert self.security is not None
        return self.security.ksi


def in_state(state: State) -> Phone:
    """A phone brought to a state by the shortest conversation."""
    phone = Phone()
    network = phone.network
    match state:
        case State.DEREGISTERED:
            return phone
        case State.IDENTIFYING:
            phone.attach_request(MobileIdentity.of_guti(Guti(Plmn("001", "01"), 1, 1, 99)))
        case State.FETCHING_VECTORS:
            network.answers[ev.GetAuthVectors] = None
            phone.attach_request()
        case State.AUTHENTICATING:
            phone.attach_request()
        case State.SECURING:
            phone.attach_request()
            phone.authenticate()
        case State.ASKING_ESM:
            esm = codec.encode(
                "PDN connectivity request", pti=1, pdn_type=1, request_type=1, esm_information_transfer_flag=1
            )
            phone.attach_request(esm_message_container=esm)
            phone.authenticate()
            phone.secure()
        case State.UPDATING_LOCATION | State.CREATING_SESSION | State.ACCEPTING_ATTACH:
            waits = {State.UPDATING_LOCATION: ev.UpdateLocation, State.CREATING_SESSION: ev.CreateSession}
            if state in waits:
                network.answers[waits[state]] = None
            phone.attach_request()
            phone.authenticate()
            phone.secure()
        case State.DELETING_SESSIONS:
            phone.register()
            network.answers[ev.DeleteSession] = None
            phone.attach_request(phone.identity(), phone.ksi(), header=SecurityHeader.INTEGRITY)
        case State.REGISTERED:
            phone.register()
        case State.ACCEPTING_TAU:
            phone.register()
            phone.send(
                "tracking area update request", nas_key_set_identifier=phone.ksi(), eps_update_type=0,
                old_guti=phone.identity(),
            )  # fmt: skip
        case State.REALLOCATING_GUTI:
            phone.register()
            phone.nas.reallocate_guti(network.now)
            network.run()
        case State.DETACHING:
            phone.register()
            phone.nas.detach(network.now)
            network.run()
    assert phone.nas.state is state
    return phone


FIELDS: dict[str, Any] = {
    "nas_key_set_identifier": 0,
    "eps_attach_type": 1,
    "eps_mobile_identity": MobileIdentity.imsi(IMSI),
    "old_guti": MobileIdentity.of_guti(Guti(Plmn("001", "01"), 1, 1, 1)),
    "guti": Guti(Plmn("001", "01"), 1, 1, 1),
    "mobile_identity": MobileIdentity.imsi(IMSI),
    "ue_network_capability": UeNetworkCapability(0xE0, 0x60),
    "esm_message_container": PDN_REQUEST,
    "authentication_response_parameter": bytes(8),
    "emm_cause": 21,
    "esm_cause": 43,
    "detach_type": 1,
    "eps_update_type": 0,
    "service_type": 0,
    "m_tmsi": bytes(5),
    "linked_eps_bearer_identity": 5,
    "pdn_type": 1,
    "request_type": 1,
}
UPLINK = (
    "attach request", "attach complete", "detach request", "detach accept", "tracking area update request",
    "tracking area update complete", "extended service request", "GUTI reallocation complete",
    "authentication response", "authentication failure", "identity response", "security mode complete",
    "security mode reject", "EMM status", "uplink NAS transport", "ESM status", "ESM information response",
    "activate default EPS bearer context accept", "activate default EPS bearer context reject",
    "activate dedicated EPS bearer context accept", "activate dedicated EPS bearer context reject",
    "modify EPS bearer context accept", "modify EPS bearer context reject", "deactivate EPS bearer context accept",
    "PDN connectivity request", "PDN disconnect request", "bearer resource allocation request",
    "bearer resource modification request", "attach accept", "authentication request",
)  # fmt: skip


def message(name: str) -> bytes:
    """A message with ordinary values."""
    layout = next(one for one in codec.layouts(name) if one.direction is not Direction.DOWNLINK)
    fields = {}
    for element in layout.mandatory:
        if element.name != "spare":
            usual = 0 if element.length in (0.5, 1) else bytes(int(element.length or 4))
            fields[element.name] = FIELDS.get(element.name, usual)
    if name in ("attach accept", "authentication request", "bearer resource allocation request"):
        return bytes([2 if layout.esm else 7, *([1] if layout.esm else []), layout.value, *bytes(20)])
    return codec.encode(name, **({"ebi": 5, "pti": 1} if layout.esm else {}), **fields)


def settle(phone: Phone) -> None:
    """Whatever happened, the timers end within a bounded time and the phone can be detached, leaving nothing."""
    phone.network.answers.clear()
    for ebi in list(phone.nas.context.deleting):
        phone.nas.session_deleted(ebi, phone.network.now)
    phone.network.run()
    phone.nas.s1_released(phone.network.now)
    phone.network.run()
    phone.network.advance(3 * 3600_000)
    context = phone.nas.context
    assert phone.nas.state is State.DEREGISTERED
    assert phone.nas.timers == ()
    assert (context.bearers, context.pdn_requests, context.deleting, context.vectors) == ({}, {}, set(), [])
    assert context.pending_security is None
    assert phone.nas.procedure is Procedure.NONE
    assert phone.nas.next_event() is None
