"""``picocell epc``: a core as a process, with S1AP over SCTP, GTP-U over UDP, and an IP device for SGi."""

import asyncio
import logging
import secrets
import signal
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from ipaddress import IPv4Network
from typing import Any, Final, Protocol, runtime_checkable

from sqlalchemy.exc import SQLAlchemyError

from picocell.epc.config import EpcConfig, HssConfig
from picocell.epc.epc import Epc
from picocell.epc.gtpu_socket import GtpuSocket
from picocell.epc.hss import user_db
from picocell.epc.hss.database_errors import problem
from picocell.epc.hss.subscribers import SubscriberStore, UnknownSubscriberError
from picocell.epc.interfaces.transport import Interface, Message
from picocell.epc.mme import events as mme_events
from picocell.epc.pgw import events as pgw_events
from picocell.epc.s1_links import EnbDown, EnbUp, S1Links
from picocell.observe import logs
from picocell.observe.exported_pdu import ExportedPduPcap
from picocell.observe.metrics_file import MetricsFile
from picocell.radio.sdr import realtime

logger = logging.getLogger(__name__)

TICK_S: Final = 0.05
"""Time between looks at the timers of the nodes, which are of seconds."""
HOST_TICK_S: Final = 0.002
"""Time between looks at a host in this process, which has no descriptor to wait for, while there is traffic."""
HOST_IDLE_TICK_S: Final = 0.02
"""The same where there was none for `HOST_BUSY_MS`."""
HOST_BUSY_MS: Final = 1000
_FLUSH_S: Final = 1.0


class IpDevice(Protocol):
    """Where phones' packets go to and come from; the caller makes it."""

    description: str

    def fileno(self) -> int | None:
        """Descriptor to wait for; None where `read` is to be asked."""

    def read(self) -> list[bytes]:
        """Packets for phones."""

    def write(self, packet: bytes) -> None:
        """Take a phone's packet."""

    def configure(self, address: str, prefix: int, mtu: int) -> None:
        """Take an address."""

    def close(self) -> None:
        """Give the device back."""


@runtime_checkable
class NatDevice(Protocol):
    """A device that can translate addresses."""

    def nat(self, enable: bool = True) -> None:
        """Let phones out by the host's own address."""


OpenDevice = Callable[[str, str, str | None], IpDevice]
"""Opens an IP device of a kind, with a name, in a network namespace."""


class StartError(OSError):
    """What keeps a core from starting, in one line."""


class EpcRun:
    """One run of the process.

    Args:
        config: its configuration.
        open_device: makes the IP device.

    Attributes:
        epc: the core.

    Raises:
        StartError: a port, file, database or device that cannot be had.
    """

    def __init__(self, config: EpcConfig, open_device: OpenDevice) -> None:
        self._config = config
        self._start = time.monotonic()
        self._opened = ExitStack()
        self._failures = 0
        self._last_packet = -HOST_BUSY_MS
        try:
            self._open(config, open_device)
        except BaseException as error:
            self._opened.close()
            if isinstance(error, SQLAlchemyError | ModuleNotFoundError):
                raise StartError(f"hss.{problem(config.hss.database, error)}") from error
            if isinstance(error, OSError | ValueError):
                raise StartError(_reason(error)) from error
            raise

    def _open(self, config: EpcConfig, open_device: OpenDevice) -> None:
        opened = self._opened
        settings = config.settings()
        if config.process.priority is not None and (refused := realtime.begin(config.process.priority)) is not None:
            logger.warning("%s", refused)
        store = SubscriberStore(config.hss.database)
        opened.callback(store.close)
        added = fill(store, config.hss)
        self.epc = Epc(settings, store, seed=secrets.randbits(64))
        sctp = config.mme.sctp.open(config.mme.address, config.mme.port)
        opened.callback(sctp.close)
        self._s1 = S1Links(sctp, settings.mme_address)
        self._gtpu = GtpuSocket(config.sgw.bind_address, config.sgw.port, config.sgw.peer_port)
        opened.callback(self._gtpu.close)
        self._device = open_device(config.ip.kind, config.ip.name, config.ip.netns)
        opened.callback(self._device.close)
        network = IPv4Network(config.pgw.pool)
        self._device.configure(str(network[1]), network.prefixlen, config.pgw.mtu)
        if config.ip.nat:
            if not isinstance(self._device, NatDevice):
                raise StartError(f"ip.nat = true: {self._device.description} has no NAT; ip.kind has to be tun")
            self._device.nat()
        self._pcap: ExportedPduPcap | None = None
        if config.pcap.directory is not None:
            config.pcap.directory.mkdir(parents=True, exist_ok=True)
            self._pcap = ExportedPduPcap(config.pcap.directory / "epc_s1ap.pcap")
            opened.callback(self._pcap.close)
        self._metrics: MetricsFile | None = None
        if config.metrics.file is not None:
            self._metrics = MetricsFile(config.metrics.file)
            opened.callback(self._metrics.close)
        where = f"S1AP {config.mme.address}:{sctp.port} ({sctp.mode}), GTP-U {self._gtpu.address}:{self._gtpu.port}"
        for imsi in added:
            logger.info("HSS: IMSI %s is added", imsi)
        self.description = f"{where}, phones {network} at {self._device.description}, {len(store)} subscribers"

    def run(self) -> int:
        """Work until SIGINT or SIGTERM; the exit code."""
        asyncio.run(self._work())
        return 0

    def close(self) -> None:
        """End all associations and give everything back."""
        self._opened.close()

    # the event loop

    async def _work(self) -> None:
        loop, stop = asyncio.get_running_loop(), asyncio.Event()

        def end(*_: object) -> None:
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, signal.SIG_IGN)  # the end takes a moment, which another signal must not cut off
            loop.call_soon_threadsafe(stop.set)

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, end)
        loop.add_reader(self._s1.fileno(), self._guarded, self._take_s1)
        loop.add_reader(self._gtpu.fileno(), self._guarded, self._take_gtpu)
        device = self._device.fileno()
        if device is not None:
            loop.add_reader(device, self._guarded, self._take_sgi)
        plmn = "-".join(self._config.mme.plmn)
        print(f"Core {plmn}: {self.description}. Ctrl-C: stop", flush=True)
        logger.info("core %s is up: %s", plmn, self.description)
        tasks = [asyncio.create_task(self._tick()), asyncio.create_task(self._flush())]
        if device is None:
            tasks.append(asyncio.create_task(self._poll_device()))
        if self._metrics is not None:
            tasks.append(asyncio.create_task(self._measure(self._metrics)))
        try:
            await stop.wait()
        finally:
            for task in tasks:
                task.cancel()
            loop.remove_reader(self._s1.fileno())
            loop.remove_reader(self._gtpu.fileno())
            if device is not None:
                loop.remove_reader(device)
        logger.info("core %s stops", plmn)
        print("Core stopped", flush=True)

    def _guarded(self, work: Callable[[], None]) -> None:
        """A defect that one message brings to light must not take the network away from all the others."""
        try:
            work()
        except Exception:
            self._failures += 1
            logger.exception("core: a message was lost to a defect")

    async def _tick(self) -> None:
        while True:
            self._guarded(self._timers)
            await asyncio.sleep(TICK_S)

    async def _poll_device(self) -> None:
        while True:
            self._guarded(self._take_sgi)
            is_busy = self.now - self._last_packet < HOST_BUSY_MS
            await asyncio.sleep(HOST_TICK_S if is_busy else HOST_IDLE_TICK_S)

    async def _flush(self) -> None:
        while True:
            await asyncio.sleep(_FLUSH_S)
            if self._pcap is not None:
                with suppress(OSError):
                    self._pcap.flush()

    async def _measure(self, file: MetricsFile) -> None:
        while True:
            await asyncio.sleep(self._config.metrics.period_ms / 1000)
            self._guarded(lambda: file.write(self.measured()))

    # messages

    @property
    def now(self) -> int:
        """ms since the start."""
        return round(1000 * (time.monotonic() - self._start))

    def _take_s1(self) -> None:
        now = self.now
        for event in self._s1.events():
            match event:
                case EnbUp(enb):
                    logger.info("SCTP association with eNB %s", enb)
                case EnbDown(enb, reason):
                    logger.warning("SCTP association with eNB %s is gone: %s", enb, reason)
                    self.epc.mme.connection_lost(enb, now)
                case message:
                    self._record(message)
                    self._guarded(lambda message=message: self.epc.receive(message, now))  # type: ignore[misc]
        self._pump(now)

    def _take_gtpu(self) -> None:
        now, sgw, own = self.now, self.epc.sgw, self.epc.settings.sgw_address
        for data, address in self._gtpu.receive():
            try:
                sgw.receive(Message(Interface.S1U, address, own, data), now)
            except Exception:
                self._failures += 1
                logger.exception("core: a datagram of %s was lost to a defect", address)
        self._pump(now)

    def _take_sgi(self) -> None:
        now, pgw = self.now, self.epc.pgw
        for packet in self._device.read():
            pgw.send_sgi(packet, now)
        self._pump(now)

    def _timers(self) -> None:
        now = self.now
        self.epc.handle_timers(now)
        self._pump(now)

    def _pump(self, now: int) -> None:
        """Carry messages between the nodes until none is left, and the others out."""
        epc, device = self.epc, self._device
        has_written = True
        while has_written:
            while messages := epc.messages_to_send():
                for message in messages:
                    self._route(message, now)
            packets = epc.pgw.sgi_packets()
            if packets:
                self._last_packet = now
            for packet in packets:
                device.write(packet)
            # a host in this process answers at once
            has_written = bool(packets) and device.fileno() is None
            if has_written:
                for packet in device.read():
                    epc.pgw.send_sgi(packet, now)
        self._tell()

    def _route(self, message: Message, now: int) -> None:
        if message.interface is Interface.S1AP:
            self._record(message)
            self._s1.send(message)
        elif message.interface is Interface.S1U:
            self._gtpu.send(message.data, message.destination)
        else:
            self.epc.receive(message, now)

    def _record(self, message: Message) -> None:
        if self._pcap is not None:
            with suppress(OSError):  # a full disk
                self._pcap.write("s1ap", message.data, time.time())

    # what is seen

    def _tell(self) -> None:
        """A line an event; what the nodes log themselves is not said twice."""
        while (event := self.epc.mme.next_event()) is not None:
            match event:
                case mme_events.UeRegistered(imsi):
                    logger.info("IMSI %s is registered", imsi)
                case mme_events.UeDeregistered(imsi, reason):
                    logger.info("IMSI %s is deregistered: %s", imsi, reason)
                case mme_events.UeRefused(identity, what, cause, name):
                    logger.warning("%s: %s refused with cause %d, %s", identity, what, cause, name)
                case mme_events.PagingFailed(imsi):
                    logger.warning("IMSI %s does not answer paging", imsi)
                case _:
                    pass
        while (change := self.epc.pgw.next_event()) is not None:
            match change:
                case pgw_events.SessionCreated(imsi, ebi, apn, address):
                    logger.info("IMSI %s has address %s at APN %s (bearer %d)", imsi, address, apn, ebi)
                case pgw_events.SessionDeleted(imsi, ebi, address):
                    logger.info("IMSI %s has given up address %s (bearer %d)", imsi, address, ebi)
                case _:
                    logger.info("%s", change)

    def measured(self) -> dict[str, Any]:
        """What is measured of the core now."""
        tables, sgw = self.epc.tables(), self.epc.sgw.counters()
        return {
            "time": round(time.time(), 3),
            "enbs": tables["MME associations"],
            "ues": tables["MME ues"],
            "connected": tables["MME s1_connections"],
            "sessions": tables["MME sessions"],
            "ul_packets": sgw["uplink packets"],
            "ul_bytes": sgw["uplink bytes"],
            "dl_packets": sgw["downlink packets"],
            "dl_bytes": sgw["downlink bytes"],
            "malformed": sgw["malformed user packets"],
            "dropped": sgw["dropped packets"] + self._gtpu.dropped + self._s1.dropped,
            "failures": self._failures,
            "tables": tables,
            "cpu_s": round(time.process_time(), 6),
        }


def fill(store: SubscriberStore, config: HssConfig) -> list[str]:
    """Add the subscribers of a configuration that are not in the database; their IMSIs.

    Raises:
        OSError, ValueError: a file that cannot be read, or a static address that another subscriber has.
    """
    wanted = [one.subscriber() for one in config.subscribers]
    if config.import_csv is not None:
        wanted += user_db.read(config.import_csv)
    added = []
    for subscriber in wanted:
        try:
            store.get(subscriber.imsi)
        except UnknownSubscriberError:
            store.add(subscriber)
            added.append(subscriber.imsi)
    return added


def _reason(error: BaseException) -> str:
    """An error in one line."""
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename is not None else error.strerror
    return text


def main(config: EpcConfig, open_device: OpenDevice) -> int:
    """Run a core until it is told to stop; the exit code.

    Raises:
        OSError: it cannot start; one line says why.
    """
    logs.start(config.log)
    run = EpcRun(config, open_device)
    try:
        return run.run()
    finally:
        run.close()
