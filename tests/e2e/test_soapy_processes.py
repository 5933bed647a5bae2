"""Core, eNB and phone as processes over SoapySDR: attach, pings, and each fault of the device in turn, in lock step."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.network_processes import NetworkProcesses
from support.soapy_pair import Faults, need_pair, pair_name

SAMPLES_A_MS = 1920
COUNTED = {"overflow": "overflow", "late": "late", "silence": "silences", "gone": "reopened"}
"""Faults, and what counts each."""
ORDINARY = ["--radio.priority", "null"]
"""In lock step nobody has to hurry."""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[NetworkProcesses, str]]:
    """The three processes, the phone being served, and the name of the pair."""
    with pytest.MonkeyPatch.context() as patch, pair_name("processes") as name:
        patch.setenv("SOAPY_SDR_PLUGIN_PATH", str(need_pair()))
        radio = f"soapy:driver=picopair,name={name},pace=lock,ahead_ms=2,reopen_s=60,end="
        words = {
            "enb": ["--radio.args", f"{radio}a,tx_gain=40,rx_gain=30", *ORDINARY],
            "ue": ["--radio.args", f"{radio}b,base_srate=1.92e6", "--radio.rehearse", "false", *ORDINARY],
        }
        with NetworkProcesses(tmp_path, words=words) as network:
            network.start_all()
            yield network, name
            codes = [network.programs[program].stop() for program in ("ue", "enb", "epc")]
            assert codes == [0, 0, 0]


def counted(network: NetworkProcesses, program: str, what: str) -> int:
    row = network.programs[program].measured().get("radio") or {}
    return int(row.get(what, 0))


def test_attach_and_each_fault_in_turn(served: tuple[NetworkProcesses, str]) -> None:
    network, name = served
    assert network.programs["ue"].count("Network attach successful") == 1
    assert counted(network, "enb", "late") == counted(network, "enb", "overflow") == 0
    for program, end in (("enb", "a"), ("ue", "b")):
        for fault, count in COUNTED.items():
            before = counted(network, program, count)
            with Faults(name, end) as faults:
                bring(faults, fault)
                network.wait_for(
                    lambda program=program, count=count, before=before: counted(network, program, count) > before,
                    120,
                    f"{program}: no {count} is counted",
                )
            network.wait_for_answer(time.monotonic())
    shown = "".join(line for _, line in list(network.programs["enb"].lines))
    assert "L" in shown  # which are in none of its other lines
    assert "O" in shown


def bring(faults: Faults, what: str) -> None:
    match what:
        case "overflow":
            faults.overflow(30 * SAMPLES_A_MS)
        case "late":
            faults.late(5)
        case "silence":
            faults.silence(0.5)
        case "gone":
            faults.gone(0.5)


def test_a_wrong_argument_is_one_line(tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch, pair_name("wrong") as name:
        patch.setenv("SOAPY_SDR_PLUGIN_PATH", str(need_pair()))
        with NetworkProcesses(
            tmp_path, words={"enb": ["--radio.args", f"soapy:driver=picopair,name={name},rx_antenna=LNAW"]}
        ) as network:
            enb = network.start("enb")
            assert enb.process.wait(120) == 2
            network.wait_for(lambda: bool(enb.lines), 10, "no line")
            text = "picocell: rx_antenna=LNAW is not allowed: the device has RX"
            assert [line for _, line in enb.lines] == [text]


def test_a_device_that_stays_away_ends_the_cell_in_order(tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch, pair_name("away") as name:
        patch.setenv("SOAPY_SDR_PLUGIN_PATH", str(need_pair()))
        args = f"soapy:driver=picopair,name={name},pace=lock,ahead_ms=2,reopen_s=0.3"
        with NetworkProcesses(tmp_path, words={"enb": ["--radio.args", args, *ORDINARY]}) as network:
            core, enb = network.start("epc"), network.start("enb")
            network.wait_for(lambda: enb.measured().get("s1") == "READY", 120, "no S1")
            with Faults(name, "a") as faults:
                faults.gone(600)
                assert enb.process.wait(120) == 2
            network.wait_for(lambda: core.count("reset") > 0, 60, "the core knows of no reset")
            lines = [line for _, line in enb.lines]
            assert any("looking for the device for 0.3 s" in line for line in lines)
            assert "the device is lost" in lines[-1]
            assert lines[-1].startswith("picocell: soapy")
