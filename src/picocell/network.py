"""A whole network in this process and in virtual time: core, eNB, phones, and the air between them.

    with Network(cell=Cell(n_prb=25), channel="EPA5", snr_db=20) as net:
        phone = net.phone(imsi="001010123456780")
        phone.attach()
        print(phone.ip, phone.ping("172.16.0.1", count=3))

Every layer is the one that runs over the air: samples pass between the cell and the phones, messages between the nodes
of the core. Nothing reads a clock: time passes when it is asked to, and the same seed gives the same run.
"""

import logging
import random
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from picocell.air import Air
from picocell.air.scenario import Scenario, advance_all, scenario_of
from picocell.core_wire import CoreWire
from picocell.epc.epc import Epc, EpcSettings
from picocell.epc.hss.algorithms import OperatorKey
from picocell.epc.hss.subscribers import Subscriber, SubscriberStore, UnknownSubscriberError
from picocell.epc.interfaces.transport import Message
from picocell.epc.mme.settings import MmeSettings
from picocell.faults import Faults
from picocell.inet import IpHost, UdpSocket
from picocell.network_cell import Cell, numbered
from picocell.phone import Phone
from picocell.radio.channel.models import AWGN
from picocell.rrc_nas.nas.mme_settings import MmeNasSettings
from picocell.sockets import PingResult, TcpListener, ping
from picocell.taps import Captures
from picocell.ue.settings import UeSettings
from picocell.virtual_air import CellSite, PhoneLink, common_fft, sample_rate

_LOG: Final = logging.getLogger(__name__)

GATEWAY: Final = "172.16.0.1"
"""The host behind the PDN gateway that answers pings and has sockets."""

TEST_K: Final = "00112233445566778899aabbccddeeff"
TEST_OPC: Final = "63bfa50ee6523365ff14c1f45f88737d"

What = str | Callable[[], str]
"""What is waited for, in words, or what gives them when the time is over."""


class TimeoutInNetwork(TimeoutError):
    """What was waited for did not happen in the virtual time that it was given."""


class Network:
    """Core, eNBs and phones.

    Args:
        cell: the cell, where there is one.
        cells: the cells, in place of ``cell``; each has an eNB of its own.
        channel: ``AWGN``, or a profile and its Doppler frequency in hertz such as ``EPA5``; of every phone that has
            none of its own.
        snr_db: signal-to-noise ratio of a resource element, both ways; likewise.
        seed: of everything random.
        epc: settings of the core; made to fit the cell when None.
        subscribers: database of subscribers: a store, or where it is; in memory by default.
        core_latency_ms: how long a message takes between eNB and core, and between the core's nodes.
        pcap: directory into which MAC, NAS and S1AP are recorded; None for no recording.

    Attributes:
        now: virtual time in ms.
        air: between the cells ``cell1``, ``cell2`` and so on, and the phones ``ue1``, ``ue2``: what is set in it acts
            at once (`net.air.link("ue1", "cell2").loss_db = 95`, `net.air.set("ue1.*.channel", "EVA70")`).
        cells: the cells.
        enb: the first cell's eNB.
        enbs: all of them.
        sites: eNBs with transmitter and receiver.
        epc: the core.
        host: the host behind the gateway.
        phones: all phones.
        faults: what is to go wrong.
        events: what the layers of eNB, MME, PGW and phones told, oldest first: time, who, and what.

    Raises:
        ValueError: a cell or channel that there is not.
    """

    def __init__(
        self,
        cell: Cell | None = None,
        *,
        cells: Sequence[Cell] = (),
        channel: str = AWGN,
        snr_db: float = 30.0,
        seed: int = 0,
        epc: EpcSettings | None = None,
        subscribers: SubscriberStore | str = ":memory:",
        core_latency_ms: int = 1,
        pcap: str | Path | None = None,
    ) -> None:
        if cell is not None and cells:
            raise ValueError("cell and cells are not allowed together: give one of them")
        self.cells = numbered(list(cells) or [cell if cell is not None else Cell()])
        self.cell = self.cells[0]
        self.channel, self.snr_db, self.seed = channel, snr_db, seed
        self.now = 0
        core = epc if epc is not None else self._core_settings()
        # the host behind the gateway has the gateway's address, and answers itself
        core = replace(core, pgw=replace(core.pgw, ping=False))
        self._own_store = isinstance(subscribers, str)
        store = SubscriberStore(subscribers) if isinstance(subscribers, str) else subscribers
        self.epc = Epc(core, store, seed=seed)
        fft = common_fft(self.cells)
        self.air = Air(sample_rate(fft), channel=channel, seed=seed)
        self.sites = [
            CellSite(
                self.air,
                f"cell{number}",
                one,
                fft,
                address=f"127.0.1.{number}",
                mme_address=core.mme_address,
                reference_snr_db=snr_db,
            )
            for number, one in enumerate(self.cells, 1)
        ]
        self.enbs = [site.enb for site in self.sites]
        self.enb = self.enbs[0]
        self._scenarios: list[Scenario] = []
        names = ["eNB", *(f"eNB {number}" for number in range(2, len(self.enbs) + 1))]
        self._named_enbs = list(zip(names, self.enbs, strict=True))
        self._tellers: list[tuple[str, Any]] = [*self._named_enbs, ("MME", self.epc.mme), ("PGW", self.epc.pgw)]
        self.phones: list[Phone] = []
        self.host = IpHost(GATEWAY, mtu=core.mtu, rng=random.Random(seed))
        self.faults = Faults(random.Random(seed))
        self.captures = Captures(Path(pcap)) if pcap is not None else None
        self.events: deque[tuple[int, str, Any]] = deque(maxlen=100_000)
        self._echo_id = 0
        self._core = CoreWire(self.epc, self.enbs, core_latency_ms, self._on_message)
        for enb in self.enbs:
            enb.connect(0)
        self._core.settle(0)

    def _core_settings(self) -> EpcSettings:
        mcc, mnc = self.cell.mme_plmn or self.cell.plmn
        return EpcSettings(mme=MmeSettings(nas=MmeNasSettings(mcc=mcc, mnc=mnc)))

    # phones

    def phone(
        self,
        imsi: str = "001010123456780",
        *,
        k: str | bytes = TEST_K,
        opc: str | bytes = TEST_OPC,
        channel: str | None = None,
        snr_db: float | None = None,
        distance_m: float = 0.0,
        carrier: int | str | None = None,
        subscribe: bool = True,
        **settings: Any,
    ) -> Phone:
        """A phone, switched off.

        Args:
            imsi: who it is.
            k: subscriber key, 16 bytes or as many hexadecimal digits.
            opc: OPc, likewise.
            channel: its channel; the network's when None.
            snr_db: its signal-to-noise ratio; the network's when None.
            distance_m: from the cells, for the propagation delay.
            carrier: which it is tuned to; the first cell's when None.
            subscribe: add the subscriber to the database, where the IMSI is not in it.
            settings: further settings of :class:`picocell.ue.settings.UeSettings`.

        Raises:
            ValueError: an IMSI, key or channel that is none, or that another phone has.
        """
        if any(phone.imsi == imsi for phone in self.phones):
            raise ValueError(f"there is a phone with IMSI {imsi} already")
        key, operator = (bytes.fromhex(x) if isinstance(x, str) else x for x in (k, opc))
        if subscribe:
            self._subscribe(imsi, key, operator)
        ue = UeSettings(imsi=imsi, k=key, opc=operator, **settings)
        if distance_m > self.cell.range_m:
            _LOG.warning("phone %s is %.0f m away: the cell's range is %.0f m", imsi, distance_m, self.cell.range_m)
        number = len(self.phones) + 1
        link = PhoneLink(
            self.air,
            f"ue{number}",
            self.sites,
            carrier=self.cell.carrier if carrier is None else carrier,
            n_rx=ue.n_rx,
            channel=channel or self.channel,
            snr_db=self.snr_db if snr_db is None else snr_db,
            reference_snr_db=self.snr_db,
            distance_m=distance_m,
        )
        phone = Phone(self, ue, link, seed=self.seed * 10_007 + number)
        self.phones.append(phone)
        return phone

    def subscriber(self, imsi: str) -> Subscriber:
        """A subscriber of the database.

        Raises:
            UnknownSubscriberError: there is none.
        """
        return self.epc.subscribers.get(imsi)

    def add_subscriber(self, imsi: str, *, k: str | bytes = TEST_K, opc: str | bytes = TEST_OPC) -> Subscriber:
        """Add a subscriber to the database; keys as of `phone`.

        Raises:
            ValueError: a key that is none, or an IMSI that is there already.
        """
        key, operator = (bytes.fromhex(x) if isinstance(x, str) else x for x in (k, opc))
        subscriber = Subscriber(imsi=imsi, k=key, operator_key=operator, operator_key_kind=OperatorKey.OPC)
        self.epc.subscribers.add(subscriber)
        return subscriber

    def _subscribe(self, imsi: str, k: bytes, opc: bytes) -> None:
        try:
            self.epc.subscribers.get(imsi)
        except UnknownSubscriberError:
            self.add_subscriber(imsi, k=k, opc=opc)

    def tcp_listen(self, port: int) -> TcpListener:
        """Take TCP connections at a port of the host behind the gateway.

        Raises:
            PortInUseError: the port is taken.
        """
        return TcpListener(self, self.host, port)

    def udp_socket(self, port: int = 0) -> UdpSocket:
        """A UDP socket of the host behind the gateway.

        Raises:
            PortInUseError: the port is taken.
        """
        return self.host.udp_socket(port)

    def ping(
        self, destination: str, count: int = 3, *, interval_ms: int = 100, size: int = 56, timeout_ms: int = 5000
    ) -> PingResult:
        """Ping a phone's address from the host behind the gateway; an idle phone is paged."""
        self._echo_id = (self._echo_id + 1) & 0x7FFF
        return ping(
            self,
            self.host,
            destination,
            self._echo_id,
            count=count,
            interval_ms=interval_ms,
            size=size,
            timeout_ms=timeout_ms,
        )

    # time

    def run(self, ms: int) -> None:
        """Let time pass."""
        for _ in range(ms):
            self.step()

    def run_until(
        self, condition: Callable[[], bool], timeout_ms: int = 10_000, *, what: What = "the condition"
    ) -> int:
        """Let time pass until something holds.

        Returns:
            How many ms passed.

        Raises:
            TimeoutInNetwork: it did not in ``timeout_ms``.
        """
        start = self.now
        while not condition():
            if self.now - start >= timeout_ms:
                text = what if isinstance(what, str) else what()
                raise TimeoutInNetwork(f"{text} did not happen within {timeout_ms} ms of virtual time")
            self.step()
        return self.now - start

    def step(self) -> None:
        """Let one millisecond pass."""
        now = self.now
        if self._scenarios:
            advance_all(self._scenarios, self.air)
        subframes = [enb.downlink(now) for enb in self.enbs]
        if self.captures is not None:
            for subframe in subframes:
                self.captures.downlink(subframe, now)
        listening = set()
        for phone in self.phones:
            if phone.looks_up():
                listening.add(phone.link.member.carrier)
        for site, subframe in zip(self.sites, subframes, strict=True):
            if site.member.carrier in listening:
                site.transmit(subframe)
            site.listen(now)
        self.air.step(between=self._phones_act)
        for site in self.sites:
            indication = site.receive()
            if indication is None:
                continue
            if self.captures is not None:
                self.captures.uplink(indication, now - site.late)
            site.enb.receive_uplink(indication, now - site.late)
        for enb in self.enbs:
            enb.tick(now)
        self.epc.handle_timers(now)
        self._core.settle(now)
        self._packets()
        self._gather_events()
        self.now = now + 1

    def _phones_act(self) -> None:
        """What phones do about what they have heard."""
        for phone in self.phones:
            phone.act()

    def play(self, scenario: Scenario | Sequence[dict[str, Any]] | str | Path) -> None:
        """Let the air change by a scenario, whose times are seconds of virtual time from now.

        Args:
            scenario: entries as of ``picocell air``: ``{"at": 2.0, "set": {"ue1.cell1.loss_db": 95}}``, ``{"at": 2.0,
                "over": 4.0, "ramp": {"ue1.cell1.loss_db": [80, 120]}}``; or a YAML file of them.

        Raises:
            ValueError: one that is not allowed.
            OSError: a file that cannot be read.
        """
        found = scenario_of(scenario)
        found.check(self.air)
        found.start = self.air.now
        self._scenarios.append(found)

    def _on_message(self, message: Message) -> list[tuple[int, Message]]:
        """A message of the core is sent: what becomes of it."""
        if self.captures is not None:
            self.captures.core(message, self.now)
        return self.faults.core(message, self.now)

    def _packets(self) -> None:
        """IP packets between the phones' hosts, the gateway, and the host behind it."""
        now = self.now
        for packet in self.epc.pgw.sgi_packets():
            self.host.receive(packet, now)
        for phone in self.phones:
            phone.exchange_packets()
        self.host.handle_timers(now)
        for packet in self.host.packets_to_send():
            self.epc.pgw.send_sgi(packet, now)
        self._core.collect(now)

    def _gather_events(self) -> None:
        for who, node in self._tellers:
            while (event := node.next_event()) is not None:
                self.tell(who, event)

    def tell(self, who: str, event: object) -> None:
        """Write an event into the log."""
        self.events.append((self.now, who, event))

    # what can be seen

    def tables(self) -> dict[str, int]:
        """Sizes of every table of eNBs, core and phones: what attaches and detaches must leave empty."""
        found = self.epc.tables()
        for who, enb in self._named_enbs:
            found |= {f"{who} {name}": size for name, size in enb.tables().items()}
        for phone in self.phones:
            found |= {f"phone {phone.imsi} {name}": size for name, size in phone.tables().items()}
        return found

    # end

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close recordings and the database that was opened."""
        if self.captures is not None:
            self.captures.close()
        if self._own_store:
            self.epc.subscribers.close()


__all__: Sequence[str] = ["Cell", "Network", "TimeoutInNetwork"]
