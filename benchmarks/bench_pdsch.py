"""PDSCH of a full 20 MHz subframe at MCS 28 (75,376 bits): encoding into the grid, and decoding from it."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from picocell.kernels.sch import SchDecoder
from picocell.phy.lte import allocation, pdsch
from picocell.phy.lte.cell import Cell
from picocell.phy.lte.dci import Dci1
from picocell.phy.lte.estimation import ChannelEstimate
from picocell.phy.lte.grant import PdschGrant, from_dci

SUBFRAME = 3
ENCODE_US, DECODE_US = 145.0, 411.0


def cases() -> list[tuple[str, Callable[[], object], float | None]]:
    """(name, what to time, reference in microseconds or None)."""
    out: list[tuple[str, Callable[[], object], float | None]] = []
    for n_ports in (1, 2, 4):
        out += _cases(n_ports)
    return out


def _cases(n_ports: int) -> list[tuple[str, Callable[[], object], float | None]]:
    cell, decoder = Cell(1, 100, n_ports=n_ports), SchDecoder(6)
    bitmap = (1 << allocation.n_rbg(cell.n_prb)) - 1
    grant = from_dci(cell, SUBFRAME, 1, 0x46, Dci1(resource_block_assignment=bitmap, mcs=28))
    payload = np.random.default_rng(1).bytes(grant.tbs // 8)
    grid = np.zeros((n_ports, cell.n_symb, cell.n_sc), np.complex64)
    name = f"100 PRB, MCS 28, {n_ports} port{'s' if n_ports > 1 else ''}"
    single = n_ports == 1

    def encode() -> None:
        pdsch.encode(cell, SUBFRAME, grant, payload, grid)

    encode()
    out: list[tuple[str, Callable[[], object], float | None]] = [
        (f"pdsch encode, {name}", encode, ENCODE_US if single else None)
    ]
    for snr_db in (30, 22):
        received, channel = _receive(grid, snr_db)
        out.append(
            (
                f"pdsch decode, {name}, {snr_db} dB",
                _decoding(cell, grant, received, channel, decoder),
                DECODE_US if single and snr_db == 30 else None,
            )
        )
    return out


def _receive(grid: NDArray[np.complex64], snr_db: float) -> tuple[NDArray[np.complex64], ChannelEstimate]:
    """One antenna that hears every port with gain 1, and white noise."""
    noise_var, rng = 10 ** (-snr_db / 10), np.random.default_rng(2)
    noise = rng.standard_normal((2, *grid.shape[1:])) * np.sqrt(noise_var / 2)
    received = (grid.sum(axis=0) + noise[0] + 1j * noise[1]).astype(np.complex64)[None]
    h = np.ones((1, *grid.shape), np.complex64)
    return received, ChannelEstimate(h=h, noise_var=noise_var, rsrp=1.0, rssi=1.0, snr_db=snr_db)


def _decoding(
    cell: Cell, grant: PdschGrant, received: NDArray[np.complex64], channel: ChannelEstimate, decoder: SchDecoder
) -> Callable[[], object]:
    return lambda: pdsch.decode(cell, SUBFRAME, grant, received, channel, decoder)
