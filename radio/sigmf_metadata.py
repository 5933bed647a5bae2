"""What the metadata file of a SigMF recording says, checked: nothing in it is trusted."""

import json
from pathlib import Path
from typing import Any, Final

MAX_GAP_S: Final = 3600.0
"""Longest gap between two captures in seconds: a receiver steps over one subframe by subframe."""

_LARGEST: Final = 1 << 53
_SHOWN: Final = 40


class RecordingError(ValueError):
    """A recording that cannot be used; the message is one line and says why."""


def read_metadata(meta: Path) -> dict[str, Any]:
    """The metadata file as an object with ``global``, and ``captures`` and ``annotations`` that are lists of objects.

    Raises:
        RecordingError: a file that cannot be read, or is no such object.
    """
    try:
        document = json.loads(meta.read_text(encoding="utf-8"))
    except OSError as error:
        raise RecordingError(f"{meta}: {error.strerror or error}") from error
    except RecursionError as error:
        raise RecordingError(f"{meta}: is no SigMF metadata: it is nested too deeply") from error
    except ValueError as error:
        raise RecordingError(f"{meta}: is no JSON: {error}") from error
    if not isinstance(document, dict) or not isinstance(document.get("global"), dict):
        raise RecordingError(f"{meta}: is no SigMF metadata: it has no global object")
    for name in ("captures", "annotations"):
        entries = document.setdefault(name, [])
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise RecordingError(f"{meta}: is no SigMF metadata: {name} is no list of objects")
    return document


def capture_starts(meta: Path, captures: list[dict[str, Any]], rate: float) -> list[tuple[int, int]]:
    """Where each capture starts in the file and in the stream, the stream counted from the first capture.

    Raises:
        RecordingError: captures that overlap, are out of order, or have more than `MAX_GAP_S` between them.
    """
    starts: list[tuple[int, int]] = []
    origin = 0
    for capture in captures:
        in_file = _count(meta, capture, "core:sample_start")
        if "core:global_index" in capture:
            in_stream = _count(meta, capture, "core:global_index")
        else:
            in_stream = in_file if not starts else starts[-1][1] + origin + in_file - starts[-1][0]
        origin = origin if starts else in_stream
        lost = in_stream - origin - (starts[-1][1] + in_file - starts[-1][0]) if starts else 0
        if starts and (in_file < starts[-1][0] or lost < 0):
            raise RecordingError(f"{meta}: captures overlap or are out of order at sample {in_file}")
        if lost > MAX_GAP_S * rate:
            raise RecordingError(
                f"{meta}: {lost / rate:g} s are missing before sample {in_file}: a gap of {MAX_GAP_S:g} s at most"
            )
        starts.append((in_file, in_stream - origin))
    return starts


def frequency_of(meta: Path, captures: list[dict[str, Any]]) -> float | None:
    """Centre frequency of the first capture in hertz; None if it is not stated.

    Raises:
        RecordingError: a frequency that is no number.
    """
    value = captures[0].get("core:frequency") if captures else None
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not -1e12 <= value <= 1e12:
        raise RecordingError(f"{meta}: core:frequency is {shown(value)}, not a frequency in hertz")
    return float(value)


def annotated_end(meta: Path, document: dict[str, Any]) -> int:
    """Behind the last sample that an annotation describes; 0 without annotations.

    Raises:
        RecordingError: an annotation whose place is no whole number.
    """
    return max(
        (_count(meta, a, "core:sample_start") + _count(meta, a, "core:sample_count") for a in document["annotations"]),
        default=0,
    )


def shown(value: object) -> str:
    """A value of the metadata for a message, cut where it is long."""
    text = str(value) if isinstance(value, int) and value.bit_length() < 128 else repr(value)[: _SHOWN + 1]
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _count(meta: Path, item: dict[str, Any], key: str) -> int:
    """A whole number of at least 0 from the metadata; 0 if it is not there."""
    value = item.get(key, 0)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < _LARGEST:
        raise RecordingError(f"{meta}: {key} is {shown(value)}, not a whole number of at least 0 (and below 2^53)")
    return value
