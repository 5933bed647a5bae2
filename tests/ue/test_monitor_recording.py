"""The recorded attach, read by the monitor: everything that its log lists, and nothing else."""

import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from picocell.phy.lte import crs
from picocell.phy.lte.cell import Cell
from picocell.radio.channel.awgn import awgn
from picocell.radio.channel.impairments import SampleRateOffset, frequency_offset
from picocell.radio.file import open_recording
from picocell.radio.recorder import write_recording
from picocell.ue import monitor_report
from support.captures import capture
from support.ground_truth import mac_rows, pdcch_matches, phy_rows

RATE = 1_920_000
SI_RNTI = 0xFFFF

Events = list[dict[str, Any]]


def monitored(path: Path, capsys: pytest.CaptureFixture[str]) -> Events:
    """What ``picocell monitor --json`` prints."""
    capsys.readouterr()
    assert monitor_report.run(path, as_json=True)
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def crs_power() -> float:
    """Power of one CRS resource element of the recording, measured with NumPy's FFT over its first ten frames."""
    samples = open_recording(capture("lte6_dl.sigmf-meta")).read(4 * 1920, 100 * 1920)
    cell = Cell(pci=1)
    first = crs.flat_index(cell, 0)[0]
    powers = []
    for subframe in samples.reshape(100, 1920):
        bins = np.fft.fft(subframe[10:138]) / np.sqrt(128)
        powers.append(np.mean(np.abs(bins[np.r_[128 - 36 : 128, 1:37]][first]) ** 2))
    return float(np.mean(powers))


def impaired(tmp_path: Path, seed: int) -> Path:
    """The recording with noise 14 dB below a CRS element, +3 kHz, 5 ppm, from an arbitrary sample and phase."""
    rng = np.random.default_rng(seed)
    clean = open_recording(capture("lte6_dl.sigmf-meta")).read()
    start = int(rng.integers(0, 120 * 1920))  # the first block of the log is at TTI 165
    offset = SampleRateOffset(5.0)
    samples = np.concatenate([offset.apply(clean[np.newaxis, start:]), offset.flush()], axis=1)[0]
    samples = frequency_offset(samples, 3000.0, RATE, phase=float(rng.uniform()))
    samples = awgn(samples, crs_power() * 10**-1.4, rng)
    path = tmp_path / "impaired.sigmf-meta"
    write_recording(path, samples, RATE, 2.68e9, "cf32_le", "lte6_dl, impaired")
    return path


def check(events: Events) -> Counter[str]:
    """Compare with the logs; returns how many rows of each kind were found."""
    at: dict[tuple[int, str], Events] = defaultdict(list)
    for event in events:
        at[event["tti"], event["channel"]].append(event)
    found: Counter[str] = Counter()
    for row in phy_rows(capture("lte6_phy.csv")):
        here = at[row.tti, row.channel]
        if row.channel == "PDCCH":
            assert any(pdcch_matches(row, event) for event in here), row
        elif row.channel == "PDSCH":
            assert any(_pdsch_matches(row.fields, event) for event in here), row
        elif row.channel == "PHICH":
            assert [event["hi"] for event in here] == [int(row.fields["hi"])], row
        else:
            continue
        found[row.channel] += 1
    blocks = mac_rows(capture("lte6_mac.csv"), "DL")
    for tti, rnti, payload in blocks:
        assert [(e["rnti"], e["payload"]) for e in at[tti, "PDSCH"] if e["crc"]] == [(rnti, payload.hex())]
        found["MAC"] += 1
    _check_nothing_else(events, blocks)
    return found


def _pdsch_matches(fields: dict[str, str], event: dict[str, Any]) -> bool:
    wanted = {
        "rnti": int(fields["rnti"], 16),
        "n_prb": int(fields["nof_prb"]),
        "n_re": int(fields["nof_re"]),
        "rv": int(fields["rv"]),
        "tbs": 8 * int(fields["tbs_bytes"]),
        "q_m": int(fields["bits_per_symbol"]),
        "crc": fields["crc"] == "OK",
    }
    return {name: event[name] for name in wanted} == wanted


def _check_nothing_else(events: Events, blocks: list[tuple[int, int, bytes]]) -> None:
    """Every block with a correct CRC is in the log, or repeats a broadcast one; no other DCI or HI is claimed."""
    listed = {(tti, rnti, payload.hex()) for tti, rnti, payload in blocks}
    broadcast = {payload.hex() for _, rnti, payload in blocks if rnti == SI_RNTI}
    rows = phy_rows(capture("lte6_phy.csv"))
    logged = {channel: {row.tti for row in rows if row.channel == channel} for channel in ("PDCCH", "PHICH")}
    for event in events:
        if event["channel"] == "PDSCH" and event["crc"]:
            if event["rnti"] == SI_RNTI:
                assert event["payload"] in broadcast
                _check_si_position(event)
            else:
                assert (event["tti"], event["rnti"], event["payload"]) in listed
        elif event["channel"] in logged and event["rnti"] != SI_RNTI:
            assert event["tti"] in logged[event["channel"]], event


def _check_si_position(event: dict[str, Any]) -> None:
    """SIB1 in subframe 5 of even frames; the SI message in the first 20 ms of every 16th frame (its SIB1 says so)."""
    sfn, subframe = divmod(event["tti"], 10)
    is_sib1 = event["tbs"] == 144
    assert (sfn % 2 == 0 and subframe == 5) if is_sib1 else event["tti"] % 160 < 20


EXPECTED = Counter(PDCCH=34, PDSCH=19, PHICH=16, MAC=19)


def test_recorded_attach_is_read_completely(capsys: pytest.CaptureFixture[str]) -> None:
    events = monitored(capture("lte6_dl.sigmf-meta"), capsys)
    assert check(events) == EXPECTED
    bad = [event for event in events if event.get("crc") is False]
    assert not bad, "a noiseless block failed its CRC"
    # 70 of SIB1 (every 20 ms) and 18 of SI (two in each of nine windows) are on air in 1.396 s
    assert sum(event["rnti"] == SI_RNTI for event in events if event["channel"] == "PDSCH") == 88


@pytest.mark.parametrize("seed", range(3))
def test_recorded_attach_under_noise_and_offsets(seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(monitored(impaired(tmp_path, seed), capsys)) == EXPECTED
