"""The commands as users run them: real processes, their output and files."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from picocell.inet.tcp import BUFFER
from support.captures import capture

ROOT = Path(__file__).resolve().parents[2]


def picocell(*arguments: object, check: int = 0) -> str:
    """Run the command; returns its standard output."""
    command = [sys.executable, "-m", "picocell", *(str(argument) for argument in arguments)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert result.returncode == check, result.stderr
    return result.stdout


def dissected(pcap: Path, home: Path, *arguments: str) -> str:
    """What tshark says of a file in a profile that has never been touched."""
    tshark = shutil.which("tshark")
    if tshark is None:
        pytest.skip("tshark is not installed (Debian package tshark)")
    environment = {**os.environ, "HOME": str(home), "XDG_CONFIG_HOME": str(home)}
    command = [tshark, "-r", str(pcap), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=True, env=environment).stdout


def test_scan_prints_a_table_and_what_is_broadcast() -> None:
    text = picocell("scan", capture("lte6_dl.sigmf-meta"))
    assert re.search(r"^ +1 +normal +[+-]\d+ +-16\.\d +\d+\.\d +6 +1 +0 +normal 1/6 +000000", text, re.MULTILINE)
    assert "PLMN 001-01, TAC 7" in text
    assert "rootSequenceIndex 128" in text


def test_scan_prints_an_object_a_cell() -> None:
    lines = picocell("scan", capture("signal.1.92M.dat"), "--rate", "1.92e6", "--json").splitlines()
    (cell,) = [json.loads(line) for line in lines]
    assert (cell["pci"], cell["n_prb"], cell["n_ports"], cell["mib"]) == (150, 50, 2, "681c00")


def test_monitor_pcap_dissects_down_to_rrc_in_a_clean_profile(tmp_path: Path) -> None:
    pcap = tmp_path / "attach.pcap"
    lines = picocell("monitor", capture("lte6_dl.sigmf-meta"), "--json", "--pcap", pcap).splitlines()
    events = [json.loads(line) for line in lines]
    written = [event for event in events if event.get("crc")]
    text = dissected(pcap, tmp_path, "-T", "fields", "-e", "frame.protocols", "-e", "_ws.col.Info")
    rows = text.splitlines()
    assert len(rows) == len(written)
    assert all(row.startswith("exported_pdu:mac-lte-framed") or "mac-lte" in row for row in rows)
    for message in (
        "MasterInformationBlock",
        "SystemInformationBlockType1",
        "SystemInformation",
        "RAR",
        "RRCConnectionSetup",
        "SecurityModeCommand",
        "RRCConnectionReconfiguration",
    ):
        assert any(message in row for row in rows), message
    assert "Malformed" not in text
    pdus = dissected(pcap, tmp_path, "-T", "fields", "-e", "mac-lte.sfn", "-e", "mac-lte.rnti").splitlines()
    sfns = [int(row.split("\t")[0]) for row in pdus]
    assert sfns == [event["tti"] // 10 for event in written]


def test_monitor_text_ends_with_counts() -> None:
    text = picocell("monitor", capture("signal.1.92M.amar.dat"), "--rate", "1.92e6")
    lines = text.splitlines()
    assert any(re.match(r" *6562 PDSCH SI 0xffff .* tbs 256 rv 3 CRC ok", line) for line in lines), text
    assert any(re.match(r" *6565 PDSCH SI 0xffff .* tbs 144 rv 0 CRC ok +6040040300011a2d4018", line) for line in lines)
    assert "PDSCH ok 2" in lines[-1]


def test_output_may_be_cut_short() -> None:
    command = f"{sys.executable} -m picocell monitor {capture('lte6_dl.sigmf-meta')} | head -n 2"
    result = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=300, check=True)
    assert len(result.stdout.splitlines()) == 2
    assert result.stderr == ""


def test_nobody_may_read_the_output() -> None:
    """So little is printed that it all goes out at the end."""
    command = f"{sys.executable} -m picocell scan {capture('lte6_dl.sigmf-meta')} --json | true"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    result = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, timeout=300, check=True, env=environment
    )
    assert result.stderr == ""


def test_demo_is_read_back(tmp_path: Path) -> None:
    text = picocell("recording-demo", "--prb", "15", "--seconds", "0.2", "--output", tmp_path)
    assert re.findall(r"^ *(\d+)  (?:normal|extended)", text, re.MULTILINE) == ["42"], "one cell is sent, one is found"
    share = re.search(r"read: (\d+) of 200 transport blocks", text)
    assert share is not None, text
    assert int(share[1]) > 150
    assert {path.name for path in tmp_path.iterdir()} == {"cell.sigmf-meta", "cell.sigmf-data", "cell.png", "cell.pcap"}


@pytest.mark.slow
def test_demo_runs_core_enb_and_phone_as_processes() -> None:
    command = [sys.executable, "-m", "picocell", "demo", "--prb", "6", "--ip", "host", "--seconds", "6", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as demo:
        assert demo.stdout is not None
        assert demo.stderr is not None
        console = [(time.monotonic(), line) for line in demo.stderr]
        figures = json.loads(demo.stdout.read())
    assert demo.returncode == 0
    assert figures["exit_codes"] == {"ue1": 0, "enb": 0, "epc": 0}
    (phone,) = figures["phones"]
    assert phone["ping_received"] == phone["ping_sent"] == 10
    queued = BUFFER  # what TCP had sent when its time was over goes on over the air, and is no longer counted
    for moved, shown in zip((phone["dl_bytes"], phone["ul_bytes"]), table_bytes(console), strict=True):
        assert 0.7 * moved < shown < 1.3 * moved + queued, "the eNB's table shows what TCP moved"


def table_bytes(console: list[tuple[float, str]]) -> tuple[float, float]:
    """Bytes in the lines of the eNB's table, downlink and uplink: rates since the line before, however long ago."""
    unit = {"k": 1e3, "M": 1e6, "G": 1e9}
    total, before = [0.0, 0.0], None
    for at, line in console:
        row = re.search(
            r"lte +\d.*? +\d+ +([\d.]+[kMG]?) +\d+ +\d+ +\d+% \|.*? +\d+ +([\d.]+[kMG]?) +\d+ +\d+ +\d+% ", line
        )
        if row is None:
            continue
        seconds, before = 1.0 if before is None else at - before, at
        for way, rate in enumerate(row.groups()):
            total[way] += seconds * float(rate.rstrip("kMG")) * unit.get(rate[-1], 1.0) / 8
    return total[0], total[1]


@pytest.mark.parametrize(
    ("number", "promised"),
    [(0, r"172\.16\.0\.2 3 of 3 answered, rtt \d+/[\d.]+/\d+ ms"), (1, r"\(2, 7680\) complex64")],
)
def test_readme_example_runs(number: int, promised: str) -> None:
    code = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)[number]
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=True)
    assert re.fullmatch(promised, result.stdout.strip()), result.stdout


def test_help_names_every_command() -> None:
    text = picocell("--help")
    assert all(name in text for name in ("scan", "monitor", "demo", "epc", "enb", "ue", "subscriber"))
