"""Measurements of the serving cell and their reports (TS 36.331 5.5).

There are no measurements of other cells, so that events A3 to A6 and those of other systems are configured, but never
come true.
"""

from copy import deepcopy
from dataclasses import dataclass, field
from math import floor
from typing import Final, Literal

from picocell.rrc_nas.rrc.fields import Value, number, reading
from picocell.rrc_nas.rrc.ue_messages import measurement_report

SAMPLE_MS: Final = 200
"""Rate of measurements that filterCoefficient is meant for (TS 36.331 5.5.3.2)."""

_MS_PER_MINUTE: Final = 60_000
Quantity = Literal["rsrp", "rsrq"]
Key = tuple[Quantity, int]


def rsrp_range(rsrp_dbm: float) -> int:
    """RSRP-Range 0..97 of an RSRP (TS 36.133 9.1.4)."""
    return min(max(floor(rsrp_dbm + 141), 0), 97)


def rsrq_range(rsrq_db: float) -> int:
    """RSRQ-Range 0..34 of an RSRQ (TS 36.133 9.1.7)."""
    return min(max(floor(2 * rsrq_db + 40), 0), 34)


def interval_ms(name: str) -> int:
    """Length of a ReportInterval: ``ms120`` to ``min60``."""
    return number(name) * (_MS_PER_MINUTE if name.startswith("min") else 1)


class LayerThreeFilter:
    """F_n = (1 - a) F_n-1 + a M_n with a = 1/2^(k/4) at a measurement every 200 ms (TS 36.331 5.5.3.2).

    At another rate a is changed so that the filter's time constant stays.

    Args:
        coefficient: k of filterCoefficient.
    """

    def __init__(self, coefficient: int = 4) -> None:
        self.coefficient = coefficient
        self.value: float | None = None
        self._last: int | None = None

    def add(self, measured: float, now: int) -> float:
        """Filtered value after a measurement."""
        if self.value is None or self._last is None or self.coefficient == 0:
            self.value = measured
        else:
            a = 0.5 ** (self.coefficient / 4)
            weight = 1 - (1 - a) ** ((now - self._last) / SAMPLE_MS)
            self.value += weight * (measured - self.value)
        self._last = now
        return self.value


@dataclass(slots=True)
class _Configuration:
    """VarMeasConfig: contents by identity."""

    objects: dict[int, Value] = field(default_factory=dict)
    reports: dict[int, Value] = field(default_factory=dict)
    ids: dict[int, tuple[int, int]] = field(default_factory=dict)
    coefficients: dict[Quantity, int] = field(default_factory=lambda: {"rsrp": 4, "rsrq": 4})


@dataclass(slots=True)
class _Entry:
    """Where the reporting of a measId stands.

    Attributes:
        since: when its entry or leaving condition came true; None while it is not.
        triggered: the cell is in cellsTriggeredList.
        sent: numberOfReportsSent.
        due: when the next report is due; None where none is.
    """

    since: int | None = None
    triggered: bool = False
    sent: int = 0
    due: int | None = None


class Measurements:
    """Measurement configuration and reporting of one connection.

    Args:
        serving_frequency: EARFCN of the serving cell; reports are of measurement objects of that frequency.
    """

    def __init__(self, serving_frequency: int) -> None:
        self._serving_frequency = serving_frequency
        self._config = _Configuration()
        self._entries: dict[int, _Entry] = {}
        self._filters: dict[Quantity, LayerThreeFilter] = {"rsrp": LayerThreeFilter(), "rsrq": LayerThreeFilter()}

    @property
    def ids(self) -> dict[int, tuple[int, int]]:
        """Measurement object and report configuration by measId."""
        return dict(self._config.ids)

    def prepare(self, meas_config: Value) -> _Configuration:
        """Configuration after a measConfig (TS 36.331 5.5.2); nothing is changed yet.

        Raises:
            Asn1Error: a value that is none, or one that names what does not exist.
        """
        config = deepcopy(self._config)
        with reading("measConfig"):
            _change(config.objects, meas_config, "measObject", "measObjectId", "measObjectToRemoveList")
            _change(config.reports, meas_config, "reportConfig", "reportConfigId", "reportConfigToRemoveList")
            quantity = meas_config.get("quantityConfig", {}).get("quantityConfigEUTRA")
            if quantity is not None:
                config.coefficients = {
                    "rsrp": number(quantity.get("filterCoefficientRSRP", "fc4")),
                    "rsrq": number(quantity.get("filterCoefficientRSRQ", "fc4")),
                }
            for meas_id in meas_config.get("measIdToRemoveList", []):
                config.ids.pop(meas_id, None)
            for entry in meas_config.get("measIdToAddModList", []):
                config.ids[entry["measId"]] = (entry["measObjectId"], entry["reportConfigId"])
                config.objects[entry["measObjectId"]], config.reports[entry["reportConfigId"]]
        config.ids = {
            meas_id: pair
            for meas_id, pair in config.ids.items()
            if pair[0] in config.objects and pair[1] in config.reports
        }
        return config

    def commit(self, config: _Configuration) -> None:
        """Take a configuration of `prepare`; the reporting of what it changes starts anew."""
        old, self._config = self._config, config
        if config.coefficients != old.coefficients:
            self._filters = {name: LayerThreeFilter(k) for name, k in config.coefficients.items()}
            self._entries.clear()
        for meas_id in list(self._entries):
            if self._content(old, meas_id) != self._content(config, meas_id):
                del self._entries[meas_id]

    def forget_reports(self) -> None:
        """A connection is re-established: reporting starts anew (TS 36.331 5.5.6.1)."""
        self._entries.clear()

    def measured(self, rsrp_dbm: float, rsrq_db: float, now: int) -> list[bytes]:
        """MeasurementReports that a measurement of the serving cell triggers."""
        self._filters["rsrp"].add(rsrp_dbm, now)
        self._filters["rsrq"].add(rsrq_db, now)
        for meas_id in sorted(self._config.ids):
            self._evaluate(meas_id, now)
        return self.handle_timers(now)

    def next_timer(self) -> int | None:
        """When the next report is due; None where none is."""
        return min((entry.due for entry in self._entries.values() if entry.due is not None), default=None)

    def handle_timers(self, now: int) -> list[bytes]:
        """MeasurementReports that are due (TS 36.331 5.5.5)."""
        reports = []
        for meas_id, entry in sorted(self._entries.items()):
            if entry.due is not None and entry.due <= now:
                reports.append(self._report(meas_id, entry, now))
        return reports

    def _content(self, config: _Configuration, meas_id: int) -> tuple[Value, Value] | None:
        pair = config.ids.get(meas_id)
        return None if pair is None else (config.objects[pair[0]], config.reports[pair[1]])

    def _report_config(self, meas_id: int) -> Value | None:
        """ReportConfigEUTRA of a measId on the serving frequency; None for others."""
        content = self._content(self._config, meas_id)
        if content is None:
            return None
        (kind, measured), (system, report) = content[0]["measObject"], content[1]["reportConfig"]
        if kind != "measObjectEUTRA" or system != "reportConfigEUTRA":
            return None
        return report if measured["carrierFreq"] == self._serving_frequency else None

    def _evaluate(self, meas_id: int, now: int) -> None:
        """Entry and leaving conditions (TS 36.331 5.5.4)."""
        report = self._report_config(meas_id)
        if report is None:
            return
        entry = self._entries.setdefault(meas_id, _Entry())
        kind, trigger = report["triggerType"]
        if kind == "periodical":
            if trigger["purpose"] == "reportStrongestCells" and entry.sent == 0 and entry.due is None:
                entry.due = now
            return
        name, event = trigger["eventId"]
        wanted = self._leaves(name, event, trigger) if entry.triggered else self._enters(name, event, trigger)
        if not wanted:
            entry.since = None
            return
        entry.since = now if entry.since is None else entry.since
        if now - entry.since < number(trigger["timeToTrigger"]):
            return
        entry.since = None
        entry.triggered = not entry.triggered
        entry.sent, entry.due = 0, now if entry.triggered else None

    def _enters(self, name: str, event: Value, trigger: Value) -> bool:
        """A1-1: Ms - Hys > Thresh; A2-1: Ms + Hys < Thresh."""
        if name not in ("eventA1", "eventA2"):
            return False
        level, threshold = self._level(event[f"{name[-2:].lower()}-Threshold"])
        margin: float = trigger["hysteresis"] / 2
        return level - margin > threshold if name == "eventA1" else level + margin < threshold

    def _leaves(self, name: str, event: Value, trigger: Value) -> bool:
        """A1-2: Ms + Hys < Thresh; A2-2: Ms - Hys > Thresh."""
        return self._enters("eventA2" if name == "eventA1" else "eventA1", _swapped(event), trigger)

    def _level(self, threshold: tuple[str, int]) -> tuple[float, float]:
        """Filtered measurement and threshold of a ThresholdEUTRA in dBm or dB."""
        kind, value = threshold
        if kind == "threshold-RSRP":
            return self._filters["rsrp"].value or 0.0, value - 140.0
        return self._filters["rsrq"].value or 0.0, value / 2 - 20

    def _report(self, meas_id: int, entry: _Entry, now: int) -> bytes:
        report = self._report_config(meas_id) or {}
        entry.sent += 1
        amount = report.get("reportAmount", "r1")
        more = amount == "infinity" or entry.sent < number(amount)
        entry.due = now + interval_ms(report["reportInterval"]) if more else None
        rsrp, rsrq = self._filters["rsrp"].value, self._filters["rsrq"].value
        return measurement_report(meas_id, rsrp_range(rsrp or -140.0), rsrq_range(rsrq or -20.0))


def _swapped(event: Value) -> Value:
    """Threshold of event A1 as one of A2, and the other way round."""
    return {{"a1-Threshold": "a2-Threshold", "a2-Threshold": "a1-Threshold"}.get(k, k): v for k, v in event.items()}


def _change(table: dict[int, Value], meas_config: Value, name: str, key: str, removed: str) -> None:
    """Apply a list of removals and one of additions."""
    for identity in meas_config.get(removed, []):
        table.pop(identity, None)
    for entry in meas_config.get(f"{name}ToAddModList", []):
        entry[name]
        table[entry[key]] = entry
