"""Where a user's own functions go into a link, and how its intermediate arrays come out."""

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from picocell.kernels.sch import SoftBuffer
from picocell.phy.lte.cell import Cell

C64 = NDArray[np.complex64]
F32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Received:
    """A received subframe, as an estimator sees it.

    Attributes:
        cell: the cell.
        subframe: 0..9.
        grid: complex64 ``(n_rx, n_symb, n_sc)``.
        h: the true channel, complex64 ``(n_rx, n_ports, n_symb, n_sc)``: for comparison.
        noise_var: the true noise power of a resource element and antenna.
    """

    cell: Cell
    subframe: int
    grid: C64
    h: C64
    noise_var: float


class Block(NamedTuple):
    """What a decoder must know of a transmission.

    Attributes:
        tbs: transport block size in bits.
        q_m: bits a symbol.
        n_l: layers N_L of rate matching.
        rv: redundancy version.
        n_ir: soft buffer in bits; None for no limit.
    """

    tbs: int
    q_m: int
    n_l: int
    rv: int
    n_ir: int | None = None


class Decoded(NamedTuple):
    """What a decoder found: the bytes, whether the CRC matched, mean turbo iterations."""

    payload: bytes
    crc_ok: bool
    iterations: float


EstimatorFunction = Callable[[Received], tuple[C64, float]]
"""Channel, shaped as `Received.h`, and noise power of a subframe."""

EqualiserFunction = Callable[[C64, C64, float], tuple[C64, F32]]
"""From resource elements ``(n_rx, n_re)``, channel ``(n_rx, n_ports, n_re)`` and noise power to unbiased symbols
``(n_re,)`` and the noise power of each. In the uplink ``n_re`` are those of the data symbols, one symbol after the
other, and the result is of subcarriers, before the inverse transform."""

DecoderFunction = Callable[[NDArray[np.int16], Block, SoftBuffer | None], Decoded]
"""From soft bits (ln P(0)/P(1) times 16), the block's sizes and its HARQ soft buffer to the transport block."""


@dataclass(frozen=True, slots=True)
class Hooks:
    """A user's own parts; None for the product's. With several workers they must be functions of a module.

    Attributes:
        estimator: channel estimator.
        equaliser: equaliser.
        decoder: decoder, rate matching undone included.
    """

    estimator: EstimatorFunction | None = None
    equaliser: EqualiserFunction | None = None
    decoder: DecoderFunction | None = None

    def __bool__(self) -> bool:
        return any((self.estimator, self.equaliser, self.decoder))

    def check_pickles(self) -> None:
        """See that other processes can take the functions.

        Raises:
            ValueError: one that they cannot.
        """
        try:
            pickle.dumps(self)
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise ValueError(f"functions of a module are needed for several workers: {error}") from error

    def names(self) -> dict[str, str]:
        """Names of the functions that are given, for records."""
        given = {"estimator": self.estimator, "equaliser": self.equaliser, "decoder": self.decoder}
        return {
            k: f"{getattr(f, '__module__', '')}.{getattr(f, '__qualname__', type(f).__name__)}"
            for k, f in given.items()
            if f is not None
        }


@dataclass(frozen=True, slots=True)
class Trace:
    """Everything between the ends of one transmission.

    Attributes:
        tti: 10 SFN + subframe.
        round: HARQ round, 0 for the first transmission.
        payload: what was sent.
        crc_ok: whether it was received.
        sent_grid: complex64 ``(n_tx, n_symb, n_sc)``.
        grid: received, complex64 ``(n_rx, n_symb, n_sc)``.
        h: true channel, complex64 ``(n_rx, n_tx, n_symb, n_sc)``.
        noise_var: true noise power.
        estimate: estimated channel: downlink as `h`, uplink ``(n_rx, n_symb, m_sc)``; None where no grant was found.
        estimated_noise_var: its noise power.
        sent_symbols: modulation symbols sent, complex64 ``(n_re,)``.
        symbols: the same equalised; None where no grant was found.
        llr: int16 soft bits of them.
    """

    tti: int
    round: int
    payload: bytes
    crc_ok: bool
    sent_grid: C64
    grid: C64
    h: C64
    noise_var: float
    estimate: C64 | None
    estimated_noise_var: float
    sent_symbols: C64
    symbols: C64 | None
    llr: NDArray[np.int16] | None


TraceFunction = Callable[[Trace], None]
