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
from dataclasses import dataclass, field, replace
from math import log10
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from picocell.enb.enb import Enb
from picocell.enb.settings import DEFAULT_RANGE_M, EnbSettings, default_sib2
from picocell.enb.system_information import Identity
from picocell.epc.epc import Epc, EpcSettings
from picocell.epc.hss.algorithms import OperatorKey
from picocell.epc.hss.subscribers import Subscriber, SubscriberStore, UnknownSubscriberError
from picocell.epc.interfaces.transport import Message
from picocell.epc.mme.settings import MmeSettings
from picocell.faults import Faults
from picocell.inet import IpHost, UdpSocket
from picocell.kernels.propagation import Noise
from picocell.mac.enb_settings import EnbMacSettings
from picocell.phone import Phone
from picocell.phy.lte.cell import Cell as PhyCell
from picocell.radio.air import AWGN, check_channel
from picocell.rrc_nas.nas.mme_settings import MmeNasSettings
from picocell.rrc_nas.rrc.enb_settings import EnbRrcSettings
from picocell.rrc_nas.rrc.radio_config import pdsch_config
from picocell.sockets import PingResult, TcpListener, ping
from picocell.taps import Captures
from picocell.ue.settings import UeSettings
from picocell.virtual_air import PATH_LOSS_DB, CellRadio, PhoneLink

_LOG: Final = logging.getLogger(__name__)

GATEWAY: Final = "172.16.0.1"
"""The host behind the PDN gateway that answers pings and has sockets."""

TEST_K: Final = "00112233445566778899aabbccddeeff"
TEST_OPC: Final = "63bfa50ee6523365ff14c1f45f88737d"
_N_SC_PRB: Final = 12

What = str | Callable[[], str]
"""What is waited for, in words, or what gives them when the time is over."""


class TimeoutInNetwork(TimeoutError):
    """What was waited for did not happen in the virtual time that it was given."""


@dataclass(frozen=True, slots=True)
class Cell:
    """The network's cell.

    Attributes:
        n_prb: bandwidth in resource blocks: 6, 15, 25, 50, 75 or 100.
        pci: physical cell identity 0..503.
        n_ports: antenna ports 1, 2 or 4; transmit diversity with more than one.
        plmn: MCC and MNC.
        tac: tracking area code.
        cell_identity: 28 bits.
        scheduler: ``rr`` or ``pf``.
        inactivity_ms: after which a phone without traffic is released to idle; None for never.
        n_rx: receive antennas.
        mac: further settings of the MAC. Power commands are off, so that a phone's ``snr_db`` holds.
        rrc: further settings of RRC; its ``inactivity_ms`` is not used.
        sib2: SIB2 instead of the default one.
        radio: what phones are configured with, instead of `picocell.rrc_nas.rrc.enb_defaults.defaults`.
        range_m: distance up to which phones are served: it sets the cyclic shifts of the preambles of the default SIB2.
        mme_plmn: PLMN of the MME, where it is to be another one than the cell's.
    """

    n_prb: int = 25
    pci: int = 1
    n_ports: int = 1
    plmn: tuple[str, str] = ("001", "01")
    tac: int = 7
    cell_identity: int = 0x19B01
    scheduler: str = "pf"
    inactivity_ms: int | None = 10_000
    n_rx: int = 1
    mac: EnbMacSettings = field(default_factory=lambda: EnbMacSettings(ul_target_snr_db=None, pucch_target_snr_db=None))
    rrc: EnbRrcSettings = field(default_factory=EnbRrcSettings)
    sib2: dict[str, Any] | None = None
    radio: dict[str, Any] | None = None
    range_m: float = DEFAULT_RANGE_M
    mme_plmn: tuple[str, str] | None = None

    def enb_settings(self) -> EnbSettings:
        """Settings of the eNB."""
        cell = PhyCell(pci=self.pci, n_prb=self.n_prb, n_ports=self.n_ports)
        return EnbSettings(
            cell,
            Identity(*self.plmn, tac=self.tac, cell_identity=self.cell_identity),
            scheduler=self.scheduler,
            sib2=self.sib2 or default_sib2(cell, range_m=self.range_m),
            radio=self.radio,
            mac=self.mac,
            rrc=replace(self.rrc, inactivity_ms=self.inactivity_ms),
        )


class Network:
    """Core, eNB and phones.

    Args:
        cell: the cell.
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
        enb: the eNB.
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
        channel: str = AWGN,
        snr_db: float = 30.0,
        seed: int = 0,
        epc: EpcSettings | None = None,
        subscribers: SubscriberStore | str = ":memory:",
        core_latency_ms: int = 1,
        pcap: str | Path | None = None,
    ) -> None:
        self.cell = cell if cell is not None else Cell()
        check_channel(channel)
        self.channel, self.snr_db, self.seed = channel, snr_db, seed
        self.now = 0
        settings = self.cell.enb_settings()
        core = epc if epc is not None else self._core_settings()
        # the host behind the gateway has the gateway's address, and answers itself
        core = replace(core, pgw=replace(core.pgw, ping=False))
        self._own_store = isinstance(subscribers, str)
        store = SubscriberStore(subscribers) if isinstance(subscribers, str) else subscribers
        self.epc = Epc(core, store, seed=seed)
        self.enb = Enb(settings, address="127.0.1.1", mme_address=core.mme_address)
        sib2 = settings.sibs()[2]
        self._power_dbm = pdsch_config(sib2).reference_signal_power_dbm
        self.radio = CellRadio(self.enb, None, self.cell.n_rx, self._power_dbm)
        self.phones: list[Phone] = []
        self.host = IpHost(GATEWAY, mtu=core.mtu, rng=random.Random(seed))
        self.faults = Faults(random.Random(seed))
        self.captures = Captures(Path(pcap)) if pcap is not None else None
        self.events: deque[tuple[int, str, Any]] = deque(maxlen=100_000)
        self._latency = core_latency_ms
        self._echo_id = 0
        self._in_core: deque[tuple[int, Message]] = deque()
        self._noise_source = Noise([seed, 0])
        power = self.enb.ul.power
        target_dbm = power.p0_nominal_pusch + (power.alpha - 1) * PATH_LOSS_DB - 10 * log10(_N_SC_PRB)
        self._noise = 10 ** ((target_dbm - snr_db) / 10)
        self._late = deque[NDArray[np.complex64]](maxlen=self.radio.late + 1)
        self.enb.connect(0)
        self._settle()

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
            distance_m: from the cell, for the propagation delay.
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
            self.radio,
            n_rx=ue.n_rx,
            channel=channel or self.channel,
            snr_db=self.snr_db if snr_db is None else snr_db,
            reference_snr_db=self.snr_db,
            distance_m=distance_m,
            power_dbm=self._power_dbm,
            seed=self.seed * 10_007 + number,
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
        subframe = self.enb.downlink(now)
        if self.captures is not None:
            self.captures.downlink(subframe, now)
        sent = None
        for phone in self.phones:
            if not phone.is_on:
                continue
            if phone.listens():
                if sent is None:
                    sent = self.radio.transmit(subframe)
                phone.hear(self.faults.downlink(phone.imsi, phone.link.down(sent), now))
            else:
                phone.sleep()
        self._uplink(now)
        self.enb.tick(now)
        self.epc.handle_timers(now)
        self._settle()
        self._packets()
        self._gather_events()
        self.now = now + 1

    def _uplink(self, now: int) -> None:
        """What the cell hears of the phones; where nothing can come nobody listens."""
        heard: NDArray[np.complex64] | None = None
        for phone in self.phones:
            part = phone.link.up(now)
            if part is not None:
                part = self.faults.uplink(phone.imsi, part, now)
                heard = part if heard is None else heard + part
        n = self.radio.samples_per_subframe
        at = now - self.radio.late
        request = self.enb.uplink(at) if at >= 0 else None
        quiet = request is None or not (request.ulsch or request.uci or self.radio.listens(at))
        if quiet and not self.radio.late:
            return
        samples = self._noise_source.draw((self.radio.n_rx, n), self._noise)
        if heard is not None:
            samples += heard
        self._late.append(samples)
        if request is None or quiet or len(self._late) <= self.radio.late:
            return
        joined = np.concatenate(list(self._late), axis=1) if self.radio.late else samples
        indication = self.radio.receive(request, joined)
        if self.captures is not None:
            self.captures.uplink(indication, at)
        self.enb.receive_uplink(indication, at)

    def _settle(self) -> None:
        """Messages of the core that are due, and those that follow from them where they take no time."""
        self._collect()
        while self._in_core and self._in_core[0][0] <= self.now:
            _, message = self._in_core.popleft()
            if message.destination == self.enb.address:
                self.enb.receive(message, self.now)
                self._send(self.enb.messages_to_send())
            else:
                self.epc.receive(message, self.now)
                self._send(self.epc.messages_to_send(message.destination))

    def _collect(self) -> None:
        """Put what the nodes have to say on its way."""
        self._send(self.epc.messages_to_send())
        self._send(self.enb.messages_to_send())

    def _send(self, messages: list[Message]) -> None:
        for message in messages:
            if self.captures is not None:
                self.captures.core(message, self.now)
            for delay, changed in self.faults.core(message, self.now):
                self._in_core.append((self.now + self._latency + delay, changed))
                if delay:
                    self._in_core = deque(sorted(self._in_core, key=lambda item: item[0]))

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
        self._collect()

    def _gather_events(self) -> None:
        for who, node in (("eNB", self.enb), ("MME", self.epc.mme), ("PGW", self.epc.pgw)):
            while (event := node.next_event()) is not None:
                self.tell(who, event)

    def tell(self, who: str, event: object) -> None:
        """Write an event into the log."""
        self.events.append((self.now, who, event))

    # what can be seen

    def tables(self) -> dict[str, int]:
        """Sizes of every table of eNB, core and phones: what attaches and detaches must leave empty."""
        found = {f"eNB {name}": size for name, size in self.enb.tables().items()} | self.epc.tables()
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
