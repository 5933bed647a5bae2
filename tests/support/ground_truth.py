"""Ground truth of the recorded attach (``lte6_phy.csv``, ``lte6_mac.csv``), in the words of ``monitor --json``."""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

STOPPED_EARLY = frozenset({359, 384, 393, 394, 402, 403, 404})
"""Subframes whose message is on the air on four CCEs, each at full power, while the log names the first alone."""


@dataclass(frozen=True)
class PhyRow:
    """One row of ``lte6_phy.csv``: TTI, channel, and its fields as text."""

    tti: int
    channel: str
    fields: dict[str, str]


def phy_rows(path: Path) -> list[PhyRow]:
    """Rows of the physical layer's log."""
    rows = []
    with path.open(newline="") as lines:
        for row in csv.DictReader(lines):
            pairs = [item.split("=", 1) for item in row["fields"].split(";") if "=" in item]
            rows.append(PhyRow(int(row["tti"]), row["channel"], {key.strip(): value for key, value in pairs}))
    return rows


def mac_rows(path: Path, direction: str) -> list[tuple[int, int, bytes]]:
    """MAC PDUs of one direction as (TTI, RNTI, bytes), the MIB left out (its SFN is a placeholder)."""
    with path.open(newline="") as lines:
        return [
            (10 * int(row["sfn"]) + int(row["subframe"]), int(row["rnti"]), bytes.fromhex(row["mac_pdu_hex"]))
            for row in csv.DictReader(lines)
            if row["direction"] == direction and row["rnti_type"] != "NO_RNTI"
        ]


def pdcch_matches(row: PhyRow, event: dict[str, Any]) -> bool:
    """Whether a PDCCH line of the monitor says what a row of the log says, field by field.

    The log's receiver tries low aggregation levels first and stops at the first that decodes, and the first CCEs of a
    message decode by themselves: in the subframes of `STOPPED_EARLY` it names one CCE of four. For the SI-RNTI and
    RA-RNTI it prints no power command (the field carries N_PRB^1A), so that is not compared.
    """
    dci, fields = event["dci"], row.fields
    if dci["format"] != fields["f"]:
        return False
    level = 4 if row.tti in STOPPED_EARLY else 1 << int(fields["L"])
    if (event["cce"], event["aggregation_level"]) != (int(fields["cce"]), level):
        return False
    wanted = {"mcs": int(fields["mcs"]), "ndi": int(fields["ndi"])}
    if "pid" in fields:
        wanted["harq_process"] = int(fields["pid"])
    if "riv" in fields:
        wanted["riv"] = int(fields["riv"])
    if "rbg" in fields:
        wanted["resource_block_assignment"] = int(fields["rbg"], 16)
    if "dmrs_cs" in fields:
        wanted |= {"cyclic_shift": int(fields["dmrs_cs"]), "cqi_request": int(fields["cqi"] == "yes")}
    if event["rnti_type"] == "C":
        wanted["tpc"] = int(fields["tpc_pucch" if "tpc_pucch" in fields else "tpc_pusch"])
    return {name: dci[name] for name in wanted} == wanted
