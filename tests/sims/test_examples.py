"""The example and the documentation's programs run, and say what is true."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_example_runs() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / "link_simulation.py"],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    curves = [float(value) for value in re.findall(r"block errors at (-?[\d.]+) dB", done.stdout)]
    assert len(curves) == 2
    assert curves[0] < curves[1] - 2
    flat = {name: float(rate) for name, rate in re.findall(r"flat estimator, (\w+): BLER ([\d.]+)", done.stdout)}
    assert flat["AWGN"] < 0.1 < flat["EVA5"]
    asked, has = map(float, re.findall(r"(-?[\d.]+) dB, the equalised symbols have (-?[\d.]+)", done.stdout)[0])
    assert abs(asked - has) < 1


@pytest.mark.parametrize("number", [0, 1])
def test_programs_of_the_documentation_run(number: int, capsys: pytest.CaptureFixture[str]) -> None:
    text = (ROOT / "docs" / "simulation.md").read_text(encoding="utf-8")
    program = re.findall(r"```python\n(.*?)```", text, re.DOTALL)[number]
    scope: dict[str, object] = {"__name__": "documentation"}
    exec(compile(program, f"simulation.md {number}", "exec"), scope)
    if not number:
        lines = capsys.readouterr().out.splitlines()
        assert len(lines) == 9
        assert 0.5 < float(lines[-1]) < 2.5
