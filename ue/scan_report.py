"""What ``picocell scan`` prints: a table, JSON objects, a picture."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from picocell.phy.lte.cell import Cell, Duplex
from picocell.phy.lte.frame import cp_lengths, pss_symbol, symbol_starts
from picocell.phy.lte.search_primary import FRAME, HALF_FRAME, SAMPLE_RATE, correlation
from picocell.rrc_nas import asn1
from picocell.ue.plots import Peak, plot_scan
from picocell.ue.scan import ScannedCell


def as_dict(cell: ScannedCell) -> dict[str, Any]:
    """A cell as JSON-able values; what was not received is None or empty."""
    found, known = cell.acquired.found, cell.acquired.cell
    result: dict[str, Any] = {
        "pci": found.pci,
        "cp": found.cp.value,
        "duplex": found.duplex.value,
        "frequency_hz": cell.frequency,
        "cfo_hz": round(found.cfo_hz, 1),
        "rsrp_db": round(cell.rsrp_db, 2),
        "rsrq_db": None if cell.rsrq_db is None else round(cell.rsrq_db, 2),
        "snr_db": round(cell.snr_db, 2),
        "metric": round(found.metric, 4),
        "frame_start_s": found.frame_start / SAMPLE_RATE,
        "n_prb": known.n_prb if known else None,
        "n_ports": known.n_ports if known else None,
        "phich_duration": known.phich_duration.value if known else None,
        "phich_resource": known.phich_resource.value if known else None,
        "sfn": cell.acquired.sfn,
        "mib": cell.acquired.mib.hex() if cell.acquired.mib else None,
        "sib1": None,
        "sib1_payload": cell.sib1_payload.hex() or None,
        "sibs": {f"sib{number}": cell.sibs[number] for number in sorted(cell.sibs)},
        "si_payloads": [payload.hex() for payload in cell.si_payloads],
        "note": cell.note,
    }
    if cell.sib1 is not None:
        message = asn1.to_json("BCCH-DL-SCH", cell.sib1_payload)
        result["sib1"] = message["message"]["c1"]["systemInformationBlockType1"]
    return result


@contextmanager
def searching() -> Iterator[Callable[[float], None]]:
    """Progress of a search on standard error, where that is a terminal; gives what to tell the seconds to."""
    console = Console(stderr=True)
    with console.status("searching") as status:
        yield lambda seconds: status.update(f"searching: {seconds:.2f} s of the recording")


def print_table(cells: list[ScannedCell], source: Path) -> None:
    """Print the cells as a table, then what each broadcasts."""
    if not cells:
        return
    console = Console()
    table = Table(title=Text(f"cells in {source}"), title_justify="left", box=None, padding=(0, 2, 0, 0))
    for name in ("PCI", "CP", "CFO Hz", "RSRP dB", "SNR dB", "PRB", "ports", "SFN", "PHICH", "MIB"):
        table.add_column(name, justify="left" if name in ("CP", "PHICH", "MIB") else "right", no_wrap=True)
    for cell in cells:
        table.add_row(*_row(cell))
    console.print(table)
    for cell in cells:
        for line in _broadcast(cell):
            console.print(line, highlight=False, markup=False, soft_wrap=True)


def _row(cell: ScannedCell) -> list[str]:
    found, known = cell.acquired.found, cell.acquired.cell
    signal = [f"{round(found.cfo_hz):+d}", f"{cell.rsrp_db:.1f}", f"{cell.snr_db:.1f}"]
    if known is None:
        return [str(found.pci), found.cp.value, *signal, "–", "–", "–", "–", "–"]
    mib = cell.acquired.mib.hex() if cell.acquired.mib else "–"
    phich = f"{known.phich_duration.value} {known.phich_resource.value}"
    numbers = [str(known.n_prb), str(known.n_ports), str(cell.acquired.sfn)]
    return [str(found.pci), found.cp.value, *signal, *numbers, phich, mib]


def _broadcast(cell: ScannedCell) -> list[str]:
    """What a cell broadcasts, in lines."""
    lines = []
    name = f"PCI {cell.acquired.found.pci}"
    sib1 = cell.sib1
    if sib1 is not None:
        plmns = ", ".join(str(plmn) for plmn in sib1.plmns)
        lines.append(
            f"{name} SIB1: PLMN {plmns}, TAC {sib1.tac}, cell {sib1.cell_identity:#09x}, band {sib1.band},"
            f" q-RxLevMin {sib1.q_rx_lev_min_dbm} dBm, {'barred' if sib1.barred else 'not barred'}"
        )
        schedule = "; ".join(
            f"SI {n}: {', '.join(f'SIB{sib}' for sib in entry.sibs)} every {10 * entry.periodicity_rf} ms"
            for n, entry in enumerate(sib1.scheduling, start=1)
        )
        lines.append(f"{name} SIB1: window {sib1.si_window_ms} ms, {schedule}")
    lines += [f"{name} SIB{number}: {_flat(cell.sibs[number])}" for number in sorted(cell.sibs)]
    if cell.note:
        lines.append(f"{name}: {cell.note}")
    return lines


def _flat(tree: Any, prefix: str = "") -> str:
    """A tree's leaves as ``name value`` pairs, the names without the branches above them."""
    match tree:
        case dict():
            return ", ".join(_flat(value, str(name)) for name, value in tree.items())
        case list():
            return f"{prefix} [{'; '.join(_flat(value) for value in tree)}]"
        case _:
            return f"{prefix} {tree}".strip()


def plot_cell(path: Path, cells: list[ScannedCell]) -> None:
    """Draw the strongest cell: search correlation, resource grid, channel, constellations.

    Raises:
        ValueError: cells that were scanned without keeping arrays, or a suffix of another format.
        OSError: the file cannot be written.
    """
    cell = cells[0]
    if cell.arrays is None:
        raise ValueError("the cells were scanned without keep_arrays: there is nothing to draw")
    found, known = cell.acquired.found, cell.acquired.cell
    offset = cell.arrays.search_start
    peaks = []
    for other in cells:
        at = (other.acquired.found.frame_start - offset + _pss_place(other)) % HALF_FRAME
        peaks.append(Peak(other.acquired.found.pci % 3, at, f"PCI {other.acquired.found.pci}"))
    bandwidth = f"{known.n_prb} PRB, {known.n_ports} port{'s' if known.n_ports > 1 else ''}" if known else "no MIB"
    plot_scan(
        path,
        title=f"PCI {found.pci}: {bandwidth}, {found.cp.value} cyclic prefix",
        subtitle=(
            f"RSRP {cell.rsrp_db:.1f} dB, SNR {cell.snr_db:.1f} dB, carrier offset {round(found.cfo_hz):+d} Hz"
            + (f", MIB {cell.acquired.mib.hex()}, SFN {cell.acquired.sfn}" if cell.acquired.mib else "")
        ),
        correlation=correlation(cell.arrays.search),
        correlation_rate_hz=SAMPLE_RATE,
        peaks=peaks,
        grid=cell.arrays.grid,
        symbols_per_subframe=known.n_symb if known else 14,
        channel=cell.arrays.channel,
        constellations=cell.arrays.constellations,
    )


def _pss_place(cell: ScannedCell) -> float:
    """Samples at 1.92 Msps from the start of a frame to the useful part of its first PSS."""
    shape = Cell(cell.acquired.found.pci, cp=cell.acquired.found.cp, duplex=cell.acquired.found.duplex)
    symbol = pss_symbol(shape)
    starts, prefixes = symbol_starts(128, shape.cp), cp_lengths(128, shape.cp)
    first_subframe = 0 if shape.duplex is Duplex.FDD else 1
    return float(first_subframe * FRAME / 10 + starts[symbol] + prefixes[symbol % len(prefixes)])
