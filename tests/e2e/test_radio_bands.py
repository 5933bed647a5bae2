"""``picocell radio bands`` as a user types it."""

import json
import sys
from collections.abc import Callable

import pytest

from picocell.cli import main

Run = Callable[..., tuple[object, str, str]]
"""Takes words; gives exit code, standard output and standard error."""


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*words: str) -> tuple[object, str, str]:
        monkeypatch.setattr(sys, "argv", ["picocell", "radio", "bands", *words])
        with pytest.raises(SystemExit) as end:
            main()
        said = capsys.readouterr()
        return end.value.code, said.out, said.err

    return run


def test_the_table(run: Run) -> None:
    code, out, errors = run()
    lines = out.splitlines()
    assert (code, errors, len(lines)) == (0, "", 1 + 51)
    assert "   7  FDD     2620 to 2690       2750 to 3449    2500 to 2570       20750 to 21449" in lines
    assert "  29  SDL     717 to 728         9660 to 9769    none" in lines
    assert "  41  TDD     2496 to 2690       39650 to 41589  2496 to 2690       39650 to 41589" in lines
    _, out, _ = run("--json")
    assert [json.loads(line)["band"] for line in out.splitlines()] == [int(line[:4]) for line in lines[1:]]


def test_one_band(run: Run) -> None:
    code, out, _ = run("--band", "7")
    assert code == 0
    assert "  20 MHz (100 PRB)  2850 to 3350" in out.splitlines()
    code, out, _ = run("--band", "31")
    assert "  10 MHz ( 50 PRB)  none" in out.splitlines()
    code, out, _ = run("--band", "7", "--json")
    assert json.loads(out)["usable_earfcn"]["100"] == [2850, 3350]


@pytest.mark.parametrize(
    ("words", "band", "downlink", "uplink"),
    [
        (["--earfcn", "3350"], 7, (3350, 2680e6), (21350, 2560e6)),
        (["--earfcn", "21350"], 7, (3350, 2680e6), (21350, 2560e6)),
        (["--frequency", "2680e6"], 7, (3350, 2680e6), (21350, 2560e6)),
        (["--frequency", "2560e6"], 7, (3350, 2680e6), (21350, 2560e6)),
        (["--frequency", "2595e6"], 38, (38000, 2595e6), (38000, 2595e6)),
        (["--earfcn", "9715"], 29, (9715, 722.5e6), (None, None)),
        (["--earfcn", "67335"], 66, (67335, 2199.9e6), (None, None)),  # whose uplink is narrower
    ],
)
def test_a_channel(
    run: Run, words: list[str], band: int, downlink: tuple[int, float], uplink: tuple[int | None, float | None]
) -> None:
    code, out, _ = run(*words, "--json")
    (shown,) = [one for one in map(json.loads, out.splitlines()) if one["band"] == band]
    assert code == 0
    assert (shown["downlink_earfcn"], shown["downlink_hz"]) == downlink
    assert (shown["uplink_earfcn"], shown["uplink_hz"]) == uplink
    code, out, _ = run(*words)
    lines = out.splitlines()
    assert f"downlink    {downlink[1] / 1e6:g} MHz, EARFCN {downlink[0]}" in lines
    assert "uplink      " + (f"{uplink[1] / 1e6:g} MHz, EARFCN {uplink[0]}" if uplink[1] else "none") in lines


def test_a_frequency_of_several_bands(run: Run) -> None:
    _, out, _ = run("--frequency", "2140e6", "--json")
    assert [json.loads(line)["band"] for line in out.splitlines()] == [1, 4, 10, 65, 66]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--band", "15"], "--band 15: there is no such band: 1, 2, 3"),
        (["--earfcn", "65000"], "--earfcn 65000: no band has this channel number"),
        (["--earfcn", "-1"], "--earfcn -1: no band has this channel number"),
        (["--frequency", "2680"], "--frequency 2680: no band has it (hertz are meant, such as 2680e6)"),
        (
            ["--frequency", "2680.02e6"],
            "between the channels, which lie every 100 kHz: the nearest of band 7",
        ),
        (["--frequency", "nan"], "--frequency nan: not a frequency"),
        (["--band", "7", "--earfcn", "3350"], "--band, --earfcn, --frequency: only one of them"),
    ],
)
def test_what_is_wrong_is_one_line(run: Run, words: list[str], text: str) -> None:
    code, out, errors = run(*words)
    assert (code, out) == (2, "")
    assert text in errors
    assert len(errors.splitlines()) == 1
