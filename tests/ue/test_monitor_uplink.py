"""The uplink of the recorded attach, read beside its downlink: all that the log lists, and nothing else."""

import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from picocell.kernels.ofdm import Ofdm
from picocell.radio.channel.awgn import awgn
from picocell.radio.channel.impairments import delay, frequency_offset
from picocell.radio.file import open_recording
from picocell.radio.recorder import write_recording
from picocell.ue import monitor_report
from support.captures import capture
from support.ground_truth import mac_rows, phy_rows

RATE = 1_920_000
FIRST_TTI = -4  # of the recording's first subframe

Events = list[dict[str, Any]]


def monitored(uplink: Path, capsys: pytest.CaptureFixture[str]) -> Events:
    """What ``picocell monitor DOWNLINK --uplink UPLINK --json`` prints."""
    capsys.readouterr()
    assert monitor_report.run(capture("lte6_dl.sigmf-meta"), uplink=uplink, as_json=True)
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def pusch_power() -> float:
    """Power of one occupied resource element of the recorded PUSCHs, the weakest of them."""
    recording, ofdm = open_recording(capture("lte6_ul.sigmf-meta")), Ofdm(6, 128, False, half_shift=True)
    powers = []
    for row in phy_rows(capture("lte6_phy.csv")):
        if row.channel == "PUSCH":
            first, count = (int(text) for text in row.fields["rb"].strip("()").split(","))
            samples = recording.read((row.tti - FIRST_TTI) * 1920, 1920)
            grid = ofdm.demodulate(samples[np.newaxis])[0]
            powers.append(float(np.mean(np.abs(grid[:, 12 * first : 12 * (first + count)]) ** 2)))
    return min(powers)


def impaired(tmp_path: Path, seed: int) -> Path:
    """The recording with noise 16 dB below a PUSCH element, 2 µs late, 200 Hz off."""
    clean = open_recording(capture("lte6_ul.sigmf-meta")).read()
    samples = frequency_offset(delay(clean, 2e-6 * RATE), 200.0, RATE)
    samples = awgn(samples, pusch_power() * 10**-1.6, np.random.default_rng(seed))
    path = tmp_path / "uplink.sigmf-meta"
    write_recording(path, samples, RATE, 2.56e9, "cf32_le", "lte6_ul, impaired")
    return path


def check(events: Events) -> Counter[str]:
    """Compare with the logs; returns how many rows of each channel were found."""
    at: dict[tuple[int, str], Events] = defaultdict(list)
    for event in events:
        at[event["tti"], event["channel"]].append(event)
    blocks = {tti: payload.hex() for tti, _, payload in mac_rows(capture("lte6_mac.csv"), "UL")}
    found: Counter[str] = Counter()
    rows = phy_rows(capture("lte6_phy.csv"))
    for row in rows:
        if row.channel not in ("PRACH", "PUSCH", "PUCCH"):
            continue
        (event,) = at[row.tti, row.channel]
        assert not event["dtx"], row
        if row.channel == "PRACH":
            assert event["preamble"] == int(row.fields["Transmitted preamble"])
        elif row.channel == "PUSCH":
            assert _pusch(event) == _logged_pusch(row.fields)
            assert event["payload"] == blocks.pop(row.tti)
        else:
            assert _pucch(event) == _logged_pucch(row.fields)
        found[row.channel] += 1
    assert not blocks, "a transport block of the log was not received"
    logged = {(row.tti, row.channel) for row in rows}
    for event in events:
        if event["channel"] in ("PRACH", "PUSCH", "PUCCH") and (event["tti"], event["channel"]) not in logged:
            assert event["dtx"], event
            found[f"{event['channel']} DTX"] += 1
    return found


def _pusch(event: dict[str, Any]) -> dict[str, Any]:
    names = ("rnti", "prb_start", "n_prb", "q_m", "tbs", "rv", "crc")
    return {name: event[name] for name in names} | {"ack": event.get("ack")}


def _logged_pusch(fields: dict[str, str]) -> dict[str, Any]:
    first, count = (int(text) for text in fields["rb"].strip("()").split(","))
    return {
        "rnti": int(fields["rnti"], 16),
        "prb_start": [first, first],
        "n_prb": count,
        "q_m": int(fields["bits_per_symbol"]),
        "tbs": 8 * int(fields["tbs_bytes"]),
        "rv": int(fields["rv"]),
        "crc": True,
        "ack": [int(fields["ack"])] if "ack" in fields else None,
    }


def _pucch(event: dict[str, Any]) -> dict[str, Any]:
    return {name: event[name] for name in ("rnti", "format", "n_pucch", "sr", "ack", "cqi")}


def _logged_pucch(fields: dict[str, str]) -> dict[str, Any]:
    return {
        "rnti": int(fields["rnti"], 16),
        "format": fields["f"],
        "n_pucch": int(fields["n_pucch"]),
        "sr": fields.get("sr") == "yes",
        "ack": [int(fields["ack"])] if "ack" in fields else None,
        "cqi": int(fields["cqi"].split()[0]) if "cqi" in fields else None,
    }


EXPECTED = Counter({"PRACH": 1, "PUSCH": 16, "PUCCH": 48, "PRACH DTX": 138, "PUCCH DTX": 43})


def test_recorded_uplink_is_read_completely(capsys: pytest.CaptureFixture[str]) -> None:
    assert check(monitored(capture("lte6_ul.sigmf-meta"), capsys)) == EXPECTED


@pytest.mark.parametrize("seed", range(3))
def test_recorded_uplink_under_noise_and_offsets(seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    events = monitored(impaired(tmp_path, seed), capsys)
    assert check(events) == EXPECTED
    for event in events:
        if event["channel"] == "PUSCH":
            assert abs(event["timing_offset_us"] - 2.0) < 0.5
            assert abs(event["cfo_hz"] - 200.0) < 60.0
    (preamble,) = [event for event in events if event["channel"] == "PRACH" and not event["dtx"]]
    assert abs(preamble["timing_advance_us"] - 2.0) < 0.52
