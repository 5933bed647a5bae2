"""Commands to an air that runs, and the command line around them."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import zmq
from typer.testing import CliRunner

from picocell.air import Air
from picocell.air import control as control_module
from picocell.air.control import ControlError, ControlServer, request
from picocell.air_cli import app
from support.ports import free_ports
from support.waiting import LONG_S, until


@pytest.fixture
def served() -> Iterator[tuple[Air, str]]:
    """An air that answers commands, and where."""
    air = Air(1.92e6)
    air.cell("cell1", carrier=3350)
    air.phone("ue1", carrier=3350)
    air.phone("ue2", carrier=3350)
    server = ControlServer(air, "tcp://127.0.0.1:*")
    stopped = threading.Event()

    def run() -> None:
        while not stopped.is_set() and not server.stopped:
            air.step()
            for scenario in server.scenarios:
                scenario.advance(air)
            server.serve()

    thread = threading.Thread(target=run)
    thread.start()
    yield air, server.endpoint
    stopped.set()
    thread.join()
    server.close()
    air.close()


def test_set_and_get(served: tuple[Air, str]) -> None:
    air, endpoint = served
    reply = request({"set": {"ue1.cell1.loss_db": "95", "*.cell1.cfo_hz": 100}}, endpoint, LONG_S)
    assert reply == {"set": {"ue1.cell1.loss_db": 95.0, "ue1.cell1.cfo_hz": 100.0, "ue2.cell1.cfo_hz": 100.0}}
    assert air.link("ue1", "cell1").loss_db == 95
    request({"set": {"ue2.cell1.loss_db": "inf", "ue2.cell1.channel": "EPA5"}}, endpoint, LONG_S)
    assert request({"get": ["ue2.cell1.channel"]}, endpoint, LONG_S)["get"] == {"ue2.cell1.channel": "EPA5"}
    everything = request({"get": []}, endpoint, LONG_S)["get"]
    assert everything["ue2.cell1.loss_db"] == "inf"
    assert everything["cell1.carrier"] == 3350


def test_all_values_of_a_command_or_none(served: tuple[Air, str]) -> None:
    air, endpoint = served
    with pytest.raises(ControlError, match="loss_db 'x' is no number"):
        request({"set": {"ue1.cell1.distance_m": 500, "ue2.cell1.loss_db": "x"}}, endpoint, LONG_S)
    assert air.link("ue1", "cell1").distance_m == 0


@pytest.mark.parametrize(
    "asked",
    [
        {"set": {"ue7.cell1.loss_db": 1}},
        {"set": 5},
        {"get": ["a.b"]},
        {"play": [{"at": "soon"}]},
        {"play": [{"at": 1, "set": {"ue7.cell1.loss_db": 1}}]},
        {"dance": 1},
        {},
        {"get": [], "set": {}},
    ],
)
def test_what_is_wrong_is_answered_in_a_line(served: tuple[Air, str], asked: dict[str, Any]) -> None:
    with pytest.raises(ControlError) as raised:
        request(asked, served[1], LONG_S)
    assert "\n" not in str(raised.value)
    assert request({"status": True}, served[1], LONG_S)["status"]["now_ms"] > 0


@pytest.mark.parametrize("data", [b"", b"\xff", b"[1]", b'"get"', b"{"])
def test_rubbish_is_answered(served: tuple[Air, str], data: bytes) -> None:
    with zmq.Context() as context, context.socket(zmq.REQ) as socket:
        socket.connect(served[1])
        socket.send(data)
        assert socket.poll(round(1000 * LONG_S))
        assert "error" in json.loads(socket.recv())


def test_a_scenario_is_played_from_now_on(served: tuple[Air, str]) -> None:
    air, endpoint = served
    entries = [{"at": 0, "over": 0.02, "ramp": {"ue1.cell1.loss_db": [None, 40]}}]
    assert request({"play": entries}, endpoint, LONG_S) == {"play": 1}
    end = air.now + 1000
    until(lambda: air.now >= end)
    assert air.link("ue1", "cell1").loss_db == 40


def test_nobody_there_is_said() -> None:
    with pytest.raises(ControlError, match="no air answers"):
        request({"status": True}, f"tcp://127.0.0.1:{free_ports(1)[0]}", 0.2)


@pytest.mark.parametrize("kind", ["ipc", "tcp"])
def test_the_command_line(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real process: it runs, is changed, tells its table and metrics, and stops when it is told to."""
    control, *ports = free_ports(5)
    endpoint = f"ipc://{tmp_path}/control" if kind == "ipc" else f"tcp://127.0.0.1:{control}"
    radio = "tx_port=tcp://127.0.0.1:{},rx_port=tcp://127.0.0.1:{},base_srate=1.92e6"
    (tmp_path / "walk.yaml").write_text("- {at: 0, set: {ue1.cell1.loss_db: 5}}\n")
    (tmp_path / "air.yaml").write_text(
        f"air: {{sample_rate: 1.92e6, start_wait_s: 0}}\n"
        f"cells: [{{name: cell1, radio: '{radio.format(*ports[:2])}'}}]\n"
        f"phones: [{{name: ue1, radio: '{radio.format(*ports[2:])}', noise_figure_db: 5}}]\n"
        "links: [{phone: ue1, cell: cell1, channel: EPA5, cfo_hz: -200}]\n"
        "scenario: {file: walk.yaml}\n"
        "metrics: {file: air.json, period_ms: 50}\n"
        f"control: {{endpoint: '{endpoint}'}}\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "picocell.air_cli", "--config", str(tmp_path / "air.yaml"),
         "--console.table", "--console.period-ms", "500"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    assert process.stdout is not None
    monkeypatch.setattr(control_module, "request", partial(request, timeout_s=LONG_S))

    def say(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, [*words, "--control", endpoint])
        return done.exit_code, done.output

    try:
        assert "Air: cell1, ue1" in process.stdout.readline()
        assert say("get", "ue1.cell1.cfo_hz", "ue1.cell1.channel") == (
            0,
            "ue1.cell1.cfo_hz -200.0\nue1.cell1.channel EPA5\n",
        )
        assert say("set", "ue1.cell1.loss_db", "-3.5")[0] == 0
        assert json.loads(say("get", "ue1.cell1.loss_db", "--json")[1]) == {"ue1.cell1.loss_db": -3.5}
        code, text = say("set", "ue1.cell1.loss", "3")
        assert (code, text.count("\n")) == (2, 1)
        assert "is no parameter" in text
        assert say("set", "ue1.cell1.loss_db")[0] == say("dance")[0] == 2
        assert "cell1        cell   absent" in say("status")[1]
        assert any("absent" in line for line in process.stdout), "its table"
        until(lambda: (tmp_path / "air.json").read_text().endswith("}\n"), "its metrics")
        assert say("stop") == (0, "True\n")
        process.stdout.read()
        assert process.wait(LONG_S) == 0
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.stdout.close()
        process.wait()
    rows = [json.loads(line) for line in (tmp_path / "air.json").read_text().splitlines()]
    assert {member["name"]: member["state"] for member in rows[-1]["members"]} == {"cell1": "absent", "ue1": "absent"}
