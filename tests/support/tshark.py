"""Wireshark's dissectors as a judge of what we encode."""

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from support.pcap import write_udp


def dissect(folder: Path, port: int, payloads: Sequence[bytes]) -> list[list[tuple[str, str]]]:
    """Fields of each datagram, as (name, value) in their order; the test is skipped where tshark is missing.

    Args:
        folder: where the capture file is written.
        port: UDP port, which selects the dissector.
        payloads: the datagrams.
    """
    program = shutil.which("tshark")
    if program is None:
        pytest.skip("tshark, the judge of encodings, is not installed")
    path = folder / "judge.pcap"
    write_udp(path, port, payloads)
    command = [program, "-n", "-r", str(path), "-T", "json", "--no-duplicate-keys"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    frames = json.loads(done.stdout)
    assert len(frames) == len(payloads)
    return [list(_walk(frame["_source"]["layers"])) for frame in frames]


def complaints(fields: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """What the dissector found wrong in a datagram."""
    return [
        field
        for field in fields
        if field[0].startswith(("_ws.malformed", "_ws.expert.message")) or field[0] == "_ws.short"
    ]


def values(fields: Sequence[tuple[str, str]], name: str) -> list[str]:
    """Values of the fields of one name."""
    return [value for key, value in fields if key == name]


def _walk(tree: Any, name: str = "") -> Any:
    if isinstance(tree, dict):
        for key, part in tree.items():
            if isinstance(part, dict | list):
                yield key, ""
            yield from _walk(part, key)
    elif isinstance(tree, list):
        for part in tree:
            yield from _walk(part, name)
    else:
        yield name, str(tree)
