"""A network's end of NAS, just enough to drive a UE by hand."""

from typing import Any

from picocell.rrc_nas.nas import codec, ies
from picocell.rrc_nas.nas.codec import NasMessage
from picocell.rrc_nas.nas.protection import NasSecurityContext, SecurityHeader, split
from picocell.rrc_nas.nas.session_ies import EpsQos, ProtocolConfiguration
from picocell.rrc_nas.nas.ue import UeNas
from picocell.rrc_nas.nas.ue_events import Connect, Event, ReleaseConnection, SendNas
from picocell.rrc_nas.security import aka, keys
from picocell.rrc_nas.security.algorithms import Direction, Eea, Eia
from picocell.rrc_nas.security.milenage import Milenage
from support.nas_recordings import OPC, PLMN, K, usim

IMEISV = "3535490123456701"
GUTI = ies.Guti(ies.Plmn(*PLMN), 1, 26, 0xA7BB6363)
TAC = 7
RAND = bytes(range(16))
CAPABILITIES = (tuple(Eea), (Eia.EIA1, Eia.EIA2, Eia.EIA3))


class Bench:
    """A UE, its network, and what passed between them."""

    def __init__(self, **arguments: Any) -> None:
        self.ue = UeNas(usim(), imeisv=IMEISV, **arguments)
        self.now = 0
        self.context: NasSecurityContext | None = None
        self.events: list[Event] = []
        self.seq = 0
        self.release_at_once = True

    def drain(self) -> list[NasMessage]:
        """Events go into ``events``, the UE's messages are returned decoded; connections stand at once."""
        messages = []
        while (event := self.ue.next_event()) is not None:
            self.events.append(event)
            if isinstance(event, Connect):
                self.ue.connection_established(self.now)
                messages.append(self.read(event.nas))
            elif isinstance(event, SendNas):
                messages.append(self.read(event.pdu))
            elif isinstance(event, ReleaseConnection) and self.release_at_once:
                self.ue.connection_released(self.now)
        return messages

    def read(self, pdu: bytes) -> NasMessage:
        """An uplink message, its MAC checked where the network has a context."""
        parts = split(pdu)
        if parts.header is SecurityHeader.SERVICE_REQUEST:
            assert self.context is not None
            self.context.verify_service_request(pdu)
            return NasMessage("service request")
        payload = parts.payload
        if parts.header is not SecurityHeader.PLAIN and self.context is not None:
            payload = self.context.unprotect(pdu, Direction.UPLINK)
        return codec.decode(payload, Direction.UPLINK)

    def seen(self, kind: type) -> list[Any]:
        """Events of a kind so far."""
        return [event for event in self.events if isinstance(event, kind)]

    def send(self, name: str, *, plain: bool = False, **fields: Any) -> list[NasMessage]:
        """A downlink message, protected where there is a context; the UE's answers."""
        message = codec.encode(name, **fields)
        if self.context is not None and not plain:
            message = self.context.protect(message, SecurityHeader.INTEGRITY_CIPHERED, Direction.DOWNLINK)
        self.ue.receive(message, self.now)
        return self.drain()

    def tick(self, until: int) -> list[NasMessage]:
        """Time passes, timer by timer."""
        messages = []
        while (end := self.ue.next_timer()) is not None and end <= until:
            self.now = max(self.now, end)
            self.ue.handle_timers(self.now)
            messages += self.drain()
        self.now = until
        return messages

    def switch_on(self) -> list[NasMessage]:
        """Switched on in a cell."""
        self.ue.switch_on(self.now)
        self.ue.cell(PLMN, TAC, 1, self.now)
        return self.drain()

    def vector(self, *, amf: bytes = b"\x80\x00", k: bytes = K, fresh: bool = True) -> aka.AuthenticationVector:
        """A challenge, the next one or that of before."""
        self.seq += fresh
        rand = RAND[:-1] + bytes([self.seq])
        return aka.build_vector(Milenage(k, OPC), rand, aka.join_sqn(self.seq, 0), amf)

    def challenge(self, vector: aka.AuthenticationVector, ksi: int = 0) -> list[NasMessage]:
        """AUTHENTICATION REQUEST."""
        return self.send(
            "authentication request",
            plain=self.context is None,
            nas_key_set_identifier=ksi,
            authentication_parameter_rand=vector.rand,
            authentication_parameter_autn=vector.autn,
        )

    def authenticate(self, ksi: int = 0) -> bytes:
        """A successful authentication; K_ASME."""
        vector = self.vector()
        (answer,) = self.challenge(vector, ksi)
        assert answer["authentication_response_parameter"] == vector.xres
        return keys.k_asme(vector.ck, vector.ik, keys.sn_id(*PLMN), vector.sqn_xor_ak)

    def command(
        self,
        k_asme: bytes,
        ksi: int = 0,
        eea: Eea = Eea.EEA2,
        eia: Eia = Eia.EIA2,
        capability: ies.UeSecurityCapability | None = None,
        **fields: Any,
    ) -> list[NasMessage]:
        """SECURITY MODE COMMAND under a new context."""
        before = self.context
        self.context = NasSecurityContext(ksi, k_asme, 0, 0, eea, eia)
        message = codec.encode(
            "security mode command",
            selected_nas_security_algorithms=ies.NasSecurityAlgorithms(eea, eia),
            nas_key_set_identifier=ksi,
            replayed_ue_security_capabilities=capability or ies.UeNetworkCapability.of(*CAPABILITIES).security(),
            **fields,
        )
        pdu = self.context.protect(message, SecurityHeader.INTEGRITY_NEW_CONTEXT, Direction.DOWNLINK)
        self.ue.receive(pdu, self.now)
        answers = self.drain_rejecting(before)
        if answers and answers[0].name == "security mode reject":
            self.context = before
        return answers

    def drain_rejecting(self, before: NasSecurityContext | None) -> list[NasMessage]:
        """As `drain`; a reject is protected with the context of before."""
        if self.ue.core.security is None or self.ue.core.new_keys is not None:
            self.context = before
        return self.drain()

    def secure(self, **fields: Any) -> None:
        """Authentication and security mode control, both successful."""
        k_asme = self.authenticate(fields.get("ksi", 0))
        (answer,) = self.command(k_asme, **fields)
        assert answer.name == "security mode complete"

    def default_bearer(self, pti: int) -> bytes:
        """The ESM message of ATTACH ACCEPT."""
        options = ProtocolConfiguration.answer(ProtocolConfiguration.request(), ("10.1.1.1",), 1358)
        return codec.encode(
            "activate default EPS bearer context request",
            ebi=5,
            pti=pti,
            eps_qos=EpsQos(9),
            access_point_name="internet",
            pdn_address=ies.PdnAddress("172.16.0.2"),
            protocol_configuration_options=options,
        )

    def accept(self, pti: int = 1, **fields: Any) -> list[NasMessage]:
        """ATTACH ACCEPT."""
        values: dict[str, Any] = {
            "eps_attach_result": 1,
            "t3412_value": 1800,
            "tai_list": (ies.Tai(ies.Plmn(*PLMN), TAC),),
            "esm_message_container": self.default_bearer(pti),
            "guti": GUTI,
            **fields,
        }
        return self.send("attach accept", **values)

    def attached(self) -> "Bench":
        """After a whole attach, connected."""
        (request,) = self.switch_on()
        inner = codec.decode(request["esm_message_container"], Direction.UPLINK)
        self.secure()
        (complete,) = self.accept(inner["pti"])
        assert complete.name == "attach complete"
        return self

    def idle(self) -> "Bench":
        """The connection is released."""
        self.ue.connection_released(self.now)
        self.drain()
        return self
