"""What ``picocell monitor`` does with the events: lines, JSON lines, a PCAP."""

import json
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from picocell.observe.pcap import MacPcap
from picocell.phy.lte.cell import Cell
from picocell.phy.lte.frame import SUBCARRIER_SPACING
from picocell.phy.lte.search_primary import SAMPLE_RATE
from picocell.radio.file import Playback, Recording, RecordingError, open_recording
from picocell.ue.acquire import Acquired, acquire
from picocell.ue.follow import Follower
from picocell.ue.monitor import Event, Monitor
from picocell.ue.rnti_table import RntiTable, kind_of
from picocell.ue.scan import check_recording, open_searchable, open_stream, receiver_rate
from picocell.ue.stream import Stream
from picocell.ue.uplink_monitor import UplinkMonitor

_SHORTER_S: Final = 0.001
"""How much shorter than the downlink an uplink may be without a word."""


def run(
    path: Path,
    *,
    rate: float | None = None,
    datatype: str | None = None,
    rntis: list[int] | None = None,
    pci: int | None = None,
    as_json: bool = False,
    pcap: Path | None = None,
    blind: bool = True,
    uplink: Path | None = None,
) -> bool:
    """Monitor a recording and print its events.

    Returns:
        Whether a cell was followed.

    Raises:
        RecordingError: a recording that cannot be used.
        OSError: a PCAP that cannot be written.
    """
    recording = open_searchable(path, rate, datatype)
    beside = None if uplink is None else UplinkBeside(_open_beside(uplink, recording, rate, datatype))
    errors = Console(stderr=True)
    counts: Counter[str] = Counter()
    with ExitStack() as stack:
        bar = stack.enter_context(_progress(errors))
        task = bar.add_task(path.name, total=recording.duration)
        acquired = _acquire(recording, pci, errors)
        if acquired is None:
            which = "no cell" if pci is None else f"no cell with PCI {pci}"
            print(f"picocell: {which} found in {path}", file=sys.stderr)
            return False
        sink = stack.enter_context(MacPcap(pcap)) if pcap is not None else None
        for time, event in events(recording, acquired, tuple(rntis or ()), blind=blind, uplink=beside):
            bar.update(task, completed=time)
            if event is None:
                continue
            counts[_counted_as(event)] += 1
            if as_json or not event.details.get("dtx"):
                print(json.dumps(event.as_dict()) if as_json else as_line(event))
            if sink is not None:
                write_pcap(sink, event, time)
        bar.update(task, completed=recording.duration)
    if not as_json:
        print("  ".join(f"{name} {count}" for name, count in sorted(counts.items())))
    if beside is not None:
        if not as_json:
            print(f"uplink, looked for: {beside.looked_for()}")
        for problem in beside.problems(recording):
            print(f"picocell: warning: {problem}", file=sys.stderr)
    return True


def events(
    recording: Recording,
    acquired: Acquired,
    rntis: tuple[int, ...] = (),
    *,
    blind: bool = True,
    uplink: "UplinkBeside | None" = None,
) -> Iterator[tuple[float, Event | None]]:
    """Events of a recording with their time in seconds; None in place of an event once a subframe, for progress.

    Args:
        recording: the downlink.
        acquired: the cell.
        rntis: C-RNTIs known to be in use.
        blind: also look for C-RNTIs that nothing announced.
        uplink: the uplink beside it.

    Raises:
        RecordingError: a recording narrower than the cell, or a cell without a MIB.
    """
    cell = acquired.cell
    if cell is None or acquired.mib is None:
        raise RecordingError(f"{recording.path}: the MIB of cell {acquired.found.pci} did not decode")
    rate = receiver_rate(cell, recording.sample_rate)
    if rate is None:
        raise RecordingError(
            f"{recording.path}: the cell's {cell.n_prb} PRB are wider than the recording"
            f" ({recording.sample_rate / 1e6:g} Msps): its PDCCH cannot be read"
        )
    stream = open_stream(recording, rate)
    monitor = Monitor(cell, round(rate / SUBCARRIER_SPACING), rntis=rntis, blind=blind)
    if uplink is not None:
        uplink.begin(cell, rate)
    last_mib: bytes | None = None
    for subframe in Follower(stream, acquired, monitor.receiver):
        yield subframe.time, None
        if subframe.grid is None:
            monitor.lost()
            if uplink is not None:
                uplink.lost()
            continue
        if subframe.mib is not None and _fixed_part(subframe.mib.mib) != last_mib:
            last_mib = _fixed_part(subframe.mib.mib)
            yield subframe.time, Event(subframe.tti, "PBCH", crc=True, payload=subframe.mib.mib)
        if subframe.locked:
            heard = monitor.subframe(subframe.tti, subframe.grid)[1]
            if uplink is not None:
                uplink.forget(monitor.expired)
                heard += uplink.events(subframe.tti, subframe.time, heard, monitor.table)
            for event in heard:
                yield subframe.time, event


class UplinkBeside:
    """The uplink beside a downlink: its samples at the downlink's positions, and its monitor.

    Args:
        recording: the uplink, sample-aligned with the downlink.
    """

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._monitor: UplinkMonitor | None = None
        self._stream = Stream(Playback(recording), recording.sample_rate)
        self._length = 0

    def begin(self, cell: Cell, rate: float) -> None:
        """The cell is known, and the rate to receive it at."""
        self._monitor = UplinkMonitor(cell, round(rate / SUBCARRIER_SPACING))
        self._stream = Stream(Playback(self._recording), rate)
        self._length = round(rate / 1000)

    def lost(self) -> None:
        """Subframes of the downlink were lost."""
        if self._monitor is not None:
            self._monitor.lost()

    def forget(self, rntis: list[int]) -> None:
        """RNTIs are not in use any more."""
        for rnti in rntis:
            if self._monitor is not None:
                self._monitor.forget(rnti)

    def events(self, tti: int, time: float, downlink: list[Event], table: RntiTable[Event]) -> list[Event]:
        """Events of the uplink subframe that lies beside a downlink subframe; a UE that is heard is in use still."""
        if self._monitor is None:
            return []
        for event in downlink:
            self._monitor.downlink(event)
        at = round(time * self._stream.rate)
        samples = self._stream.read(at, max(self._monitor.samples_needed, self._length))
        if samples is None:
            samples = self._stream.read(at, self._length)
        if samples is None:
            return []
        found = self._monitor.subframe(tti, samples)
        for event in found:
            if event.rnti is not None and event.rnti in table and (event.crc or event.details["dtx"] is False):
                table.add(tti, event.rnti)
        return found

    def looked_for(self) -> str:
        """How many transmissions were looked for, by channel."""
        tried = self._monitor.hypotheses if self._monitor is not None else {}
        units = {"PRACH": "preambles", "PUSCH": "PUSCHs", "PUCCH": "PUCCH resources"}
        return ", ".join(f"{tried.get(channel, 0)} {unit}" for channel, unit in units.items())

    def problems(self, downlink: Recording) -> list[str]:
        """What of the uplink could not be read, a line each."""
        lines = []
        if self._monitor is not None and self._monitor.ul is None:
            why = self._monitor.problem or "no SIB2 was received"
            lines.append(f"{self._recording.path}: the uplink was not read: {why}")
        if self._recording.duration < downlink.duration - _SHORTER_S:
            lines.append(
                f"{self._recording.path}: ends after {self._recording.duration:.3f} s, the downlink after"
                f" {downlink.duration:.3f} s"
            )
        return lines


def _open_beside(path: Path, downlink: Recording, rate: float | None, datatype: str | None) -> Recording:
    """The uplink recording of a downlink recording.

    Raises:
        RecordingError: a recording that cannot be used beside it.
    """
    uplink = open_recording(path, rate, datatype)
    if uplink.sample_rate != downlink.sample_rate:
        raise RecordingError(
            f"{path}: {uplink.sample_rate:g} samples per second, but the downlink has {downlink.sample_rate:g}:"
            " the two must be sample-aligned"
        )
    return uplink


def _counted_as(event: Event) -> str:
    """Name that an event is counted under."""
    if event.details.get("dtx"):
        return f"{event.channel} DTX"
    return event.channel if event.crc is None else f"{event.channel} {'ok' if event.crc else 'bad'}"


def _fixed_part(mib: bytes) -> bytes:
    """A MIB without its frame number."""
    return bytes([mib[0] & 0xFC, mib[1] & 0x03, mib[2]])


def _acquire(recording: Recording, pci: int | None, errors: Console) -> Acquired | None:
    """The strongest cell, or the one that was asked for."""
    stream = Stream(Playback(recording), SAMPLE_RATE, keep_s=1.0)
    cells = acquire(stream, pci=pci)
    check_recording(
        recording,
        cells,
        lambda text: errors.print(f"picocell: warning: {text}", highlight=False, markup=False, soft_wrap=True),
    )
    return cells[0] if cells else None


def _progress(errors: Console) -> Progress:
    """Progress on standard error; hidden where that is no terminal."""
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.completed:.2f} s of {task.total:.2f} s"),
        TimeRemainingColumn(),
        console=errors,
        transient=True,
        disable=not errors.is_terminal,
    )


def as_line(event: Event) -> str:
    """An event as a line of text."""
    details: dict[str, Any] = event.details
    who = "" if event.rnti is None else f"{kind_of(event.rnti).value:>2} {event.rnti:#06x}"
    parts = [f"{event.tti:5d} {event.channel:<5} {who:<9}"]
    match event.channel:
        case "PDCCH":
            parts.append(f"cce {details['cce']}+{details['aggregation_level']} {_dci_text(details['dci'])}")
        case "PDSCH":
            parts.append(
                f"{details['n_prb']} PRB q_m {details['q_m']} tbs {details['tbs']} rv {details['rv']}"
                f" {'CRC ok ' if event.crc else 'CRC bad'}"
            )
        case "PRACH" if not details["dtx"]:
            parts.append(f"preamble {details['preamble']} T_A {details['t_a']} SNR {details['snr_db']} dB")
        case "PUSCH":
            parts.append(
                f"{details['n_prb']} PRB from {details['prb_start'][0]} q_m {details['q_m']} tbs {details['tbs']}"
                f" rv {details['rv']} {_outcome(event)}"
            )
            parts += [f"{name} {details[name]}" for name in ("ack", "ri", "cqi") if details.get(name) is not None]
        case "PUCCH" if not details["dtx"]:
            parts.append(f"format {details['format']} n_pucch {details['n_pucch']}{' SR' if details['sr'] else ''}")
            parts += [f"{name} {details[name]}" for name in ("ack", "cqi") if details.get(name) is not None]
        case "PRACH" | "PUCCH":
            parts.append("DTX")
        case "PHICH":
            parts.append(f"{'ACK' if details['hi'] else 'NACK'} prb {details['prb_start']}")
    if event.payload and event.crc:
        text = event.payload.hex()
        parts.append(text if len(text) <= 64 else f"{text[:64]}… ({len(event.payload)} bytes)")
    return " ".join(parts)


def _outcome(event: Event) -> str:
    """What became of a PUSCH; one without a transport block has no CRC."""
    if event.crc:
        return "CRC ok "
    return "DTX" if event.details["dtx"] else "no block" if event.crc is None else "CRC bad"


def _dci_text(dci: dict[str, Any]) -> str:
    """A DCI's fields that are not zero, and its format."""
    fields = [f"{name} {value}" for name, value in dci.items() if name != "format" and value]
    return f"DCI {dci['format']} {' '.join(fields)}".rstrip()


def write_pcap(sink: MacPcap, event: Event, time: float) -> None:
    """Write a received transport block; what has no correct CRC or no bytes is left out."""
    if not event.crc or not event.payload:
        return
    sfn, subframe = divmod(event.tti, 10)
    kind = "NO_RNTI" if event.rnti is None else f"{kind_of(event.rnti).value}_RNTI"
    retx = event.details.get("transmission", 1) - 1
    sink.write(
        event.payload,
        direction="UL" if event.channel == "PUSCH" else "DL",
        rnti_type=kind,
        rnti=event.rnti or 0,
        sfn=sfn,
        subframe=subframe,
        retx=retx,
        timestamp_s=time,
    )
