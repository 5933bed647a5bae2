"""The mobility management entity: S1AP to eNBs, S6a to the HSS, S11 to the SGW (TS 23.401 4.4.2).

    mme = Mme(MmeSettings(), "10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", random.Random(1))
    mme.receive(message, now)
    for message in mme.messages_to_send(): ...

An object without a socket or a clock; times are absolute milliseconds. Whatever a peer sends, `receive` does not raise.
"""

import logging
import random
from collections import Counter

from picocell.epc.interfaces.transport import Interface, Message
from picocell.epc.mme.core import Addresses, Core
from picocell.epc.mme.events import Event
from picocell.epc.mme.nas_port import NasFactory
from picocell.epc.mme.paging import Paging
from picocell.epc.mme.s1_interface import InterfaceProcedures
from picocell.epc.mme.s1_ue import UeProcedures
from picocell.epc.mme.sessions import Sessions
from picocell.epc.mme.settings import MmeSettings
from picocell.epc.mme.subscribers import Subscribers
from picocell.epc.mme.ue_context import UeContext
from picocell.epc.mme.ue_nas import UeNasProcedures
from picocell.rrc_nas.nas.mme import MmeNas

_log = logging.getLogger(__name__)


class Mme:
    """One MME."""

    def __init__(
        self,
        settings: MmeSettings,
        address: str,
        hss_address: str,
        sgw_address: str,
        pgw_address: str,
        rng: random.Random,
        *,
        nas_factory: NasFactory | None = None,
    ) -> None:
        """Start without eNBs and phones.

        Args:
            settings: of the MME.
            address: its own, on every interface.
            hss_address, sgw_address, pgw_address: its neighbours'.
            rng: source of random numbers.
            nas_factory: makes the network end of NAS for a phone, of what allocates its M-TMSIs; None: `MmeNas`.
        """
        factory = nas_factory or (lambda allocate: MmeNas(settings.nas, allocate, rng))
        core = self._core = Core(settings, Addresses(address, hss_address, sgw_address, pgw_address), rng, factory)
        core.nas, core.s1, core.paging = UeNasProcedures(core), UeProcedures(core), Paging(core)
        core.s11, core.s6a = Sessions(core), Subscribers(core)
        self._interfaces = InterfaceProcedures(core)

    @property
    def settings(self) -> MmeSettings:
        """Settings of the MME."""
        return self._core.settings

    @property
    def counters(self) -> Counter[str]:
        """What was sent, received, refused and given up, by name."""
        return self._core.counters

    @property
    def ues(self) -> tuple[UeContext, ...]:
        """Phones that the MME knows."""
        return tuple(self._core.ues.values())

    def ue(self, imsi: str) -> UeContext | None:
        """The phone of an IMSI, None where it is not known."""
        return self._core.by_imsi.get(imsi)

    # messages, events and time

    def receive(self, message: Message, now: int) -> None:
        """Take what came on S1, S6a or S11."""
        addresses = self._core.addresses
        match message.interface, message.source:
            case Interface.S1AP, enb:
                self._interfaces.receive(enb, message.data, message.stream, now)
            case Interface.S6A, addresses.hss:
                self._core.s6a.receive(message.data, now)
            case Interface.S11, addresses.sgw:
                self._core.s11.receive(message.source, message.data, now)
            case interface, source:
                self._core.counters["misdirected"] += 1
                _log.warning("MME %s: %s message from %s dropped: no such neighbour", addresses.own, interface, source)
        self._core.s11.flush()

    def messages_to_send(self) -> list[Message]:
        """What goes out; each message is returned once."""
        self._core.s11.flush()
        out = list(self._core.outgoing)
        self._core.outgoing.clear()
        return out

    def next_event(self) -> Event | None:
        """What happened, in order; None where nothing is left."""
        return self._core.events.popleft() if self._core.events else None

    def next_timer(self) -> int | None:
        """When `handle_timers` is to be called, None for not at all."""
        core = self._core
        parts = (self._interfaces, core.s1, core.nas, core.paging, core.s6a, core.s11)
        times = [at for at in (part.next_timer() for part in parts) if at is not None]
        return min(times, default=None)

    def handle_timers(self, now: int) -> None:
        """Carry out what is due."""
        core = self._core
        for part in (self._interfaces, core.s1, core.nas, core.paging, core.s6a, core.s11):
            at = part.next_timer()
            if at is not None and at <= now:
                part.handle_timers(now)
        core.s11.flush()

    def connection_lost(self, enb_address: str, now: int) -> None:
        """The association with an eNB is gone: so is every S1 connection over it."""
        self._interfaces.connection_lost(enb_address, now)

    def tables(self) -> dict[str, int]:
        """Sizes of all tables; zero but for `associations` once all phones are gone."""
        core = self._core
        return {
            "associations": len(core.associations),
            "ues": len(core.ues),
            "imsis": len(core.by_imsi),
            "m_tmsis": len(core.by_m_tmsi),
            "s1_connections": len(core.connections),
            "enb_ue_s1ap_ids": len(core.by_enb_id),
            "guards": sum(len(one.guards) for one in core.connections.values()),
            "sessions": sum(len(ue.sessions) for ue in core.ues.values()),
            "bearers": sum(len(ue.bearers) for ue in core.ues.values()),
            "network_bearers": sum(len(ue.network_bearers) for ue in core.ues.values()),
            "paging": core.paging.count(),
            "s6a_requests": len(core.s6a),
            "s11_requests": len(core.s11),
            "s1_procedures": len(self._interfaces),
        }

    # what the operator wants

    def detach(self, imsi: str, now: int, *, reattach: bool = False, cause: int | None = None) -> bool:
        """Detach a phone, paging it first where it is idle; False where it is not known."""
        ue = self._core.by_imsi.get(imsi)
        if ue is None:
            return False
        self._core.nas.detach(ue, now, reattach=reattach, cause=cause)
        return True

    def page(self, imsi: str, now: int) -> bool:
        """Page a phone; False where it is not known or is connected."""
        ue = self._core.by_imsi.get(imsi)
        if ue is None or ue.connection is not None:
            return False
        self._core.paging.start(ue, now, for_data=False)
        return True

    def reset(self, enb_address: str, now: int, imsis: tuple[str, ...] | None = None) -> None:
        """Have an eNB forget these phones, or all of them; they are idle then."""
        connections = None
        if imsis is not None:
            found = [self._core.by_imsi[imsi].connection for imsi in imsis if imsi in self._core.by_imsi]
            connections = [one for one in found if one is not None and one.enb == enb_address]
            if not connections:
                return
        self._interfaces.reset(enb_address, now, connections, ("misc", "om-intervention"))

    def start_overload(self, action: str = "reject-non-emergency-mo-dt", reduction: int | None = None) -> None:
        """Ask every eNB to reject connections.

        Raises:
            ValueError: no such action, or a share outside 1 to 99 percent.
        """
        self._interfaces.overload(action, reduction)

    def stop_overload(self) -> None:
        """Let every eNB connect phones again."""
        self._interfaces.overload(None, None)

    def update_configuration(self, now: int, *, relative_capacity: int) -> None:
        """Tell every eNB another relative capacity.

        Raises:
            ValueError: outside 0 to 255.
        """
        if not 0 <= relative_capacity <= 255:
            raise ValueError(f"relative capacity {relative_capacity} is outside 0..255")
        self._interfaces.update_configuration(now, {"RelativeMMECapacity": relative_capacity})
