"""The air between two antennas: path loss, delay, multipath and a frequency offset, as a stream in blocks.

Amplitudes are those of the radios: 1 in a resource element stands for 1 mW, so a path loss is all that is between them.
Noise is the receiver's, and is added there.
"""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from picocell.kernels.ofdm import mix
from picocell.radio.channel.models import AWGN, Channel, check, open_channel

SPEED_OF_LIGHT: Final = 299_792_458.0


class Path:
    """One direction between a transmitter and a receiver.

    Args:
        sample_rate: samples per second.
        n_tx: transmit antennas.
        n_rx: receive antennas.
        channel: a name of :mod:`picocell.radio.channel.models`: ``AWGN``, ``EPA5``, ``EVA70-medium``, ``HST1``.
        path_loss_db: attenuation; it may be changed while samples pass.
        distance_m: distance, for the propagation delay, rounded to whole samples; it may be changed too.
        cfo_hz: hertz by which the samples arrive moved up; likewise.
        seed: of the realisation.

    Attributes:
        path_loss_db: attenuation; infinite for no path.
        cfo_hz: frequency offset.
        channel: name of the channel.
        latency: samples by which the channel filters delay the first path, on top of the distance's delay.

    Raises:
        ValueError: an unknown channel, or a distance that is negative.
    """

    def __init__(
        self,
        sample_rate: float,
        n_tx: int = 1,
        n_rx: int = 1,
        *,
        channel: str = AWGN,
        path_loss_db: float = 0.0,
        distance_m: float = 0.0,
        cfo_hz: float = 0.0,
        seed: int | Sequence[int] = 0,
    ) -> None:
        self.sample_rate, self.n_tx, self.n_rx = sample_rate, n_tx, n_rx
        self.path_loss_db = path_loss_db
        self._history = np.zeros((n_tx, 0), np.complex64)
        self.distance_m = distance_m
        self.cfo_hz = cfo_hz
        self._turns = 0.0  # cycles of the frequency offset at the next sample
        self._seed = np.random.SeedSequence(seed)
        self._silent = 0
        self.channel: str | None = None
        self.set_channel(channel)

    @property
    def latency(self) -> int:
        """Samples by which the channel filters delay the first path."""
        return self._fading.latency if self._fading is not None else 0

    @property
    def distance_m(self) -> float:
        """Distance in metres. Zeros come where it grows, and samples are left out where it shrinks."""
        return self._distance_m

    @distance_m.setter
    def distance_m(self, value: float) -> None:
        if not 0 <= value < math.inf:
            raise ValueError(f"distance {value} m is not allowed: at least 0 and finite")
        self._distance_m = value
        self._delay = round(value / SPEED_OF_LIGHT * self.sample_rate)
        missing = self._delay - self._history.shape[1]
        if missing > 0:
            self._history = np.concatenate([np.zeros((self.n_tx, missing), np.complex64), self._history], axis=1)
        else:
            self._history = self._history[:, -missing:]

    def set_channel(self, channel: str) -> None:
        """Change to another channel; the same name goes on as it is.

        Raises:
            ValueError: an unknown channel.
        """
        if channel == self.channel:
            return
        check(channel)
        seed = self._seed.spawn(1)[0]
        self._fading: Channel | None = None
        if channel.upper() != AWGN:
            self._fading = open_channel(channel, self.sample_rate, self.n_tx, self.n_rx, seed)
        # without fading each pair of antennas still has a phase of its own
        turns = np.random.default_rng(seed).random((self.n_rx, self.n_tx))
        turns[0, 0] = 0.0
        self._phases = np.exp(2j * np.pi * turns).astype(np.complex64)
        self.channel = channel

    def apply(self, samples: NDArray[np.complex64] | None, n: int) -> NDArray[np.complex64] | None:
        """The next ``n`` samples of the stream as they arrive.

        Args:
            samples: complex64 (n_tx, n); None for silence.
            n: how many.

        Returns:
            complex64 (n_rx, n); None where nothing arrives.
        """
        turns = self._advance(n)
        if samples is None:
            self._silent += n
            if self._silent > n + self._delay + self._tail:
                if self._fading is not None:
                    self._fading.skip(n)
                return None
            samples = np.zeros((self.n_tx, n), np.complex64)
        else:
            self._silent = 0
        if self._delay:
            joined = np.concatenate([self._history, samples], axis=1)
            samples, self._history = joined[:, :n], joined[:, n:]
        loss = np.float32(10 ** (-self.path_loss_db / 20))
        if self._fading is not None:
            arriving = self._fading.apply(samples) * loss
        elif self._phases.size == 1:
            arriving = samples * loss
        else:
            arriving = np.asarray((self._phases * loss) @ samples, np.complex64)
        return mix(arriving, self.cfo_hz / self.sample_rate, turns) if self.cfo_hz else arriving

    def pass_by(self, n: int) -> None:
        """Let ``n`` samples pass that nobody receives: the channel moves on, and forgets what it held."""
        self._advance(n)
        self._silent = 0
        self._history[:] = 0
        if self._fading is not None:
            self._fading.skip(n)

    def _advance(self, n: int) -> float:
        """Move the frequency offset on by ``n`` samples; its cycles before that."""
        turns = self._turns
        self._turns = math.fmod(turns + n * self.cfo_hz / self.sample_rate, 1.0)
        return turns

    @property
    def _tail(self) -> int:
        """Samples that the channel goes on to give after the last one that it was given."""
        return self._fading.memory if self._fading is not None else 0
