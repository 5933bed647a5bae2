"""The monitor survives what is no clean cell: noise, silence, clipping, foreign samples, DCIs that are not legal."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from picocell.phy.fapi import DciDlPdu, DlConfigRequest, DlschPdu, TxRequest
from picocell.phy.lte import dci, dci_sizes, pdcch
from picocell.phy.lte.cell import Cell
from picocell.phy.lte.dci import Dci1A, DciFormat, riv_encode
from picocell.phy.lte.downlink import DownlinkTransmitter
from picocell.phy.lte.grant import from_dci
from picocell.radio.file import open_recording
from picocell.radio.recorder import write_recording
from picocell.recording_demo import FIRST_TTI, transmit
from picocell.ue import monitor_report
from picocell.ue.monitor import Monitor
from picocell.ue.rnti_table import SIGHTINGS

CELL = Cell(pci=42, n_prb=6, n_ports=2)
SUBFRAME = 1920
SUBFRAMES = 320
CLEAN = 60
"""Subframes at the start that stay as they are, so that there is a cell to follow."""

FORMATS = (DciFormat.FORMAT_0, DciFormat.FORMAT_1, DciFormat.FORMAT_1A, DciFormat.FORMAT_1C, DciFormat.FORMAT_2)
RNTIS = st.one_of(st.sampled_from([1, 10, 11, 0x3D, 0x46, 0xFFF3, 0xFFF4, 0xFFFE, 0xFFFF]), st.integers(1, 0xFFFF))

Damage = Callable[[np.random.Generator, NDArray[np.complex64]], NDArray[np.complex64]]


def _noise(rng: np.random.Generator, x: NDArray[np.complex64]) -> NDArray[np.complex64]:
    return (0.1 * (rng.standard_normal(x.size) + 1j * rng.standard_normal(x.size))).astype(np.complex64)


DAMAGES: dict[str, Damage] = {
    "noise": _noise,
    "silence": lambda _, x: np.zeros_like(x),
    "constant": lambda _, x: np.full_like(x, 1 + 1j),
    "clipped": lambda _, x: np.sign(x.real) + 1j * np.sign(x.imag),
    "huge": lambda _, x: x * np.float32(1e12),
    "tiny": lambda _, x: x * np.float32(1e-12),
    "shuffled": lambda rng, x: rng.permutation(x),
    "reversed": lambda _, x: x[::-1],
    "conjugate": lambda _, x: np.conj(x),
    "impulses": lambda rng, x: np.where(rng.random(x.size) < 0.01, np.complex64(1e6), x),
}


@pytest.fixture(scope="module")
def clean() -> NDArray[np.complex64]:
    """Samples of a cell with traffic over an ideal channel."""
    ports = np.concatenate(list(transmit(CELL, SUBFRAMES, Counter())), axis=1)
    return np.ascontiguousarray(ports.sum(axis=0) * np.complex64(0.1))


@pytest.fixture(scope="module")
def sent(clean: NDArray[np.complex64], tmp_path_factory: pytest.TempPathFactory) -> set[tuple[int, bytes]]:
    """TTIs and bytes of the blocks that are read when nothing is damaged."""
    path = tmp_path_factory.mktemp("clean") / "clean"
    found = blocks(write_recording(path, clean, 1.92e6, datatype="cf32_le"))
    assert len(found) >= SUBFRAMES - 1, "one block a subframe; the first may be given up before its RNTI is believed"
    return set(found)


@contextmanager
def no_warning() -> Iterator[None]:
    """Whatever comes in, no arithmetic goes wrong unnoticed."""
    with np.errstate(divide="raise", invalid="raise"):
        yield


def blocks(path: Path) -> list[tuple[int, bytes]]:
    """TTIs and bytes of the blocks with a right CRC that the monitor reads from a recording."""
    recording = open_recording(path)
    acquired = monitor_report.acquire(monitor_report.Stream(monitor_report.Playback(recording), 1.92e6, keep_s=1.0))
    found = []
    with no_warning():
        for _, event in monitor_report.events(recording, acquired[0]):
            if event is not None:
                monitor_report.as_line(event)
                if event.crc and event.channel == "PDSCH":
                    assert event.payload is not None
                    found.append((event.tti, event.payload))
    return found


@pytest.mark.parametrize("seed", range(3))
def test_damaged_sections(
    clean: NDArray[np.complex64], sent: set[tuple[int, bytes]], seed: int, tmp_path: Path
) -> None:
    """What is read between damaged sections is what was sent, and every kind of damage is got over."""
    rng = np.random.default_rng(seed)
    samples, damaged = clean.copy(), set[int]()
    names = rng.permutation(list(DAMAGES))
    for name, place in zip(names, np.linspace(CLEAN, SUBFRAMES - 40, len(names)).astype(int), strict=True):
        first = place * SUBFRAME + int(rng.integers(SUBFRAME))
        length = int(rng.integers(100, 12 * SUBFRAME))
        samples[first : first + length] = DAMAGES[name](rng, samples[first : first + length])
        damaged |= {FIRST_TTI + n for n in range(first // SUBFRAME, (first + length) // SUBFRAME + 1)}
    found = blocks(write_recording(tmp_path / "damaged", samples, 1.92e6, datatype="cf32_le"))
    # a damaged repetition, as it seems, of a block that is known counts as received
    strange = set(found) - sent
    assert {tti for tti, _ in strange} <= damaged, "nothing is read that was not sent in that subframe"
    assert {payload for _, payload in strange} <= {payload for _, payload in sent}
    assert len(found) > SUBFRAMES // 2
    last = max(tti for tti, _ in sent)
    assert last in {tti for tti, _ in found}, "the end of the recording is read again"


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_random_control_information(data: st.DataObject) -> None:
    """Random bits under a right CRC, in every format and for every RNTI, are events or nothing, never an error."""
    cell = Cell(
        pci=data.draw(st.integers(0, 503)),
        n_prb=data.draw(st.sampled_from([6, 15, 25, 50])),
        n_ports=data.draw(st.sampled_from([2, 4])),
    )
    monitor = Monitor(cell)
    sender = DownlinkTransmitter(cell)
    base = data.draw(st.integers(0, 10239))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    rntis = data.draw(st.lists(RNTIS, min_size=1, max_size=3))
    for n in range(2 * SIGHTINGS):
        tti = (base + n) % 10240
        grid = sender.grid(DlConfigRequest(tti, 3))
        n_cce = len(pdcch.pdcch_re_index(cell, 3)) // 36
        messages = []
        for rnti in rntis:
            fmt = data.draw(st.sampled_from(FORMATS))
            bits = rng.integers(0, 2, dci.size(cell, fmt)).astype(np.uint8)
            places = [
                place
                for common in (True, False)
                for place in pdcch.candidates(n_cce, rnti, tti % 10, common)
                if all(
                    place[0] + place[1] <= m.first_cce or m.first_cce + m.aggregation_level <= place[0]
                    for m in messages
                )
            ]
            if places:
                first, level = data.draw(st.sampled_from(places))
                messages.append(pdcch.PdcchMessage(bits, rnti, first, level))
        pdcch.encode(cell, tti % 10, 3, messages, grid)
        with no_warning():
            _, events = monitor.subframe(tti, grid.sum(axis=0)[None].astype(np.complex64))
        for event in events:  # some are told later, when their RNTI is believed
            assert (tti - event.as_dict()["tti"]) % 10240 <= n
            monitor_report.as_line(event)


@settings(max_examples=40, deadline=None)
@given(
    payload=st.binary(min_size=7, max_size=7) | st.just(b"\x00" * 7) | st.just(b"\xff" * 7),
    rnti=st.sampled_from([0xFFFF, 0xFFFE, 2, 0x46]),
    tti=st.integers(0, 10239),
)
def test_random_payloads(payload: bytes, rnti: int, tti: int) -> None:
    """Blocks with a right CRC and random bytes, as system information, paging, random access response or data."""
    broadcast = dci.is_broadcast(rnti)
    message = Dci1A(riv=riv_encode(6, 0, 6 if broadcast else 3), mcs=2 if broadcast else 1)
    grant = from_dci(CELL, tti % 10, 3, rnti, message)
    block = (payload * 40)[: grant.tbs // 8]
    n_cce = len(pdcch.pdcch_re_index(CELL, 3)) // 36
    first, level = next(iter(pdcch.candidates(n_cce, rnti, tti % 10, broadcast)))
    request = DlConfigRequest(tti, 3, (DciDlPdu(rnti, message, first, level),), dlsch=(DlschPdu(grant, 0),))
    grid = DownlinkTransmitter(CELL).grid(request, TxRequest(tti, {0: block}))
    monitor = Monitor(CELL, rntis=(0x46,))
    for _ in range(2):
        _, events = monitor.subframe(tti, grid.sum(axis=0)[None].astype(np.complex64))
        assert (rnti, True, block) in {(event.rnti, event.crc, event.payload) for event in events}
        tti = (tti + 10) % 10240


def test_sizes_are_those_of_the_formats() -> None:
    """The formats above exist in the cells above."""
    assert {dci_sizes.size(CELL, fmt) for fmt in FORMATS} <= set(Monitor(CELL)._formats)
