"""Transforms, modulation, equalisers and the air under arguments that nobody means to pass (support/hostile.py)."""

import ctypes
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from mmap import mmap

import numpy as np
import pytest

from picocell.kernels import dft, equalise, gold, mimo, modem, ofdm, pilots, prach, propagation, rxqueue, shmring
from picocell.phy.lte.prach_detect import _noise_tables
from support.hostile import Seed, attack, seed

RNG = np.random.default_rng(9)


def _wave(*shape: int) -> np.ndarray:
    return np.asarray(RNG.normal(size=(*shape, 2)) @ np.array([1, 1j]), np.complex64)


def _places(n: int) -> np.ndarray:
    return RNG.permutation(14 * 72)[:n].astype(np.int32)


def _demodulate() -> Seed:
    noise = RNG.uniform(0.01, 0.1, 301).astype(np.float32)
    return seed(modem.demodulate, _wave(301), noise, 6, gold.packed(3, 1806), out=np.zeros(1806, np.int16))


def _shared_memory() -> mmap:
    return mmap(-1, shmring.HEADER_BYTES + 8 * 2 * 64)


def _ring(filled: int = 0) -> shmring.Ring:
    ring = shmring.Ring(_shared_memory(), 2, 64)
    ring.write_zeros(filled)
    return ring


def _ring_made() -> Seed:
    """The memory is not an argument: nothing keeps a bytearray's start at a multiple of 64 bytes."""
    memory = _shared_memory()
    return seed(lambda channels, capacity: shmring.Ring(memory, channels, capacity), 2, 64, again=False)


def _ring_under(header: bytes, samples: np.ndarray, out: np.ndarray, n: int) -> None:
    """All that an end does with a ring whose other end wrote anything into its header."""
    memory = _shared_memory()
    memory[: min(len(header), shmring.HEADER_BYTES)] = header[: shmring.HEADER_BYTES]
    ring = shmring.Ring(memory, 2, 64)
    for call in (lambda: ring.write(samples), lambda: ring.take(out), lambda: ring.skip(n)):
        with suppress(ValueError):
            call()
    ring.write_zeros(n)


def _queue() -> rxqueue.RxQueue:
    """With room for what is put, and a gap, so that nobody waits."""
    queue = rxqueue.RxQueue(2, 4096, 1)
    queue.begin(0)
    for time in (0, 20):
        queue.put(np.arange(18, dtype=np.complex64).reshape(2, 9), 9, time)
    return queue


def _put(samples: np.ndarray, n: int, time: int | None, overflow: bool) -> tuple[object, ...]:
    queue = _queue()
    queue.put(samples, n, time, overflow)
    return queue.waiting, queue.newest, queue.origin, queue.wanted, queue.counts


def _begin(*leads: int) -> tuple[int, int, int]:
    queue = _queue()
    for lead in leads:
        queue.begin(lead)
    return queue.newest, queue.origin, queue.wanted


def _run(rate: float, timeout_us: int) -> tuple[int, int, dict[str, int]]:
    """Only what is no address is spoilt: whatever else has the type of one would be called."""
    left = count(40, -1)

    def read(_device: object, _stream: object, _rows: object, n: int, *_: object) -> int:
        at = next(left)
        return -3 if at < 0 else (n, 0, -1, -4)[at % 4]

    calls = ctypes.CFUNCTYPE(ctypes.c_int, *8 * [ctypes.c_size_t])
    function = calls(read)
    address = ctypes.cast(function, ctypes.c_void_p).value or 0
    queue = _queue()
    return queue.run(address, 0, 1, 1, 0, rate, timeout_us), queue.newest, queue.counts


def _write(samples: np.ndarray, time: int | None, rate: float, end: bool, timeout_us: int) -> int:
    calls = ctypes.CFUNCTYPE(ctypes.c_int, *4 * [ctypes.c_size_t])
    function = calls(lambda _device, _stream, _rows, n: n % 1000)
    address = ctypes.cast(function, ctypes.c_void_p).value or 0
    return rxqueue.write(address, 1, 1, samples, time, rate, end, timeout_us)


TABLE = RNG.normal(size=(65, 24)).astype(np.float32)
LINE = ([0, 2, 5], [np.ones(3, np.float32), np.ones(1, np.float32), np.ones(20, np.float32)])
PROFILE = RNG.gamma(2, 3.0, (3, 512)).astype(np.float32)
WHICH = RNG.integers(0, 2, 301).astype(np.int32)
EIGHT = RNG.integers(0, 512, 8).astype(np.int32)

SEEDS: dict[str, Callable[[], Seed]] = {
    "dft.Dft": lambda: seed(dft.Dft, 36, again=False),
    "dft.Dft.forward": lambda: seed(dft.Dft(36).forward, _wave(5, 36), _wave(5, 36)),
    "dft.Dft.inverse": lambda: seed(dft.Dft(300).inverse, _wave(2, 300), _wave(2, 300)),
    "ofdm.Ofdm": lambda: seed(ofdm.Ofdm, 6, 128, True, True, again=False),
    "ofdm.Ofdm.modulate": lambda: seed(ofdm.Ofdm(6, 128).modulate, _wave(2, 14, 72), _wave(2, 1920)),
    "ofdm.Ofdm.demodulate": lambda: seed(ofdm.Ofdm(6, 128).demodulate, _wave(2, 1920), 0.01, 0.2, 3, _wave(2, 14, 72)),
    "ofdm.Ofdm.demodulate, 384": lambda: seed(ofdm.Ofdm(25, 384, False, True).demodulate, _wave(1, 5760), 0.01),
    "ofdm.Fft": lambda: seed(ofdm.Fft, 192, again=False),
    "ofdm.Fft.forward": lambda: seed(ofdm.Fft(192).forward, _wave(3, 192)),
    "ofdm.Fft.inverse": lambda: seed(ofdm.Fft(64).inverse, _wave(64)),
    "ofdm.mix": lambda: seed(ofdm.mix, _wave(2, 333), 0.01, 0.3),
    "mimo.mmse": lambda: seed(mimo.mmse, _wave(2, 1008), _wave(2, 2, 1008), _places(301), _wave(2, 2, 2), 0.1, WHICH),
    "mimo.joint": lambda: seed(
        mimo.joint,
        _wave(2, 1008),
        _wave(2, 2, 1008),
        _places(301),
        _wave(2, 2, 2),
        0.1,
        (4, 2),
        WHICH,
        [gold.packed(3, 1204), None],
        False,
    ),
    "mimo.precode": lambda: seed(mimo.precode, _wave(2, 301), _wave(2, 2, 2), _places(301), _wave(2, 14, 72), WHICH),
    "modem.modulate": lambda: seed(modem.modulate, RNG.integers(0, 2, 1206, np.uint8), 6, gold.packed(3, 1206)),
    "modem.demodulate": _demodulate,
    "modem.demodulate, one noise": lambda: seed(modem.demodulate, _wave(77), 0.1, 4),
    "modem.demodulate, 256QAM": lambda: seed(modem.demodulate, _wave(77), np.full(77, 0.1, np.float32), 8),
    "equalise.siso": lambda: seed(equalise.siso, _wave(2, 1008), _wave(2, 1008), _places(301), 0.1),
    "equalise.sfbc2": lambda: seed(equalise.sfbc2, _wave(2, 1008), _wave(2, 2, 1008), _places(302), 0.1),
    "equalise.sfbc4": lambda: seed(equalise.sfbc4, _wave(1, 1008), _wave(1, 4, 1008), _places(304), 0.1),
    "pilots.Pilots": lambda: seed(pilots.Pilots, 14, 72, _places(24).reshape(2, 12), 6, again=False),
    "pilots.Pilots.turns": lambda: seed(
        pilots.Pilots(14, 72, _places(24).reshape(2, 12), 6).turns, _wave(2, 14, 72), _wave(2, 12)
    ),
    "prach.noise": lambda: seed(prach.noise, PROFILE, 2, *_noise_tables(2)),
    "prach.peaks": lambda: seed(prach.peaks, PROFILE, EIGHT % 3, EIGHT, 63),
    "propagation.Noise": lambda: seed(propagation.Noise, 5, again=False),
    "propagation.Noise.add": lambda: seed(propagation.Noise(5).add, _wave(333), 0.5, again=False),
    "propagation.Noise.draw": lambda: seed(propagation.Noise(5).draw, (2, 33), 0.5, again=False),
    "propagation.sum_of_sinusoids": lambda: seed(
        propagation.sum_of_sinusoids, RNG.normal(size=(3, 20)), RNG.normal(size=(3, 20)), np.ones(3, "f4"), np.ones(9)
    ),
    "propagation.grid_response": lambda: seed(
        propagation.grid_response, _wave(2, 2, 3, 14), RNG.normal(size=(2, 3, 72)).astype("f4"), _wave(2, 14, 72)
    ),
    "propagation.DelayLine": lambda: seed(propagation.DelayLine, *LINE, again=False),
    "propagation.DelayLine.run": lambda: seed(
        propagation.DelayLine(*LINE).run, _wave(2, 324), _wave(2, 2, 3, 5), 17, 100
    ),
    "propagation.Interpolator": lambda: seed(propagation.Interpolator, TABLE, again=False),
    "propagation.Interpolator.run": lambda: seed(propagation.Interpolator(TABLE).run, _wave(2, 200), 11.5, 1.01, 150),
    "rxqueue.RxQueue": lambda: seed(rxqueue.RxQueue, 2, 64, 8, again=False),
    "rxqueue.RxQueue.put": lambda: seed(_put, _wave(2, 9), 7, 30, True),
    "rxqueue.RxQueue.put, no time": lambda: seed(_put, _wave(2, 9), 9, None, False),
    "rxqueue.RxQueue.run": lambda: seed(_run, 1.92e6, 100_000),
    "rxqueue.RxQueue.begin": lambda: seed(_begin, 500, 3, -20),
    "rxqueue.RxQueue.resume": lambda: seed(lambda time, rate: _queue().resume(time, rate), 12, 1.92e6),
    "rxqueue.RxQueue.take": lambda: seed(lambda out, timeout: _queue().take(out, timeout), _wave(2, 12), 0.1),
    "rxqueue.RxQueue.wait_known": lambda: seed(lambda timeout: _queue().wait_known(timeout), 0.1),
    "rxqueue.RxQueue.wake": lambda: seed(lambda woken: _queue().wake(woken), True),
    "rxqueue.write": lambda: seed(_write, samples=_wave(2, 9), time=77, rate=1.92e6, end=True, timeout_us=10_000),
    "shmring.Ring": _ring_made,
    "shmring.Ring, header": lambda: seed(_ring_under, bytes(4096), _wave(2, 9), _wave(2, 5), 3),
    "shmring.Ring.write": lambda: seed(lambda samples: _ring().write(samples), _wave(2, 9)),
    "shmring.Ring.write_zeros": lambda: seed(lambda n: _ring(3).write_zeros(n), 61),
    "shmring.Ring.take": lambda: seed(lambda out: _ring(64).take(out), _wave(2, 64)),
    "shmring.Ring.skip": lambda: seed(lambda n: _ring(64).skip(n), 64),
    "shmring.Ring.sleep_for": lambda: seed(_ring().sleep_for, 1),
    "shmring.Ring.wakes": lambda: seed(_ring().wakes, 2),
}


@pytest.mark.parametrize("name", SEEDS)
def test_hostile(name: str) -> None:
    attack(SEEDS[name]())
