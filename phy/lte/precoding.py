"""Layer mapping and precoding of the downlink, and their inverse in the receiver (TS 36.211 6.3.3, 6.3.4).

Single antenna port (6.3.3.1, 6.3.4.1) and transmit diversity (6.3.3.3, 6.3.4.3) are here; spatial multiplexing
(6.3.3.2, 6.3.4.2) is in :mod:`picocell.phy.lte.spatial`, its precoders in :mod:`picocell.phy.lte.codebook`.
"""

from math import sqrt

import numpy as np
from numpy.typing import NDArray

from picocell.kernels import equalise
from picocell.phy.lte.estimation import ChannelEstimate


def transmit_diversity(symbols: NDArray[np.complex64], n_ports: int) -> NDArray[np.complex64]:
    """Layer mapping (TS 36.211 6.3.3.3) and precoding (6.3.4.3) for one port or transmit diversity.

    Args:
        symbols: (n,) complex symbols d(0)..d(n-1); n even for 2 and 4 ports.
        n_ports: 1, 2 or 4.

    Returns:
        complex64 (n_ports, n): what each port sends on n resource elements. The power summed over the ports is that of
        `symbols`. With 4 ports and n = 4 i + 2 the two null symbols of 6.3.3.3 are appended and not sent.

    Raises:
        ValueError: another number of ports, or n that does not fit.
    """
    d = np.asarray(symbols, np.complex64)
    if d.ndim != 1:
        raise ValueError(f"symbols must be one-dimensional, not of shape {d.shape}")
    if n_ports == 1:
        return d[None, :].copy()
    if n_ports not in (2, 4):
        raise ValueError(f"n_ports {n_ports} is not allowed: use 1, 2 or 4")
    if d.size % 2:
        raise ValueError(f"{d.size} symbols do not fit transmit diversity: the number must be even")
    out = np.zeros((n_ports, d.size), np.complex64)
    pairs = d.reshape(-1, 2) * np.float32(1 / sqrt(2))
    first = np.empty_like(pairs)
    first[:] = pairs
    second = np.empty_like(pairs)
    np.conj(pairs[:, 1], out=second[:, 0])
    np.negative(second[:, 0], out=second[:, 0])
    np.conj(pairs[:, 0], out=second[:, 1])
    by_pair = out.reshape(n_ports, -1, 2)
    if n_ports == 2:
        by_pair[0], by_pair[1] = first, second
    else:  # ports 0 and 2 carry the first pair of each quadruple, ports 1 and 3 the second
        by_pair[0, 0::2], by_pair[2, 0::2] = first[0::2], second[0::2]
        by_pair[1, 1::2], by_pair[3, 1::2] = first[1::2], second[1::2]
    return out


def receive(
    y: NDArray[np.complex64], channel: ChannelEstimate, index: NDArray[np.int32]
) -> tuple[NDArray[np.complex64], NDArray[np.float32]]:
    """Equalise resource elements that were sent from one port or with transmit diversity over all ports.

    Args:
        y: received grid, complex64 (n_rx, n_symb, n_sc).
        channel: estimate for that grid; its number of ports picks the scheme.
        index: int32 (n_re,) flattened resource elements in the order of mapping, even in number for 2 and 4 ports.

    Returns:
        ``(x, var)``: complex64 (n_re,) symbols d(0).. free of bias, and float32 (n_re,) their noise power.

    Raises:
        ValueError: shapes that do not agree, or an index outside the grid.
    """
    n_rx, n_ports = channel.h.shape[:2]
    if y.shape != (n_rx, *channel.h.shape[2:]):
        raise ValueError(f"grid of shape {y.shape} does not fit a channel estimate of shape {channel.h.shape}")
    flat = y.reshape(n_rx, -1)
    if n_ports == 1:
        return equalise.siso(flat, channel.h.reshape(n_rx, -1), index, channel.noise_var)
    h = channel.h.reshape(n_rx, n_ports, -1)
    if n_ports == 2:
        return equalise.sfbc2(flat, h, index, channel.noise_var)
    if n_ports == 4:
        return equalise.sfbc4(flat, h, index, channel.noise_var)
    raise ValueError(f"channel estimate of {n_ports} ports is not allowed: 1, 2 or 4")
