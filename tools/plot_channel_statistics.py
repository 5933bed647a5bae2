"""Statistics of the channel models as pictures, theory drawn over them: ``python tools/plot_channel_statistics.py``.

Writes docs/images/channel_*.png, and prints how far each statistic is from its formula. Needs matplotlib.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from numpy.typing import NDArray
from scipy import stats
from scipy.integrate import quad
from scipy.special import j0

from picocell.radio.channel.correlation import matrix
from picocell.radio.channel.fading import RayleighGains
from picocell.radio.channel.gains import TapGains
from picocell.radio.channel.grid import TappedGrid
from picocell.radio.channel.models import open_channel
from picocell.radio.channel.profiles import PROFILES, Profile, profile
from picocell.radio.channel.stream import TappedStream
from picocell.radio.channel.train import scenario

FLAT = Profile("flat", (0.0,), (1.0,))
MEASURED, SECOND, THIRD = "#1f77b4", "#d62728", "#2ca02c"
THEORY = {"color": "black", "linewidth": 1.2, "linestyle": "--", "zorder": 5}


def tracks(doppler_hz: float, times: NDArray[np.float64], n: int, seed: int) -> NDArray[np.complex64]:
    """Independent flat taps of mean power 1: complex64 (n, len(times))."""
    parts = [RayleighGains(FLAT, doppler_hz, 4, 4, [seed, k]).gains(times).reshape(16, -1) for k in range(n // 16)]
    return np.concatenate(parts)


def power_delay(axes: NDArray[np.object_]) -> str:
    """Mean power of each tap, over 4000 realisations, against the tables."""
    worst = 0.0
    for axis, name in zip(axes, PROFILES, strict=True):
        p = profile(name)
        gains = np.concatenate([RayleighGains(p, 70.0, 4, 4, k).gains(np.zeros(1)).reshape(16, -1) for k in range(250)])
        measured, table = 10 * np.log10(np.mean(np.abs(gains) ** 2, axis=0)), 10 * np.log10(p.powers)
        delays = np.array(p.delays_s) * 1e6
        axis.vlines(delays, -30, measured, color=MEASURED, linewidth=3, alpha=0.5)
        axis.plot(delays, measured, "o", color=MEASURED, label="4000 realisations")
        axis.plot(delays, table, "_", color="black", markersize=14, markeredgewidth=1.5, label="table", zorder=5)
        axis.set(title=name, xlabel="delay / µs", ylim=(-30, 0))
        worst = max(worst, float(np.abs(measured - table).max()))
    axes[0].set_ylabel("mean power / dB")
    axes[2].legend(loc="lower right", fontsize=8)
    return f"power-delay profile against TS 36.101 B.2.1: at most {worst:.2f} dB off"


def doppler(axes: NDArray[np.object_]) -> str:
    """Spectrum of taps at 100 Hz, and their autocorrelation, against Clarke and Jakes."""
    f_d, rate, n = 100.0, 500.0, 4096
    gains = tracks(f_d, np.arange(n) / rate, 640, 1)
    spectrum = np.mean(np.abs(np.fft.fft(gains * np.hanning(n))) ** 2, axis=0) / (np.sum(np.hanning(n) ** 2) * rate)
    frequencies = np.fft.fftfreq(n, 1 / rate)
    order = np.argsort(frequencies)
    axes[0].plot(frequencies[order], 10 * np.log10(spectrum[order] + 1e-9), color=MEASURED, linewidth=0.8)
    inside = np.linspace(-0.999, 0.999, 1001)
    density = 1 / (np.pi * f_d * np.sqrt(1 - inside**2))
    axes[0].plot(f_d * inside, 10 * np.log10(density), **THEORY, label=r"$1/(\pi f_D\sqrt{1-(f/f_D)^2})$")
    axes[0].set(xlim=(-130, 130), ylim=(-60, -8), xlabel="frequency / Hz", ylabel="density / dB per Hz")
    axes[0].set_title("Doppler spectrum, 100 Hz")
    axes[0].legend(fontsize=8, loc="lower center")
    share = np.cumsum(spectrum[order]) / spectrum.sum()
    expected = 0.5 + np.arcsin(np.clip(frequencies[order] / f_d, -1, 1)) / np.pi

    lags = np.linspace(0, 4.0, 201) / f_d
    starts = np.arange(40) * 7.7 / f_d
    correlation = np.zeros(len(lags), complex)
    for start in starts:
        part = tracks(f_d, start + lags, 640, 2)
        correlation += np.mean(part[:, :1].conj() * part, axis=0) / len(starts)
    axes[1].plot(lags * f_d, correlation.real, color=MEASURED, linewidth=2, label="real part")
    axes[1].plot(lags * f_d, correlation.imag, color=SECOND, linewidth=1, label="imaginary part")
    axes[1].plot(lags * f_d, j0(2 * np.pi * f_d * lags), **THEORY, label=r"$J_0(2\pi f_D\tau)$")
    axes[1].set(xlabel=r"$f_D\tau$", title="autocorrelation of a tap")
    axes[1].legend(fontsize=8)
    return (
        f"Doppler spectrum against Jakes: power below any frequency within {np.abs(share - expected).max():.4f} of all;"
        f" autocorrelation against J0: within {np.abs(correlation - j0(2 * np.pi * f_d * lags)).max():.3f}"
    )


def envelope(axes: NDArray[np.object_]) -> str:
    """Envelope of 100000 realisations of a tap against Rayleigh's distribution."""
    gains = tracks(70.0, np.array([0.37]), 100_000, 3)[:, 0]
    size = np.abs(gains)
    law = stats.rayleigh(scale=np.sqrt(0.5))
    x = np.linspace(0, 3, 400)
    axes[0].hist(size, 60, range=(0, 3), density=True, color=MEASURED, alpha=0.5)
    axes[0].plot(x, law.pdf(x), **THEORY, label="Rayleigh")
    axes[0].set(xlabel="envelope over r.m.s.", ylabel="density", title="100 000 realisations")
    axes[0].legend(fontsize=8)
    level = np.linspace(-40, 8, 200)
    ordered = np.sort(20 * np.log10(size))
    axes[1].semilogy(level, np.searchsorted(ordered, level) / len(size) + 1e-9, color=MEASURED, linewidth=2)
    axes[1].semilogy(level, law.cdf(10 ** (level / 20)), **THEORY, label=r"$1-e^{-\rho^2}$")
    axes[1].set(xlabel=r"$\rho$ / dB", ylabel="share below", ylim=(1e-4, 1.5), title="distribution")
    axes[1].legend(fontsize=8)
    distance = stats.kstest(size, law.cdf).statistic
    return f"envelope against Rayleigh: share below any level within {distance:.4f}, {len(size)} realisations"


def fades(axes: NDArray[np.object_]) -> str:
    """Level crossings and fade durations of taps at 100 Hz against Rice's formulae."""
    f_d, step, seconds = 100.0, 1 / 25_000, 4.0
    size = np.abs(tracks(f_d, np.arange(0, seconds, step), 96, 4))
    rho = 10 ** (np.arange(-26, 7, 2) / 20)
    crossings, durations = [], []
    for level in rho:
        below = size < level
        count = np.count_nonzero(below[:, :-1] & ~below[:, 1:])
        crossings.append(count / (len(size) * seconds))
        durations.append(np.count_nonzero(below) * step / count)
    rate = np.sqrt(2 * np.pi) * f_d * rho * np.exp(-(rho**2))
    duration = (np.exp(rho**2) - 1) / (rho * f_d * np.sqrt(2 * np.pi))
    db = 20 * np.log10(rho)
    for axis, measured, theory, label in (
        (axes[0], np.array(crossings) / f_d, rate / f_d, r"$\sqrt{2\pi}\,\rho\,e^{-\rho^2}$"),
        (axes[1], np.array(durations) * f_d, duration * f_d, r"$(e^{\rho^2}-1)/(\rho\sqrt{2\pi})$"),
    ):
        axis.semilogy(db, measured, "o", color=MEASURED, label="384 s of a tap")
        axis.semilogy(db, theory, **THEORY, label=label)
        axis.set_xlabel(r"$\rho$ / dB")
        axis.legend(fontsize=8)
    axes[0].set(title=r"level crossings, times $1/f_D$", ylim=(0.05, 3))
    axes[1].set(title=r"mean fade, times $f_D$")
    off = [float(np.abs(np.array(m) / t - 1).max()) for m, t in ((crossings, rate), (durations, duration))]
    return f"level crossing rate within {100 * off[0]:.1f} %, mean fade duration within {100 * off[1]:.1f} %, -26..6 dB"


def antennas(axes: NDArray[np.object_]) -> str:
    """Correlation of the first channel with all, over 40000 realisations, against the matrices."""
    worst = 0.0
    for axis, (n_tx, n_rx) in zip(axes, ((2, 2), (4, 2), (4, 4)), strict=True):
        index = np.arange(n_tx * n_rx)
        for level, colour in (("high", SECOND), ("medium", MEASURED), ("low", THIRD)):
            found = np.zeros((n_tx * n_rx,) * 2, complex)
            for seed in range(200):
                gains = RayleighGains(FLAT, 2000.0, n_tx, n_rx, seed, level=level).gains(np.arange(200.0))
                vectors = gains[:, :, 0].swapaxes(0, 1).reshape(n_tx * n_rx, -1)
                found += vectors @ vectors.conj().T / 40_000
            expected = matrix(level, n_tx, n_rx)
            axis.plot(index, found[0].real, "o", color=colour, label=level, markersize=5)
            axis.plot(index, expected[0], **{**THEORY, "linewidth": 0.8})
            worst = max(worst, float(np.abs(found - expected).max()))
        axis.set(title=f"{n_tx} transmit, {n_rx} receive", xlabel="channel, transmit antenna first", ylim=(-0.1, 1.4))
    axes[0].set_ylabel("correlation with the first")
    axes[2].legend(fontsize=8, loc="upper center", ncols=3, columnspacing=0.8, handletextpad=0.1)
    return f"correlation matrices against TS 36.101 B.2.3: all elements within {worst:.3f}"


def train(axes: NDArray[np.object_]) -> str:
    """Doppler shift that samples show on their way past an antenna against equations B.3.1 to B.3.4."""
    worst, rate = 0.0, 1.92e6
    for name, colour in (("HST", THIRD), ("HST1", MEASURED), ("HST3", SECOND)):
        what = scenario(name)
        period = 2 * what.spacing_m / what.speed_mps
        times = np.linspace(0, 1.2 * period, 200)
        channel, position, shifts = open_channel(name, rate), 0, []
        for time in times:
            channel.skip(max(round(time * rate) - position, 0))
            out = channel.apply(np.ones((1, 960), np.complex64))[0]
            position = max(round(time * rate), position) + 960
            shifts.append(np.angle(np.vdot(out[:-480], out[480:])) / (2 * np.pi) * rate / 480)
        expected = what.doppler(times + 480 / rate)
        worst = max(worst, float(np.abs(np.array(shifts) - expected).max()))
        for axis in axes:
            axis.plot(times, shifts, ".", color=colour, markersize=4, label=name)
            fine = np.linspace(0, 1.2 * period, 4000)
            axis.plot(fine, what.doppler(fine), **{**THEORY, "linewidth": 0.8})
    axes[0].set(xlabel="time / s", ylabel="Doppler shift / Hz", xlim=(0, 24.7), title="high-speed train")
    axes[1].set(xlabel="time / s", xlim=(0, 8.6), title="dashed: equations B.3.1 to B.3.4")
    axes[0].legend(fontsize=8, loc="center right")
    return f"Doppler shift of trains against TS 36.101 B.3: within {worst:.2f} Hz"


def both_ways(taps: TapGains, n_symbols: int) -> tuple[NDArray[np.complex128], NDArray[np.complex64], float]:
    """QPSK on 300 subcarriers at 7.68 Msps: what OFDM receives through samples, and the grid's response and error.

    Returns:
        complex128 (n_symbols, 300) over what was sent; complex64 response of that shape; error of the received grid.
    """
    rate, fft, prefix, early = 7.68e6, 512, 36, 12
    carriers = np.concatenate([np.arange(-150, 0), np.arange(1, 151)])
    grid = np.exp(0.5j * np.pi * np.random.default_rng(0).integers(0, 4, (n_symbols, 300)))
    bins = np.zeros((n_symbols, fft), complex)
    bins[:, carriers] = grid
    symbols = np.fft.ifft(bins, norm="ortho")
    sent = np.concatenate([symbols[:, -prefix:], symbols], axis=1).astype(np.complex64).reshape(1, -1)
    stream = TappedStream(taps, rate)
    out = stream.apply(np.pad(sent, [(0, 0), (0, stream.latency)]))[0, stream.latency :].reshape(n_symbols, -1)
    # the window begins within the prefix, where the filters' tails reach no other symbol
    spectra = np.fft.fft(out[:, prefix - early : prefix - early + fft], norm="ortho")[:, carriers]
    received = spectra * np.exp(2j * np.pi * carriers * early / fft)
    first = prefix + fft / 2 + stream.latency
    middles = (np.arange(float(n_symbols)) * (fft + prefix) + first) / rate
    response = TappedGrid(taps, middles, carriers * np.float64(15e3)).response()[0, 0]
    return received / grid, response, float(np.mean(np.abs(received - response * grid) ** 2))


def resource_grid(axes: NDArray[np.object_]) -> str:
    """Responses as OFDM through samples sees them and on the grid, and the error over the Doppler frequency."""
    found, response, _ = both_ways(RayleighGains("EVA", 70.0, seed=4), 14)
    megahertz = np.concatenate([np.arange(-150, 0), np.arange(1, 151)]) * 0.015
    axes[0].plot(megahertz, 20 * np.log10(np.abs(found[7])), color=MEASURED, linewidth=2, label="OFDM through samples")
    axes[0].plot(megahertz, 20 * np.log10(np.abs(response[7])), **THEORY, label="on the grid")
    axes[0].set(title="EVA70, one symbol", xlabel="frequency / MHz", ylabel="response / dB")
    axes[0].legend(fontsize=8)
    shifts = np.array([30.0, 70.0, 150.0, 300.0, 600.0, 1000.0, 2000.0])
    errors = [np.mean([both_ways(RayleighGains(FLAT, f, seed=k), 14)[2] for k in range(300)]) for f in shifts]
    theory = [2 - 4 * quad(lambda u, f=f: j0(2 * np.pi * f / 15e3 * u), 0, 0.5)[0] for f in shifts]
    axes[1].semilogx(shifts, 10 * np.log10(errors), "o", color=MEASURED, label="flat fading, samples against grid")
    label = r"$2-4\int_0^{1/2}J_0(2\pi f_DTu)\,du$"
    axes[1].semilogx(shifts, 10 * np.log10(theory), **THEORY, label=label)
    axes[1].set(title="error of the grid", xlabel="Doppler frequency / Hz", ylabel="share of the power / dB")
    axes[1].legend(fontsize=8)
    off = np.abs(10 * np.log10(np.array(errors) / theory)).max()
    return f"error of the grid against what moves within a symbol, 30..2000 Hz: within {off:.2f} dB"


PICTURES: dict[str, tuple[Callable[[NDArray[np.object_]], str], int]] = {
    "power_delay": (power_delay, 3),
    "doppler": (doppler, 2),
    "envelope": (envelope, 2),
    "fades": (fades, 2),
    "antennas": (antennas, 3),
    "train": (train, 2),
    "grid": (resource_grid, 2),
}


def main() -> None:
    """Draw the pictures that are asked for, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*PICTURES, []], metavar="NAME", help="pictures; all without")
    parser.add_argument("--folder", type=Path, default=Path(__file__).resolve().parents[1] / "docs" / "images")
    arguments = parser.parse_args()
    mpl.use("agg")
    arguments.folder.mkdir(parents=True, exist_ok=True)
    for name in arguments.names or PICTURES:
        draw, panels = PICTURES[name]
        figure, axes = plt.subplots(1, panels, figsize=(8, 3.1), layout="constrained")
        print(draw(axes), flush=True)
        axis: Axes
        for axis in axes:
            axis.grid(True, linewidth=0.4, alpha=0.6)
        figure.savefig(arguments.folder / f"channel_{name}.png", dpi=110, metadata={"Software": None})
        plt.close(figure)


if __name__ == "__main__":
    main()
