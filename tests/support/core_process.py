"""A core as a process, and an eNB's end of S1 with a phone behind it, in this process, that talk over sockets."""

import os
import random
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from picocell.enb import s1ap_events as s1
from picocell.enb.s1ap import EnbS1ap
from picocell.enb.system_information import Identity
from picocell.epc.interfaces import gtpu
from picocell.epc.interfaces.sctp import AssociationDown, AssociationUp, SctpEndpoint, SctpMessage, open_endpoint
from picocell.epc.interfaces.transport import Interface, Message
from picocell.rrc_nas.nas import ue_events
from picocell.rrc_nas.nas.ue import UeNas
from picocell.rrc_nas.security.usim import Usim
from support.waiting import LONG_S

# addresses of this process alone, so that tests may run beside one another
NET = f"127.{64 + os.getpid() // 256 % 128}.{os.getpid() % 256}"
CORE = f"{NET}.100"
RNTI = 0x46
IMSI = "001010123456780"
K = bytes.fromhex("00112233445566778899aabbccddeeff")
OPC = bytes.fromhex("63bfa50ee6523365ff14c1f45f88737d")


class CoreProcess:
    """``picocell epc`` with a host in the process behind it.

    Args:
        home: working directory.
        words: further words of the command line.
        sctp: words that choose the transport.
    """

    def __init__(self, home: Path, *words: str, address: str = CORE) -> None:
        self.home = home
        where = ["--mme.address", address, "--sgw.address", address, "--ip.kind", "host"]
        self._log = (home / "epc.log").open("a")
        self.process = subprocess.Popen(
            [sys.executable, "-u", "-m", "picocell", "epc", *where, *words],
            cwd=home, stdout=subprocess.PIPE, stderr=self._log, text=True,
        )  # fmt: skip
        self.ready = self.line()

    def line(self, seconds: float = LONG_S) -> str:
        """The next line that it prints; empty where there is none."""
        assert self.process.stdout is not None
        readable, _, _ = select.select([self.process.stdout], [], [], seconds)
        return self.process.stdout.readline() if readable else ""

    @property
    def log(self) -> str:
        """What it has logged so far."""
        return (self.home / "epc.log").read_text()

    def wait_for(self, text: str, seconds: float = LONG_S, *, after: int = 0) -> None:
        """Wait until the log, from a character on, contains a text."""
        deadline = time.monotonic() + seconds
        while text not in self.log[after:]:
            assert time.monotonic() < deadline, f"{text!r} is not logged:\n{self.log[after:]}"
            assert self.process.poll() is None, f"the core has ended:\n{self.log}"
            time.sleep(0.02)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(LONG_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        finally:
            self._log.close()
            assert self.process.stdout is not None
            self.process.stdout.close()


class EnbEnd:
    """The S1 side of an eNB, and the NAS of one phone, over an ideal radio."""

    def __init__(self, address: str = f"{NET}.1", *, core: str = CORE, identity: Identity = Identity()) -> None:
        self.address, self._core = address, core
        self.sctp: SctpEndpoint = open_endpoint("auto", address)
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind((address, 2152))
        self.udp.setblocking(False)
        self.s1ap = EnbS1ap(identity, identity.cell_identity >> 8, "enb", address, core, address)
        usim = Usim(IMSI, K, opc=OPC)
        self.ue = UeNas(usim, imeisv="3534900698733190", rng=random.Random(1))
        self.association: int | None = None
        self.up = False
        self.down_reasons: list[str] = []
        self.s1_events: list[s1.Event] = []
        self.ue_events: list[ue_events.Event] = []
        self.packets: list[bytes] = []
        self.datagrams: list[bytes] = []
        self._tunnel: tuple[Callable[[bytes], bytes], str] | None = None

    @property
    def now(self) -> int:
        return round(1000 * time.monotonic())

    def connect(self, port: int = 36412) -> None:
        """Begin an association."""
        self.association = self.sctp.connect(self._core, port)

    def until(self, condition: Callable[[], bool], seconds: float = LONG_S) -> None:
        """Work until something holds."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"not in time; S1: {self.s1_events}, phone: {self.ue_events}"
            select.select([self.sctp.fileno(), self.udp], [], [], 0.02)
            self.work()

    def work(self) -> None:
        """Do what is to be done now."""
        while (event := self.sctp.next_event()) is not None:
            match event:
                case AssociationUp():
                    self.up = True
                    self.s1ap.connect(self.now)
                case AssociationDown(_, reason):
                    self.up, self.association = False, None
                    self.down_reasons.append(reason)
                    self.s1ap.connection_lost(self.now, retry=False)
                case SctpMessage(_, stream, ppid, data):
                    assert ppid == 18
                    self.s1ap.receive(Message(Interface.S1AP, self._core, self.address, data, stream), self.now)
        try:
            while True:
                self._datagram(self.udp.recv(65535))
        except BlockingIOError:
            pass
        self._pass_on()

    def set_up(self) -> None:
        """An association, and S1 Setup."""
        self.connect()
        self.until(lambda: self.s1ap.ready)

    def attach(self) -> str:
        """Attach the phone; its address."""
        self.ue.cell(("001", "01"), 7, 0x19B01, self.now)
        self.ue.switch_on(self.now)
        self.until(lambda: any(isinstance(event, ue_events.Attached) for event in self.ue_events))
        assert self.ue.ip is not None
        return self.ue.ip

    def send_packet(self, packet: bytes) -> None:
        """A packet of the phone."""
        assert self._tunnel is not None
        wrap, address = self._tunnel
        self.udp.sendto(wrap(packet), (address, 2152))

    def send_s1(self, data: bytes, stream: int = 1, ppid: int = 18) -> None:
        """Any bytes on the association."""
        assert self.association is not None
        self.sctp.send(self.association, data, stream=stream, ppid=ppid)

    def close(self, *, abort: bool = False) -> None:
        self.sctp.close(abort=abort)
        self.udp.close()

    def _datagram(self, data: bytes) -> None:
        self.datagrams.append(data)
        packet = gtpu.decode(data)
        if packet.type == gtpu.MessageType.G_PDU:
            assert packet.teid == 0x101
            self.packets.append(packet.payload)

    def _pass_on(self) -> None:
        moved = True
        while moved:
            moved = self._from_core() | self._from_phone()
            for message in self.s1ap.messages_to_send():
                if self.up:
                    self.send_s1(message.data, message.stream)

    def _from_core(self) -> bool:
        moved = False
        while (event := self.s1ap.next_event()) is not None:
            moved = True
            self.s1_events.append(event)
            match event:
                case s1.DownlinkNas(nas=nas):
                    self.ue.receive(nas, self.now)
                case s1.InitialContextSetupRequest(erabs=(erab,)):
                    self._tunnel = gtpu.tunnel(erab.teid), erab.transport_address
                    self.s1ap.initial_context_setup_response(RNTI, [(erab.erab_id, 0x101, self.address)])
                    self.ue.drb_established(erab.erab_id, self.now)
                    if erab.nas is not None:
                        self.ue.receive(erab.nas, self.now)
                case s1.ReleaseCommand():
                    self.s1ap.release_complete(RNTI)
                    self.ue.connection_released(self.now)
        return moved

    def _from_phone(self) -> bool:
        moved = False
        while (event := self.ue.next_event()) is not None:
            moved = True
            self.ue_events.append(event)
            match event:
                case ue_events.Connect(nas=nas, establishment_cause=cause, s_tmsi=s_tmsi):
                    self.s1ap.initial_ue_message(RNTI, nas, cause, s_tmsi, None, self.now)
                    self.ue.connection_established(self.now)
                case ue_events.SendNas(pdu=nas):
                    self.s1ap.uplink_nas(RNTI, nas)
        return moved
