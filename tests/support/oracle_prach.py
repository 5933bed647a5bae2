"""Random access preambles at 1.92 Msps by the double sum of TS 36.211 5.7.3, and trials after TS 36.104 8.4."""

import cmath
import csv
import math
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from picocell.phy.lte import prach
from picocell.phy.lte.prach_detect import DetectedPreamble, PrachDetector
from picocell.phy.lte.uplink_config import PrachConfig, UplinkConfig
from picocell.radio.channel.fading import FadingChannel

RATE = 1_920_000
TEST_UPLINK = UplinkConfig(prach=PrachConfig(root_sequence_index=22, zero_correlation_zone=1))
"""Format 0, N_CS = 13, logical root 22: the test preambles of TS 36.104 8.4."""

TEST_PREAMBLE = 32
ETU_STRONGEST_S = 310e-9
"""Mean delay of ETU's strongest paths, against which TS 36.104 8.4.2 measures timing."""


def table(name: str) -> list[dict[str, str]]:
    """A table of the standard, read without the package's own reader."""
    with files("picocell.phy.lte").joinpath("data", name).open(encoding="utf-8") as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#")))


def root_and_shift(logical: int, zczc: int, preamble: int) -> tuple[int, int]:
    """u and C_v: shifts of a root in increasing order, then the next logical root (TS 36.211 5.7.2)."""
    order = [int(row["u"]) for row in table("36211_5.7.2-4_prach_root_order_839.csv")]
    n_cs = int(table("36211_5.7.2-2_prach_ncs.csv")[zczc]["unrestricted"])
    found = []
    while len(found) <= preamble:
        if n_cs == 0:
            found.append((order[logical], 0))
        else:
            v = 0
            while v <= 839 // n_cs - 1:
                found.append((order[logical], v * n_cs))
                v += 1
        logical = (logical + 1) % 838
    return found[preamble]


@cache
def preamble(u: int, c_v: int, t_cp: int, t_seq: int, n_prb_offset: int, n_rb_ul: int) -> list[complex]:
    """s(t) at multiples of 16 T_s, beta_PRACH such that its mean power is 1."""
    n_zc, phi, ratio = 839, 7, 12
    x_u = [cmath.exp(-1j * math.pi * u * n * (n + 1) / n_zc) for n in range(n_zc)]
    x_uv = [x_u[(n + c_v) % n_zc] for n in range(n_zc)]
    turn = [cmath.exp(-2j * math.pi * i / n_zc) for i in range(n_zc)]
    inner = [sum(x_uv[n] * turn[n * k % n_zc] for n in range(n_zc)) for k in range(n_zc)]
    k_0 = n_prb_offset * 12 - n_rb_ul * 12 // 2
    samples = []
    for i in range((t_cp + t_seq) // 16):
        t = (16 * i - t_cp) / 30.72e6
        step = cmath.exp(2j * math.pi * 1250 * t)
        tone = cmath.exp(2j * math.pi * (phi + ratio * (k_0 + 0.5)) * 1250 * t)
        total = 0j
        for value in inner:
            total += value * tone
            tone *= step
        samples.append(total / n_zc)
    return samples


def noise(rng: np.random.Generator, shape: tuple[int, ...], power: float = 1.0) -> NDArray[np.complex128]:
    """White complex Gaussian noise."""
    return np.asarray(np.sqrt(power / 2) * (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)))


def delayed(samples: NDArray[np.complex64], delay_s: float, rate: int, n: int) -> NDArray[np.complex128]:
    """``n`` samples, the input delayed by any time that leaves it within them (negative: it ends earlier)."""
    spectrum = np.fft.fft(samples, n)
    return np.asarray(np.fft.ifft(spectrum * np.exp(-2j * np.pi * np.fft.fftfreq(n, 1 / rate) * delay_s)))


def noise_power(snr_db: float, rate: int = RATE) -> float:
    """Noise power of a sample at which a preamble of power 1 has this SNR in 1.25 kHz (839 subcarriers in 0.8 ms)."""
    return 0.0008 * rate / 839 / 10 ** (snr_db / 10)


def trial(
    detector: PrachDetector, snr_db: float, etu: bool, seed: int, n_rx: int = 2
) -> tuple[list[DetectedPreamble], float]:
    """One opportunity with the test preamble after TS 36.104 8.4: what is found, and the delay of the strongest path.

    AWGN: delay of half N_CS and 0 to 0.9 us. ETU70: 0 to 0.9 us, 270 Hz offset.
    """
    rng = np.random.default_rng(seed)
    sweep_s = rng.integers(10) * 0.1e-6
    delay_s = sweep_s if etu else 6.5 * 0.0008 / 839 + sweep_s
    latency = FadingChannel.latency
    sent = delayed(prach.generate(TEST_UPLINK, TEST_PREAMBLE, RATE), delay_s, RATE, 1920 + latency)
    if etu:
        channel = FadingChannel("ETU", 70.0, RATE, n_rx=n_rx, seed=seed)
        received = channel.apply(sent[None].astype(np.complex64))[:, latency:]
        received = received * np.exp(2j * np.pi * 270 / RATE * np.arange(1920))
    else:
        received = sent[:1920] * np.exp(2j * np.pi * rng.random((n_rx, 1)))
    found = detector.detect((received + noise(rng, (n_rx, 1920), noise_power(snr_db))).astype(np.complex64))
    return found, delay_s + etu * ETU_STRONGEST_S


def timing_errors(detector: PrachDetector, snr_db: float, etu: bool, trials: int, seed: int) -> tuple[list[float], int]:
    """Timing error in seconds of each trial (infinite where the preamble is missed), and wrong preambles found."""
    errors, wrong = [], 0
    for i in range(trials):
        found, delay_s = trial(detector, snr_db, etu, seed + i)
        right = [item.timing_advance_s - delay_s for item in found if item.preamble == TEST_PREAMBLE]
        errors.append(right[0] if right else math.inf)
        wrong += len(found) - len(right)
    return errors, wrong


def false_alarms(detector: PrachDetector, trials: int, seed: int, n_rx: int = 2) -> int:
    """Opportunities of noise alone in which a preamble is found."""
    rng = np.random.default_rng(seed)
    return sum(bool(detector.detect(noise(rng, (n_rx, 1920)).astype(np.complex64))) for _ in range(trials))
