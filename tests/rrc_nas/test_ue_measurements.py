"""Serving cell measurements: ranges, layer 3 filter, events A1 and A2, periodical reports, configuration."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picocell.rrc_nas import asn1
from picocell.rrc_nas.asn1 import Asn1Error
from picocell.rrc_nas.rrc.ue_measurements import LayerThreeFilter, Measurements, interval_ms, rsrp_range, rsrq_range

EARFCN = 3350
Value = dict[str, Any]


def measured_object(frequency: int = EARFCN, identity: int = 1) -> Value:
    kind = {
        "carrierFreq": frequency,
        "allowedMeasBandwidth": "mbw6",
        "presenceAntennaPort1": False,
        "neighCellConfig": (1, 2),
    }
    return {"measObjectId": identity, "measObject": ("measObjectEUTRA", kind)}


def report(trigger: tuple[str, Value], amount: str = "r4", interval: str = "ms240", identity: int = 1) -> Value:
    config = {
        "triggerType": trigger,
        "triggerQuantity": "rsrp",
        "reportQuantity": "both",
        "maxReportCells": 1,
        "reportInterval": interval,
        "reportAmount": amount,
    }
    return {"reportConfigId": identity, "reportConfig": ("reportConfigEUTRA", config)}


def event(name: str, threshold: tuple[str, int], hysteresis: int = 0, time: str = "ms0") -> tuple[str, Value]:
    choice = (name, {f"{name[-2:].lower()}-Threshold": threshold})
    return "event", {"eventId": choice, "hysteresis": hysteresis, "timeToTrigger": time}


PERIODICAL = ("periodical", {"purpose": "reportStrongestCells"})


def configuration(*reports: Value, k: str = "fc0", objects: tuple[Value, ...] = ()) -> Value:
    """measConfig that went over the wire."""
    config = {
        "measObjectToAddModList": list(objects or (measured_object(),)),
        "reportConfigToAddModList": list(reports),
        "measIdToAddModList": [
            {"measId": entry["reportConfigId"], "measObjectId": 1, "reportConfigId": entry["reportConfigId"]}
            for entry in reports
        ],
        "quantityConfig": {"quantityConfigEUTRA": {"filterCoefficientRSRP": k, "filterCoefficientRSRQ": k}},
    }
    body = ("c1", ("rrcConnectionReconfiguration-r8", {"measConfig": config}))
    content = {"rrc-TransactionIdentifier": 0, "criticalExtensions": body}
    data = asn1.encode("DL-DCCH", {"message": ("c1", ("rrcConnectionReconfiguration", content))})
    value = asn1.decode("DL-DCCH", data)["message"][1][1]["criticalExtensions"][1][1]["measConfig"]
    assert isinstance(value, dict)
    return value


def configured(*reports: Value, k: str = "fc0", objects: tuple[Value, ...] = ()) -> Measurements:
    measurements = Measurements(EARFCN)
    measurements.commit(measurements.prepare(configuration(*reports, k=k, objects=objects)))
    return measurements


def results(data: bytes) -> tuple[int, int, int]:
    """measId, RSRP and RSRQ of a report."""
    value = asn1.decode("UL-DCCH", data)["message"][1][1]["criticalExtensions"][1][1]["measResults"]
    serving = value["measResultPCell"]
    return value["measId"], serving["rsrpResult"], serving["rsrqResult"]


@pytest.mark.parametrize(
    ("rsrp", "want"), [(-200.0, 0), (-140.1, 0), (-140.0, 1), (-139.1, 1), (-45.0, 96), (-44.0, 97), (0.0, 97)]
)
def test_rsrp_range(rsrp: float, want: int) -> None:
    """TS 36.133 Table 9.1.4-1."""
    assert rsrp_range(rsrp) == want


@pytest.mark.parametrize(
    ("rsrq", "want"), [(-30.0, 0), (-19.6, 0), (-19.5, 1), (-19.1, 1), (-3.5, 33), (-3.0, 34), (0.0, 34)]
)
def test_rsrq_range(rsrq: float, want: int) -> None:
    """TS 36.133 Table 9.1.7-1."""
    assert rsrq_range(rsrq) == want


@pytest.mark.parametrize(("name", "want"), [("ms120", 120), ("ms10240", 10240), ("min1", 60_000), ("min60", 3_600_000)])
def test_report_interval(name: str, want: int) -> None:
    assert interval_ms(name) == want


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(0, 19), st.lists(st.floats(-140, -40), min_size=1, max_size=30))
def test_filter_at_the_rate_of_the_clause(k: int, measured: list[float]) -> None:
    """F_n = (1 - a) F_n-1 + a M_n."""
    filtered = LayerThreeFilter(k)
    a, want = 0.5 ** (k / 4), measured[0]
    for n, value in enumerate(measured):
        want = (1 - a) * want + a * value
        np.testing.assert_allclose(filtered.add(value, 200 * n), want)


@pytest.mark.parametrize("period", [40, 100, 400])
def test_filter_has_the_same_time_constant_at_another_rate(period: int) -> None:
    slow, fast = LayerThreeFilter(8), LayerThreeFilter(8)
    slow.add(-100.0, 0)
    fast.add(-100.0, 0)
    for now in range(200, 2001, 200):
        slow.add(-80.0, now)
    for now in range(period, 2001, period):
        fast.add(-80.0, now)
    assert fast.value == pytest.approx(slow.value)


def run(measurements: Measurements, levels: list[tuple[int, float]], step: int = 40) -> list[int]:
    """When reports come, of a level that holds from each time on."""
    times = []
    for (start, level), (end, _) in pairwise(levels):
        for now in range(start, end, step):
            due = measurements.next_timer()
            if due is not None and due < now:
                times += [due] * len(measurements.handle_timers(due))
            times += [now] * len(measurements.measured(level, -10.0, now))
    return times


@pytest.mark.parametrize(("amount", "n"), [("r1", 1), ("r4", 4), ("infinity", 9)])
def test_periodical_reports(amount: str, n: int) -> None:
    measurements = configured(report(PERIODICAL, amount))
    times = run(measurements, [(0, -80.0), (2000, 0.0)])
    assert times == [240 * i for i in range(n)]


def test_report_holds_the_serving_cell() -> None:
    measurements = configured(report(PERIODICAL, "r1", identity=5))
    (data,) = measurements.measured(-80.5, -8.2, 0)
    assert results(data) == (5, 60, 23)


@pytest.mark.parametrize(
    ("name", "hysteresis", "below", "above"),
    [("eventA1", 0, -90.0, -89.9), ("eventA1", 4, -88.0, -87.9), ("eventA2", 0, -90.1, -90.0)],
)
def test_threshold_and_hysteresis(name: str, hysteresis: int, below: float, above: float) -> None:
    """Threshold 50 is -90 dBm; hysteresis counts half decibels."""
    trigger = event(name, ("threshold-RSRP", 50), hysteresis)
    came = [bool(configured(report(trigger)).measured(level, -10.0, 0)) for level in (below, above)]
    assert came == ([False, True] if name == "eventA1" else [True, False])


def test_threshold_of_rsrq() -> None:
    """Threshold 20 is -10 dB."""
    trigger = event("eventA2", ("threshold-RSRQ", 20))
    assert not configured(report(trigger)).measured(-80.0, -10.0, 0)
    assert configured(report(trigger)).measured(-80.0, -10.1, 0)


def test_time_to_trigger_and_leaving() -> None:
    trigger = event("eventA2", ("threshold-RSRP", 50), 2, "ms320")
    levels = [(0, -100.0), (200, -80.0), (400, -100.0), (1000, -80.0), (2000, -100.0), (2600, 0.0)]
    measurements = configured(report(trigger, "r2", "ms120"))
    # entered after 320 ms below, left after 320 ms above, entered again
    assert run(measurements, levels) == [720, 840, 2320, 2440]


def test_leaving_stops_the_reports() -> None:
    trigger = event("eventA1", ("threshold-RSRP", 50))
    measurements = configured(report(trigger, "infinity", "ms240"))
    assert run(measurements, [(0, -80.0), (600, -100.0), (2000, 0.0)]) == [0, 240, 480]
    assert measurements.next_timer() is None


@pytest.mark.parametrize("name", ["eventA4", "eventA3"])
def test_events_of_neighbours_never_come(name: str) -> None:
    choice: tuple[str, Value] = (name, {"a4-Threshold": ("threshold-RSRP", 0)})
    if name == "eventA3":
        choice = (name, {"a3-Offset": -30, "reportOnLeave": True})
    trigger = ("event", {"eventId": choice, "hysteresis": 0, "timeToTrigger": "ms0"})
    assert run(configured(report(trigger)), [(0, -60.0), (2000, 0.0)]) == []


def test_other_frequencies_are_not_reported() -> None:
    measurements = configured(report(PERIODICAL), objects=(measured_object(1850),))
    assert run(measurements, [(0, -60.0), (1000, 0.0)]) == []


def change(measurements: Measurements, **lists: Any) -> None:
    measurements.commit(measurements.prepare({name.replace("_", "-"): value for name, value in lists.items()}))


def test_configuration_is_added_changed_and_removed() -> None:
    first, second = report(PERIODICAL), report(PERIODICAL, identity=2)
    measurements = configured(first, second)
    assert measurements.ids == {1: (1, 1), 2: (1, 2)}
    measurements.measured(-80.0, -8.0, 0)
    change(measurements, measIdToRemoveList=[1])
    assert measurements.ids == {2: (1, 2)}
    assert len(measurements.handle_timers(240)) == 1
    change(measurements, reportConfigToAddModList=[report(PERIODICAL, "r2", identity=2)])
    assert measurements.next_timer() is None  # begins anew with the next measurement
    assert len(measurements.measured(-80.0, -8.0, 260)) == 1
    change(measurements, measObjectToRemoveList=[1])
    assert (measurements.ids, measurements.next_timer()) == ({}, None)


def test_configuration_that_names_what_does_not_exist_changes_nothing() -> None:
    measurements = configured(report(PERIODICAL))
    for wrong in (
        {"measIdToAddModList": [{"measId": 3, "measObjectId": 1, "reportConfigId": 9}]},
        {"measObjectToAddModList": [{}]},
        {"quantityConfig": None},
    ):
        with pytest.raises(Asn1Error, match="measConfig"):
            measurements.prepare(wrong)
    assert measurements.ids == {1: (1, 1)}
