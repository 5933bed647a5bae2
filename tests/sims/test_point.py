"""Points: parameters, JSON, seeds."""

import json
from typing import Any

import pytest

from picocell.sims.campaign import expand, make_points
from picocell.sims.coding_link import CodingPoint
from picocell.sims.downlink_link import DownlinkPoint
from picocell.sims.point import Point
from picocell.sims.registry import Kind, kind, make_point, open_link, register
from picocell.sims.uplink_link import UplinkPoint

POINTS = [
    DownlinkPoint(snr_db=1.5, mcs=9, n_prb=25, tm=2, n_rx=2, channel="f", rounds=4, rv_sequence=(0, 2, 3, 1)),
    UplinkPoint(snr_db=-3, mcs=20, n_prb=15, channel="etu70"),
    CodingPoint(snr_db=0.3, k=2048, e=4096),
]


@pytest.mark.parametrize("point", POINTS, ids=lambda point: point.kind)
def test_point_survives_json(point: Point) -> None:
    again = make_point(json.loads(point.json))
    assert again == point
    assert hash(again) == hash(point)
    assert again.key == point.key


def test_short_names_of_channels_are_the_long_ones() -> None:
    names = {"N": "AWGN", "e": "EPA5", "F": "EVA5", "G": "ETU70", "eva70": "EVA70"}
    assert {n: DownlinkPoint(snr_db=0, channel=n).channel for n in names} == names
    assert DownlinkPoint(snr_db=0, channel="N") == DownlinkPoint(snr_db=0.0, channel="AWGN")


def test_every_parameter_changes_the_seed() -> None:
    points = [
        DownlinkPoint(snr_db=0),
        DownlinkPoint(snr_db=0.25),
        DownlinkPoint(snr_db=0, mcs=1),
        DownlinkPoint(snr_db=0, pci=2),
        DownlinkPoint(snr_db=0, estimator="perfect"),
    ]
    states = {
        tuple(point.seed(seed, block).generate_state(2)) for point in points for seed in (1, 2) for block in (0, 1)
    }
    assert len(states) == 4 * len(points)
    assert (points[0].seed(1, 3).generate_state(4) == DownlinkPoint(snr_db=-0.0).seed(1, 3).generate_state(4)).all()


def test_seed_does_not_change_with_releases() -> None:
    # results of an earlier release can be made again: this number is part of the format
    assert CodingPoint(snr_db=1.0, k=40).key == CodingPoint.from_dict({"snr_db": 1, "k": 40}).key
    assert CodingPoint(snr_db=1.0, k=40).json == (
        '{"e":132,"iterations":6,"k":40,"kind":"coding","modulation":"qpsk","snr_db":1.0}'
    )


@pytest.mark.parametrize(
    ("cls", "wrong", "says"),
    [
        (DownlinkPoint, {"mcs": 29}, "mcs 29 is outside 0..28"),
        (DownlinkPoint, {"n_prb": 7}, "n_prb 7 is not allowed"),
        (DownlinkPoint, {"channel": "EVE5"}, "EVE5"),
        (DownlinkPoint, {"snr_db": float("nan")}, "not finite"),
        (DownlinkPoint, {"tm": 3}, "tm 3"),
        (DownlinkPoint, {"tm": 2, "n_tx": 3}, "use 2 or 4"),
        (DownlinkPoint, {"tbs": 100}, "go together"),
        (DownlinkPoint, {"tbs": 104, "modulation": "8psk"}, "8psk"),
        (DownlinkPoint, {"pdcch": 3}, "pdcch 3"),
        (DownlinkPoint, {"pdcch": 4, "cqi": 3}, "pdcch 0"),
        (DownlinkPoint, {"cqi": 3, "tbs": 104, "modulation": "qpsk"}, "give one"),
        (DownlinkPoint, {"sync": "practical", "estimator": "perfect"}, "perfect synchronisation"),
        (DownlinkPoint, {"rv_sequence": (4,)}, "version 4"),
        (DownlinkPoint, {"estimator": "best"}, "use one of practical"),
        (UplinkPoint, {"n_prb_alloc": 7, "n_prb": 15}, "n_prb_alloc 7"),
        (UplinkPoint, {"prb_start": 1}, "do not fit"),
        (UplinkPoint, {"estimator": "linear"}, "in the uplink"),
        (UplinkPoint, {"tbs": 104, "modulation": "256qam"}, "256qam"),
        (CodingPoint, {"k": 41}, "nearest is 40"),
        (CodingPoint, {"e": 41}, "multiple of 2"),
    ],
)
def test_wrong_parameters_are_named(cls: type[Point], wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        cls(**{"snr_db": 0.0, **wrong})


def test_parameters_that_do_not_exist_are_named() -> None:
    with pytest.raises(ValueError, match="no parameter mcz"):
        make_points("downlink", {"mcz": 3, "snr_db": 0})
    with pytest.raises(ValueError, match="needs snr_db"):
        make_points("downlink", {"mcs": 3})
    with pytest.raises(ValueError, match=r"use one of coding, downlink, .*uplink"):
        make_points("sidelink", {})


def test_lists_give_every_combination() -> None:
    found = expand({"mcs": [1, 2], "snr_db": range(3), "channel": "EPA5", "rv_sequence": (0, 2)})
    assert len(found) == 6
    assert found[0] == {"mcs": 1, "channel": "EPA5", "rv_sequence": (0, 2), "snr_db": 0}
    assert [f["snr_db"] for f in found] == [0, 1, 2, 0, 1, 2]
    assert len(expand({"rv_sequence": [(0, 1), (0, 2)], "snr_db": 0})) == 2
    with pytest.raises(ValueError, match="mcs is an empty list"):
        expand({"mcs": []})


def test_registry_refuses_a_second_kind_of_a_name() -> None:
    register(kind("downlink"))
    with pytest.raises(ValueError, match="another kind"):
        register(Kind("downlink", "elsewhere", "A", "B", 1))


def test_control_region_too_small_for_the_aggregation_level_is_named() -> None:
    with pytest.raises(ValueError, match=r"only \d+ CCEs"):
        open_link(DownlinkPoint(snr_db=0, n_prb=6, pdcch=8))
