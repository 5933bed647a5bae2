"""PUSCH of a full 20 MHz subframe: encoding into the grid, and estimation, equalisation and decoding from it."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from picocell.kernels.sch import SchDecoder
from picocell.phy.lte import pusch
from picocell.phy.lte.cell import Cell
from picocell.phy.lte.dci import Dci0, riv_encode
from picocell.phy.lte.ul_grant import PuschGrant, PuschUci, from_dci0
from picocell.phy.lte.uplink_config import PuschConfig, UplinkConfig

SUBFRAME, N_PRB = 3, 100
CELL, UPLINK = Cell(1, N_PRB), UplinkConfig(n_prb=N_PRB, pusch=PuschConfig(enable_64qam=True))
REFERENCE_US = {28: 525.0, 20: 330.0}
SNR_DB = {28: 30.0, 20: 22.0}


def cases() -> list[tuple[str, Callable[[], object], float | None]]:
    """(name, what to time, reference in microseconds or None)."""
    out: list[tuple[str, Callable[[], object], float | None]] = []
    for mcs, reference in REFERENCE_US.items():
        out += _cases(mcs, PuschUci(), reference)
    return out + _cases(20, PuschUci(n_ack=2, n_ri=1, n_cqi=30), None)


def _cases(mcs: int, uci: PuschUci, reference: float | None) -> list[tuple[str, Callable[[], object], float | None]]:
    dci = Dci0(riv=riv_encode(N_PRB, 0, N_PRB), mcs=mcs)
    grant = from_dci0(CELL, UPLINK, SUBFRAME, 0x46, dci, uci=uci)
    payload = np.random.default_rng(1).bytes(grant.tbs // 8)
    grid = np.zeros((1, UPLINK.n_symb, UPLINK.n_sc), np.complex64)
    ack, ri, cqi = np.ones(uci.n_ack, np.uint8), np.ones(uci.n_ri, np.uint8), np.ones(uci.n_cqi, np.uint8)

    def encode() -> None:
        pusch.encode(CELL, UPLINK, SUBFRAME, grant, payload, grid, ack=ack, ri=ri, cqi=cqi)

    encode()
    name = f"{N_PRB} PRB, MCS {mcs}" + (", ACK, RI and CQI" if uci else "")
    return [
        (f"pusch encode, {name}", encode, None),
        (f"pusch decode, {name}, 1 rx", _decoding(grant, _receive(grid, SNR_DB[mcs])), reference),
    ]


def _receive(grid: NDArray[np.complex64], snr_db: float) -> NDArray[np.complex64]:
    rng = np.random.default_rng(2)
    noise = rng.standard_normal((2, *grid.shape)) * np.sqrt(10 ** (-snr_db / 10) / 2)
    return np.asarray(grid + noise[0] + 1j * noise[1], np.complex64)


def _decoding(grant: PuschGrant, received: NDArray[np.complex64]) -> Callable[[], object]:
    decoder = SchDecoder(6)
    return lambda: pusch.decode(CELL, UPLINK, SUBFRAME, grant, received, decoder)
