"""The commands dlsim, ulsim and codesim."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from picocell import cli

SMALL = ["-n", "30", "--jobs", "1", "-q"]


def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: str) -> tuple[int, str, str]:
    """Exit code, standard output and error of a command."""
    monkeypatch.setattr(sys, "argv", ["picocell", *words])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    out, err = capsys.readouterr()
    return int(caught.value.code or 0), out, err


def test_downlink_sweep(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    files = ["--json", str(tmp_path / "a.jsonl"), "--csv", str(tmp_path / "a.csv")]
    sweep = ["-m", "0,3-4", "-B", "6", "-s", "-2", "-w", "4", "-f", "2"]
    code, out, _ = run(capsys, monkeypatch, "dlsim", *sweep, *SMALL, *files)
    assert code == 0
    assert "per resource element and receive antenna" in out
    assert "Eb/N0 = SNR" in out
    records = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert [(r["mcs"], r["snr_db"]) for r in records] == [(m, s) for m in (0, 3, 4) for s in (-2.0, 0.0, 2.0)]
    assert len((tmp_path / "a.csv").read_text().splitlines()) == 10
    again, _, _ = run(capsys, monkeypatch, "dlsim", *sweep, *SMALL, *files, "--resume")
    assert again == 0


def test_pass_line_decides_the_exit_code(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["ulsim", "-m", "4", "-z", "2", "-g", "N", *SMALL]
    assert run(capsys, monkeypatch, *words, "-s", "10", "-O", "90")[0] == 0
    code, _, err = run(capsys, monkeypatch, *words, "-s", "-15", "-O", "90")
    assert code == 1
    assert "90 % wanted" in err


def test_which_points_are_too_slow_is_told(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    code, out, err = run(capsys, monkeypatch, "dlsim", "-m", "0,28", "-s", "5", "-O", "90", *SMALL)
    assert code == 1
    assert err.splitlines() == ["picocell: mcs 28, SNR 5 dB: 0.0 % of throughput, 90 % wanted"]
    assert "downlink: n_prb 6, channel AWGN" in out


def test_a_picture_shows_what_is_asked_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytest.importorskip("matplotlib")
    for name in ("residual_bler", "throughput_mbps"):
        words = ["-s", "-6", "-w", "4", "-R", "2", "--plot", str(tmp_path / f"{name}.svg"), "--metric", name]
        assert run(capsys, monkeypatch, "dlsim", *words, *SMALL)[0] == 0
    assert (tmp_path / "residual_bler.svg").read_bytes() != (tmp_path / "throughput_mbps.svg").read_bytes()


def test_redundancy_versions_may_repeat(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "a.jsonl"
    assert run(capsys, monkeypatch, "dlsim", "-R", "2-3", "--rv", "0,0,1", *SMALL, "--json", str(file))[0] == 0
    records = [json.loads(line) for line in file.read_text().splitlines()]
    assert [(r["rounds"], r["rv_sequence"]) for r in records] == [(2, [0, 0, 1]), (3, [0, 0, 1])]


def test_turbo_code(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    code, out, _ = run(capsys, monkeypatch, "codesim", "-k", "40,1024", "-s", "2", *SMALL)
    assert code == 0
    assert "2.00" in out  # Eb/N0 as asked for, whatever the tail bits


@pytest.mark.parametrize(
    "words",
    [
        ["pbchsim", "-y", "1,2", "-z", "2"],
        ["pdcchsim", "-B", "25", "-c", "3", "-l", "4,8"],
        ["pucchsim", "-F", "1a,2"],
        ["prachsim", "-z", "1,2"],
    ],
    ids=lambda w: w[0],
)
def test_control_channels(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, words: list[str], tmp_path: Path
) -> None:
    file = tmp_path / "a.jsonl"
    assert run(capsys, monkeypatch, *words, "-s", "12", *SMALL, "--json", str(file))[0] == 0
    assert [json.loads(line)["bler_1"] for line in file.read_text().splitlines()] == [0.0, 0.0]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["-m", "99"], "mcs 99 is outside 0..28"),
        (["-m", "a"], "no number or range"),
        (["-m", "9-3"], "empty"),
        (["-g", "XYZ"], "XYZ"),
        (["-y", "3"], "n_tx 3"),
        (["-B", "7"], "n_prb 7"),
        (["-f", "0", "-w", "2"], "-f 0"),
        (["-s", "1,2", "-w", "2"], "one value"),
        (["-s", "x"], "no number"),
        (["-n", "0"], "subframes"),
        (["-i", "best"], "estimator"),
        (["--tbs", "100"], "go together"),
        (["--resume"], "name the file"),
        (["--plot", "x.gif"], "ends in"),
        (["--metric", "ber"], "bler_1, residual_bler"),
        (["-O", "101"], "100"),
        (["--csv", "/nowhere/x.csv"], "/nowhere/x.csv"),
        (["--precision", "-1"], "--precision"),
        (["-s", "1e9"], "outside -150..150"),
        (["-x", "1", "--layers", "2"], "TM 1"),
        (["--json", "/nowhere/x.jsonl"], "/nowhere/x.jsonl"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_wrong_use_is_one_line_and_exit_code_2(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, words: list[str], says: str
) -> None:
    code, out, err = (
        run(capsys, monkeypatch, "dlsim", *words, "-n", "30", "-q")
        if "-n" not in words
        else run(capsys, monkeypatch, "dlsim", *words)
    )
    assert code == 2
    assert out == ""
    assert says in err
    assert len(err.splitlines()) == 1


def test_ctrl_c_ends_workers_and_keeps_what_is_done(tmp_path: Path) -> None:
    import signal
    import time

    file = tmp_path / "out.jsonl"
    words = [
        "dlsim",
        "-m",
        "28",
        "-B",
        "25",
        "-s",
        "12",
        "-n",
        "1000000",
        "-e",
        "0",
        "--jobs",
        "2",
        "--json",
        str(file),
    ]
    process = subprocess.Popen(
        [sys.executable, "-m", "picocell", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    part = tmp_path / "out.jsonl.part"
    deadline = time.monotonic() + 300
    while not (part.exists() and part.stat().st_size) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert "--resume" in err
    assert out == ""
    assert part.stat().st_size > 0
