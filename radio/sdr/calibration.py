"""Timing-advance calibration: by how much a device hears later what it sends, while its ends are connected."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from picocell.radio.interface import Received
from picocell.radio.sdr.radio import SdrCounters
from picocell.radio.sdr.sounding import MARGIN, Arrival, burst, locate, peak

BEFORE_S: Final = 0.001
"""A burst is looked for from so long before its time, for a device that makes up for its delay by itself ..."""
AFTER_S: Final = 0.01
"""... until so long behind it."""
LEAD_S: Final = 0.01
"""How long before its time a burst is given to the device; twice as long each time that one was late."""
_MAX_LEAD_S: Final = 0.02  # a device has little room for what is to leave later
_STEP_S: Final = 0.001
_TIMEOUT_S: Final = 0.5
_GIVE_UP: Final = 4
FULL_SCALE: Final = 0.98
"""Real or imaginary parts as large as this may have been cut."""
SURE: Final = 0.5
"""Samples by which the delay may vary where it is called sure."""
_SHARE: Final = 0.9
_MOST: Final = (5, 95)

Miss = Literal["late", "unsent", "gap", "timeout", "absent"]
_WORDS: Final[dict[Miss, str]] = {
    "late": "too late",
    "unsent": "not taken by the device",
    "gap": "with samples lost",
    "timeout": "with no samples",
    "absent": "not heard",
}


class LoopedRadio(Protocol):
    """What is asked of a radio; :class:`~picocell.radio.sdr.radio.SdrRadio` has it."""

    @property
    def sample_rate(self) -> float:
        """Samples per second."""
        ...

    @property
    def counters(self) -> SdrCounters:
        """What went otherwise than it should."""
        ...

    @property
    def waiting(self) -> int:
        """Samples that were received and not used yet."""
        ...

    def receive(self, n: int, timeout: float | None = None) -> Received:
        """The next samples."""
        ...

    def transmit(self, samples: NDArray[np.complex64], time: int) -> None:
        """Send samples at their time."""
        ...


@dataclass(slots=True)
class Opening:
    """What was found from one opening of the device to its closing.

    Attributes:
        arrivals: bursts that were found.
        misses: how many others, by what was wrong.
        level: mean square of the samples looked at, at most.
        peak: largest real or imaginary part of them.
    """

    arrivals: list[Arrival] = field(default_factory=list)
    misses: dict[Miss, int] = field(default_factory=dict)
    level: float = 0.0
    peak: float = 0.0

    @property
    def delays(self) -> NDArray[np.float64]:
        """Of the bursts that were found, in samples."""
        return np.array([arrival.delay for arrival in self.arrivals])


@dataclass(frozen=True, slots=True)
class Calibration:
    """The delay of a device at one sample rate.

    Attributes:
        delay: median, in samples.
        within: by how much nine tenths of the bursts of one opening vary, at most, in samples.
        between: by how much the openings' medians differ.
        found: bursts that were found.
        sent: bursts in all.
        late: bursts of them that came too late.
        snr_db: power of the burst against that of what is there before it; infinite where nothing is.
        match: median share of the energy at its place that is the burst.
        level_dbfs: of the burst.
        peak_dbfs: largest real or imaginary part of all that was received.
        doubts: why the delay is not sure, in words; empty where it is.
    """

    delay: float
    within: float
    between: float
    found: int
    sent: int
    late: int
    snr_db: float
    match: float
    level_dbfs: float
    peak_dbfs: float
    doubts: tuple[str, ...]


def measure(radio: LoopedRadio, repeats: int, level_dbfs: float) -> Opening:
    """Send bursts, each when the one before has been looked for.

    Args:
        radio: hears what it sends.
        repeats: bursts.
        level_dbfs: largest real or imaginary part of a burst, against full scale.

    Raises:
        ValueError: no burst at all.
        RadioError: the device is lost.
    """
    if repeats < 1:
        raise ValueError(f"{repeats} bursts are not allowed: 1 or more")
    opening, sent, lead_s = Opening(), burst(level_dbfs), LEAD_S
    for _ in range(repeats):
        before = radio.counters
        found = _once(radio, sent, lead_s, opening)
        if radio.counters.late > before.late:
            found, lead_s = "late", min(2 * lead_s, _MAX_LEAD_S)
        elif radio.counters.dropped > before.dropped:
            found = "unsent"
        if isinstance(found, Arrival):
            opening.arrivals.append(found)
        else:
            opening.misses[found] = opening.misses.get(found, 0) + 1
        if opening.misses.get("timeout", 0) >= _GIVE_UP:
            break
    return opening


def summarise(openings: Sequence[Opening]) -> Calibration | None:
    """What all openings say together; None where no burst was found."""
    heard = [opening for opening in openings if opening.arrivals]
    if not heard:
        return None
    arrivals = [arrival for opening in heard for arrival in opening.arrivals]
    medians = [float(np.median(opening.delays)) for opening in heard]
    power, quiet = (float(np.median([getattr(one, what) for one in arrivals])) for what in ("power", "quiet"))
    found, missed = len(arrivals), sum(sum(opening.misses.values()) for opening in openings)
    within = max(float(np.ptp(np.percentile(opening.delays, _MOST))) for opening in heard)
    between = max(medians) - min(medians)
    highest = max(opening.peak for opening in openings)
    doubts = []
    if found < _SHARE * (found + missed):
        doubts.append(f"only {found} of {found + missed} bursts were found ({_counted(openings)})")
    if within > SURE:
        doubts.append(f"the delay varies by {within:.1f} samples while the device is open")
    if between > SURE:
        doubts.append(f"the delay differs by {between:.1f} samples from one opening of the device to another")
    if highest >= FULL_SCALE:
        doubts.append("the receiver is at full scale: lower rx_gain or tx_gain, or attenuate more")
    return Calibration(
        delay=float(np.median(np.concatenate([opening.delays for opening in heard]))),
        within=within,
        between=between,
        found=found,
        sent=found + missed,
        late=sum(opening.misses.get("late", 0) for opening in openings),
        snr_db=10 * float(np.log10(max(power - quiet, 1e-30) / quiet)) if quiet > 0 else float("inf"),
        match=float(np.median([arrival.match for arrival in arrivals])),
        level_dbfs=decibels(power),
        peak_dbfs=2 * decibels(highest),
        doubts=tuple(doubts),
    )


def why_nothing(openings: Sequence[Opening]) -> str:
    """What is wrong where no burst was found, in a line."""
    misses = _misses(openings)
    sent = sum(misses.values())
    if misses.get("timeout"):
        return f"the device gives no samples for {_TIMEOUT_S:g} s"
    if misses.get("late") == sent:
        return f"all of {sent} bursts came too late for the device: see whether picocell radio test counts late blocks"
    if misses.get("unsent") == sent:
        return f"the device took none of {sent} bursts in time: see what picocell radio test counts"
    if misses.get("gap", 0) + misses.get("late", 0) == sent:
        return f"samples were lost around all of {sent} bursts: see what picocell radio test counts"
    highest = max(opening.peak for opening in openings)
    if not highest:
        return "nothing is heard, all samples are zero: connect the transmitter to the receiver, or raise the gains"
    if highest >= FULL_SCALE:
        return "the receiver is at full scale, and the burst is not heard: lower rx_gain or tx_gain, or attenuate more"
    level = decibels(max(opening.level for opening in openings))
    return (
        f"the burst is not in what is received ({level:.1f} dBFS): connect the transmitter to the receiver, "
        "see tx_antenna and rx_antenna, or raise tx_gain and rx_gain"
    )


def _misses(openings: Sequence[Opening]) -> dict[Miss, int]:
    """Bursts that were not found, by what was wrong."""
    whats: list[Miss] = sorted({what for opening in openings for what in opening.misses})
    return {what: sum(opening.misses.get(what, 0) for opening in openings) for what in whats}


def _counted(openings: Sequence[Opening]) -> str:
    return ", ".join(f"{count} {_WORDS[what]}" for what, count in _misses(openings).items())


def decibels(power: float) -> float:
    """A power in dB; minus infinity for none."""
    return 10 * float(np.log10(power)) if power > 0 else float("-inf")


def _once(radio: LoopedRadio, sent: NDArray[np.complex64], lead_s: float, opening: Opening) -> Arrival | Miss:
    """Send a burst and look for it."""
    rate = radio.sample_rate
    step = max(round(_STEP_S * rate), 1)
    head = _catch_up(radio, step)
    at = head + max(round(lead_s * rate), 1)
    radio.transmit(sent[None, :], at)
    begin, end = at - round(BEFORE_S * rate), at + round(AFTER_S * rate) + len(sent)
    parts: list[NDArray[np.complex64]] = []
    behind = begin
    while behind < end:
        got = radio.receive(min(step, end - begin), timeout=_TIMEOUT_S)
        if not got.samples.shape[1]:
            return "timeout"
        if got.time > behind:
            return "gap"
        parts.append(got.samples[0, max(begin - got.time, 0) :])
        behind = max(got.time + got.samples.shape[1], begin)
    samples = np.concatenate(parts)
    opening.level = max(opening.level, float(np.vdot(samples, samples).real) / len(samples))
    opening.peak = max(opening.peak, peak(samples))
    return locate(samples, at + MARGIN - begin) or "absent"


def _catch_up(radio: LoopedRadio, step: int) -> int:
    """Let go of what waits; the time behind the last sample that the device gave."""
    left = radio.waiting
    while True:
        got = radio.receive(min(max(left, 1), step), timeout=_TIMEOUT_S)
        left -= got.samples.shape[1]
        if left <= 0 or not got.samples.shape[1]:
            return int(got.time + got.samples.shape[1] + radio.waiting)
