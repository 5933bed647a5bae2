"""Recordings of a network, judged by Wireshark."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from picocell import Cell, Network
from picocell.network import GATEWAY


def _record(folder: Path) -> None:
    with Network(Cell(n_prb=15, inactivity_ms=200), pcap=folder) as net:
        phone, other = net.phone(), net.phone("001010123456781", subscribe=False)
        phone.attach()
        other.attach(wait=False)
        assert phone.ping(GATEWAY, 2).received == 2
        phone.wait_idle()
        phone.page()
        net.run(60)
        phone.detach()
        net.run(200)


def _fields(path: Path, *names: str) -> list[list[str]]:
    program = shutil.which("tshark")
    if program is None:
        pytest.skip("tshark, the judge of recordings, is not installed")
    command = [program, "-n", "-r", str(path), "-T", "fields", "-E", "separator=/t"]
    for name in names:
        command += ["-e", name]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    return [line.split("\t") for line in done.stdout.splitlines()]


def _severe(path: Path) -> list[Any]:
    """Packets that are malformed, or of which the dissectors say that something is wrong."""
    program = shutil.which("tshark")
    assert program is not None
    wrong = "_ws.malformed || _ws.short || _ws.expert.severity == error"
    # Wireshark does not have the keys
    command = [program, "-n", "-o", "pdcp-lte.verify_integrity:FALSE", "-r", str(path), "-Y", wrong, "-T", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    return list(json.loads(done.stdout or "[]"))


def test_wireshark_reads_what_was_recorded(tmp_path: Path) -> None:
    _record(tmp_path)
    for name, least in (("mac", 100), ("nas", 13), ("s1ap", 25)):
        path = tmp_path / f"{name}.pcap"
        assert len(_fields(path, "frame.number")) >= least
        assert _severe(path) == []
    columns = "\n".join(row[0] for row in _fields(tmp_path / "mac.pcap", "_ws.col.Info"))
    for what in (
        "SystemInformationBlockType1",
        "RAR",
        "RRCConnectionRequest",
        "RRCConnectionSetupComplete, Attach request",
        "SecurityModeComplete",
        "RRCConnectionReconfiguration",
        "Paging",
        "RRCConnectionRelease",
    ):
        assert what in columns
    columns = "\n".join(row[0] for row in _fields(tmp_path / "nas.pcap", "_ws.col.Info"))
    for what in ("Authentication request", "Security mode command", "Service request", "Attach reject"):
        assert what in columns
    columns = "\n".join(row[0] for row in _fields(tmp_path / "s1ap.pcap", "_ws.col.Info"))
    for what in ("S1SetupRequest", "InitialContextSetupResponse", "UEContextReleaseComplete", "Paging"):
        assert what in columns


def test_recordings_are_copied_as_they_stand(tmp_path: Path) -> None:
    with Network(Cell(n_prb=6), pcap=tmp_path / "a") as net:
        net.phone().attach()
        assert net.captures is not None
        net.captures.copy_to(tmp_path / "b")
        assert (tmp_path / "b" / "s1ap.pcap").stat().st_size > 500
