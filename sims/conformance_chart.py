"""A small picture of a requirement as SVG: what was measured over SNR, and what is asked for."""

from html import escape
from math import ceil, floor, log10
from typing import Final, NamedTuple

from picocell.sims.conformance import Outcome
from picocell.sims.conformance_requirements import THROUGHPUT
from picocell.sims.stats import Interval

_WIDTH: Final = 340
_HEIGHT: Final = 210
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 10, 12, 36
_PAD_DB: Final = 0.75
_TICKS: Final = 6


class _Scale(NamedTuple):
    """From a figure to a place in the picture: along a line, or along its logarithm."""

    low: float
    high: float
    begin: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        bounded = min(max(value, self.low), self.high)
        if self.log:
            share = (log10(bounded) - log10(self.low)) / (log10(self.high) - log10(self.low))
        else:
            share = (bounded - self.low) / (self.high - self.low)
        return round(self.begin + share * (self.end - self.begin), 1)


class _Measured(NamedTuple):
    """A point in per cent."""

    snr_db: float
    value: float
    interval: Interval


def _measured(outcome: Outcome) -> list[_Measured]:
    found = []
    for snr in sorted(outcome.tallies):
        value, interval = outcome.at(snr)
        found.append(_Measured(snr, 100 * value, Interval(100 * interval.low, 100 * interval.high)))
    return found


def chart(outcome: Outcome) -> str:
    """Measured points with their intervals, the limit and the SNR at which it has to be met."""
    requirement, points = outcome.requirement, _measured(outcome)
    throughput, limit = requirement.metric == THROUGHPUT, 100 * requirement.limit
    snrs = [requirement.snr_db, *(point.snr_db for point in points)]
    x = _Scale(min(snrs) - _PAD_DB, max(snrs) + _PAD_DB, _LEFT, _WIDTH - _RIGHT)
    if throughput:
        y = _Scale(0, 100, _HEIGHT - _BOTTOM, _TOP)
        levels = [0.0, 25.0, 50.0, 75.0, 100.0]
    else:
        least = min([limit, *(p.interval.low or p.interval.high for p in points)])
        bottom = floor(log10(least / 2))
        levels = [10.0**power for power in range(bottom, 3)]
        y = _Scale(levels[0], 100, _HEIGHT - _BOTTOM, _TOP, log=True)
    parts = [*_grid(x, y, levels), *_limits(outcome, x, y, limit), *_curve(points, x, y, throughput)]
    label = "throughput (%)" if throughput else f"{requirement.metric} (%)"
    parts.append(f'<text x="{(_LEFT + _WIDTH) / 2}" y="{_HEIGHT - 4}" text-anchor="middle">SNR (dB)</text>')
    middle = (_HEIGHT - _BOTTOM + _TOP) / 2
    turn = f'transform="rotate(-90 10 {middle})"'
    parts.append(f'<text x="10" y="{middle}" text-anchor="middle" {turn}>{escape(label)}</text>')
    name = escape(f"{requirement.name}: {label} over SNR", quote=True)
    body = "\n".join(parts)
    return f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{name}">\n{body}\n</svg>'


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" class="{kind}"/>'


def _grid(x: _Scale, y: _Scale, levels: list[float]) -> list[str]:
    parts = []
    for level in levels:
        parts.append(_line(x.begin, y(level), x.end, y(level), "grid"))
        parts.append(f'<text x="{x.begin - 4}" y="{y(level) + 3}" text-anchor="end">{level:g}</text>')
    step = max(ceil((x.high - x.low) / _TICKS), 1)
    for snr in range(ceil(x.low / step) * step, floor(x.high) + 1, step):
        parts.append(_line(x(snr), y.begin, x(snr), y.end, "grid"))
        parts.append(f'<text x="{x(snr)}" y="{y.begin + 14}" text-anchor="middle">{snr:g}</text>')
    return parts


def _limits(outcome: Outcome, x: _Scale, y: _Scale, limit: float) -> list[str]:
    """The limit, the SNR asked for, and where the one is met."""
    required = x(outcome.requirement.snr_db)
    parts = [_line(x.begin, y(limit), x.end, y(limit), "limit"), _line(required, y.begin, required, y.end, "limit")]
    if (met := outcome.met_at_db) is not None:
        parts.append(f'<circle cx="{x(met)}" cy="{y(limit)}" r="5" class="met"/>')
    return parts


def _curve(points: list[_Measured], x: _Scale, y: _Scale, throughput: bool) -> list[str]:
    """Points and intervals; where nothing was lost on a logarithmic axis, an arrow down from what it may be."""
    seen = [point for point in points if throughput or point.value > 0]
    line = " ".join(f"{x(point.snr_db)},{y(point.value)}" for point in seen)
    parts = [f'<polyline points="{line}" class="curve"/>'] if len(seen) > 1 else []
    for point in points:
        at, top, bottom = x(point.snr_db), y(point.interval.high), y(point.interval.low or y.low)
        if point in seen:
            parts.append(_line(at, top, at, bottom, "bar"))
            parts.append(f'<circle cx="{at}" cy="{y(point.value)}" r="2.5" class="point"/>')
        else:
            low = min(top + 16, y.begin)
            parts += [_line(at - 4, top, at + 4, top, "bar"), _line(at, top, at, low, "bar")]
            parts.append(f'<path d="M{at - 3.5} {low - 5} L{at} {low} L{at + 3.5} {low - 5}" class="bar"/>')
    return parts
