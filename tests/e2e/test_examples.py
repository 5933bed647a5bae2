"""The examples run as they stand, and print what they promise."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

PRINTS = {
    "downlink_subframe.py": "717 bytes, CRC True",
    "link_simulation.py": "MCS 9: 10 % block errors at 1.6 dB",
    "network.py": "172.16.0.2 3 of 3 answered",
    "network_faults.py": "001010123456781 was refused: authentication rejected",
    "scan_samples.py": "PLMN 001-01, TAC 7, SIBs [2, 3]",
    "sixteen_phones.py": "Jain's index",
}
SMALL = {"sixteen_phones.py": ("--prb", "6", "--phones", "3", "--seconds", "0.1")}
"""Arguments of those that take long."""


def test_every_example_is_known() -> None:
    assert {path.name for path in EXAMPLES.glob("*.py")} == set(PRINTS)


@pytest.mark.parametrize("name", sorted(PRINTS))
def test_example(name: str) -> None:
    command = [sys.executable, str(EXAMPLES / name), *SMALL.get(name, ())]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert result.returncode == 0, result.stderr
    assert PRINTS[name] in result.stdout


CODE = re.compile(r"```python\n(.*?)```", re.DOTALL)
BLOCKS = [
    pytest.param(code, id=f"{page.stem}-{number}")
    for page in sorted((ROOT / "docs").glob("*.md"))
    for number, code in enumerate(CODE.findall(page.read_text()))
]


@pytest.mark.parametrize("code", BLOCKS)
def test_code_in_the_documentation(code: str, tmp_path: Path) -> None:
    """Every block runs beside the examples, and prints what the comment behind its ``print`` says."""
    (tmp_path / "examples").symlink_to(EXAMPLES)
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    promised = re.findall(r"^print\(.*\)\s+# (.+)$", code, re.MULTILINE)
    assert [line.strip() for line in promised] == result.stdout.splitlines()[: len(promised)]
