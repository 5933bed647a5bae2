"""Recordings of real equipment and of an independent stack, kept outside the repository."""

import os
from pathlib import Path

import pytest

_HERE = Path(__file__).resolve()
_FOLDERS = [Path(os.environ["PICOCELL_CAPTURES"])] if "PICOCELL_CAPTURES" in os.environ else []
_FOLDERS += [parent / "shared" / "captures" for parent in _HERE.parents[2:5]]


def capture(name: str) -> Path:
    """Path of a recording; the test that asks for it is skipped where there is none."""
    for folder in _FOLDERS:
        if (folder / name).is_file():
            return folder / name
    return pytest.skip(f"recording {name} is not here (set PICOCELL_CAPTURES to the folder that holds it)")
