"""The live table of the field: a line a UE and second, downlink on the left, uplink on the right."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

_HEADER = (
    "               -----------------DL----------------|-------------------------UL-------------------------\n"
    "rat  pci rnti  cqi  ri  mcs  brate   ok  nok  (%) | pusch  pucch  phr  mcs  brate   ok  nok  (%)    bsr"
)


@dataclass(frozen=True, slots=True)
class UeRow:
    """What is shown of a UE.

    Attributes:
        rat: radio access technology.
        pci: cell.
        rnti: C-RNTI.
        cqi: last wideband CQI; None before the first.
        ri: rank.
        dl_mcs, ul_mcs: last MCS.
        dl_bps, ul_bps: bits a second of the transport blocks that were received.
        dl_ok, dl_nok, ul_ok, ul_nok: transport blocks since the last line.
        pusch_snr_db, pucch_snr_db: last of each; None before the first.
        phr_db: last power headroom; None before the first.
        bsr: bytes that wait in the UE.
    """

    rat: str
    pci: int
    rnti: int
    cqi: int | None
    ri: int
    dl_mcs: int
    dl_bps: float
    dl_ok: int
    dl_nok: int
    pusch_snr_db: float | None
    pucch_snr_db: float | None
    phr_db: float | None
    ul_mcs: int
    ul_bps: float
    ul_ok: int
    ul_nok: int
    bsr: int

    def as_dict(self) -> dict[str, Any]:
        """The row for a program."""
        return asdict(self)


def header() -> str:
    """Two lines above the rows."""
    return _HEADER


def line(row: UeRow) -> str:
    """A row."""
    return (
        f"{row.rat:3s}  {row.pci:3d} {row.rnti:4x}  {_number(row.cqi, 3)}  {row.ri:2d}  {row.dl_mcs:3d}"
        f"  {_rate(row.dl_bps)} {row.dl_ok:4d} {row.dl_nok:4d} {_percent(row.dl_ok, row.dl_nok)} |"
        f" {_decibels(row.pusch_snr_db)}  {_decibels(row.pucch_snr_db)}  {_number(row.phr_db, 3)}"
        f"  {row.ul_mcs:3d}  {_rate(row.ul_bps)} {row.ul_ok:4d} {row.ul_nok:4d} {_percent(row.ul_ok, row.ul_nok)}"
        f"  {_bytes(row.bsr):>5s}"
    )


def table(rows: Iterable[UeRow], *, with_header: bool) -> str:
    """The rows, with the header above them where it is wanted."""
    lines = [line(row) for row in rows]
    return "\n".join([header(), *lines] if with_header else lines)


def _number(value: float | None, width: int) -> str:
    return f"{'n/a' if value is None else round(value):>{width}}"


def _decibels(value: float | None) -> str:
    return "  n/a" if value is None else f"{value:5.1f}"


def _rate(bps: float) -> str:
    """Five places with a unit: ``9.87M``."""
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if bps >= limit:
            value = bps / limit
            return f"{value:4.{1 if value >= 10 else 2}f}{unit}"
    return f"{bps:5.0f}"


def _percent(ok: int, nok: int) -> str:
    return "  0%" if not ok + nok else f"{100 * nok / (ok + nok):3.0f}%"


def _bytes(n: int) -> str:
    return f"{n / 1000:.1f}k" if n >= 10_000 else str(n)
