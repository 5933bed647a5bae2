"""The core as a process: S1 Setup, attach and packets over sockets, garbage, lost eNBs, restart, clean stop."""

import csv
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from picocell.config import load
from picocell.enb.system_information import Identity
from picocell.epc.config import EpcConfig
from picocell.epc.interfaces import gtpu
from picocell.epc.interfaces.sctp import SctpError, open_endpoint
from picocell.epc.run import EpcRun, StartError
from picocell.inet.host import IpHost
from picocell.rrc_nas.nas import ue_events
from picocell.tun.host import HostDevice
from support.core_process import CORE, NET, CoreProcess, EnbEnd
from support.waiting import LONG_S, until

try:
    open_endpoint("auto", f"{NET}.90").close()
except SctpError as error:
    pytest.skip(f"no SCTP here: {error.strerror}", allow_module_level=True)

GATEWAY = "172.16.0.1"


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CoreProcess]:
    """A core that is up for all tests that leave it so."""
    words = ["--pcap.directory", "pcap", "--metrics.file", "m.csv", "--metrics.period-ms", "50"]
    process = CoreProcess(tmp_path_factory.mktemp("core"), *words)
    assert process.ready.startswith("Core 001-01: S1AP "), process.log
    yield process
    assert process.stop() == 0, process.log


HOSTS = count(2)


@pytest.fixture
def enb(core: CoreProcess) -> Iterator[EnbEnd]:
    """An eNB of its own address that the core serves."""
    assert core.process.poll() is None
    end = EnbEnd(f"{NET}.{next(HOSTS)}")
    end.set_up()
    yield end
    end.close()


def pings(end: EnbEnd, address: str, n: int = 3) -> None:
    """Ping the gateway from the phone."""
    host = IpHost(address)
    for sequence in range(n):
        host.ping(GATEWAY, 1, sequence, bytes(1200))
    for packet in host.packets_to_send():
        end.send_packet(packet)
    before = len(end.packets)
    end.until(lambda: len(end.packets) >= before + n)
    for packet in end.packets[before:]:
        assert packet[12:16] == socket.inet_aton(GATEWAY)
        assert packet[20] == 0, "echo reply"


def test_phone_attaches_and_reaches_the_host_behind_the_gateway(core: CoreProcess, enb: EnbEnd) -> None:
    address = enb.attach()
    (attached,) = [event for event in enb.ue_events if isinstance(event, ue_events.Attached)]
    assert (attached.mtu, attached.apn, attached.dns) == (1400, "internet", ("8.8.8.8", "8.8.4.4"))
    before = _uplink_packets(core)
    pings(enb, address)
    core.wait_for(f"IMSI 001010123456780 has address {address} at APN internet")
    core.wait_for("IMSI 001010123456780 is registered")
    enb.until(lambda: _uplink_packets(core) == before + 3)
    row = _metrics(core)
    assert (row["ues"], row["sessions"], row["failures"]) == ("1", "1", "0")
    enb.ue.detach(enb.now, True)
    enb.until(lambda: "is deregistered" in core.log)


def _metrics(core: CoreProcess) -> dict[str, str]:
    """The first whole line of what was measured from now on; times have three places."""
    file, now = core.home / "m.csv", time.time()
    rows: list[dict[str, str]] = []

    def has_come() -> bool:
        head, _, _ = file.read_text().rpartition("\n")
        rows[:] = [row for row in csv.DictReader(head.splitlines()) if float(row["time"]) > now + 0.001]
        return bool(rows)

    until(has_come, "no row of metrics")
    return rows[0]


def _uplink_packets(core: CoreProcess) -> int:
    return int(_metrics(core)["ul_packets"])


def test_garbage_is_answered_or_dropped_and_nobody_is_hurt(core: CoreProcess, enb: EnbEnd) -> None:
    address = enb.attach()
    rng = random.Random(1)
    stranger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    stranger.bind((f"{NET}.50", 0))
    for n in range(300):
        data = rng.randbytes(rng.randrange(1, 120))
        stranger.sendto(data, (CORE, 2152))
        stranger.sendto(b"\x30\xff" + data, (CORE, 2152))
        if n < 60:
            enb.send_s1(data, stream=n % 2)
        if n % 25 == 24:
            echo(enb)  # what came before it has been taken: there is room for the next
    stranger.sendto(b"", (CORE, 2152))
    stranger.close()
    echo(enb)
    enb.send_s1(b"x" * 200_000)
    enb.send_s1(b"of another protocol", ppid=46)
    enb.until(lambda: "PPID 46" in core.log)
    pings(enb, address)
    assert "defect" not in core.log


def echo(enb: EnbEnd) -> None:
    """An Echo Request, and its answer."""
    before = len(enb.datagrams)
    enb.udp.sendto(gtpu.encode(gtpu.EchoRequest(7).packet()), (CORE, 2152))
    enb.until(lambda: len(enb.datagrams) > before)
    assert gtpu.decode(enb.datagrams[before]).type == gtpu.MessageType.ECHO_RESPONSE


def test_echo_is_answered(core: CoreProcess, enb: EnbEnd) -> None:
    del core
    echo(enb)


def test_enb_of_another_network_is_refused(core: CoreProcess) -> None:
    end = EnbEnd(f"{NET}.{next(HOSTS)}", identity=Identity(tac=9))
    end.connect()
    end.until(lambda: any("refused" in str(event) for event in end.s1_events))
    core.wait_for("refused: misc unknown-PLMN")
    end.close()


def test_enb_that_says_goodbye_is_forgotten_at_once(core: CoreProcess, enb: EnbEnd) -> None:
    enb.attach()
    seen = len(core.log)
    enb.sctp.close()
    core.wait_for(f"eNB {enb.address}:", after=seen)
    core.wait_for("is gone: shut down", after=seen)
    core.wait_for("lost", after=seen)


def test_two_enbs_on_one_address_are_kept_apart(core: CoreProcess, enb: EnbEnd) -> None:
    other = open_endpoint("auto", enb.address)
    number = other.connect(CORE, 36412)
    until(other.next_event)
    seen = len(core.log)
    other.send(number, b"\xff", stream=0)
    core.wait_for("no S1AP PDU", after=seen)
    seen = len(core.log)
    other.close()
    core.wait_for(f"eNB {enb.address}:", after=seen)
    core.wait_for("is gone: ", after=seen)
    assert enb.up
    pings(enb, enb.attach())


def test_no_descriptor_is_leaked_by_enbs_that_come_and_go(core: CoreProcess) -> None:
    def descriptors() -> int:
        return len(os.listdir(f"/proc/{core.process.pid}/fd"))

    until(lambda: _metrics(core)["enbs"] == "0", "those of the tests before are not gone")
    before = descriptors()
    for n in range(8):
        end = EnbEnd(f"{NET}.{next(HOSTS)}")
        end.set_up()
        end.close(abort=bool(n % 2))
    until(lambda: descriptors() == before and _metrics(core)["enbs"] == "0")


def test_killed_enb_is_noticed_and_comes_back_with_its_phone(core: CoreProcess, tmp_path: Path) -> None:
    address = f"{NET}.{next(HOSTS)}"
    script = tmp_path / "enb.py"
    script.write_text(
        "import sys, time\n"
        f"sys.path.insert(0, {str(Path(__file__).parents[1])!r})\n"
        "from support import core_process as c\n"
        f"end = c.EnbEnd({address!r}, core={CORE!r})\n"
        "end.set_up()\nend.attach()\nprint('attached', flush=True)\n"
        "while True:\n    end.work(); time.sleep(0.01)\n"
    )
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "attached\n"
        child.send_signal(signal.SIGKILL)
    seen = len(core.log)
    end = EnbEnd(address)  # the same address comes back, as a restarted eNB does
    end.set_up()
    pings(end, end.attach())
    end.until(lambda: f"eNB {address}:" in core.log[seen:] and "is gone: " in core.log[seen:])
    assert end.up
    pings(end, str(end.ue.ip))
    end.close()


def test_killed_core_starts_again_and_clean_stop_tells_enbs(tmp_path: Path) -> None:
    address = f"{NET}.102"
    first = CoreProcess(tmp_path, "--pcap.directory", "pcap", address=address)
    end = EnbEnd(f"{NET}.{next(HOSTS)}", core=address)
    end.set_up()
    end.attach()
    assert first.stop(signal.SIGKILL) == -signal.SIGKILL
    second = CoreProcess(tmp_path, "--pcap.directory", "pcap", address=address)
    assert second.ready.startswith("Core "), second.log
    end.until(lambda: not end.up)
    end.close()
    again = EnbEnd(f"{NET}.{next(HOSTS)}", core=address)
    again.set_up()
    pings(again, again.attach())
    second.wait_for("IMSI 001010123456780 is registered")
    second.process.send_signal(signal.SIGINT)
    again.until(lambda: not again.up)
    assert again.down_reasons == ["shut down"]
    assert second.line() == "Core stopped\n"
    assert second.stop() == 0, "a second signal changes nothing"
    assert "Traceback" not in second.log
    again.close()
    data = (tmp_path / "pcap" / "epc_s1ap.pcap").read_bytes()
    assert struct.unpack_from("<IHHiIII", data)[-1] == 252
    assert data.count(b"s1ap") >= 10


def open_host(*_: object) -> HostDevice:
    """A host in the process."""
    return HostDevice()


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--mme.address", "192.0.2.1"], "192.0.2.1 is no address of this machine"),
        (["--sgw.address", "192.0.2.1"], "GTP-U at 192.0.2.1:2152: Cannot assign requested address"),
        (["--hss.import-csv", "/none.csv"], "/none.csv: No such file or directory"),
        (["--hss.database", "nowhere://host/x"], "hss.database nowhere://host/x: not known"),
        (["--hss.database", "/none/x.db"], "hss.database /none/x.db: unable to open database file"),
        (["--ip.nat", "true"], "ip.nat = true: a host in this process has no NAT; ip.kind has to be tun"),
        (["--pcap.directory", "/proc/none"], "/proc/none: "),
    ],
)
def test_what_keeps_it_from_starting_is_one_line(words: list[str], text: str) -> None:
    address = f"{NET}.103"
    where = ["--mme.address", address, "--sgw.address", address, "--hss.database", ":memory:"]
    with pytest.raises(StartError) as raised:
        EpcRun(load(EpcConfig, None, [*where, *words]), open_host)
    assert text in str(raised.value)
    assert "\n" not in str(raised.value)
    open_endpoint("auto", address, 36412).close()  # what was opened before has been given back


def test_port_that_is_taken(core: CoreProcess, tmp_path: Path) -> None:
    del core
    second = CoreProcess(tmp_path)
    assert second.ready == ""
    assert second.process.wait(LONG_S) == 2
    assert f"picocell: SCTP port 36412 of {CORE} is in use by another program" in second.log
    assert "Traceback" not in second.log
    second.stop()


def test_priority_where_it_is_permitted(tmp_path: Path) -> None:
    core = CoreProcess(tmp_path, "--process.priority", "7", address=f"{NET}.103")
    assert core.ready.startswith("Core "), core.log
    if os.sched_getscheduler(core.process.pid) == os.SCHED_FIFO:
        assert os.sched_getparam(core.process.pid).sched_priority == 7
    else:
        assert "no real-time priority" in core.log
    assert core.stop() == 0
