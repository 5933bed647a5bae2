"""Timing advance arithmetic (TS 36.213 4.2.3, TS 36.211 8.1)."""

from fractions import Fraction
from functools import lru_cache
from typing import Final

TS_RATE: Final = 30_720_000
"""Basic time units T_s in a second (TS 36.211 4)."""

STEP_TS: Final = 16
"""T_s of one step of a command (TS 36.213 4.2.3)."""

MAX_RAR_COMMAND: Final = 1282
"""Largest T_A of a random access response (TS 36.213 4.2.3); its field of 11 bits could say more."""

MAX_COMMAND: Final = 63
NEUTRAL_COMMAND: Final = 31
"""Largest T_A of the MAC control element, and the one that changes nothing."""

MAX_N_TA: Final = STEP_TS * MAX_RAR_COMMAND
"""Largest timing advance N_TA in T_s (TS 36.211 8.1)."""

N_TA_OFFSET_TDD: Final = 624
"""Fixed part N_TAoffset of frame structure type 2 in T_s, 0 for type 1 (TS 36.211 8.1)."""


def n_ta_from_rar(command: int) -> int:
    """N_TA in T_s from the command of a random access response, 0..1282 (TS 36.213 4.2.3).

    Raises:
        ValueError: a command outside that range.
    """
    if not 0 <= command <= MAX_RAR_COMMAND:
        raise ValueError(
            f"timing advance command {command} of a random access response is outside 0..{MAX_RAR_COMMAND}"
        )
    return STEP_TS * command


def n_ta_from_command(n_ta: int, command: int) -> int:
    """New N_TA in T_s from the present one and a MAC command 0..63 (TS 36.213 4.2.3, TS 36.321 6.1.3.5).

    The result stays within 0..`MAX_N_TA`, which TS 36.211 8.1 sets.

    Raises:
        ValueError: a command or an N_TA outside its range.
    """
    if not 0 <= command <= MAX_COMMAND:
        raise ValueError(f"timing advance command {command} is outside 0..{MAX_COMMAND}")
    if not 0 <= n_ta <= MAX_N_TA:
        raise ValueError(f"N_TA {n_ta} is outside 0..{MAX_N_TA}")
    return min(max(n_ta + STEP_TS * (command - NEUTRAL_COMMAND), 0), MAX_N_TA)


@lru_cache(maxsize=256)
def samples(n_ta: int, sample_rate: int, *, tdd: bool = False) -> Fraction:
    """Samples by which the uplink frame begins before the downlink frame (TS 36.211 8.1), exactly.

    Raises:
        ValueError: N_TA outside its range, or a sample rate that is not positive.
    """
    if not 0 <= n_ta <= MAX_N_TA:
        raise ValueError(f"N_TA {n_ta} is outside 0..{MAX_N_TA}")
    if sample_rate <= 0:
        raise ValueError(f"sample rate {sample_rate} is not positive")
    return Fraction((n_ta + (N_TA_OFFSET_TDD if tdd else 0)) * sample_rate, TS_RATE)


def seconds(n_ta: int) -> float:
    """N_TA in seconds."""
    return n_ta / TS_RATE


def _steps(delay_s: float) -> int:
    return round(delay_s * TS_RATE / STEP_TS)


def rar_command(delay_s: float) -> int:
    """Command of a random access response for a preamble that came late by `delay_s`: the nearest of 0..1282."""
    return min(max(_steps(delay_s), 0), MAX_RAR_COMMAND)


def command(delay_s: float) -> int:
    """MAC command 0..63 for a signal that came late by `delay_s` (negative: early): the nearest; 31 changes nothing."""
    return min(max(_steps(delay_s) + NEUTRAL_COMMAND, 0), MAX_COMMAND)
