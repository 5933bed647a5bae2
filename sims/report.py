"""The report of a campaign: one HTML file with everything in it, pictures too."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from pathlib import Path
from typing import Any, Final

from picocell.sims import report_page
from picocell.sims.campaign_file import CampaignFile, Sweep
from picocell.sims.plot import METRICS
from picocell.sims.report_page import paragraph
from picocell.sims.results import ResultTable, Setting
from picocell.sims.snr import DEFINITION, PREAMBLE_DEFINITION

_BLER: Final = 0.1
_THROUGHPUT: Final = 70.0
_STOPPED: Final = {"subframes": "length", "errors": "errors", "width": "interval"}


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of a sweep.

    Attributes:
        path: PNG file.
        metric: what it shows over the SNR.
    """

    path: Path
    metric: str


@dataclass(frozen=True, slots=True)
class Finished:
    """A sweep that is done.

    Attributes:
        sweep: what it was.
        table: its results.
        setting: seed and stopping rule.
        pictures: its curves.
    """

    sweep: Sweep
    table: ResultTable
    setting: Setting
    pictures: Sequence[Picture] = ()


def write_report(
    path: Path, file: CampaignFile, done: Sequence[Finished], source: str = "", made: datetime | None = None
) -> None:
    """Write the report.

    Args:
        path: HTML file.
        file: the campaign.
        done: its sweeps as far as they are done.
        source: text of the campaign file, to be shown at the end.
        made: when; now if None.

    Raises:
        OSError: it cannot be written, or a picture cannot be read.
    """
    unfinished = len(file.sweeps) - len(done)
    parts = [
        f"<h1>{escape(file.title)}</h1>",
        paragraph(file.text),
        report_page.made(made),
        f'<p class="warning">{unfinished} of {len(file.sweeps)} sweeps are not done yet.</p>' if unfinished else "",
        "<h2>Overview</h2>",
        _overview(done),
        "<h2>What SNR means</h2>",
        _definitions(done),
        *(_section(one) for one in done),
        f"<h2>Campaign file</h2><details><summary>show</summary><pre>{escape(source)}</pre></details>"
        if source
        else "",
    ]
    report_page.write_page(path, file.title, parts)


def _overview(done: Sequence[Finished]) -> str:
    rows = []
    for one in done:
        snrs = [result.point.snr_db for result in one.table]
        rows.append(
            [
                f'<a href="#{escape(one.sweep.name)}">{escape(one.sweep.title or one.sweep.name)}</a>',
                one.sweep.kind,
                str(len(one.table)),
                f"{min(snrs):.4g} to {max(snrs):.4g}",
                f"{sum(result.tally.counts.transmissions for result in one.table):,}",
                f"{sum(result.tally.counts.cpu_s for result in one.table):.1f}",
                str(one.setting.seed),
            ]
        )
    return report_page.table(["sweep", "kind of link", "points", "SNR (dB)", "trials", "CPU time (s)", "seed"], rows, 2)


def _definitions(done: Sequence[Finished]) -> str:
    kinds = {one.sweep.kind for one in done}
    texts = ([DEFINITION] if kinds - {"prach"} else []) + ([PREAMBLE_DEFINITION] if "prach" in kinds else [])
    return "".join(f"<p>{escape(text)}.</p>" for text in texts)


def _section(one: Finished) -> str:
    """Everything about a sweep."""
    name = escape(one.sweep.name)
    return "\n".join(
        part
        for part in (
            f'<h2 id="{name}">{escape(one.sweep.title or one.sweep.name)}</h2>',
            paragraph(one.sweep.text),
            *(_figure(one, picture) for picture in one.pictures),
            "<h3>Curves</h3>",
            _curves(one.table),
            "<h3>Parameters</h3>",
            _parameters(one),
            _conversions(one.table),
            f"<h3>Points</h3>\n<details open><summary>{len(one.table)} points</summary>",
            _points(one),
            f"</details>\n<p>Files: {name}.jsonl with every parameter and count, {name}.csv.</p>",
        )
        if part
    )


def _figure(one: Finished, picture: Picture) -> str:
    data = base64.b64encode(picture.path.read_bytes()).decode()
    shown = f"{METRICS[picture.metric]} over SNR"
    alt = escape(f"{one.sweep.title or one.sweep.name}: {shown}", quote=True)
    caption = f"{escape(shown)}; bars are intervals at {100 * one.setting.rule.confidence:g} %"
    image = f'<img src="data:image/png;base64,{data}" alt="{alt}">'
    return f"<figure>{image}<figcaption>{caption[0].upper()}{caption[1:]}</figcaption></figure>"


def _curves(table: ResultTable) -> str:
    """Where each curve reaches what is usually asked for."""
    names = table.varying()
    rows = []
    for curve in table.curves():
        values = curve[0].point.as_dict()
        bler, share = curve.snr_at_bler(_BLER), curve.snr_at_throughput(_THROUGHPUT)
        conversion = curve[0].conversion
        rows.append(
            [
                *(_text(values.get(name)) for name in names or ["kind"]),
                str(len(curve)),
                str(conversion.info_bits),
                f"{conversion.code_rate:.3f}",
                _number(bler, ".2f"),
                _number(None if bler is None else conversion.eb_n0_db(bler), ".2f"),
                _number(share, ".2f"),
            ]
        )
    figures = [
        "points",
        "bits",
        "code rate",
        f"SNR at {100 * _BLER:g} % BLER (dB)",
        "Eb/N0 there (dB)",
        f"SNR at {_THROUGHPUT:g} % throughput (dB)",
    ]
    note = "<p class=note>A dash: the points do not show the crossing. BLER is the first transmission's.</p>"
    return report_page.table([*map(escape, names or ["kind"]), *figures], rows, max(len(names), 1)) + note


def _parameters(one: Finished) -> str:
    """What all points have in common, what varies, and when a point is done."""
    table, rule = one.table, one.setting.rule
    varying = table.varying()
    values = table[0].point.as_dict()
    fixed = {k: v for k, v in values.items() if k not in varying and k != "snr_db"}
    items = [(name, _text(value)) for name, value in fixed.items()]
    for name in varying:
        seen = dict.fromkeys(_text(result.point.as_dict().get(name)) for result in table)
        items.append((name, ", ".join(seen)))
    items += [("seed", str(one.setting.seed)), ("block of work", f"{one.setting.block} trials")]
    listed = "".join(f"<div><dt>{escape(name)}</dt><dd>{text}</dd></div>" for name, text in items)
    ends = [f"after {rule.max_subframes:,} trials"]
    if rule.max_errors:
        ends.append(f"after {rule.max_errors:,} errors")
    if rule.width:
        ends.append(f"when its interval is narrower than {100 * rule.width:g} % of the error rate")
    return f"<dl>{listed}</dl>\n<p>A point is done {' or '.join(ends)}.</p>"


def _conversions(table: ResultTable) -> str:
    texts = dict.fromkeys(result.conversion.text() for result in table)
    return f"<ul>{''.join(f'<li>{escape(text)}</li>' for text in texts)}</ul>"


def _points(one: Finished) -> str:
    table = one.table
    names = table.varying()
    rounds = max(len(result.tally.counts.sent) for result in table)
    later = [f"BLER {i} (%)" for i in range(2, rounds + 1)]
    figures = ["trials", "errors", "BLER (%)", f"{100 * one.setting.rule.confidence:g} % interval", *later]
    head = [*names, "SNR (dB)", "Eb/N0 (dB)", *figures, "throughput (%)", "Mb/s", "iterations", "est. SNR (dB)"]
    rows = []
    for result in table:
        row, values = result.row(), result.point.as_dict()
        rows.append(
            [
                *(_text(values.get(name)) for name in names),
                f"{result.point.snr_db:.4g}",
                f"{row['eb_n0_db']:.2f}",
                f"{row['transport_blocks']:,}",
                f"{row['block_errors']:,}",
                _percent(row["bler_1"]),
                f"{_percent(row['bler_1_low'])} to {_percent(row['bler_1_high'])}",
                *(_percent(row.get(f"bler_{i}")) for i in range(2, rounds + 1)),
                f"{row['throughput_percent']:.1f}",
                f"{row['throughput_mbps']:.3f}",
                _number(row["iterations"], ".2f"),
                _number(row["estimated_snr_db"], ".2f"),
                _number(row["evm_percent"], ".1f"),
                _number(row["cpu_us"], ".0f"),
                _STOPPED.get(result.stopped, escape(result.stopped)),
            ]
        )
    return report_page.table([*map(escape, [*head, "EVM (%)", "CPU (µs)", "done by"])], rows, len(names))


# values


def _text(value: Any) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return escape(text) or "–"


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.3g}"
