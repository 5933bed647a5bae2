"""The standard's demodulation requirements as data: what is sent, over which channel, and what has to come out.

The tables stand in ``data/``, a file each table of TS 36.101 or TS 36.104. Each row becomes a :class:`Requirement`; one
that cannot be run says why.
"""

import csv
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from typing import Any, Final

from picocell.sims.point import Point
from picocell.sims.registry import make_point

STANDARDS: Final = ("36.101", "36.104")

THROUGHPUT: Final = "throughput"
MISSED: Final = "missed"
FALSE: Final = "false alarm"

ROUNDS: Final = 4
"""HARQ transmissions of a block at most (TS 36.101 8.2.1.1, TS 36.104 8.2.1)."""

_N_PRB: Final = {"1.4": 6, "3": 15, "5": 25, "10": 50, "15": 75, "20": 100}
_MODES: Final = {"8.2.1.1": 1, "8.2.1.2": 2, "8.2.1.3": 3, "8.2.1.4": 4}
"""Transmission mode by clause of TS 36.101."""
_PUSCH_TABLES: Final = {"1.4": "8.2.1.1-1", "10": "8.2.1.1-4", "20": "8.2.1.1-6"}
_PRACH_FORMATS: Final = {0: 3, 1: 19, 2: 35, 3: 51}
"""A prach-ConfigIndex with one opportunity a frame by preamble format (TS 36.211 Table 5.7.1-2)."""
_DTX_TO_ACK: Final = 0.01
"""TS 36.104 8.3.1."""
_MISSED_ACK: Final = 0.01
"""TS 36.104 8.3.2.1."""
_MISSED_PREAMBLE: Final = 0.01
"""TS 36.104 8.4.2.1."""
_FALSE_PREAMBLE: Final = 0.001
"""TS 36.104 8.4.1.1."""
_TOLERANCE_US: Final = {"AWGN": 1.04, "ETU70": 2.08}
"""Timing error with which a preamble still counts as found (TS 36.104 8.4.2.1)."""


@dataclass(frozen=True, slots=True, eq=False)
class Requirement:
    """A requirement of the standard.

    Attributes:
        name: short name, unlike every other's.
        standard: "36.101" or "36.104".
        clause: table or clause, and the test in it.
        channel: propagation condition and correlation as the table has them.
        antennas: transmit and receive antennas, "1x2".
        what: reference channel, format or the like.
        metric: "throughput" (a share of the largest that has to be reached), or an error rate that must not be
            exceeded: "missed" or "false alarm".
        limit: the share or the rate, 0..1.
        snr_db: SNR at which it has to hold.
        kind: of the link that shows it.
        parameters: of the point, the SNR left out.
        why_not: why it cannot be run; empty where it can.
    """

    name: str
    standard: str
    clause: str
    channel: str
    antennas: str
    what: str
    metric: str
    limit: float
    snr_db: float
    kind: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    why_not: str = ""

    @property
    def target(self) -> float:
        """The same as a rate that must not be exceeded: of what is lost, missed or found without being there."""
        return 1 - self.limit if self.metric == THROUGHPUT else self.limit

    def point(self, snr_db: float | None = None) -> Point:
        """The point that is simulated.

        Args:
            snr_db: another SNR than that of the requirement.

        Raises:
            ValueError: the requirement cannot be run.
        """
        if self.why_not:
            raise ValueError(f"{self.name} cannot be run: {self.why_not}")
        return make_point({"kind": self.kind, **self.parameters, "snr_db": self.snr_db if snr_db is None else snr_db})


def requirements(standard: str) -> list[Requirement]:
    """Every requirement of a standard that the tables hold, in their order.

    Raises:
        ValueError: another standard.
    """
    if standard not in STANDARDS:
        raise ValueError(f"standard {standard!r} is not known: use {' or '.join(STANDARDS)}")
    loaders: tuple[Callable[[], list[Requirement]], ...]
    loaders = (_pdsch, _control) if standard == "36.101" else (_pusch, _pucch, _prach)
    return [requirement for load in loaders for requirement in load()]


def select(every: list[Requirement], patterns: list[str]) -> list[Requirement]:
    """Those whose name holds one of the texts, or fits it as a pattern with ``*`` and ``?``; all for none.

    Raises:
        ValueError: a text that fits no name.
    """
    for pattern in patterns:
        if not any(_fits(requirement.name, pattern) for requirement in every):
            raise ValueError(f"no requirement's name fits {pattern!r}: --list shows them")
    return [r for r in every if not patterns or any(_fits(r.name, pattern) for pattern in patterns)]


def _fits(name: str, pattern: str) -> bool:
    name, pattern = name.lower(), pattern.lower()
    return fnmatchcase(name, pattern) if "*" in pattern or "?" in pattern else pattern in name


@cache
def table(name: str) -> tuple[dict[str, str], ...]:
    """Rows of a table in ``data/``."""
    text = files(__package__).joinpath("data", f"{name}.csv").read_text(encoding="utf-8")
    return tuple(csv.DictReader(line for line in text.splitlines() if line and not line.startswith("#")))


def _propagation(name: str, correlation: str) -> str:
    """A channel's name as the models know it; low correlation is none (TS 36.101 B.2.3)."""
    return name if correlation in ("", "Low") else f"{name}-{correlation}"


def _antennas(text: str) -> tuple[int, int, str]:
    """Transmit and receive antennas and their correlation of a text such as "2x2 Medium"."""
    numbers, _, correlation = text.partition(" ")
    n_tx, _, n_rx = numbers.partition("x")
    return int(n_tx), int(n_rx), correlation


def cfi(n_prb: int) -> int:
    """CFI of the reference channels: a control region of 4, 3, 2 symbols at 1.4, 3 to 5, 10 MHz (TS 36.101 A.3.1)."""
    return 2 if n_prb >= 50 else 3


def _pdsch() -> list[Requirement]:
    """TS 36.101 8.2.1: throughput of the PDSCH with cell-specific reference signals, FDD."""
    reference = {row["channel"]: row for row in table("36101_A.3_frc")}
    found = []
    for row in table("36101_8.2_pdsch_requirements"):
        clause = row["table"].rpartition("-")[0]
        mode = _MODES[clause[: len("8.2.1.1")]]
        n_tx, n_rx, correlation = _antennas(row["antenna"])
        channel = row["reference_channel"]
        parameters: dict[str, Any] = {}
        why_not = ""
        if channel not in reference:
            why_not = f"reference channel {channel} is not in the table of reference channels"
        else:
            n_prb = _N_PRB[row["bw_MHz"]]
            parameters = {
                "tm": mode,
                "n_tx": n_tx,
                "n_rx": n_rx,
                "n_prb": n_prb,
                "cfi": cfi(n_prb),
                "channel": _propagation(row["propagation"], correlation),
                "rounds": ROUNDS,
                "ue_category": int(row["ue_category"].partition("-")[0]),
                "tbs": int(reference[channel]["payload_bits"]),
                "modulation": reference[channel]["modulation"].lower(),
            }
            if mode > 2:
                parameters |= _spatial(clause, row["test"], n_prb)
            if row["propagation"] == "HST":  # a test of following the carrier: the receiver has to find it itself
                parameters |= {"sync": "practical"}
        found.append(
            Requirement(
                name=f"pdsch-{clause}-{row['test']}",
                standard="36.101",
                clause=f"{row['table']} test {row['test']}",
                channel=f"{row['propagation']} {correlation}".strip(),
                antennas=f"{n_tx}x{n_rx}",
                what=f"TM{mode} {channel}, {row['bw_MHz']} MHz",
                metric=THROUGHPUT,
                limit=float(row["throughput_pct"]) / 100,
                snr_db=float(row["snr_dB"]),
                kind="downlink",
                parameters=parameters,
                why_not=why_not,
            )
        )
    return found


def _spatial(clause: str, test: str, n_prb: int) -> dict[str, Any]:
    """Layers and feedback of a test of spatial multiplexing."""
    (row,) = (r for r in table("36101_8.2.1.4_feedback") if (r["clause"], r["test"]) == (clause, test))
    found = {"layers": int(row["layers"])}
    if row["pmi_prb"]:
        shared = int(row["pmi_prb"])
        found |= {"pmi_prb": 0 if shared >= n_prb else shared, "pmi_delay": int(row["pmi_delay_ms"])}
    return found


def _control() -> list[Requirement]:
    """TS 36.101 8.4 and 8.6: missed grants on PCFICH and PDCCH, missed MIBs on the PBCH."""
    found = []
    for row in table("36101_8_control_requirements"):
        kind = "pdcch" if row["aggregation"] else "pbch"
        n_tx, n_rx, correlation = _antennas(row["antenna"])
        n_prb = _N_PRB[row["bw_MHz"]]
        parameters: dict[str, Any] = {
            "n_tx": n_tx,
            "n_rx": n_rx,
            "n_prb": n_prb,
            "channel": _propagation(row["propagation"], correlation),
        }
        if kind == "pdcch":
            parameters |= {"level": int(row["aggregation"].split()[0]), "cfi": cfi(n_prb)}
        clause = row["table"].rpartition("-")[0]
        load = ", ".join(filter(None, (row["reference_channel"], row["aggregation"], f"{row['bw_MHz']} MHz")))
        found.append(
            Requirement(
                name=f"{kind}-{clause}-{row['test']}",
                standard="36.101",
                clause=f"{row['table']} test {row['test']}",
                channel=f"{row['propagation']} {correlation}".strip(),
                antennas=f"{n_tx}x{n_rx}",
                what=load,
                metric=MISSED,
                limit=float(row["target_pct"]) / 100,
                snr_db=float(row["snr_dB"]),
                kind=kind,
                parameters=parameters,
            )
        )
    return found


def _pusch() -> list[Requirement]:
    """TS 36.104 8.2.1: throughput of the PUSCH."""
    reference = {row["frc"]: row for row in table("36104_A.3_A.5_frc")}
    found = []
    for row in table("36104_8.2.1.1_pusch_requirements"):
        profile, _, correlation = row["propagation"].partition(" ")
        frc, percent, bandwidth = row["frc"], row["throughput_pct"], row["bw_MHz"]
        why_not, parameters = "", {}
        if row["cp"] != "normal":
            why_not = "the link simulator has the normal cyclic prefix only"
        elif frc not in reference:
            why_not = f"reference channel {frc} is not in the table of reference channels"
        else:
            parameters = {
                "n_rx": int(row["rx"]),
                "n_prb": _N_PRB[bandwidth],
                "n_prb_alloc": int(reference[frc]["N_RB"]),
                "channel": _propagation(profile, correlation),
                "rounds": ROUNDS,
                "tbs": int(reference[frc]["payload_bits"]),
                "modulation": reference[frc]["modulation"].lower(),
            }
        found.append(
            Requirement(
                name=f"pusch-{bandwidth}-{profile}-{frc}-{percent}",
                standard="36.104",
                clause=_PUSCH_TABLES[bandwidth],
                channel=row["propagation"],
                antennas=f"{row['tx']}x{row['rx']}",
                what=f"{frc}, {bandwidth} MHz",
                metric=THROUGHPUT,
                limit=float(percent) / 100,
                snr_db=float(row["snr_dB"]),
                kind="uplink",
                parameters=parameters,
                why_not=why_not,
            )
        )
    return found


def _pucch() -> list[Requirement]:
    """TS 36.104 8.3.1 and 8.3.2: ACKs missed on the PUCCH, and silence read as ACK at the same noise."""
    found = []
    for row in table("36104_8.3_pucch_requirements"):
        profile, _, correlation = row["propagation"].partition(" ")
        for column in (name for name in row if name.startswith("bw")):
            bandwidth = column.removeprefix("bw")
            parameters = {
                "n_rx": int(row["rx"]),
                "n_prb": _N_PRB[bandwidth],
                "format": row["format"],
                "channel": _propagation(profile, correlation),
            }
            silence = parameters | {"channel": "AWGN", "silent": True}  # noise alone is the same on every channel
            common: dict[str, Any] = {
                "standard": "36.104",
                "antennas": f"1x{row['rx']}",
                "snr_db": float(row[column]),
                "kind": "pucch",
            }
            name = f"pucch-{row['format']}-{bandwidth}"
            what = f"format {row['format']}, {bandwidth} MHz"
            missed: dict[str, Any] = {
                "name": name,
                "clause": "8.3.2.1-1",
                "what": f"{what}: ACK missed",
                "channel": row["propagation"],
                "metric": MISSED,
            }
            false: dict[str, Any] = {
                "name": f"{name}-dtx",
                "clause": "8.3.1",
                "what": f"{what}: DTX to ACK",
                "channel": "noise alone",
                "metric": FALSE,
            }
            found.append(Requirement(**common, **missed, limit=_MISSED_ACK, parameters=parameters))
            found.append(Requirement(**common, **false, limit=_DTX_TO_ACK, parameters=silence))
    return found


def _prach() -> list[Requirement]:
    """TS 36.104 8.4.1 and 8.4.2: preambles missed, and preambles found in noise alone."""
    missed, false = [], []
    for row in table("36104_8.4.2.1-1_prach_requirements"):
        n_rx, channel = int(row["rx"]), row["propagation"]
        for column in (name for name in row if name.startswith("fmt")):
            preamble_format = int(column.removeprefix("fmt"))
            known = preamble_format in _PRACH_FORMATS
            common: dict[str, Any] = {
                "standard": "36.104",
                "antennas": f"{row['tx']}x{n_rx}",
                "what": f"preamble format {preamble_format}",
                "snr_db": float(row[column]),
                "kind": "prach",
                "why_not": "" if known else "preamble format 4 belongs to TDD, which the product does not have",
            }
            parameters = {"n_rx": n_rx, "config_index": _PRACH_FORMATS.get(preamble_format)}
            fading = {
                "channel": channel,
                "cfo_hz": float(row["freq_offset_Hz"]),
                "tolerance_us": _TOLERANCE_US[channel],
            }
            missed.append(
                Requirement(
                    name=f"prach-{preamble_format}-{channel}-{n_rx}rx",
                    clause="8.4.2.1-1",
                    channel=channel,
                    metric=MISSED,
                    limit=_MISSED_PREAMBLE,
                    parameters=parameters | fading if known else {},
                    **common,
                )
            )
            if channel == "AWGN":  # noise alone is the same on every channel
                false.append(
                    Requirement(
                        name=f"prach-{preamble_format}-noise-{n_rx}rx",
                        clause="8.4.1.1",
                        channel="noise alone",
                        metric=FALSE,
                        limit=_FALSE_PREAMBLE,
                        parameters=parameters | {"silent": True} if known else {},
                        **common,
                    )
                )
    return missed + false
