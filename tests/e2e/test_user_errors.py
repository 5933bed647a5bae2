"""Wrong uses of the commands that run a network: a line that names what was wrong, exit code 2, and nothing left."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from picocell import cli
from picocell.epc.hss.subscribers import Subscriber, SubscriberStore
from picocell.observe.console import Keys
from picocell.observe.metrics_file import MetricsFile
from support.ports import free_ports
from support.waiting import LONG_S, until

Refused = Callable[..., str]

KEY = "00112233445566778899aabbccddeeff"
RADIO = "tx_port=tcp://127.0.0.1:2000,rx_port=tcp://127.0.0.1:2001"
HERE = f"127.{100 + os.getpid() // 256 % 64}.{os.getpid() % 256}.1"
"""An address of this process alone, so that tests may run beside one another."""
CORE = ("epc", "--ip.kind", "host", "--hss.database", ":memory:", "--mme.address", HERE, "--sgw.address", HERE)


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Refused:
    """Run the command in this process, see that it refuses in one line and prints nothing else, and return the line."""
    monkeypatch.chdir(tmp_path)

    def run(*words: object, lines: int = 1) -> str:
        monkeypatch.setattr(sys, "argv", ["picocell", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capsys.readouterr()
        assert ended.value.code == 2
        assert not out
        assert len(err.splitlines()) == lines, err
        assert all(line.startswith("picocell: ") for line in err.splitlines()), err
        assert "[Errno" not in err
        return err

    return run


@pytest.mark.parametrize("command", ["epc", "enb", "ue", "air"])
@pytest.mark.parametrize(
    ("content", "text"),
    [
        (None, "wrong.yaml: No such file or directory"),
        (b"log: [a", "wrong.yaml:1: not YAML"),
        (b"log: \xff", "wrong.yaml: not UTF-8 text (byte 5)"),
        (b"- log", "wrong.yaml: allowed are sections of keys"),
        (b"log: 5", "wrong.yaml:1: log = 5: allowed are keys below it"),
        (b"log:\n  level: loud", "wrong.yaml:2: log.level = loud: allowed are debug, info, warning or error"),
        (b"log:\n  levle: info", "wrong.yaml:2: log.levle is no key; is level meant?"),
        (b"lgo: {}", "wrong.yaml:1: lgo is no key; is log meant?"),
    ],
)
def test_configuration_that_cannot_be_used(
    command: str, content: bytes | None, text: str, refused: Refused, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / "wrong.yaml").write_bytes(content)
    assert text in refused(command, "--config", "wrong.yaml")


def test_file_that_is_something_else_altogether(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "words.yaml").write_text("".join(f"key{n}: 1\n" for n in range(40)))
    assert "words.yaml: and 32 more errors" in refused("ue", "--config", "words.yaml", lines=9)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("enb --bogus 1", "--bogus is no key"),
        ("enb bogus", "'bogus': allowed are --section.key value"),
        ("enb --enb.n-prb", "--enb.n-prb needs a value"),
        ("enb --enb.n-prb 24", "enb.n_prb = 24: allowed are 6, 15, 25, 50, 75, 100"),
        ("enb --enb.cell-id 0x10000000", "allowed are whole numbers from 0 to 268435455"),
        ("enb --mme.address localhost", "mme.address = localhost: allowed is an IPv4 address"),
        ("enb --metrics.file x.txt", "allowed are files that end in .csv, .json or .jsonl"),
        ("enb --mme.port 70000", "allowed are whole numbers from 1 to 65535"),
        ("enb --radio.args nonsense", "radio.args: device argument 'nonsense' is not understood"),
        ("enb --radio.args driver=foo", "driver=foo is not known: allowed are zmq, "),
        ("enb --radio.args tx_port=tcp://*:2000", "radio.args: 1 rx channels need rx_port: given is none"),
        ("enb --enb.n-ports 2", "radio.args: 2 tx channels need tx_port0 to tx_port1"),
        (f"enb --radio.args {RADIO},tx_type=pub", "tx_type=pub is not supported"),
        (f"enb --radio.args {RADIO},tx_format=sc16", "tx_format=sc16 is not supported"),
        (f"enb --radio.args {RADIO},base_srate=7e6", "command line: radio.args: base_srate=7e6 is not a multiple"),
        ("ue --radio.args ,", "radio.args: 1 tx channels need tx_port: given is none"),
        ("ue --radio.n-rx 2", "radio.args: 2 rx channels need rx_port0 to rx_port1"),
        ("ue --usim.imsi 12ab", "usim.imsi = 12ab: allowed are 6 to 15 digits"),
        (f"ue --usim.op {KEY} --usim.opc {KEY}", "usim: either opc or op is needed, and not both"),
        ("ue --ip.kind tun --ip.netns a/b", "ip.netns = a/b: allowed are 1 to 64 letters, digits"),
        ("epc --ip.netns ..", "ip.netns = ..: allowed are 1 to 64 letters, digits"),
        ("epc --pgw.pool 172.16.0.1/24", "pgw.pool = 172.16.0.1/24: allowed is an IPv4 network"),
        ("epc --hss.subscribers [{imsi:", "hss.subscribers = [{imsi:: allowed is a list"),
        ("air --air.pace slow", "air.pace = slow: allowed are fast or real"),
        ("air fly", "air fly: no command: allowed are set, get, play, status, stop"),
        ("air set ue1.loss_db", "air set: KEY VALUE"),
        ("air play none.yaml", "none.yaml: No such file or directory"),
        ("demo --prb 24", "--prb 24: use one of 6, 15, 25, 50, 75, 100"),
        ("demo --ip air", "--ip air: use tun, host or auto"),
        ("demo --snr nan", "--snr nan: within -100..100 dB"),
        ("demo --channel EPA", "channel 'EPA' is not allowed"),
        ("demo --ues 9", "--ues"),
        ("demo --seconds 0", "--seconds"),
        ("demo --ip tun --tcp-mbps 0", "--tcp-mbps 0: 0.01 to 30000"),
        ("demo --ip host --tcp-mbps 2", "--tcp-mbps: only the kernel's TCP can be held back: needs --ip tun"),
        ("subscriber add 12", "--key"),
        (f"subscriber add 12 --key {KEY}", "give either --opc or --op"),
        (f"subscriber add 12 --key {KEY} --opc {KEY}", "IMSI '12'; allowed are 6 to 15 digits"),
        (f"subscriber add 00101123 --key {KEY[1:]} --opc {KEY}", "allowed are hexadecimal digits, two a byte"),
        (f"subscriber add 00101123 --key {KEY} --opc {KEY} --sqn {13 * '0'}", "allowed are up to 12 hexadecimal"),
        ("subscriber list --db none.db", "database none.db: no such file; picocell subscriber add makes one"),
        ("subscriber remove 00101123 --db none.db", "database none.db: no such file"),
        ("subscriber list --db /etc", "database /etc: unable to open database file"),
        ("subscriber list --db /etc/passwd", "database /etc/passwd: file is not a database"),
        ("subscriber list --db what://me:secret@host/x", "database what://me:***@host/x: not known; allowed are"),
        ("subscriber import none.csv", "none.csv: No such file or directory"),
        ("subscriber import /etc/passwd", "/etc/passwd, line 1: 1 columns; allowed are the 10 of"),
    ],
)
def test_words_that_are_not_allowed(words: str, text: str, refused: Refused) -> None:
    assert text in refused(*words.split(" "))


def test_looking_into_a_database_makes_none(refused: Refused, tmp_path: Path) -> None:
    refused("subscriber", "list", "--db", "none.db")
    assert not (tmp_path / "none.db").exists()


def test_subscriber_who_is_not_there_is_named_with_the_database(refused: Refused) -> None:
    store = SubscriberStore("some.db")
    store.add(Subscriber(imsi="00101123", k=bytes(16), operator_key=bytes(16)))
    store.close()
    assert "IMSI 00101124 is not in the database some.db" in refused(
        "subscriber", "remove", "00101124", "--db", "some.db"
    )


@pytest.mark.parametrize("command", ["epc", "enb", "ue"])
@pytest.mark.parametrize(
    ("key", "name", "text"),
    [
        ("pcap.directory", "file", "is no folder"),
        ("pcap.directory", "file/x", "file is no folder"),
        ("metrics.file", "file/x.csv", "file is no folder"),
        ("log.file", "file/x.log", "file is no folder"),
        ("log.nas.file", "folder", "Is a directory"),
    ],
)
def test_files_that_cannot_be_written(
    command: str, key: str, name: str, text: str, refused: Refused, tmp_path: Path
) -> None:
    if command == "enb":
        key = key.replace("nas", "rrc")
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    sctp = ["--mme.sctp.mode", "udp", "--mme.sctp.udp-port", free_ports(1)[0]] if command != "ue" else []
    radio = f"tx_port=tcp://127.0.0.1:{free_ports(1)[0]},rx_port=tcp://127.0.0.1:{free_ports(1)[0]}"
    where = {
        "epc": [*CORE, *sctp, "--sgw.port", free_ports(1)[0]],
        "enb": [
            "enb",
            "--mme.bind",
            HERE,
            "--gtpu.address",
            HERE,
            "--gtpu.port",
            free_ports(1)[0],
            "--radio.args",
            radio,
            *sctp,
        ],
        "ue": ["ue", "--ip.kind", "host", "--radio.args", radio],
    }[command]
    line = refused(*where, f"--{key}", tmp_path / name)
    assert f"{key} = {tmp_path / name}: " in line
    assert text in line


def test_addresses_and_databases_of_a_core_that_cannot_be_had(refused: Refused) -> None:
    assert "192.0.2.1 is no address of this machine" in refused(*CORE, "--mme.address", "192.0.2.1")
    line = refused(
        *CORE, "--sgw.address", "192.0.2.1", "--mme.sctp.mode", "udp", "--mme.sctp.udp-port", free_ports(1)[0]
    )
    assert "GTP-U at 192.0.2.1:2152: Cannot assign requested address" in line
    assert "hss.database /none/x.db: unable to open" in refused(*CORE, "--hss.database", "/none/x.db")
    assert "hss.import_csv = /none.csv: No such file" in refused(*CORE, "--hss.import-csv", "/none.csv")


def test_port_of_a_radio_that_another_program_has(refused: Refused) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        radio = f"tx_port=tcp://127.0.0.1:{taken.getsockname()[1]},rx_port=tcp://127.0.0.1:1"
        assert "is in use by another program" in refused("ue", "--ip.kind", "host", "--radio.args", radio)


def test_tun_without_permission_names_what_needs_none(refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    from picocell import tun
    from picocell.ip_device import IpDeviceUnavailableError

    def refuse(*_: object, **__: object) -> None:
        raise IpDeviceUnavailableError("cannot open /dev/net/tun: Permission denied")

    monkeypatch.setattr(tun, "open_device", refuse)
    line = refused(*CORE, "--ip.kind", "tun", "--mme.sctp.mode", "udp", "--mme.sctp.udp-port", free_ports(1)[0])
    assert "ip.kind = tun: cannot open /dev/net/tun: Permission denied; ip.kind = host needs no permission" in line


def test_a_full_disk_ends_the_rows_and_not_the_process(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    (tmp_path / "full.csv").symlink_to("/dev/full")
    file = MetricsFile(tmp_path / "full.csv")
    for n in range(3):
        file.write({"n": n})
    file.close()
    assert [record.getMessage() for record in caplog.records] == [
        f"metrics.file {tmp_path / 'full.csv'}: No space left on device; rows are lost"
    ]


def test_a_process_without_standard_input_has_no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    assert Keys().next() is None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_demo_that_is_ended_takes_its_processes_with_it(number: signal.Signals) -> None:
    command = [sys.executable, "-m", "picocell", "demo", "--prb", "6", "--ip", "host"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as demo:
        assert demo.stdout is not None
        assert "Core, eNB" in demo.stdout.readline()
        all_children = Path(f"/proc/{demo.pid}/task/{demo.pid}/children")
        until(lambda: len(all_children.read_text().split()) >= 2)
        children = [int(word) for word in all_children.read_text().split()]
        demo.send_signal(number)
        rest = demo.stdout.read()
        assert demo.wait(LONG_S) == 1
    assert rest.splitlines()[-1] == "The demo failed: stopped"
    assert "Traceback" not in rest
    assert not [pid for pid in children if Path(f"/proc/{pid}").exists()]
