"""A phone of a network in virtual time: what a user does with it. Calls let time pass until what they do is done."""

from collections import deque
from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from picocell.inet import ConnectionFailedError, IpHost, TcpState, UdpSocket
from picocell.metrics import PhoneMetrics, measure
from picocell.phone_messages import nas_name, refusal, rrc_name
from picocell.rrc_nas.nas.ue_core import EmmState
from picocell.sockets import PingResult, TcpListener, TcpSocket, ping
from picocell.ue.settings import UeSettings
from picocell.ue.ue import Ue, UeEvent
from picocell.virtual_air import CellSite, PhoneLink

if TYPE_CHECKING:
    from picocell.network import Network

EventT = TypeVar("EventT")


class PhoneError(RuntimeError):
    """The network refused what a phone wanted; the message says why, in the standard's words."""


class Phone:
    """A phone.

    Attributes:
        imsi: who it is.
        ue: its layers.
        link: its end of the air; ``link.links`` to each cell, which may be changed at any time.
        host: its IP host; None while it has no address.
        events: what its layers told, oldest first, with the time.
    """

    def __init__(self, net: "Network", settings: UeSettings, link: PhoneLink, *, seed: int) -> None:
        self._net = net
        self._seed = seed
        self.imsi = settings.imsi
        self.link = link
        self._n = round(net.air.sample_rate / 1000)
        self.ue = Ue(settings, net.air.sample_rate, seed=seed, start=net.now * self._n)
        self.ue.tap = self._tap
        self._heard_until = net.now
        self.host: IpHost | None = None
        self.events: deque[tuple[int, UeEvent]] = deque(maxlen=10_000)
        self._echo_id = 0
        self._silence = np.zeros((settings.n_rx, self._n), np.complex64)
        for one in link.links:
            one.on_uplink = self._change_uplink

    # state

    @property
    def is_on(self) -> bool:
        """Whether it is switched on."""
        return self.ue.on

    @property
    def ip(self) -> str | None:
        """IPv4 address; None while it has none."""
        return self.ue.ip

    @property
    def attached(self) -> bool:
        """Whether it is registered, with a default bearer."""
        return self.ue.nas.state is EmmState.REGISTERED and self.ip is not None

    @property
    def connected(self) -> bool:
        """Whether it is in RRC_CONNECTED."""
        return self.ue.rrc.state.connected

    @property
    def state(self) -> str:
        """EMM and RRC state in words."""
        nas = self.ue.nas
        sub = f".{nas.substate.name}" if nas.substate is not None else ""
        return f"EMM-{nas.state.name}{sub}, RRC {self.ue.rrc.state}"

    def __repr__(self) -> str:
        ip = f", {self.ip}" if self.ip is not None else ""
        return f"Phone({self.imsi}{ip}, {self.state if self.is_on else 'off'})"

    @property
    def c_rnti(self) -> int | None:
        """Its C-RNTI; None while it has none."""
        mac = self.ue.radio.mac
        return None if mac is None else mac.c_rnti

    @property
    def timers(self) -> dict[str, int]:
        """Timers of NAS and RRC that run, and how many ms they have left."""
        now = self.ue.now
        return {name: end - now for name, end in {**self.ue.nas.timers, **self.ue.rrc.timers}.items()}

    @property
    def metrics(self) -> PhoneMetrics:
        """Quality and counters of its connection, as the phone and the cell see them."""
        site = self.serving
        enb = self._net.enb if site is None else site.enb
        return measure(enb.mac, self.ue.radio, self._net.now)

    @property
    def serving(self) -> CellSite | None:
        """The cell that it follows; None while it has none."""
        cell = self.ue.phy.cell
        for site in self._net.sites:
            if cell is not None and site.cell.pci == cell.pci and site.member.carrier == self.link.member.carrier:
                return site
        return None

    @property
    def snr_db(self) -> float:
        """Signal-to-noise ratio of a resource element, both ways; may be set."""
        return self.link.snr_db

    @snr_db.setter
    def snr_db(self, value: float) -> None:
        self.link.snr_db = value

    @property
    def channel(self) -> str:
        """Channel; may be set."""
        return self.link.channel

    @channel.setter
    def channel(self, name: str) -> None:
        self.link.channel = name

    def tables(self) -> dict[str, int]:
        """Sizes of what a connection leaves behind."""
        return self.ue.tables()

    # what a user does

    def attach(self, timeout_ms: int = 20_000, *, wait: bool = True) -> None:
        """Switch on where it is off, and attach.

        Raises:
            PhoneError: the network refused, with the cause.
            TimeoutInNetwork: there was no answer.
        """
        seen = len(self.events)
        self.ue.attach()
        if wait:
            self._wait(lambda: self.attached, timeout_ms, "attach", seen)
            self._exchange()

    def detach(self, timeout_ms: int = 10_000, *, switch_off: bool = False, wait: bool = True) -> None:
        """Leave the network; with ``switch_off`` the phone is off afterwards.

        Raises:
            TimeoutInNetwork: it did not come about.
        """
        self.ue.detach(switch_off=switch_off)
        if not wait:
            return
        self._net.run_until(lambda: self._is_gone, timeout_ms, what=lambda: f"the detach of {self}")
        if switch_off:
            self.switch_off()

    def switch_off(self) -> None:
        """Take the battery out: nothing is sent any more, and the network is not told."""
        self.ue.switch_off()
        self.link.silence()
        self._exchange()

    def page(self, timeout_ms: int = 20_000) -> int:
        """Send the idle phone a packet from the network, and wait until it is connected.

        Returns:
            How many ms that took.

        Raises:
            PhoneError: it has no address.
            TimeoutInNetwork: it did not come.
        """
        if self.ip is None:
            raise PhoneError(f"{self.imsi} has no address: it cannot be paged")
        self._net.host.ping(self.ip, 0xFFFF, 1)
        return self._net.run_until(lambda: self.connected, timeout_ms, what=lambda: f"the paging of {self}")

    def wait_idle(self, timeout_ms: int = 60_000) -> int:
        """Wait until it is in RRC_IDLE; how many ms that took."""
        return self._net.run_until(lambda: not self.connected, timeout_ms, what=lambda: f"going idle of {self}")

    def wait_for(self, kind: type[EventT], timeout_ms: int = 10_000, *, since: int | None = None) -> EventT:
        """Wait for an event of a layer, one that comes from now on or, with ``since``, from that time on.

        Raises:
            TimeoutInNetwork: none came.
        """
        start = self._net.now if since is None else since
        found: list[EventT] = []

        def came() -> bool:
            found.extend(event for at, event in self.events if at >= start and isinstance(event, kind))
            return bool(found)

        self._net.run_until(came, timeout_ms, what=lambda: f"{kind.__name__} of {self}")
        return found[0]

    # traffic

    def ping(
        self, destination: str, count: int = 3, *, interval_ms: int = 100, size: int = 56, timeout_ms: int = 5000
    ) -> PingResult:
        """Ping an address.

        Raises:
            PhoneError: the phone has no address.
        """
        self._echo_id = (self._echo_id + 1) & 0xFFFF
        return ping(
            self._net,
            self._host(),
            destination,
            self._echo_id,
            count=count,
            interval_ms=interval_ms,
            size=size,
            timeout_ms=timeout_ms,
        )

    def udp_socket(self, port: int = 0) -> UdpSocket:
        """A UDP socket of the phone.

        Raises:
            PhoneError: the phone has no address.
        """
        return self._host().udp_socket(port)

    def tcp_connect(self, address: str, port: int, timeout_ms: int = 30_000) -> TcpSocket:
        """Connect to a TCP port.

        Raises:
            PhoneError: the phone has no address.
            ConnectionFailedError: refused.
            TimeoutInNetwork: no answer.
        """
        connection = self._host().connect(address, port, self._net.now)
        self._net.run_until(
            lambda: connection.established or connection.state is TcpState.CLOSED, timeout_ms, what="TCP connection"
        )
        if not connection.established:
            raise ConnectionFailedError(connection.error or "closed")
        return TcpSocket(self._net, connection)

    def tcp_listen(self, port: int) -> TcpListener:
        """Take TCP connections at a port of the phone.

        Raises:
            PhoneError: the phone has no address.
            PortInUseError: the port is taken.
        """
        return TcpListener(self._net, self._host(), port)

    # the network's side

    def looks_up(self) -> bool:
        """Tell the air whether it listens to the millisecond to come; whether it does."""
        listens = self.is_on and self.ue.listens()
        self.link.endpoint.listening = listens
        return listens

    def act(self) -> None:
        """Take the millisecond that was heard, or that passed unheard, and give the air what is sent in it."""
        now, link = self._net.now, self.link
        if self.is_on:
            self._catch_up()
            heard = link.endpoint.heard if link.endpoint.listening else None
            if heard is None:
                self.ue.push(self._silence)
            else:
                self.ue.push(self._net.faults.downlink(self.imsi, heard, now))
            self._after()
        link.put_on_air(now)

    def exchange_packets(self) -> None:
        """Move IP packets between the phone's layers and its host."""
        if self.host is None and self.ip is None:
            return
        self._exchange()

    # inside

    @property
    def _is_gone(self) -> bool:
        return self.ue.nas.state in (EmmState.DEREGISTERED, EmmState.NULL) and not self.connected

    def _catch_up(self) -> None:
        """Samples that passed while it was off are no concern of its."""
        missed = self._net.now - self._heard_until
        if missed:
            self.ue.skip(missed * self._n)
        self._heard_until = self._net.now + 1

    def _change_uplink(self, samples: NDArray[np.complex64]) -> NDArray[np.complex64]:
        return self._net.faults.uplink(self.imsi, samples, self._net.now)

    def _after(self) -> None:
        for burst in self.ue.bursts():
            self.link.send(burst)
        while (event := self.ue.next_event()) is not None:
            self.events.append((self._net.now, event))
            self._net.tell(self.imsi, event)

    def _host(self) -> IpHost:
        self._exchange()
        if self.host is None:
            raise PhoneError(f"{self.imsi} has no IP address: {self.state}")
        return self.host

    def _exchange(self) -> None:
        now, ip = self._net.now, self.ip
        if ip is None:
            self.host = None
            return
        if self.host is None or self.host.address != ip:
            self.host = IpHost(ip, mtu=self._net.host.mtu, rng=Random(self._seed))
        for packet in self.ue.ip_packets():
            self.host.receive(packet, now)
        self.host.handle_timers(now)
        for packet in self.host.packets_to_send():
            self.ue.send_ip(packet)

    def _wait(self, condition: Callable[[], bool], timeout_ms: int, what: str, seen: int) -> None:
        refused: list[str] = []

        def done() -> bool:
            for _, event in list(self.events)[seen:]:
                text = refusal(event)
                if text is not None:
                    refused.append(text)
            return bool(refused) or condition()

        self._net.run_until(done, timeout_ms, what=lambda: f"the {what} of {self}")
        if refused:
            raise PhoneError(f"{what} of {self.imsi} was refused: {refused[0]}")

    def _tap(self, where: str, message: bytes, now: int) -> list[tuple[int, bytes]]:
        """Messages of NAS and RRC pass here where faults or recordings ask for it."""
        del now
        net = self._net
        layer, direction = where.split(".")[:2]
        if layer == "nas" and net.captures is not None:
            net.captures.nas(message, net.now)
        if not net.faults.watching:
            return [(0, message)]
        if layer == "nas":
            name = nas_name(message, direction)
        else:
            name = rrc_name(message, direction, common=where.endswith(".0"))
        return net.faults.message(f"{layer}.{direction}.{name}", message, net.now)
