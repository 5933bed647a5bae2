"""The report of a run of the requirements: one HTML file with verdicts, margins and a curve of each."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from html import escape
from pathlib import Path
from typing import Final

from picocell.sims import report_page
from picocell.sims.conformance import Effort, Outcome
from picocell.sims.conformance_chart import chart
from picocell.sims.conformance_report import limit_text, margin_text, measured_text, met_text, verdict_text
from picocell.sims.conformance_requirements import FALSE, THROUGHPUT
from picocell.sims.snr import DEFINITION, PREAMBLE_DEFINITION

_TITLES: Final = {
    "36.101": "TS 36.101: demodulation requirements of the phone",
    "36.104": "TS 36.104: demodulation requirements of the base station",
}
_HEAD: Final = (
    "name",
    "clause",
    "what",
    "channel",
    "antennas",
    "verdict",
    "SNR (dB)",
    "limit (%)",
    "measured there (%)",
    "met at (dB)",
    "margin (dB)",
)


def write_html(
    path: Path, standard: str, outcomes: Sequence[Outcome], effort: Effort, seed: int, when: datetime | None = None
) -> None:
    """Write the report.

    Args:
        path: HTML file.
        standard: "36.101" or "36.104".
        outcomes: what came out.
        effort: how much was simulated.
        seed: of everything random.
        when: it was made; now if None.

    Raises:
        OSError: it cannot be written.
    """
    measured = [outcome for outcome in outcomes if outcome.tallies]
    title = _TITLES[standard]
    parts = [
        f"<h1>{escape(title)}</h1>",
        _summary(outcomes),
        report_page.made(when),
        _effort(measured, effort, seed),
        "<h2>Results</h2>",
        report_page.table(_HEAD, [_row(outcome) for outcome in measured], 6) if measured else "",
        _not_run(outcomes),
        _curves(measured),
        "<h2>What SNR means</h2>",
        report_page.paragraph(f"{DEFINITION}."),
        report_page.paragraph(f"{PREAMBLE_DEFINITION}.") if standard == "36.104" else "",
    ]
    report_page.write_page(path, title, parts)


def _summary(outcomes: Sequence[Outcome]) -> str:
    counted = Counter(outcome.verdict for outcome in outcomes)
    close = sum(outcome.close for outcome in outcomes)
    margins = [(o.margin_db, o.requirement.name) for o in outcomes if o.margin_db is not None and not o.bounded]
    text = f"{counted['pass']} passed, {counted['fail']} failed, {counted['not run']} not run."
    if close:
        text += f" Of {close} the limit lies within the interval: more subframes might turn them."
    if margins:
        least, name = min(margins)
        text += f" The smallest margin is {least:.2f} dB, of {name}."
    mark = ' class="warning"' if counted["fail"] else ""
    return f"<p{mark}>{escape(text)}</p>"


def _effort(measured: Sequence[Outcome], effort: Effort, seed: int) -> str:
    """How much was simulated, in words."""
    cpu_s = sum(tally.counts.cpu_s for outcome in measured for tally in outcome.tallies.values())
    sent = sum(tally.counts.transmissions for outcome in measured for tally in outcome.tallies.values())
    text = f"{effort.throughput:,} subframes of a throughput at each SNR, up to {effort.points} SNRs of a requirement"
    if effort.points == 1:
        text = f"{effort.throughput:,} subframes of a throughput, at the SNR asked for alone: no margins"
    return report_page.paragraph(
        f"{text}; {sent:,} subframes or trials in all, {cpu_s:.0f} s of CPU time; seed {seed}."
    )


def _row(outcome: Outcome) -> list[str]:
    requirement = outcome.requirement
    name = escape(requirement.name)
    texts = (requirement.clause, requirement.what, requirement.channel, requirement.antennas)
    figures = (limit_text(requirement), measured_text(outcome), met_text(outcome), margin_text(outcome))
    return [
        f'<a href="#{name}">{name}</a>',
        *map(escape, texts),
        f'<span class="{outcome.verdict}">{verdict_text(outcome)}</span>',
        f"{requirement.snr_db:g}",
        *map(escape, figures),
    ]


def _not_run(outcomes: Sequence[Outcome]) -> str:
    missing = [outcome.requirement for outcome in outcomes if outcome.requirement.why_not]
    if not missing:
        return ""
    items = "".join(f"<li>{escape(f'{one.name} ({one.what}): {one.why_not}')}</li>" for one in missing)
    return f"<h3>Not run</h3><ul>{items}</ul>"


def _curves(measured: Sequence[Outcome]) -> str:
    if not measured:
        return ""
    note = (
        "Dashed: the limit, and the SNR at which it has to be met. Ring: where it is just met. Bars: 95 % intervals. "
        "An arrow: nothing was lost, and the rate lies below its beginning."
    )
    figures = "\n".join(_figure(outcome) for outcome in measured)
    return f'<h2>Curves</h2><p class="note">{note}</p><div class="charts">\n{figures}\n</div>'


def _figure(outcome: Outcome) -> str:
    requirement = outcome.requirement
    what = {THROUGHPUT: "of the throughput", FALSE: "false alarms"}.get(requirement.metric, "missed")
    facts = [
        f"{requirement.what}, {requirement.channel}, {requirement.antennas}",
        f"{limit_text(requirement)} % {what} at {requirement.snr_db:g} dB",
        verdict_text(outcome) if outcome.margin_db is None else f"margin {margin_text(outcome)} dB",
    ]
    name = escape(requirement.name)
    caption = f"<strong>{name}</strong><br>{'<br>'.join(map(escape, facts))}"
    return f'<figure id="{name}" class="{outcome.verdict}">{chart(outcome)}<figcaption>{caption}</figcaption></figure>'
