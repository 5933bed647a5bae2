"""The benchmarks' own machinery, with cases that cost nothing."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> tuple[ModuleType, ModuleType, ModuleType]:
    """``measure``, ``table`` and ``__main__`` of the benchmarks, which stand beside the package."""
    monkeypatch.syspath_prepend(str(ROOT))
    from benchmarks import __main__, measure, table

    return measure, table, __main__


def _row(measure: ModuleType, case: str, value: float, spread: float = 0.1, **more: Any) -> Any:
    return measure.Row("conv", case, more.pop("isa", "base"), more.pop("unit", "us"), value, value, spread, **more)


def test_a_case_is_warmed_up_and_repeated(parts: tuple[ModuleType, ...]) -> None:
    measure = parts[0]
    calls: list[int] = []

    def burn() -> int:
        calls.append(1)
        return sum(range(2000))

    row = measure.measure("conv", measure.Case("burn", burn, 1000.0, 500), 5, 0.002)
    assert row.kernel == "conv"
    assert row.case == "burn"
    assert row.unit == "us"
    assert len(calls) > 3 + 1 + 5
    assert 0 < row.best <= row.value
    assert row.ratio == pytest.approx(1000.0 / row.value)


def test_plain_tuples_are_cases(parts: tuple[ModuleType, ...]) -> None:
    cases = [("Turbo decode", int, 3.0), ("crc", int, None), ("turbo, with bits", int, None, 40)]
    found = list(parts[0].chosen(cases, ["TURBO"]))
    assert [case.name for case in found] == ["Turbo decode", "turbo, with bits"]
    assert [case.bits for case in found] == [None, 40]
    assert len(list(parts[0].chosen(cases, []))) == 3


def test_every_bench_file_is_found(parts: tuple[ModuleType, ...]) -> None:
    names = parts[0].kernels()
    assert {"turbo", "conv", "ldpc", "modem", "ofdm"} <= set(names)
    assert len(names) == len(list((ROOT / "benchmarks").glob("bench_*.py")))


def test_table(parts: tuple[ModuleType, ...]) -> None:
    measure, table, _ = parts
    rows = [
        _row(measure, "decode", 50.0, reference=100.0, ratio=2.0, bits=6144),
        _row(measure, "encode", 2.0),
    ]
    lines = table.table(rows).splitlines()
    assert lines[0] == "| kernel | case | ISA | µs | best | spread | Mb/s | reference µs | ratio |"
    assert lines[2] == "| conv | decode | base | 50.0 | 50.0 | 0.1 | 122.9 | 100 | 2.00 |"
    assert lines[3] == "| conv | encode | base | 2.0 | 2.0 | 0.1 | – | – | – |"
    counted = [_row(measure, "decode", 1234567.0, unit="instructions")]
    assert table.table(counted).splitlines()[2] == "| conv | decode | base | 1,234,567 |"


def test_rows_survive_a_file(parts: tuple[ModuleType, ...], tmp_path: Path) -> None:
    measure, table, _ = parts
    rows = [_row(measure, "decode", 50.0, reference=100.0, ratio=2.0, bits=6144)]
    table.write_rows(tmp_path / "rows.json", rows)
    assert table.read_rows(tmp_path / "rows.json") == rows
    names = json.loads((tmp_path / "rows.json").read_text())[0]
    assert {"kernel", "case", "isa", "value", "reference", "ratio"} <= set(names)
    for text in ("[1]", "{", '[{"case": "x"}]', "3"):
        (tmp_path / "wrong.json").write_text(text)
        with pytest.raises(ValueError):
            table.read_rows(tmp_path / "wrong.json")


def test_regressions_are_told_from_noise(parts: tuple[ModuleType, ...]) -> None:
    measure, table, _ = parts
    before = [_row(measure, name, 10.0) for name in ("same", "slower", "noisy", "faster")]
    before.append(_row(measure, "slower", 10.0, isa="avx2"))
    old = {table.key(row): row for row in before}
    rows = [
        _row(measure, "same", 10.5),
        _row(measure, "slower", 13.0),
        _row(measure, "noisy", 13.0, spread=9.0),
        _row(measure, "faster", 5.0),
        _row(measure, "new", 99.0),
        _row(measure, "slower", 99.0, unit="instructions"),
    ]
    assert [row.case for row in table.regressions(rows, old, 10.0)] == ["slower"]
    assert table.regressions(rows, old, 40.0) == []
    lines = table.table(rows[:5], old).splitlines()
    assert lines[3].endswith("| 10.0 | +30 % **slower** |")
    assert lines[4].endswith("| 10.0 | +30 % |")
    assert lines[5].endswith("| 10.0 | -50 % |")
    assert lines[6].endswith("| – | – |")


def _tool(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks", *arguments]
    environment = {**os.environ, "PICOCELL_ISA": "base"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def test_the_command(tmp_path: Path) -> None:
    quick = ("--kernel", "conv", "conv rate match", "--batches", "2", "--batch-s", "0.001")
    file = tmp_path / "rows.json"
    done = _tool(*quick, "--isa", "base", "--json", str(file))
    assert done.returncode == 0, done.stderr
    assert "| conv | conv rate match, 576 bits | base |" in done.stdout
    rows = json.loads(file.read_text())
    assert len(rows) == 1
    rows[0] |= {"value": rows[0]["value"] / 1e6, "spread": 0.0}
    file.write_text(json.dumps(rows))
    done = _tool(*quick, "--compare", str(file), "--fail-above", "50")
    assert done.returncode == 1
    assert "**slower**" in done.stdout
    assert "slower by" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--kernel", "nonsense"), "no kernel nonsense"),
        (("--isa", "mmx"), "use some of base"),
        (("--callgrind", "--isa", "avx512"), "use some of base"),
        (("--fail-above", "3"), "--compare"),
        (("--batches", "0"), "at least 1"),
        (("--compare", "/nowhere.json"), "/nowhere.json"),
        (("--kernel", "conv", "no such case"), "no case holds no such case"),
    ],
)
def test_what_is_refused(
    parts: tuple[ModuleType, ...], capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str
) -> None:
    try:
        code = parts[2].main(list(arguments))
    except SystemExit as stopped:
        code = stopped.code
    assert code == 2
    assert message in capsys.readouterr().err


@pytest.mark.skipif(not (shutil.which("valgrind") and shutil.which("cc")), reason="needs valgrind and a C compiler")
@pytest.mark.usefixtures("parts")
def test_instructions_are_counted() -> None:
    from benchmarks import callgrind

    rows = callgrind.count(["conv"], ["conv rate match", "conv encode and rate"], "base")
    counts = {row.case.split(",")[0]: row.value for row in rows}
    assert {row.unit for row in rows} == {"instructions"}
    assert 1000 < counts["conv rate match"] < counts["conv encode and rate match"] < 1e6
