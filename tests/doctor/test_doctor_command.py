"""The command ``picocell doctor``: configurations by their content, table, JSON, exit codes."""

import json
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from picocell.config import ConfigError
from picocell.doctor.command import app
from picocell.doctor.configurations import Given
from support.doctor_bench import EXAMPLES, bad, machine, results
from support.ports import free_ports


def doctor(*words: object) -> Any:
    return CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": "200"})


@pytest.fixture
def configs(tmp_path: Path) -> list[Path]:
    """The examples with free ports."""
    a, b, s1, gtpu = free_ports(4)
    found = []
    for name in ("epc", "enb", "ue"):
        text = (EXAMPLES / f"{name}.yaml").read_text()
        for old, new in ((":2000", f":{a}"), (":2001", f":{b}"), (" 36412", f" {s1}"), (" 2152", f" {gtpu}")):
            text = text.replace(old, new)
        found.append(tmp_path / f"{name}.yaml")
        found[-1].write_text(text)
    return found


def test_json_and_exit_codes(configs: list[Path]) -> None:
    words = [word for config in configs for word in ("--config", config)]
    before = sorted(path.name for path in configs[0].parent.iterdir())
    done = doctor(*words, "--json")
    said = json.loads(done.stdout)
    agreement = [one for one in said["results"] if one["group"] == "agreement"]
    assert agreement
    assert {one["status"] for one in agreement} == {"ok"}
    assert done.exit_code == (1 if said["counts"]["failed"] else 0)
    assert sorted(path.name for path in configs[0].parent.iterdir()) == before  # no database was made
    configs[2].write_text(configs[2].read_text().replace("imsi: 0010101", "imsi: 0010201"))
    done = doctor(*words)
    assert done.exit_code == 1
    assert "IMSI 001020123456780 is not known to epc.yaml" in done.stdout
    assert "→ add it to hss.subscribers of epc.yaml" in done.stdout
    assert "failed" in done.stdout.splitlines()[-1]


def test_a_port_that_is_in_use(configs: list[Path]) -> None:
    given = Given.read(configs)
    [tx] = given.ues[0].config.radio.args.split(",")[:1]
    with socket.socket() as held:
        held.bind(("0.0.0.0", int(tx.rpartition(":")[2])))
        held.listen()
        done = doctor("--config", configs[2], "--json")
    found = [one for one in json.loads(done.stdout)["results"] if one["check"] == "ports"]
    assert done.exit_code == 1
    assert "Address already in use" in found[0]["text"]


def test_without_a_configuration() -> None:
    done = doctor()
    assert "No configuration was given" in done.stdout
    assert "agreement" not in done.stdout


def test_the_kind_is_told_from_the_content(tmp_path: Path) -> None:
    for number, name in enumerate(("ue", "epc", "air", "enb")):
        shutil.copy(EXAMPLES / f"{name}.yaml", tmp_path / f"{number}.yaml")
    (tmp_path / "4.yaml").write_text("mme: {tacs: [9]}\n")
    (tmp_path / "5.yaml").write_text("mme: {bind: 127.0.0.9}\n")
    given = Given.read([tmp_path / f"{number}.yaml" for number in range(6)])
    kinds = [[one.name for one in some] for some in (given.epcs, given.enbs, given.ues, given.airs)]
    assert kinds == [["1.yaml", "4.yaml"], ["3.yaml", "5.yaml"], ["0.yaml"], ["2.yaml"]]


def test_an_air_is_the_peer_of_cells_and_phones(tmp_path: Path) -> None:
    files = {
        "enb.yaml": "enb: {pci: 1}\nradio: {args: 'tx_port=tcp://*:2000,rx_port=tcp://localhost:2001,base_srate=5.76e6'}",
        "ue1.yaml": "usim: {imsi: '001010123456780'}\n"
        "radio: {args: 'tx_port=tcp://*:2101,rx_port=tcp://localhost:2100,base_srate=5.76e6'}",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    shutil.copy(EXAMPLES / "air.yaml", tmp_path)
    paths = [tmp_path / name for name in (*files, "air.yaml")]
    found = bad(results(machine(tmp_path), Given.read(paths), "ports are crossed"))
    assert [one.text for one in found] == ["air.yaml ue2: nobody sends at its rx_port tcp://localhost:2201"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x: 1", "does not tell of which process it is"),
        ("", "is no configuration"),
        ("[1, 2]", "is no configuration"),
        ("a: [", "is no configuration"),
        ("usim: {k: 5}", "usim.k"),
        ("enb: {n_prb: 26}", "n_prb"),
    ],
)
def test_files_that_are_none(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "x.yaml").write_text(text)
    with pytest.raises(ConfigError, match=words):
        Given.read([tmp_path / "x.yaml"])


def test_wrong_use_is_a_line(tmp_path: Path) -> None:
    line = [sys.executable, "-m", "picocell", "doctor", "--config", str(tmp_path / "nothing.yaml")]
    done = subprocess.run(line, capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "No such file" in done.stderr
