"""Kernels of whole channels under arguments that nobody means to pass (support/hostile.py says how)."""

from collections.abc import Callable
from functools import cache
from typing import Any
from unittest import mock

import numpy as np
import pytest

from picocell.kernels import chest, dltx, gold, ulchest, ulsch
from picocell.phy.lte import control as lte_control
from picocell.phy.lte import (
    crs,
    estimation,
    pucch_detect,
    pucch_tables,
    pusch_dmrs,
    ul_delay_models,
    ul_estimation,
    wiener,
)
from picocell.phy.lte import pucch as lte_pucch
from picocell.phy.lte.cell import Cell, CyclicPrefix
from picocell.phy.lte.uplink_config import PucchConfig, UplinkConfig
from support.hostile import Seed, attack, seed

RNG = np.random.default_rng(10)
CELL = Cell(pci=77, n_prb=6, n_ports=2)
UL = UplinkConfig(6, pucch=PucchConfig(delta_shift=2, n_rb_2=1))
N_RX = 2


def _wave(*shape: int) -> np.ndarray:
    return np.asarray(RNG.normal(size=(*shape, 2)) @ np.array([1, 1j]), np.complex64)


def _places(n: int) -> np.ndarray:
    return RNG.permutation(14 * 72)[:n].astype(np.int32)


def _made(module: Any, name: str, make: Callable[[], Any]) -> Seed:
    """The arguments with which a part of the product makes a kernel's object."""
    real = getattr(module, name)
    with mock.patch.object(module, name, side_effect=real) as constructor:
        make()
    call = constructor.call_args
    return Seed(real, list(call.args), dict(call.kwargs), again=False)


@cache
def _arrangement() -> tuple[Seed, Seed]:
    """Of a channel estimator, and of the choice of its filters."""
    widths = wiener.DELAY_WIDTHS, wiener.DOPPLER_WIDTHS
    parts = [
        _made(estimation, name, lambda: estimation._Arrangement(CELL, 14, "wiener", *widths))
        for name in ("Chest", "FilterChoice")
    ]
    return parts[0], parts[1]


def _reference() -> np.ndarray:
    return np.concatenate([crs.sequence(CELL, 0, port) for port in (0, 1)])


def _estimate() -> Seed:
    estimator, choice = (part.run()[0] for part in _arrangement())
    return seed(estimator.estimate, _wave(N_RX, 14, 72), _reference(), choice)


def _interpolate() -> Seed:
    (estimator, _), filters = _arrangement()[0].run(), [wiener.delay_filter(6, i, 1.4e-6, 5) for i in (0, 3)]
    return seed(estimator.interpolate, _wave(N_RX, 8, 12), *filters, 5, 0.1, 1.0, 4.0)


def _regions() -> Seed:
    return _made(lte_control, "ControlRegions", lambda: lte_control._regions.__wrapped__(CELL, 0))


def _phich() -> Seed:
    units = np.zeros(3, np.int32)
    return seed(_regions().run()[0].phich, _wave(N_RX, 14, 72), _wave(N_RX, 2, 14, 72), 0.1, units, _wave(3, 12))


def _shared() -> Seed:
    bits, words = RNG.integers(0, 2, 1200, np.uint8), gold.packed(3, 1200)
    return seed(dltx.shared, bits, 4, words, _places(300), _wave(2, 14, 72), np.ones(300, np.float32))


def _shared_packed() -> Seed:
    words = gold.packed(3, 1200)
    return seed(dltx.shared_packed, words, 4, words, _places(300), _wave(2, 14, 72), np.ones(300, np.float32))


def _messages() -> Seed:
    payload = [RNG.integers(0, 2, n, np.uint8) for n in (21, 44)]
    messages = [(payload[0], 61, 0, 2, 1.0), (payload[1], 65535, 4, 4, 0.5)]
    return seed(dltx.control, messages, gold.packed(3, 648), _places(324), _wave(2, 14, 72))


def _indicators() -> Seed:
    messages = [(0, _wave(2, 12), 1.0), (2, _wave(2, 12), 0.5)]
    return seed(dltx.indicators, messages, _places(36).reshape(3, 12), _wave(2, 14, 72))


def _joint() -> tuple[Seed, Seed, Seed]:
    """Of the candidates of a subframe's PUCCHs, of their joint detection, and of the search."""
    requests = [lte_pucch.PucchRequest(70 + i, n_pucch_sr=8 + i, n_pucch_ack=i, n_ack=1 + i % 2) for i in range(3)]
    requests += [lte_pucch.PucchRequest(90 + i, n2_pucch=i, n_cqi=4, n_ack=i % 2) for i in range(2)]
    candidates, m = lte_pucch._candidates(CELL, UL, 1, requests, lte_pucch._plan(UL, requests))
    used = np.full(len(m), UL.n_symb)

    def make() -> None:
        pucch_detect.prepare(candidates, pucch_tables.prb_pair(UL, m), used, UL.n_symb, N_RX, 1e-3)
        pucch_detect._search.__wrapped__(CyclicPrefix.NORMAL)

    kernel = pucch_detect.kernel
    return _made(kernel, "Candidates", make), _made(kernel, "Joint", make), _made(kernel, "Search", make)


def _detect() -> Seed:
    _, joint, search = (part.run()[0] for part in _joint())
    carriers = np.ascontiguousarray(pucch_tables.carriers(CELL, UL, 1), np.complex64)
    return seed(search.detect, joint, _wave(N_RX, 14, 72), carriers)


def _views() -> Seed:
    candidates, _, search = (part.run()[0] for part in _joint())
    return seed(search.estimate, candidates, _wave(len(candidates), 2, N_RX, 7, 12))


def _receiver() -> Seed:
    return _made(ul_estimation.ulchest, "PuschReceiver", lambda: ul_estimation.receiver.__wrapped__(UL, 2))


def _receive() -> Seed:
    r, which = pusch_dmrs.sequence(CELL, UL, 3, 2), pusch_dmrs.data_symbols(UL)
    words = gold.packed(5, 24 * len(which) * 4)
    return seed(_receiver().run()[0].receive, _wave(N_RX, 14, 72), r, (12, 36), which, 4, words, 100.0)


def _delay_models() -> Seed:
    return _made(ul_delay_models.ulchest, "DelayModels", lambda: ul_delay_models.delay_models.__wrapped__(24))


def _channel() -> Seed:
    taps = ul_delay_models.smoothers(24).taps[2]
    return seed(ulchest.channel, _wave(2, N_RX, 48), 0.01, _wave(2, 2), taps[3], taps[4], _wave(2, 14))


def _send() -> Seed:
    which = pusch_dmrs.data_symbols(UL)
    n = 24 * len(which)
    coded, source = RNG.integers(0, 4, 4 * n, np.uint8), RNG.permutation(n).astype(np.int32)
    return seed(
        ulsch.PuschSender(24).send, coded, source, 4, gold.packed(999, 4 * n), pusch_dmrs.sequence(CELL, UL, 3, 2),
        (12, 36), which, (3, 10), _wave(14, 72), placeholders=True, amplitude=0.7,
    )  # fmt: skip


SEEDS: dict[str, Callable[[], Seed]] = {
    "chest.Filter": lambda: seed(chest.Filter, np.zeros(72, "i4"), np.ones((72, 5), "f4"), 0.1, 0.2, 12, again=False),
    "chest.FilterChoice": lambda: _arrangement()[1],
    "chest.Chest": lambda: _arrangement()[0],
    "chest.Chest.observe": lambda: seed(_arrangement()[0].run()[0].observe, _wave(N_RX, 14, 72), _reference()),
    "chest.Chest.estimate": _estimate,
    "chest.Chest.interpolate": _interpolate,
    "control.ControlRegions": _regions,
    "control.ControlRegions.decode": lambda: seed(
        _regions().run()[0].decode, _wave(N_RX, 14, 72), _wave(N_RX, 2, 14, 72), 0.1
    ),
    "control.ControlRegions.phich": _phich,
    "dltx.shared": _shared,
    "dltx.shared_packed": _shared_packed,
    "dltx.control": _messages,
    "dltx.indicators": _indicators,
    "pucch.Candidates": lambda: _joint()[0],
    "pucch.Joint": lambda: _joint()[1],
    "pucch.Search": lambda: _joint()[2],
    "pucch.Search.detect": _detect,
    "pucch.Search.estimate": _views,
    "ulchest.pilots": lambda: seed(ulchest.pilots, _wave(N_RX, 14, 72), _wave(2, 24), (3, 10), (0, 48)),
    "ulchest.covariance": lambda: seed(ulchest.covariance, _wave(2, N_RX, 48), 24),
    "ulchest.DelayModels": _delay_models,
    "ulchest.DelayModels.fit": lambda: seed(_delay_models().run()[0].fit, _wave(24, 24), 4, 0.1),
    "ulchest.channel": _channel,
    "ulchest.equalise": lambda: seed(
        ulchest.equalise, _wave(N_RX, 14, 72), _wave(N_RX, 14, 24), np.ones(14, "f4"), (0, 1, 13), (0, 48)
    ),
    "ulchest.PuschReceiver": _receiver,
    "ulchest.PuschReceiver.receive": _receive,
    "ulsch.gather_bits": lambda: seed(ulsch.gather_bits, RNG.integers(0, 2, 400, np.uint8), _places(99) % 100, 4),
    "ulsch.gather_llr": lambda: seed(ulsch.gather_llr, RNG.integers(-99, 99, 600).astype("i2"), _places(99) % 100, 6),
    "ulsch.PuschSender": lambda: seed(ulsch.PuschSender, 24, again=False),
    "ulsch.PuschSender.send": _send,
}


@pytest.mark.parametrize("name", SEEDS)
def test_hostile(name: str) -> None:
    attack(SEEDS[name]())
