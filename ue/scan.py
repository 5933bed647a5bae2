"""Which cells a recording holds, and what they broadcast."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from picocell.phy.lte.cell import BANDWIDTHS, Cell
from picocell.phy.lte.frame import sample_rate
from picocell.phy.lte.search_primary import SAMPLE_RATE
from picocell.radio.file import Playback, Recording, RecordingError, open_recording
from picocell.radio.interface import SampleSource
from picocell.radio.memory import MemorySource
from picocell.radio.resample import ratio
from picocell.rrc_nas import asn1
from picocell.rrc_nas.asn1 import Asn1Error
from picocell.rrc_nas.rrc.system_information import Sib1, decode_system_information
from picocell.ue.acquire import SEARCH_S, Acquired, Progress, acquire
from picocell.ue.follow import Follower
from picocell.ue.monitor import Event, Monitor
from picocell.ue.rnti_table import RntiKind, kind_of
from picocell.ue.stream import Stream

SI_LIMIT_S: Final = 6.0
"""Seconds of a cell that are read for its system information: the longest period is 5.12 s."""

MAX_CLIPPED: Final = 0.02
"""A recording with a larger share of its samples at full scale is refused."""

GHOST_DB: Final = 15.0
"""A cell without a readable MIB this far below one that has one is taken for that cell's own data, and left out."""

SHORTEST_S: Final = 0.005
"""Seconds that a cell search needs: one period of the primary synchronisation signal."""

_SOME_CLIPPED: Final = 1e-4
_RATES: Final = tuple(sorted({sample_rate(n, short) for n in BANDWIDTHS for short in (False, True)} | {3_840_000}))


@dataclass(slots=True)
class ScanArrays:
    """What a picture of a cell shows: complex64 arrays of its first decoded frame.

    Attributes:
        search: samples at 1.92 Msps that were searched, (n_rx, n).
        search_start: position of their first sample in the stream.
        grid: resource grid of consecutive subframes, (n_symb_total, n_sc), first antenna.
        channel: channel estimate (n_rx, n_symb, n_sc) of port 0 in the first of them.
        constellations: equalised symbols by name.
    """

    search: NDArray[np.complex64]
    search_start: int
    grid: NDArray[np.complex64] | None = None
    channel: NDArray[np.complex64] | None = None
    constellations: dict[str, NDArray[np.complex64]] = field(default_factory=dict)


@dataclass(slots=True)
class ScannedCell:
    """A cell found in a recording.

    Attributes:
        acquired: search result, and the MIB where it could be read.
        frequency: centre frequency of the recording in hertz, if known.
        rsrp_db: power of a reference symbol, dB relative to full scale.
        rsrq_db: TS 36.214 5.1.3; None where only the centre was received.
        snr_db: of the reference symbols.
        sib1: SIB1, if it was received.
        sib1_payload: its transport block.
        sibs: other SIBs by number, as JSON-able values.
        si_payloads: transport blocks of SI messages, in order of arrival.
        note: why less than everything was read; empty otherwise.
        arrays: for a picture, if they were asked for.
    """

    acquired: Acquired
    frequency: float | None
    rsrp_db: float
    rsrq_db: float | None
    snr_db: float
    sib1: Sib1 | None = None
    sib1_payload: bytes = b""
    sibs: dict[int, Any] = field(default_factory=dict)
    si_payloads: list[bytes] = field(default_factory=list)
    note: str = ""
    arrays: ScanArrays | None = None


def scan_recording(
    path: Path,
    *,
    rate: float | None = None,
    datatype: str | None = None,
    keep_arrays: bool = False,
    progress: Progress | None = None,
    warn: Callable[[str], None] | None = None,
) -> list[ScannedCell]:
    """Scan a recording.

    Args:
        path: SigMF recording, or raw samples.
        rate: samples per second of a raw recording.
        datatype: sample type of a raw recording.
        keep_arrays: keep what a picture needs.
        progress: told how many seconds of the recording have been searched.
        warn: told in a line what is odd about the recording.

    Returns:
        The cells of the first 40 ms that hold any, strongest first.

    Raises:
        RecordingError: a recording that cannot be used; the message says why.
    """
    recording = open_searchable(path, rate, datatype)
    cells = scan(lambda: Playback(recording), recording.frequency, keep_arrays=keep_arrays, progress=progress)
    check_recording(recording, [cell.acquired for cell in cells], warn)
    return cells


def open_searchable(path: Path, rate: float | None, datatype: str | None) -> Recording:
    """Open a recording that a cell search can work on.

    Raises:
        RecordingError: a recording that cannot be used.
    """
    recording = open_recording(path, rate, datatype)
    if recording.sample_rate < SAMPLE_RATE:
        raise RecordingError(
            f"{path}: sample rate {recording.sample_rate:g} is too low: cell search needs at least {SAMPLE_RATE:g}"
        )
    try:
        ratio(recording.sample_rate, SAMPLE_RATE)
    except ValueError as error:
        raise RecordingError(f"{path}: {error}") from error
    if recording.duration < SHORTEST_S:
        raise RecordingError(
            f"{path}: {1000 * recording.duration:.3g} ms are too short: cell search needs {1000 * SHORTEST_S:g} ms"
        )
    return recording


def open_stream(recording: Recording, rate: float) -> Stream:
    """A recording from its start at a receiver's rate.

    Raises:
        RecordingError: no ratio of small whole numbers leads from its rate to the receiver's.
    """
    try:
        return Stream(Playback(recording), rate)
    except ValueError as error:
        raise RecordingError(f"{recording.path}: {error}") from error


def check_recording(recording: Recording, found: list[Acquired], warn: Callable[[str], None] | None) -> None:
    """Complain about a recording that was searched: clipped, or at another rate than was said.

    Raises:
        RecordingError: too many clipped samples, or no readable cell at this rate but one at another.
    """
    share = recording.clipped_fraction
    if share > MAX_CLIPPED:
        raise RecordingError(
            f"{recording.path}: {100 * share:.1f} % of the samples are clipped: record with less gain"
            f" (at most {100 * MAX_CLIPPED:g} % can be read)"
        )
    if share > _SOME_CLIPPED and warn is not None:
        warn(f"{recording.path}: {100 * share:.2f} % of the samples are clipped")
    if not any(cell.mib for cell in found) and (other := likely_rate(recording)) is not None:
        raise RecordingError(
            f"{recording.path}: no readable cell at {recording.sample_rate:g} samples per second,"
            f" but there is one at {other:g}: is the rate right?"
        )


def likely_rate(recording: Recording) -> float | None:
    """A sample rate of LTE at which the recording's first stretch has a cell, other than its own."""
    for rate in _RATES:
        if abs(rate / recording.sample_rate - 1) > 1e-3:
            n = min(int(SEARCH_S * 1.5 * rate), recording.n_samples)
            samples = recording.read(0, n)
            stream = Stream(MemorySource(samples, rate), SAMPLE_RATE)
            if any(cell.mib is not None for cell in acquire(stream)):
                return float(rate)
    return None


def receiver_rate(cell: Cell, source_rate: float) -> float | None:
    """Sample rate to receive a cell at: the source's own if it fits, else the bandwidth's standard one.

    Returns:
        None if the source is narrower than the cell.
    """
    standard, shortened = sample_rate(cell.n_prb), sample_rate(cell.n_prb, shortened=True)
    if source_rate in (standard, shortened):
        return float(source_rate)
    return float(standard) if source_rate > shortened else None


def scan(
    open_source: Callable[[], SampleSource],
    frequency: float | None = None,
    *,
    keep_arrays: bool = False,
    progress: Progress | None = None,
) -> list[ScannedCell]:
    """Scan samples.

    Args:
        open_source: gives the source from its start; it is called once for the search and once a cell.
        frequency: centre frequency in hertz, for the result.
        keep_arrays: keep what a picture needs.
        progress: told how many seconds have been searched.

    Raises:
        ValueError: a sample rate below 1.92 Msps, or in no ratio of whole numbers to it.
    """
    source = open_source()
    if source.sample_rate < SAMPLE_RATE:
        raise ValueError(f"sample rate {source.sample_rate:g} is too low: cell search needs at least {SAMPLE_RATE:g}")
    stream = Stream(source, SAMPLE_RATE, keep_s=1.0)
    found = acquire(stream, progress=progress)
    readable = [acquired.found.rsrp_db for acquired in found if acquired.mib is not None]
    loudest = max(readable, default=-np.inf)
    return [
        _read_cell(open_source, acquired, stream, frequency, keep_arrays)
        for acquired in found
        if acquired.mib is not None or acquired.found.rsrp_db > loudest - GHOST_DB
    ]


def _read_cell(
    open_source: Callable[[], SampleSource],
    acquired: Acquired,
    search: Stream,
    frequency: float | None,
    keep_arrays: bool,
) -> ScannedCell:
    """Measure a cell and collect its system information."""
    found = acquired.found
    result = ScannedCell(acquired, frequency, found.rsrp_db, None, found.snr_db)
    if keep_arrays:
        result.arrays = ScanArrays(*_searched(search, found.frame_start))
    if acquired.cell is None:
        result.note = "no MIB: the PBCH did not decode"
        return result
    source = open_source()
    rate = receiver_rate(acquired.cell, source.sample_rate)
    if rate is None:
        result.note = (
            f"{acquired.cell.n_prb} PRB are wider than the recording ({source.sample_rate / 1e6:g} Msps): MIB only"
        )
        return result
    try:
        stream = Stream(source, rate)
    except ValueError as error:
        result.note = f"{error}: MIB only"
        return result
    _collect(result, acquired.cell, stream)
    return result


def _collect(result: ScannedCell, cell: Cell, stream: Stream) -> None:
    """Follow a cell until all its scheduled system information is there."""
    fft = round(stream.rate / 15_000)
    keep = result.arrays is not None
    monitor = Monitor(cell, fft, user_data=keep, blind=keep, keep_symbols=keep)
    powers, kept = [], []
    for subframe in Follower(stream, result.acquired, monitor.receiver):
        if subframe.time > SI_LIMIT_S:
            break
        if subframe.grid is None:
            monitor.lost()
            continue
        region, events = monitor.subframe(subframe.tti, subframe.grid)
        if subframe.locked and region.cfi_quality > 0.8:
            channel = region.channel
            powers.append((channel.rsrp, channel.rssi, channel.noise_var))
        for event in events:
            if event.crc and event.payload and event.rnti is not None and kind_of(event.rnti) is RntiKind.SI:
                _take_si(result, event.payload)
        if result.arrays is not None:
            kept.append((region, events))
            del kept[:-10]
            if _pictured(result, result.arrays, kept):
                continue
        if _is_complete(result):
            break
    if powers:
        rsrp, rssi, noise = np.mean(powers, axis=0)
        result.rsrp_db = 10 * float(np.log10(max(rsrp, 1e-30)))
        result.rsrq_db = 10 * float(np.log10(max(cell.n_prb * rsrp / max(rssi, 1e-30), 1e-30)))
        result.snr_db = 10 * float(np.log10(max(rsrp, 1e-30) / max(noise, 1e-30)))
    if result.sib1 is None:
        result.note = "no SIB1 decoded"
    elif missing := _missing(result):
        result.note = f"scheduled but not received: {', '.join(f'SIB{number}' for number in sorted(missing))}"


def _take_si(result: ScannedCell, payload: bytes) -> None:
    """Keep an SI transport block: SIB1, or a SystemInformation message."""
    try:
        if 1 in decode_system_information(payload):
            result.sib1, result.sib1_payload = Sib1.decode(payload), payload
            return
        message = asn1.to_json("BCCH-DL-SCH", payload)["message"]["c1"]["systemInformation"]
        for entry in message["criticalExtensions"]["systemInformation-r8"]["sib-TypeAndInfo"]:
            for name, value in entry.items():
                if name.startswith("sib"):
                    result.sibs[int(name[3:].split("-")[0])] = value
    except (Asn1Error, LookupError, TypeError):
        pass  # of a later release: shown as bytes
    if payload not in result.si_payloads:
        result.si_payloads.append(payload)


def _missing(result: ScannedCell) -> set[int]:
    """SIBs that SIB1 schedules and that were not received."""
    if result.sib1 is None:
        return set()
    return {number for entry in result.sib1.scheduling for number in entry.sibs} - set(result.sibs)


def _is_complete(result: ScannedCell) -> bool:
    return result.sib1 is not None and not _missing(result)


def _pictured(result: ScannedCell, arrays: ScanArrays, kept: list[tuple[Any, list[Event]]]) -> bool:
    """Keep grid, channel and constellations; True while the picture still waits for a decoded block."""
    for region, events in kept[-1:]:
        for event in events:
            if event.symbols is not None and event.crc:
                names = {2: "QPSK", 4: "16QAM", 6: "64QAM", 8: "256QAM"}
                arrays.constellations.setdefault(f"PDSCH {names[event.details['q_m']]}", event.symbols)
                arrays.channel = region.channel.h[:, 0]
    if arrays.constellations and (arrays.grid is None or len(arrays.grid) < 10 * kept[0][0].grid.shape[1]):
        arrays.grid = np.concatenate([region.grid[0] for region, _ in kept])
    return not arrays.constellations and not _is_complete(result)


def _searched(search: Stream, frame_start: float) -> tuple[NDArray[np.complex64], int]:
    """Samples of the stretch in which a cell was found, and where they start."""
    length = int(SEARCH_S * SAMPLE_RATE)
    first = int(max(frame_start, 0)) // length * length
    samples = search.read(first, length)
    if samples is not None:
        return samples, first
    start, rest = search.rest(first)
    return rest, start
