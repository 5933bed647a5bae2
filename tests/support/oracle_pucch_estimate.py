"""The PUCCH estimation kernel's work in NumPy, for all candidates at once: its oracle."""

from math import sqrt

import numpy as np
from numpy.typing import NDArray

from picocell.phy.lte.cell import N_SC_RB
from picocell.phy.lte.pucch_detect import (
    _DELAYS,
    _MAX_TURN,
    _STEP,
    _TURN_STEP,
    MAX_DELAY,
    Candidates,
    Pass,
    _slopes,
    _turns,
)
from picocell.phy.lte.pucch_format2 import N_DATA, _data_index, qpsk, time_signature, words
from picocell.phy.lte.pucch_tables import ACK_SYMBOLS, dmrs_symbols
from picocell.phy.lte.uplink_config import UplinkConfig


def decode_format2(
    ul: UplinkConfig, received: NDArray[np.complex64], signs: NDArray[np.float32], n_bits: int, n_ack: int
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.complex64]]:
    """Likeliest report and HARQ-ACK of several UEs, the channel being unknown in each slot and antenna.

    For each payload the best channel is that which all symbols, reference or data, give together; what is largest is
    the energy that this explains. It is the joint form of a coherent decision, and better at low power.

    Args:
        ul: the uplink.
        received: complex64 ``(n, 2, n_rx, n_symb_slot)``: de-spread symbols.
        signs: scrambling float32 ``(n, 20)``.
        n_bits: payload of the block code, 1..13.
        n_ack: bits in d(10), 0..2.

    Returns:
        Payload ``(n,)`` as a number, first bit highest; index into ``ACK_SYMBOLS`` ``(n,)``; :func:`time_signature`.
    """
    n, _, n_rx, _ = received.shape
    pilots = dmrs_symbols(ul.cp, False)
    ack = ACK_SYMBOLS[: 1 << n_ack]
    pilot = np.repeat(received[..., pilots[0], None], len(ack), axis=-1)
    if len(pilots) == 2:
        pilot += received[..., pilots[1], None] * ack.conj()
    pilot_parts = pilot.view(np.float32).reshape(n, 2, n_rx, len(ack), 2).swapaxes(3, 4).reshape(n, 2, 2 * n_rx, -1)
    # a word's two bits of a symbol weigh y and -jy: their sum is conj(d) y
    data = np.take(received, _data_index(ul), axis=-1).swapaxes(2, 3)
    axes = np.empty((n, 2, N_DATA // 2, 2, n_rx, 2), np.float32)
    axes[..., 0, :, 0], axes[..., 0, :, 1] = data.real, data.imag
    axes[..., 1, :, 0], axes[..., 1, :, 1] = data.imag, -data.real
    parts = axes.reshape(n, 2, N_DATA, 2 * n_rx) * (signs * np.float32(sqrt(0.5))).reshape(n, 2, N_DATA, 1)
    book = words(n_bits)
    total = book.reshape(-1, 2, N_DATA).swapaxes(0, 1) @ parts
    cross = 2 * (total @ pilot_parts).sum(axis=1)
    fixed = np.einsum("nswc,nswc->nw", total, total)[:, :, None]
    fixed = fixed + np.einsum("nsca,nsca->na", pilot_parts, pilot_parts)[:, None]
    energy = np.concatenate([fixed + cross, fixed - cross], axis=1).reshape(n, -1)
    payload, ack_index = np.divmod(energy.argmax(axis=1), len(ack))
    sign = np.where(payload < len(book), np.float32(1), np.float32(-1))[:, None]
    chosen = qpsk(book[payload % len(book)] * sign * signs)
    return payload, ack_index, time_signature(ul, chosen, ACK_SYMBOLS[ack_index])


def _peak(
    below: NDArray[np.float32], middle: NDArray[np.float32], above: NDArray[np.float32], limit: float
) -> NDArray[np.float64]:
    """Offset of the vertex of the parabolas through three points a step apart, up to a limit in steps."""
    curve = np.maximum(2 * middle - below - above, np.float32(1e-30)).astype(np.float64)
    return np.asarray(np.minimum(np.maximum((above - below) / (2 * curve), -limit), limit), np.float64)


def _refined_delay(energy: NDArray[np.float32]) -> NDArray[np.float64]:
    """Delay of the largest energy ``(n, 5)``."""
    at = energy.argmax(axis=1)
    middle = np.minimum(np.maximum(at, 1), len(_DELAYS) - 2)
    row = np.arange(len(at))
    offset = _peak(energy[row, middle - 1], energy[row, middle], energy[row, middle + 1], 1)
    return np.asarray(np.minimum(np.maximum(_DELAYS[middle] + _STEP * offset, -MAX_DELAY), MAX_DELAY), np.float64)


def _format1(
    candidates: Candidates, spread: NDArray[np.complex64]
) -> tuple[NDArray[np.float32], NDArray[np.intp], NDArray[np.complex64]]:
    """Energies over delays ``(n_1, 5)``, d(0) as an index and factors of symbols of candidates on n_PUCCH^(1).

    Args:
        candidates: the candidates.
        spread: complex64 ``(n_1, 2, n_rx, n_symb_slot, 5)``, symbols at all delays.
    """
    n = len(candidates.codes)
    weight = (N_SC_RB / candidates.n_symbols[:n])[:, :, None, None]
    parts = candidates.codes.conj()[:, :, None] @ spread
    pilot, data = parts[:, :, :, 0], parts[:, :, :, 1]
    flat = parts.view(np.float32)
    power = (weight * (flat * flat).sum(axis=3).reshape(*pilot.shape, 2).sum(axis=-1)).sum(axis=(1, 2))
    cross = (weight * (pilot.conj() * data)).sum(axis=(1, 2))
    # d(0) is 1, -1, -j or j
    change = np.stack([cross.real, -cross.real, -cross.imag, cross.imag], axis=1)
    energy = power[:, None] + 2 * change
    energy[np.arange(len(ACK_SYMBOLS)) >= candidates.n_data[:, None]] = 0
    ack = energy.max(axis=2).argmax(axis=1)
    time = candidates.codes[:, :, 0] + candidates.codes[:, :, 1] * ACK_SYMBOLS[ack][:, None, None]
    return energy[np.arange(n), ack], ack, time


def _format2(
    ul: UplinkConfig, candidates: Candidates, received: NDArray[np.complex64]
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.complex64]]:
    """Payload, d(10) as an index and factors of symbols of candidates on n_PUCCH^(2), alike ones together."""
    n = len(received)
    payload, ack = np.zeros(n, np.intp), np.zeros(n, np.intp)
    time = np.empty((n, 2, ul.n_symb_slot), np.complex64)
    for n_bits, n_ack in set(zip(candidates.n_bits.tolist(), candidates.n_ack.tolist(), strict=True)):
        at = np.flatnonzero((candidates.n_bits == n_bits) & (candidates.n_ack == n_ack))
        payload[at], ack[at], time[at] = decode_format2(ul, received[at], candidates.signs[at], n_bits, n_ack)
    return payload, ack, time


def estimate(ul: UplinkConfig, candidates: Candidates, blocks: NDArray[np.complex64]) -> Pass:
    """Best delay, message and carrier offset of each candidate from its own view ``(n, 2, n_rx, n_symb, 12)``."""
    n, _, n_rx, n_symb, _ = blocks.shape
    rows = blocks.reshape(n, 2, n_rx * n_symb, N_SC_RB)
    spread = (rows @ _slopes()[candidates.shift]).reshape(n, 2, n_rx, n_symb, len(_DELAYS))
    n_1 = len(candidates.codes)
    by_delay, ack_1, time_1 = _format1(candidates, spread[:n_1])
    loose = spread[n_1:]
    by_delay = np.concatenate([by_delay, (loose.real**2 + loose.imag**2).sum(axis=(1, 2, 3))])
    delay = _refined_delay(by_delay)
    angle = (candidates.shift - delay[:, None])[:, :, None] * np.arange(N_SC_RB) * (2 * np.pi / N_SC_RB)
    frequency = np.exp(1j * angle).astype(np.complex64)
    symbols = (rows @ frequency.conj()[..., None]).reshape(n, 2, n_rx, n_symb) / np.float32(N_SC_RB)
    payload, ack_2, time_2 = _format2(ul, candidates, symbols[n_1:])
    time = np.concatenate([time_1, time_2])
    turned = (symbols * time.conj()[:, :, None]) @ _turns(ul.cp)
    by_turn = (turned.real**2 + turned.imag**2).sum(axis=2) * (N_SC_RB / candidates.n_symbols)[..., None]
    all_turns = by_turn.sum(axis=1)
    turn = _TURN_STEP * _peak(all_turns[:, 1], all_turns[:, 0], all_turns[:, 2], _MAX_TURN / _TURN_STEP)
    place = np.arange(n_symb) - (n_symb - 1) / 2
    time = time * np.exp(1j * turn[:, None] * place).astype(np.complex64)[:, None]
    flat = rows.reshape(n, -1).view(np.float32)
    total = np.einsum("ni,ni->n", flat, flat)
    payload = np.concatenate([np.zeros(n_1, np.intp), payload])
    return Pass(by_turn[..., 0], total, time, frequency, delay, turn, np.concatenate([ack_1, ack_2]), payload)
