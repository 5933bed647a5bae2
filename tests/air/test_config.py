"""The configuration of an air: its example, and what is wrong with one in a line."""

from pathlib import Path

import pytest
import yaml

from picocell.air.config import AirConfig
from picocell.air.links import THERMAL_DBM
from picocell.config import ConfigError, load, render
from support.ports import free_ports

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "config" / "air.yaml"


def test_example_is_what_print_config_shows_and_the_defaults() -> None:
    assert EXAMPLE.read_text() == render(AirConfig())
    assert load(AirConfig, EXAMPLE) == AirConfig()
    assert set(yaml.safe_load(EXAMPLE.read_text())) == set(AirConfig.model_fields)


def test_everything_that_is_written_is_in_the_air(tmp_path: Path) -> None:
    ports = free_ports(8)
    radios = [f"tx_port=tcp://127.0.0.1:{a},rx_port=tcp://127.0.0.1:{b}" for a, b in zip(ports[::2], ports[1::2])]  # noqa: B905
    file = tmp_path / "air.yaml"
    file.write_text(
        "air: {sample_rate: 11.52e6, seed: 3}\n"
        "defaults: {channel: EVA70, loss_db: 80, noise_figure_db: 5}\n"
        "cells:\n"
        f"  - {{name: a, radio: '{radios[0]}', carrier: 3350, noise_figure_db: 3}}\n"
        f"  - {{name: b, radio: '{radios[1]}', carrier: 0x100, noise_dbfs: -99}}\n"
        "phones:\n"
        f"  - {{name: x, radio: '{radios[2]}', carrier: 3350, tx_gain_db: 4}}\n"
        f"  - {{name: y, radio: '{radios[3]}', carrier: band7}}\n"
        "links:\n"
        "  - {phone: x, cell: a, channel: awgn, loss_db: inf, delay_s: 1e-6, cfo_hz: -5}\n"
        "  - {phone: y, cell: a, snr_db: 12}\n"
    )
    with load(AirConfig, file, ["--air.stall-s", "3"]).open() as air:
        assert (air.sample_rate, air.seed, air.stall_s) == (11.52e6, 3, 3)
        assert [air.get(f"{name}.carrier") for name in "abxy"] == [3350, 256, 3350, "band7"]
        assert air.get("x.noise_dbfs") == pytest.approx(THERMAL_DBM + 5)
        assert air.get("a.noise_figure_db") == pytest.approx(3)
        assert air.get("b.noise_dbfs") == -99
        assert air.get("x.tx_gain_db") == 4
        assert (air.get("x.a.loss_db"), air.get("x.b.loss_db")) == (float("inf"), 80)
        assert (air.get("x.a.channel"), air.get("x.b.channel")) == ("awgn", "EVA70")
        assert air.get("x.a.delay_s") == pytest.approx(1e-6)
        assert air.get("x.a.cfo_hz") == -5
        assert air.get("y.a.snr_db") == pytest.approx(12)


RADIO = "tx_port=tcp://*:2001,rx_port=tcp://localhost:2000,base_srate=5.76e6"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("air: {pace: slow}", "air.pace"),
        ("air: {sample_rate: 5760001}", "air.sample_rate: allowed are whole numbers"),
        ("defaults: {channel: EPZ5}", "EPA"),
        ("defaults: {loss_db: nan}", "inf for no link"),
        ("cells: []", "cells"),
        ("cells: [{name: a.b, radio: '%s'}]" % RADIO, "allowed are a letter"),  # noqa: UP031
        ("cells: [{name: a, radio: 'driver=uhd'}]", "ZeroMQ"),
        ("cells: [{name: a, radio: 'tx_port=tcp://*:99999'}]", "port 99999 is not allowed"),
        ("cells: [{name: a, radio: '%s', n_ports: 2}]" % RADIO, "a: 2 rx channels need rx_port0 to rx_port1"),  # noqa: UP031
        ("cells: [{name: a, radio: '%s,id=x'}]\nair: {sample_rate: 11.52e6}" % RADIO, "a: sample rate 11520000"),  # noqa: UP031
        ("phones: [{name: cell1, radio: 'tx_port=tcp://*:1,rx_port=tcp://a:1'}]", "two members are named cell1"),
        ("phones: [{name: ue1, radio: '%s'}]" % RADIO, "is the port of cell1 too"),  # noqa: UP031
        ("links: [{phone: ue9, cell: cell1}]", "links: there is no phone ue9"),
        ("links: [{phone: ue1, cell: ue2}]", "links: there is no cell ue2"),
        ("links: [{phone: ue1, cell: cell1, los_db: 3}]", "los_db"),
        ("control: {endpoint: 'udp://1'}", "control.endpoint"),
        ("further: 1", "further"),
    ],
)
def test_what_is_wrong_is_told_in_a_line(tmp_path: Path, text: str, line: str) -> None:
    file = tmp_path / "air.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError) as raised:
        load(AirConfig, file)
    assert len(raised.value.lines) == 1, raised.value.lines
    assert line in raised.value.lines[0]
    assert "air.yaml" in raised.value.lines[0]


def test_a_failed_opening_gives_the_ports_back() -> None:
    a, b, c = free_ports(3)
    radio = "tx_port=tcp://127.0.0.1:{},rx_port=tcp://127.0.0.1:{},base_srate=5.76e6"
    words = ["--cells", f"[{{name: a, radio: '{radio.format(a, b)}'}}]"]
    taken = ["--phones", f"[{{name: x, radio: '{radio.format(a, c)}'}}]"]
    with pytest.raises(ConfigError, match="port of a too"):
        load(AirConfig, None, [*words, *taken])
    config = load(AirConfig, None, [*words, "--phones", f"[{{name: x, radio: '{radio.format(c, b)}'}}]"])
    for _ in range(2):
        config.open().close()
