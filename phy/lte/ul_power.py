"""Uplink power control (TS 36.213 5.1, TS 36.321 5.1.3). Powers in dBm, gains and losses in dB."""

from functools import cache
from math import floor, log10
from typing import Final, Literal

from picocell.phy.lte.cell import CyclicPrefix
from picocell.phy.lte.tables import rows
from picocell.phy.lte.uplink_config import UplinkConfig

K_S: Final = 1.25
"""K_s where deltaMCS-Enabled is, else 0 (TS 36.213 5.1.1.1)."""

PHR_MIN_DB: Final = -23
PHR_MAX_DB: Final = 40
PHR_LEVELS: Final = PHR_MAX_DB - PHR_MIN_DB + 1
"""Range of the power headroom report and its levels (TS 36.213 5.1.1.2, TS 36.133 9.1.8.4)."""

_DELTA_PREAMBLE: Final = (0, 0, -3, -3, 8)
"""DELTA_PREAMBLE in dB by preamble format (TS 36.321 Table 7.6-1, recalled)."""

PucchFormat = Literal["1", "1a", "1b", "2", "2a", "2b", "3"]


@cache
def _commands(table: str) -> tuple[tuple[int, ...], ...]:
    """One tuple a column of dB by TPC field."""
    (text,) = (row["values"] for row in rows("small_tables") if row["table"] == table)
    fields = [entry.split(":")[1].split("|") for entry in text.split(";")]
    return tuple(tuple(int(value) for value in column) for column in zip(*fields, strict=True))


def _command(table: str, column: int, field: int) -> int:
    values = _commands(table)[column]
    if not 0 <= field < len(values):
        raise ValueError(f"TPC command {field} is outside 0..{len(values) - 1}")
    return values[field]


def tpc_pusch(field: int, *, accumulate: bool = True) -> int:
    """delta_PUSCH of the TPC field of DCI format 0 or 3: a step, or a level (TS 36.213 Table 5.1.1.1-2).

    Raises:
        ValueError: a field outside 0..3.
    """
    return _command("5.1.1.1-2", 0 if accumulate else 1, field)


def tpc_3a(field: int) -> int:
    """Step of the one-bit TPC field of DCI format 3A (TS 36.213 Tables 5.1.1.1-3 and 5.1.2.1-2).

    Raises:
        ValueError: a field other than 0 and 1.
    """
    return _command("5.1.1.1-3", 0, field)


def tpc_pucch(field: int) -> int:
    """delta_PUCCH of the TPC field of a downlink grant or of DCI format 3 (TS 36.213 Table 5.1.2.1-1).

    Raises:
        ValueError: a field outside 0..3.
    """
    return _command("5.1.2.1-1", 0, field)


def tpc_rar(field: int) -> int:
    """delta_msg2 of the TPC field of a random access response (TS 36.213 Table 6.2-1).

    Raises:
        ValueError: a field outside 0..7.
    """
    return _command("6.2-1", 0, field)


def path_loss(reference_signal_power: float, rsrp: float) -> float:
    """PL of the downlink: power of the reference signal minus its filtered received power (TS 36.213 5.1.1.1)."""
    return reference_signal_power - rsrp


def delta_tf(n_bits: int, n_re: int, *, enabled: bool = True, beta_offset: float = 1.0) -> float:
    """Delta_TF, which follows the code rate (TS 36.213 5.1.1.1).

    Args:
        n_bits: sum of the code block sizes K_r; without UL-SCH, the CQI bits with their CRC, O_CQI.
        n_re: resource elements N_RE of the initial transmission, M_sc N_symb.
        enabled: deltaMCS-Enabled: K_s is 1.25, else 0.
        beta_offset: beta_offset of the CQI where there is no UL-SCH, else 1.

    Raises:
        ValueError: numbers that are not positive.
    """
    if not enabled:
        return 0.0
    if n_bits <= 0 or n_re <= 0 or beta_offset <= 0:
        raise ValueError(f"n_bits {n_bits}, n_re {n_re} and beta_offset {beta_offset} must be positive")
    return 10 * log10((2 ** (K_S * n_bits / n_re) - 1) * beta_offset)


def p0_pusch(ul: UplinkConfig, p0_ue: float = 0.0) -> float:
    """P_O_PUSCH(1) of a dynamic grant: nominal plus UE part."""
    return ul.power.p0_nominal_pusch + p0_ue


def p0_msg3(ul: UplinkConfig, initial_target_power: float) -> float:
    """P_O_PUSCH(2) of the grant of a random access response, for which alpha is 1."""
    return initial_target_power + ul.power.delta_preamble_msg3


def pusch_demand(n_prb: int, p0: float, alpha: float, pl: float, delta_tf_db: float = 0.0, f_c: float = 0.0) -> float:
    """Power that a PUSCH asks for, whatever the UE has (TS 36.213 5.1.1.1).

    Args:
        n_prb: resource blocks M_PUSCH.
        p0: P_O_PUSCH(j).
        alpha: alpha(j).
        pl: path loss.
        delta_tf_db: from `delta_tf`.
        f_c: state of the commands.

    Raises:
        ValueError: n_prb that is not positive.
    """
    if n_prb <= 0:
        raise ValueError(f"n_prb {n_prb} is not positive")
    return 10 * log10(n_prb) + p0 + alpha * pl + delta_tf_db + f_c


def pusch_power(
    p_cmax: float, n_prb: int, p0: float, alpha: float, pl: float, delta_tf_db: float = 0.0, f_c: float = 0.0
) -> float:
    """P_PUSCH: what `pusch_demand` says, at most P_CMAX."""
    return min(p_cmax, pusch_demand(n_prb, p0, alpha, pl, delta_tf_db, f_c))


def power_headroom(p_cmax: float, demand: float) -> float:
    """Type 1 power headroom before rounding (TS 36.213 5.1.1.2)."""
    return p_cmax - demand


def phr_level(headroom: float) -> int:
    """Level 0..63 that a report gives for a headroom: 0 from -23 dB on, 63 from 40 dB on (TS 36.133 9.1.8.4)."""
    return min(max(floor(headroom) - PHR_MIN_DB, 0), PHR_LEVELS - 1)


def phr_headroom(level: int) -> float:
    """Least headroom that a level 0..63 stands for.

    Raises:
        ValueError: another level.
    """
    if not 0 <= level < PHR_LEVELS:
        raise ValueError(f"power headroom level {level} is outside 0..{PHR_LEVELS - 1}")
    return float(level + PHR_MIN_DB)


def after_command(
    state: float, delta: float, *, accumulate: bool = True, at_maximum: bool = False, at_minimum: bool = False
) -> float:
    """State f(i) of the PUSCH, or g(i) of the PUCCH, after a command (TS 36.213 5.1.1.1, 5.1.2.1).

    Args:
        state: state before.
        delta: what the command says, 0 where none came.
        accumulate: steps add up (always so for the PUCCH); else `delta` is the new state.
        at_maximum: the UE sends at its maximum power: it does not follow a step up.
        at_minimum: the UE sends at its minimum power: it does not follow a step down.
    """
    if not accumulate:
        return delta
    if (at_maximum and delta > 0) or (at_minimum and delta < 0):
        return state
    return state + delta


def first_state(ramp_up: float, msg2_field: int) -> float:
    """f(0) and g(0) after random access: total ramp-up plus delta_msg2 (TS 36.213 5.1.1.1, 5.1.2.1)."""
    return ramp_up + tpc_rar(msg2_field)


def h_pucch(
    fmt: PucchFormat, n_cqi: int = 0, n_harq: int = 0, n_sr: int = 0, cp: CyclicPrefix = CyclicPrefix.NORMAL
) -> float:
    """h(n_CQI, n_HARQ, n_SR) of the PUCCH (TS 36.213 5.1.2.1).

    Args:
        fmt: PUCCH format; format 1b without channel selection.
        n_cqi: bits of channel quality.
        n_harq: bits of acknowledgement.
        n_sr: 1 where a scheduling request may be sent, for format 3.
        cp: cyclic prefix of the uplink.

    Raises:
        ValueError: no such format.
    """
    if fmt in ("1", "1a", "1b"):
        return 0.0
    if fmt in ("2", "2a", "2b"):
        n = n_cqi if cp is CyclicPrefix.NORMAL else n_cqi + n_harq
        return 10 * log10(n / 4) if n >= 4 else 0.0
    if fmt == "3":
        return (n_harq + n_sr - 1) / 2
    raise ValueError(f"PUCCH format {fmt!r} is not allowed: use 1, 1a, 1b, 2, 2a, 2b or 3")


def delta_f_pucch(ul: UplinkConfig, fmt: PucchFormat) -> float:
    """Delta_F_PUCCH of a format, relative to format 1a (TS 36.213 5.1.2.1)."""
    return float(dict(ul.power.delta_f_pucch).get(fmt, 0))


def pucch_power(p_cmax: float, p0: float, pl: float, h: float = 0.0, delta_f: float = 0.0, g: float = 0.0) -> float:
    """P_PUCCH of a UE with one antenna port (TS 36.213 5.1.2.1).

    Args:
        p_cmax: maximum power.
        p0: P_0_PUCCH, nominal plus UE part.
        pl: path loss.
        h: from `h_pucch`.
        delta_f: from `delta_f_pucch`.
        g: state of the commands.
    """
    return min(p_cmax, p0 + pl + h + delta_f + g)


def preamble_target_power(initial: float, counter: int, step: float, preamble_format: int = 0) -> float:
    """PREAMBLE_RECEIVED_TARGET_POWER of an attempt (TS 36.321 5.1.3).

    Args:
        initial: preambleInitialReceivedTargetPower.
        counter: PREAMBLE_TRANSMISSION_COUNTER, from 1.
        step: powerRampingStep.
        preamble_format: 0..4, for DELTA_PREAMBLE (TS 36.321 Table 7.6-1, recalled).

    Raises:
        ValueError: a counter below 1 or another format.
    """
    if counter < 1:
        raise ValueError(f"preamble transmission counter {counter} is below 1")
    if not 0 <= preamble_format < len(_DELTA_PREAMBLE):
        raise ValueError(f"preamble format {preamble_format} is outside 0..{len(_DELTA_PREAMBLE) - 1}")
    return initial + _DELTA_PREAMBLE[preamble_format] + (counter - 1) * step


def prach_power(p_cmax: float, target: float, pl: float) -> float:
    """P_PRACH (TS 36.213 6.1)."""
    return min(p_cmax, target + pl)
