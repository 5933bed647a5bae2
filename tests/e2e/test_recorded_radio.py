"""The processes against recordings over ZeroMQ: a recorded cell for our UE, a recorded UE for our eNB.

Stream subframe k of both recordings holds TTI k - 4.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import zmq
from numpy.typing import NDArray

from picocell.mac import rar
from picocell.observe.pcap import RntiType
from picocell.phy.fapi_uplink import UlConfigRequest
from picocell.phy.lte.cell import Cell
from picocell.phy.lte.uplink import UplinkReceiver
from picocell.phy.lte.uplink_config import UplinkConfig
from support.captures import capture
from support.pcap import mac_pdus
from support.ports import free_ports
from support.waiting import LONG_S, until

RATE = 1_920_000
SUBFRAME = 1920
FIRST_TTI = 10_236
SIZES = (333, 1000, 1920, 5000, 77)


class Peer:
    """A foreign end of the wire: it answers requests with a recording in odd lengths, and keeps what it is sent."""

    def __init__(self, samples: NDArray[np.complex64]) -> None:
        self._samples = samples
        self._context = zmq.Context()
        self._rep, self._req = self._context.socket(zmq.REP), self._context.socket(zmq.REQ)
        [self.port] = free_ports(1)
        self._rep.bind(f"tcp://127.0.0.1:{self.port}")
        self.received: list[NDArray[np.complex64]] = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._answer, daemon=True)]

    def start(self, peer_port: int) -> None:
        self._req.connect(f"tcp://127.0.0.1:{peer_port}")
        self._threads.append(threading.Thread(target=self._ask, daemon=True))
        for thread in self._threads:
            thread.start()

    @property
    def heard(self) -> NDArray[np.complex64]:
        return np.concatenate([*self.received, np.zeros(0, np.complex64)])

    def close(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self._context.destroy(linger=0)

    def _answer(self) -> None:
        at = turn = 0
        while not self._stop.is_set():
            if not self._rep.poll(100):
                continue
            self._rep.recv()
            n = SIZES[turn % len(SIZES)]
            while at >= len(self._samples):
                if self._stop.wait(0.1):
                    return
            self._rep.send(self._samples[at : at + n].tobytes())
            at, turn = at + n, turn + 1

    def _ask(self) -> None:
        while not self._stop.is_set():
            self._req.send(b"\xff")
            while not self._req.poll(100):
                if self._stop.is_set():
                    return
            self.received.append(np.frombuffer(self._req.recv(), np.complex64))


def recording(name: str) -> NDArray[np.complex64]:
    parts = np.fromfile(capture(name), "<i2").astype(np.float32) / 32768
    return np.ascontiguousarray(parts).view(np.complex64)


@contextmanager
def process(*words: str) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "picocell", *words]
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    started = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    )
    try:
        yield started
    finally:
        started.send_signal(signal.SIGTERM)
        try:
            started.communicate(timeout=LONG_S)
        except subprocess.TimeoutExpired:
            started.kill()
            started.communicate()


def wait_for(line: str, started: "subprocess.Popen[str]", seconds: float = LONG_S) -> str:
    assert started.stdout is not None
    deadline = time.monotonic() + seconds
    for text in started.stdout:
        if line in text:
            return text
        assert time.monotonic() < deadline, f"no {line!r}"
    raise AssertionError(f"the process ended without {line!r}")


def preambles(samples: NDArray[np.complex64]) -> list[tuple[int, int]]:
    """TTI and number of every preamble in an uplink stream of the recorded cell."""
    receiver = UplinkReceiver(Cell(pci=1, n_prb=6), UplinkConfig(6))
    found = []
    for k in range(len(samples) // SUBFRAME):
        tti = (k + FIRST_TTI) % 10_240
        if receiver.is_prach_opportunity(tti):
            block = np.ascontiguousarray(samples[None, k * SUBFRAME : (k + 1) * SUBFRAME])
            if block.any():
                found += [(tti, p.preamble) for p in receiver.receive(UlConfigRequest(tti), block).rach]
    return found


@pytest.mark.slow
def test_ue_reads_a_recorded_cell_and_answers_with_a_preamble() -> None:
    peer = Peer(recording("lte6_dl.sigmf-data"))
    [port] = free_ports(1)
    args = f"tx_port=tcp://127.0.0.1:{port},rx_port=tcp://127.0.0.1:{peer.port},base_srate={RATE}"
    try:
        with process("ue", "--radio.args", args, "--ip.kind", "host") as ue:
            peer.start(port)
            assert "PCI=1, PRB=6, Ports=1" in wait_for("Found Cell", ue)
            assert "Id=00101, TAC=7" in wait_for("Found PLMN", ue)
            said = wait_for("Random Access Transmission", ue)
            until(lambda: preambles(peer.heard), "no preamble is heard")
    finally:
        peer.close()
    found = preambles(peer.heard)
    number = int(said.split("preamble=")[1].split(",")[0])
    assert number == found[0][1]
    assert 0 <= number < 52  # numberOfRA-Preambles of that SIB2


@pytest.mark.slow
def test_enb_answers_the_recorded_preamble_and_no_other(tmp_path: Path) -> None:
    peer = Peer(recording("lte6_ul.sigmf-data"))
    [port] = free_ports(1)
    args = f"tx_port=tcp://127.0.0.1:{port},rx_port=tcp://127.0.0.1:{peer.port},base_srate={RATE}"
    words = ["--enb.n-prb", "6", "--radio.args", args, "--radio.first-tti", str(FIRST_TTI)]
    words += ["--gtpu.port", "0", "--pcap.directory", str(tmp_path), "--mme.sctp.mode", "udp", "--mme.address"]
    try:
        with process("enb", *words, "127.0.0.9", "--log.level", "error") as enb:
            wait_for("eNB", enb)
            peer.start(port)
            until(lambda: len(peer.heard) >= 1350 * SUBFRAME, "the eNB does not go on")
    finally:
        peer.close()
    responses = [
        (pdu.tti, rar.parse(pdu.payload))
        for pdu in mac_pdus(tmp_path / "enb_mac.pcap")
        if pdu.downlink and pdu.rnti_type == RntiType.RA_RNTI
    ]
    assert [[r.rapid for r in pdu.responses] for _, pdu in responses] == [[43]]
    tti = responses[0][0]
    assert 341 + 3 <= tti < 341 + 3 + 10  # the window of that SIB2, from three subframes after the preamble
