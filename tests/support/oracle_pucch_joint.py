"""Joint detection of PUCCHs in NumPy, candidate by candidate and round by round: the kernel's oracle."""

import numpy as np
from numpy.typing import NDArray

from picocell.phy.lte.cell import N_SC_RB
from picocell.phy.lte.pucch_detect import (
    _CANDIDATE_RATE,
    _DOUBT,
    _LOADING,
    _MAX_ROUNDS,
    _MISMATCH,
    _OTHER_COVER,
    Candidates,
    Pass,
    Signal,
    _for_kernel,
    _search,
    _worst_leakage,
    threshold,
)
from picocell.phy.lte.uplink_config import UplinkConfig


def _leakage(candidates: Candidates) -> NDArray[np.float32]:
    """Largest share ``(2, n, n)`` by slot of the second candidate's energy that is seen as the first's."""
    shift, cover = candidates.shift.T, candidates.cover.T
    distance = shift[:, :, None] - shift[:, None, :]  # -11 to 11: negative ones count from the end
    share: NDArray[np.float32] = _worst_leakage()[distance]
    # formats 2 have no orthogonal sequence: they are seen through any
    covered = cover >= 0
    other = (cover[:, :, None] != cover[:, None, :]) & covered[:, :, None] & covered[:, None, :]
    share[other] *= np.float32(_OTHER_COVER)
    seen = candidates.block[:, None] == candidates.block
    np.fill_diagonal(seen, False)
    share *= seen
    return share


def _overlap(candidates: Candidates, found: Pass) -> NDArray[np.complex64]:
    """Inner products ``(2, n, n)`` by slot of the candidates' signals, which are of magnitude 1."""
    left, right = found.time.transpose(1, 0, 2), found.frequency.transpose(1, 0, 2)
    gram = (left.conj() @ left.swapaxes(1, 2)) * (right.conj() @ right.swapaxes(1, 2))
    return np.asarray(gram * (candidates.block[:, None] == candidates.block), np.complex64)


def _signals(
    candidates: Candidates,
    found: Pass,
    overlap: NDArray[np.complex64],
    chosen: NDArray[np.intp],
    received: NDArray[np.complex64],
) -> NDArray[np.complex64]:
    """Signals ``(n_chosen, 2, n_rx, n_symb, 12)`` of the chosen candidates that together fit the blocks best."""
    time, frequency = found.time[chosen], found.frequency[chosen]
    despread = (received[candidates.block[chosen]] @ frequency.conj()[:, :, None, :, None])[..., 0]
    target = (time.conj()[:, :, None] * despread).sum(axis=-1).transpose(1, 0, 2)
    loading = np.eye(len(chosen), dtype=np.float32) * np.float32(_LOADING * N_SC_RB * time.shape[2])
    gain = np.linalg.solve(overlap[:, chosen[:, None], chosen] + loading, target).transpose(1, 0, 2)
    wave = time[:, :, None, :, None] * frequency[:, :, None, None, :]
    return np.asarray(gain[..., None, None] * wave, np.complex64)


def detect_jointly(
    ul: UplinkConfig,
    candidates: Candidates,
    received: NDArray[np.complex64],
    n_terms: NDArray[np.intp],
    false_alarm: float,
) -> list[Signal]:
    """Decide all candidates of a subframe.

    In rounds, each candidate is estimated with all others taken out that were found before. Those that no stronger
    one's leakage explains are then found in addition, until there are no more.

    Args:
        ul: the uplink.
        candidates: n signals that may have been sent.
        received: complex64 ``(n_blocks, 2, n_rx, n_symb_slot, 12)``: the pairs of resource blocks without base sequence
            and cell-specific shift; symbols that no candidate uses are zero.
        n_terms: intp ``(n_blocks,)``, resource elements times antennas in use in each pair.
        false_alarm: probability that a candidate is found in noise.
    """
    n, branches = len(candidates.block), 2 * received.shape[2]
    search, sought = _search(ul.cp), _for_kernel(candidates)
    leakage, size = _leakage(candidates), (N_SC_RB * candidates.n_symbols).T
    n_hypotheses = candidates.n_hypotheses.tolist()
    accepted = np.zeros(n, np.bool_)
    views, residual = received[candidates.block], received
    # of two equal ones the first
    order = np.float32(1) + np.float32(1e-5) * np.arange(n, 0, -1, dtype=np.float32)
    for _ in range(_MAX_ROUNDS):
        found = Pass(*search.estimate(sought, views))
        energy = found.energy.sum(axis=1)
        n_found = np.bincount(candidates.block[accepted], minlength=len(received))[candidates.block]
        terms = np.maximum(n_terms[candidates.block] - branches * (1 + n_found - accepted), branches)
        noise = np.maximum(found.total - energy, np.float32(1e-7) * found.total + np.float32(1e-30)) / terms
        metric = energy / noise
        leaks = np.einsum("sij,js->ij", leakage, found.energy)
        floor = _MISMATCH * np.where(accepted, leaks, 0).max(axis=1, initial=0)
        weak = [threshold(_CANDIDATE_RATE, branches, t, h) for t, h in zip(terms.tolist(), n_hypotheses, strict=True)]
        new = ~accepted & (metric > weak) & (energy > floor)
        if not new.any():
            break
        overlap = _overlap(candidates, found)
        share = (overlap.real**2 + overlap.imag**2) / (size[:, :, None] * size[:, None])
        rank = energy * order
        rivals = (rank > rank[:, None]) & ~accepted
        new &= energy > _DOUBT * np.where(rivals, np.einsum("sij,js->ij", share, found.energy), 0).max(axis=1)
        if not new.any():
            break
        accepted |= new
        chosen = np.flatnonzero(accepted)
        signals = _signals(candidates, found, overlap, chosen, received)
        member = (candidates.block[chosen] == np.arange(len(received))[:, None]).astype(np.complex64)
        residual = received - (member @ signals.reshape(len(chosen), -1)).reshape(received.shape)
        views = residual[candidates.block]
        views[chosen] += signals
    limit = [threshold(false_alarm, branches, t, h) for t, h in zip(terms.tolist(), n_hypotheses, strict=True)]
    limits = np.maximum(np.array(limit), floor / noise)
    columns = (metric, limits, noise, energy, found.delay, found.turn, found.ack, found.payload)
    return [Signal(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]
