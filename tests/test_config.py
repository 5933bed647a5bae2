"""Configuration files and keys on the command line, for all three processes."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from picocell.config import ConfigError, load, render
from picocell.enb.config import EnbConfig
from picocell.epc.config import EpcConfig
from picocell.ue.config import UeConfig

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "examples" / "config"
MODELS: dict[str, type[BaseModel]] = {"epc": EpcConfig, "enb": EnbConfig, "ue": UeConfig}


def errors(model: type[BaseModel], text: str, *words: str, path: Path) -> list[str]:
    """Lines of what is wrong with a file, without its folder."""
    file = path / "c.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError) as raised:
        load(model, file, words)
    return [line.replace(f"{path}/", "") for line in raised.value.lines]


def leaves(value: object, path: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    """Paths of all keys that hold no section."""
    if not isinstance(value, BaseModel):
        return {path}
    return {leaf for name in type(value).model_fields for leaf in leaves(getattr(value, name), (*path, name))}


def written(value: object, path: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    """Paths of all keys of a YAML file."""
    if not isinstance(value, dict):
        return {path}
    return {leaf for name, inner in value.items() for leaf in written(inner, (*path, name))}


# the examples


@pytest.mark.parametrize("name", MODELS)
def test_example_is_what_print_config_shows(name: str) -> None:
    assert (EXAMPLES / f"{name}.yaml").read_text() == render(MODELS[name]())


@pytest.mark.parametrize("name", MODELS)
def test_example_has_every_key_and_the_defaults(name: str) -> None:
    file = EXAMPLES / f"{name}.yaml"
    config, default = load(MODELS[name], file), MODELS[name]()
    assert written(yaml.load(file.read_text(), yaml.BaseLoader)) == leaves(default)
    shown = config.model_dump_json().replace(f"{EXAMPLES}/", "")
    assert shown == default.model_dump_json()


@pytest.mark.parametrize("name", MODELS)
def test_every_key_of_an_example_has_a_comment(name: str) -> None:
    lines = (EXAMPLES / f"{name}.yaml").read_text().splitlines()
    for before, line in zip(["", *lines], lines, strict=False):
        if not line or line.lstrip().startswith(("#", "-")):
            continue
        is_layer = re.fullmatch(r"  \w+: \{level: null, file: null\}", line) is not None
        assert is_layer or " # " in line or before.lstrip().startswith("# "), line
        assert len(line) <= 120


def test_examples_fit_together() -> None:
    epc, enb, ue = (load(MODELS[name], EXAMPLES / f"{name}.yaml") for name in MODELS)
    assert isinstance(epc, EpcConfig)
    assert isinstance(enb, EnbConfig)
    assert isinstance(ue, UeConfig)
    assert (enb.mme.address, enb.mme.port) == (epc.mme.address, epc.mme.port) == ("127.0.1.100", 36412)
    assert (epc.sgw.port, epc.sgw.peer_port) == (enb.gtpu.peer_port, enb.gtpu.port) == (2152, 2152)
    assert epc.sgw.address != enb.gtpu.address
    assert enb.enb.plmn == epc.mme.plmn
    assert enb.enb.tac in epc.mme.tacs
    assert "tx_port=tcp://*:2000,rx_port=tcp://localhost:2001" in enb.radio.args
    assert "tx_port=tcp://*:2001,rx_port=tcp://localhost:2000" in ue.radio.args
    (sim,) = epc.hss.subscribers
    assert (ue.usim.imsi, ue.usim.k, ue.usim.opc) == (sim.imsi, sim.k, sim.opc)
    assert ue.radio.earfcn == enb.enb.earfcn


# values


def test_values_are_what_was_written_and_not_what_yaml_makes_of_them(tmp_path: Path) -> None:
    file = tmp_path / "ue.yaml"
    key = "00112233445566770011223344556677"
    file.write_text(
        f"usim: {{imsi: 001010123456712, k: {key}, op: 112233445566778899001122334455e6}}\nnas: {{plmn: 00101}}"
    )
    config = load(UeConfig, file)
    assert config.usim.imsi == "001010123456712"
    assert config.usim.k.hex() == key
    assert config.usim.op is not None
    assert config.usim.op.hex() == "112233445566778899001122334455e6"
    assert config.usim.opc is None
    assert config.nas.plmn == ("001", "01")


@pytest.mark.parametrize(
    ("text", "plmn"), [("310410", ("310", "410")), ("001/01", ("001", "01")), ("001-01", ("001", "01"))]
)
def test_plmn_as_people_write_it(text: str, plmn: tuple[str, str]) -> None:
    assert load(EnbConfig, None, ["--enb.plmn", text]).enb.plmn == plmn


def test_hexadecimal_and_null(tmp_path: Path) -> None:
    file = tmp_path / "enb.yaml"
    file.write_text("enb:\n  cell-id: 0x19B02\n  inactivity_ms: null\n  eea: 2\n  eia: [128-EIA1, 2]\n")
    enb = load(EnbConfig, file).enb
    assert (enb.cell_id, enb.inactivity_ms) == (0x19B02, None)
    assert ([one.name for one in enb.eea], [one.name for one in enb.eia]) == (["EEA2"], ["EIA1", "EIA2"])


def test_empty_file_is_the_defaults(tmp_path: Path) -> None:
    file = tmp_path / "enb.yaml"
    file.write_text("# nothing\n")
    assert load(EnbConfig, file) == EnbConfig()


def test_keys_on_the_command_line_win_and_may_have_dashes(tmp_path: Path) -> None:
    file = tmp_path / "enb.yaml"
    file.write_text("enb: {n_prb: 6, pci: 3}\n")
    words = [
        "--enb.n-prb",
        "50",
        "--radio.tx_gain=-3.5",
        "--console.table",
        "--mme.bind_port",
        "0",
        "--enb.eea",
        "[EEA1]",
    ]
    config = load(EnbConfig, file, words)
    assert (config.enb.n_prb, config.enb.pci, config.radio.tx_gain, config.console.table) == (50, 3, -3.5, True)
    assert [one.name for one in config.enb.eea] == ["EEA1"]


def test_device_arguments_are_one_text() -> None:
    args = "tx_port=tcp://*:2100,rx_port=tcp://localhost:2101,base_srate=11.52e6"
    assert load(EnbConfig, None, ["--radio.args", args]).radio.args == args


def test_lists_of_sections_on_the_command_line() -> None:
    key = "00112233445566778899aabbccddeeff"
    word = f"[{{imsi: 001010123456789, k: {key}, op: {key}, ip: 172.16.0.9}}]"
    (one,) = load(EpcConfig, None, ["--hss.subscribers", word]).hss.subscribers
    assert (one.imsi, one.subscriber().static_ip) == ("001010123456789", "172.16.0.9")


def test_paths_are_relative_to_where_they_were_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    file = tmp_path / "a" / "epc.yaml"
    file.write_text("pcap: {directory: caps}\nlog: {file: ../epc.log, s1ap: {file: /var/s1ap.log}}\n")
    monkeypatch.chdir(tmp_path / "b")
    config = load(EpcConfig, file, ["--metrics.file", "m.csv"])
    assert config.pcap.directory == tmp_path / "a" / "caps"
    assert config.log.file is not None
    assert config.log.file.resolve() == tmp_path / "epc.log"
    assert config.log.s1ap.file == Path("/var/s1ap.log")
    assert config.metrics.file == tmp_path / "b" / "m.csv"
    assert config.hss.database == str(tmp_path / "a" / "subscribers.db")
    assert load(EpcConfig, file, ["--hss.database", "x.db"]).hss.database == str(tmp_path / "b" / "x.db")
    for location in (":memory:", "postgresql://host/name"):
        assert load(EpcConfig, file, ["--hss.database", location]).hss.database == location


# errors


def test_errors_name_line_key_value_and_what_is_allowed(tmp_path: Path) -> None:
    text = "enb:\n  n_prb: 30\n  pci: 900\n  scheduler: edf\n  enable_64qam: maybe\n  eea: [EEA7]\nlog: {level: loud}\n"
    assert sorted(errors(EnbConfig, text, path=tmp_path)) == [
        "c.yaml:2: enb.n_prb = 30: allowed are 6, 15, 25, 50, 75, 100",
        "c.yaml:3: enb.pci = 900: allowed are whole numbers from 0 to 503",
        "c.yaml:4: enb.scheduler = edf: allowed are rr or pf",
        "c.yaml:5: enb.enable_64qam = maybe: allowed are true and false",
        "c.yaml:6: enb.eea.0 = EEA7: allowed are EEA0, EEA1, EEA2, EEA3",
        "c.yaml:7: log.level = loud: allowed are debug, info, warning or error",
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("enb: {prb: 25}", "c.yaml:1: enb.prb is no key; is n_prb meant?"),
        ("lgo: {}", "c.yaml:1: lgo is no key; is log meant?"),
        ("enb: 5", "c.yaml:1: enb = 5: allowed are keys below it, indented"),
        ("enb: {pci: x}", "c.yaml:1: enb.pci = x: allowed are whole numbers from 0 to 503"),
        ("enb: {pci: 0xz}", "c.yaml:1: enb.pci = 0xz: allowed are whole numbers such as 42 or 0x2a"),
        ("enb: {n_ports: 3}", "c.yaml:1: enb.n_ports = 3: allowed are 1, 2, 4"),
        ("enb: {eea: []}", "c.yaml:1: enb.eea = []: allowed is a list of 1 or more values such as [a, b]"),
        ("enb: {name: ''}", "c.yaml:1: enb.name = '': allowed are texts of 1 to 150 characters"),
        ("enb: {name: [a]}", "c.yaml:1: enb.name = ['a']: allowed is a text"),
        ("enb: {eia: EIA0}", "c.yaml:1: enb.eia.0 = EIA0: allowed are EIA1, EIA2, EIA3"),
        ("enb:\n  pci: 1\n  pci: 2", "c.yaml:3: enb.pci is there twice"),
        ("- 1", "c.yaml: allowed are sections of keys, such as 'log:' and below it '  level: info'"),
        (
            "mme: {address: localhost}",
            "c.yaml:1: mme.address = localhost: allowed is an IPv4 address such as 127.0.1.100",
        ),
        (
            "metrics: {file: m.txt}",
            "c.yaml:1: metrics.file = m.txt: allowed are files that end in .csv, .json or .jsonl",
        ),
        ("radio: {tx_gain: nan}", "c.yaml:1: radio.tx_gain = nan: allowed are numbers from -100 to 100"),
        (
            "radio: {args: 'tx_port=tcp://*:1,rx_port=tcp://h:2,base_srate=11.52e6'}\nenb: {n_prb: 75}",
            "c.yaml:1: radio.args: base_srate=11.52e6 is not a multiple of 15.36e6 "
            "of 75 PRB, radio.sample_rate shortened",
        ),
        (
            "mme: {sctp: {mode: kernel, udp_port: 9}}",
            "c.yaml:1: mme.sctp: udp_port and peer_udp_port are for mode udp, not for mode kernel",
        ),
    ],
)
def test_what_is_not_allowed_is_told_in_a_line(text: str, line: str, tmp_path: Path) -> None:
    assert errors(EnbConfig, text, path=tmp_path) == [line]


def test_text_that_is_no_yaml(tmp_path: Path) -> None:
    (line,) = errors(EnbConfig, "enb: [\n", path=tmp_path)
    assert line.startswith("c.yaml:2: not YAML: ")
    (line,) = errors(EnbConfig, "a: &a [*a]\n", path=tmp_path)
    assert "20 levels" in line or "contains itself" in line


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml: No such file or directory"):
        load(EnbConfig, tmp_path / "none.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"enb: {name: caf\xe9}")
    with pytest.raises(ConfigError, match=r"latin\.yaml: not UTF-8 text \(byte 15\)"):
        load(EnbConfig, tmp_path / "latin.yaml")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--enb.n-prb", "51"], "command line: --enb.n-prb: enb.n_prb = 51: allowed are 6, 15, 25, 50, 75, 100"),
        (["--enb.n-prbs", "50"], "command line: --enb.n-prbs is no key; is enb.n_prb or enb.n_ports meant?"),
        (["--enb.n-prb"], "command line: --enb.n-prb needs a value"),
        (["--enb.n-prb", "--enb.pci", "3"], "command line: --enb.n-prb needs a value"),
        (["enb.yaml"], "command line: 'enb.yaml': allowed are --section.key value"),
        (["--enb.pci.x", "3"], "command line: --enb.pci.x is no key; is enb.pci or enb.tac meant?"),
        (["--enb", "5"], "command line: --enb: enb = 5: allowed are keys below it, indented"),
    ],
)
def test_wrong_words_on_the_command_line(words: list[str], line: str) -> None:
    with pytest.raises(ConfigError) as raised:
        load(EnbConfig, None, words)
    (found,) = raised.value.lines
    if "is no key" in line:  # what is suggested besides does not matter
        assert found.startswith(line.split(" or ")[0].rstrip("?"))
    else:
        assert found == line


def lines_of(file: Path | None, words: list[str]) -> tuple[str, ...]:
    """What is wrong; empty where nothing is."""
    try:
        load(EnbConfig, file, words)
    except ConfigError as error:
        return error.lines or ("",)
    return ()


@given(st.text(max_size=60))
def test_any_text_is_a_configuration_or_an_error(text: str) -> None:
    for words in (["--enb.name", text], ["--radio.args", text], [text], [f"--{text}", text]):
        assert all(len(line.splitlines()) == 1 for line in lines_of(None, words))


VALUES = st.recursive(
    st.none() | st.text(max_size=5) | st.integers(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["enb", "log", "level", "n_prb", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(VALUES)
def test_any_yaml_is_a_configuration_or_an_error(tmp_path_factory: pytest.TempPathFactory, value: object) -> None:
    file = tmp_path_factory.getbasetemp() / "any.yaml"
    file.write_text(yaml.safe_dump(value), encoding="utf-8")
    assert all(len(line.splitlines()) == 1 for line in lines_of(file, []))


# the commands


def command(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a process command."""
    code = "from picocell.process_cli import app; app()"
    return subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, timeout=300, cwd=cwd, check=False
    )


def test_print_config_can_be_read_again(tmp_path: Path) -> None:
    first = command("enb", "--enb.n-prb", "6", "--print-config", "--radio.tx-gain", "-3", cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    (tmp_path / "enb.yaml").write_text(first.stdout)
    config = load(EnbConfig, tmp_path / "enb.yaml")
    assert (config.enb.n_prb, config.radio.tx_gain) == (6, -3)
    assert render(config) == first.stdout


def test_errors_of_a_command_are_lines_and_exit_code_2(tmp_path: Path) -> None:
    (tmp_path / "epc.yaml").write_text("pgw: {pool: 1.2.3.4/31, mtu: 1}\n")
    result = command("epc", "--config", "epc.yaml", cwd=tmp_path)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.splitlines() == [
        "picocell: epc.yaml:1: pgw.pool = 1.2.3.4/31: allowed is an IPv4 network such as 172.16.0.0/24, "
        "/30 being the smallest",
        "picocell: epc.yaml:1: pgw.mtu = 1: allowed are whole numbers from 576 to 65535",
    ]
