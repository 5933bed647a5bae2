"""Core, eNB, air and two phones as real processes: one walks out of the cell and back, one stops and goes on.

A peer of foreign habits has a place on the same air.
"""

import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from picocell.air.control import request
from picocell.phy.lte.frame import sample_rate
from support.network_processes import GATEWAY, Program
from support.ports import free_ports
from support.waiting import LONG_S
from support.zmq_peer import Peer

pytestmark = pytest.mark.slow

STALL_S = 4.0
"""A process that runs does not keep the air waiting for so long, even while others have the machine."""

_PHONE = Path(__file__).parents[1] / "support" / "pinging_phone.py"
_KEYS = "k: 00112233445566778899aabbccddeeff, opc: 63bfa50ee6523365ff14c1f45f88737d"


class Field:
    """The processes, on ports of their own."""

    def __init__(self, home: Path, n_prb: int = 6, n_phones: int = 2, channel: str = "AWGN") -> None:
        self._home = home
        self.programs: dict[str, Program] = {}
        self.rate = rate = sample_rate(n_prb, shortened=True)
        imsis = [f"00101012345678{i}" for i in range(n_phones)]
        s1, gtpu_core, gtpu_enb, sctp_core, sctp_enb, control, *ports = free_ports(10 + 2 * n_phones)
        self.foreign_ports = ports[-1], ports[-2]
        self.control = f"tcp://127.0.0.1:{control}"

        def radio(tx: int, rx: int) -> str:
            return f"tx_port=tcp://127.0.0.1:{tx},rx_port=tcp://127.0.0.1:{rx},base_srate={rate}"

        sims = ", ".join(f"{{imsi: '{imsi}', {_KEYS}}}" for imsi in imsis)
        sctp = ["--mme.port", s1, "--mme.sctp.mode", "udp", "--mme.sctp.udp-port"]
        core = [*sctp, sctp_core, "--sgw.port", gtpu_core, "--sgw.peer-port", gtpu_enb, "--ip.kind", "host"]
        core += ["--hss.database", ":memory:", "--hss.subscribers", f"[{sims}]"]
        self.start("epc", ["-m", "picocell", "epc", *core])
        members = [radio(ports[2 * i], ports[2 * i + 1]) for i in range(1 + n_phones)]
        phones = ", ".join(f"{{name: ue{i}, radio: '{one}'}}" for i, one in enumerate(members[1:], 1))
        twice = f"tx_port=tcp://127.0.0.1:{ports[-2]},rx_port=tcp://127.0.0.1:{ports[-1]},base_srate={2 * rate}"
        phones += f", {{name: foreign, radio: '{twice}', tx_gain_db: -20}}"
        air = [
            "--air.start-wait-s",
            3,
            "--air.stall-s",
            STALL_S,
            "--air.sample-rate",
            rate,
            "--control.endpoint",
            self.control,
            "--defaults.channel",
            channel,
        ]
        air += ["--cells", f"[{{name: cell1, radio: '{members[0]}'}}]", "--phones", f"[{phones}]"]
        self.start("air", ["-m", "picocell.air_cli", *air])
        enb = ["--enb.n-prb", n_prb, "--radio.args", radio(ports[1], ports[0]), *sctp, sctp_enb]
        enb += ["--mme.sctp.peer-udp-port", sctp_core, "--gtpu.port", gtpu_enb, "--gtpu.peer-port", gtpu_core]
        self.start("enb", ["-m", "picocell", "enb", *enb])
        for i, imsi in enumerate(imsis, 1):
            words = ["--address", GATEWAY, "--usim.imsi", imsi]
            self.start(f"ue{i}", [_PHONE, *words, "--radio.args", radio(ports[2 * i + 1], ports[2 * i])])

    def start(self, name: str, words: list[object]) -> None:
        self.programs[name] = Program(name, [str(word) for word in words], self._home)

    def count(self, name: str, text: str, since: float = 0.0) -> int:
        return self.programs[name].count(text, since)

    def wait_for(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + LONG_S
        while not condition():
            for program in self.programs.values():
                assert program.process.poll() is None, f"{program.name} ended: {program.lines[-20:]}"
            lines = "\n".join(f"{p.name} {line}" for p in self.programs.values() for _, line in p.lines[-12:])
            assert time.monotonic() < deadline, f"{what}:\n{lines}"
            time.sleep(0.02)

    def wait_for_answers(self, *names: str) -> None:
        """Wait until each phone has got three more answers."""
        start = time.monotonic()
        for name in names:
            self.wait_for(lambda name=name: len(self.programs[name].answers(start)) >= 3, f"{name}: no answers")  # type: ignore[misc]


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    found = Field(tmp_path_factory.mktemp("field"))
    try:
        found.wait_for_answers("ue1", "ue2")
        yield found
    finally:
        for program in found.programs.values():
            if program.process.returncode is None:
                program.kill()


def test_all_came(field: Field) -> None:
    def states() -> dict[str, str]:
        status = request({"status": True}, field.control, LONG_S)["status"]
        return {member["name"]: member["state"] for member in status["members"]}

    wanted = {"cell1": "active", "ue1": "active", "ue2": "active", "foreign": "absent"}
    field.wait_for(lambda: states() == wanted, "not all are there, and no one else")


def test_a_phone_walks_out_of_the_cell_and_back(field: Field) -> None:
    start = time.monotonic()
    request({"play": [{"at": 0, "over": 0.5, "ramp": {"ue1.cell1.loss_db": 60}}]}, field.control, LONG_S)
    field.wait_for(lambda: field.count("ue1", "adio link", start) > 0, "no radio link failure")
    failed = time.monotonic()
    field.wait_for_answers("ue2")
    assert not field.programs["ue1"].answers(failed)
    request({"play": [{"at": 0, "over": 0.5, "ramp": {"ue1.cell1.loss_db": 0}}]}, field.control, LONG_S)
    field.wait_for_answers("ue1", "ue2")


def test_a_phone_that_stops_is_named_and_goes_on_later(field: Field) -> None:
    start = time.monotonic()
    field.programs["ue2"].send(signal.SIGSTOP)
    field.wait_for(lambda: field.count("air", "ue2 has not answered", start) == 1, "the air does not say so")
    [line] = [line for at, line in field.programs["air"].lines if at >= start and "ue2 has not answered for" in line]
    assert float(line.split("answered for ")[1].split()[0]) >= STALL_S
    field.wait_for_answers("ue1")
    field.programs["ue2"].send(signal.SIGCONT)
    field.wait_for(lambda: field.count("air", "ue2 is back", start) == 1, "it is not back")
    field.wait_for_answers("ue1", "ue2")


def test_a_foreign_peer_comes_late_in_odd_lengths_and_leaves(field: Field) -> None:
    with Peer(*field.foreign_ports, (333, 1000, 1, 5760, 77)) as peer:
        n = 2 * field.rate // 1000
        peer.feed(np.zeros(100 * n, np.complex64))
        field.wait_for(lambda: field.count("air", "foreign is there") == 1, "it is not there")
        heard = peer.taken(90 * n)
        field.wait_for(lambda: field.count("air", "foreign has not answered") == 1, "it is still there")
        field.wait_for_answers("ue1", "ue2")
    # every sample twice, and the cell's, which has little to send, far above the noise
    np.testing.assert_array_equal(heard[: 80 * n : 2], heard[1 : 80 * n : 2])
    assert 0.02 < np.mean(np.abs(heard) ** 2) < 2


def test_the_air_ends_cleanly(field: Field) -> None:
    request({"stop": True}, field.control, LONG_S)
    assert field.programs["air"].process.wait(LONG_S) == 0
