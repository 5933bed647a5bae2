"""Turns results of `picocell conformance --json` into the Markdown tables of docs/conformance.md.

picocell conformance 36.104 --json 36104.jsonl
python tools/conformance_tables.py 36.104 36104.jsonl
"""

import argparse
import sys
from pathlib import Path

from picocell.sims.conformance import Outcome
from picocell.sims.conformance_records import read_outcomes
from picocell.sims.conformance_report import limit_text, margin_text, measured_text, met_text, verdict_text
from picocell.sims.conformance_requirements import STANDARDS, requirements

SEARCHED = ("met at (dB)", "margin (dB)")
HEAD = ("name", "what", "channel", "antennas", "SNR (dB)", "limit (%)", "measured (%)", *SEARCHED, "")
RULES = ("---", "---", "---", "---", "---:", "---:", "---:", "---:", "---:", "---")


def cells(outcome: Outcome) -> tuple[str, ...]:
    """A row, in the order of `HEAD`."""
    requirement = outcome.requirement
    return (
        requirement.name,
        requirement.what,
        requirement.channel,
        requirement.antennas,
        f"{requirement.snr_db:g}",
        limit_text(requirement),
        measured_text(outcome),
        met_text(outcome),
        margin_text(outcome),
        verdict_text(outcome),
    )


def table(outcomes: list[Outcome]) -> str:
    """A table; without margins where there are none."""
    searched = any(len(outcome.tallies) > 1 for outcome in outcomes)
    kept = [i for i, name in enumerate(HEAD) if searched or name not in SEARCHED]
    rows = [HEAD, RULES, *map(cells, outcomes)]
    return "\n".join(f"| {' | '.join(row[i] for i in kept)} |".replace("|  |", "| |") for row in rows)


def summary(outcomes: list[Outcome]) -> str:
    """How many passed, and the smallest margins."""
    verdicts = [outcome.verdict for outcome in outcomes]
    counted = ", ".join(f"{verdicts.count(verdict)} {verdict}" for verdict in ("pass", "fail", "not run"))
    margins = sorted((o.margin_db, o.requirement.name) for o in outcomes if o.margin_db is not None and not o.bounded)
    least = ", ".join(f"{name} {margin:.2f} dB" for margin, name in margins[:5])
    tallies = [tally for outcome in outcomes for tally in outcome.tallies.values()]
    cpu_s = sum(tally.counts.cpu_s for tally in tallies)
    sent = sum(tally.counts.transmissions for tally in tallies)
    text = f"{counted}; {sent:,} subframes or trials, {cpu_s:.0f} s of CPU time"
    return f"{text}; smallest margins: {least}" if least else text


def main() -> int:
    """Exit code 0; 2: a file that cannot be used."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("standard", choices=STANDARDS)
    parser.add_argument("file", type=Path)
    options = parser.parse_args()
    try:
        outcomes = read_outcomes(options.file, requirements(options.standard))
    except (OSError, ValueError) as error:
        print(f"conformance_tables: {error}", file=sys.stderr)
        return 2
    print(table([outcome for outcome in outcomes if outcome.tallies]))
    print(summary(outcomes), file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
