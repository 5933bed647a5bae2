"""Transmission power of a UE: path loss and the states of the power commands (TS 36.213 5.1, TS 36.321 5.1.3)."""

from typing import Final

from picocell.mac.common_config import RachConfig
from picocell.mac.dedicated_config import UePowerConfig
from picocell.phy.lte import ul_power
from picocell.phy.lte.pucch_tables import PucchFormat
from picocell.phy.lte.ul_grant import PuschGrant, beta_offset, n_data_symbols
from picocell.phy.lte.ulsch import code_block_bits
from picocell.phy.lte.uplink_config import UplinkConfig

MINIMUM_DBM: Final = -40.0
"""Minimum output power (TS 36.101 6.3.2.1)."""

_FILTER_PERIOD_MS: Final = 200
"""Measurement period that the filter coefficient assumes (TS 36.331 5.5.3.2)."""

_CQI_CRC_BITS: Final = 8
_LARGEST_BLOCK_CODE: Final = 11


class UePower:
    """Path loss, f(i) of the PUSCH and g(i) of the PUCCH.

    Args:
        ul: the cell's uplink.
        rach: its random access.
        p_max_dbm: P_CMAX.

    Attributes:
        path_loss_db: filtered.
    """

    def __init__(self, ul: UplinkConfig, rach: RachConfig, p_max_dbm: float) -> None:
        self._ul, self._rach = ul, rach
        self.p_max_dbm = p_max_dbm
        self.path_loss_db = 0.0
        self._measured_at: int | None = None
        self._config = UePowerConfig()
        self._f = self._g = 0.0
        self._pusch_dbm = self._pucch_dbm = 0.0

    @property
    def states(self) -> tuple[float, float]:
        """f(i) of the PUSCH and g(i) of the PUCCH in dB."""
        return self._f, self._g

    def configure(self, config: UePowerConfig) -> None:
        """uplinkPowerControlDedicated; another P0 starts the state of its channel anew."""
        if config.p0_ue_pusch != self._config.p0_ue_pusch or config.accumulation != self._config.accumulation:
            self._f = 0.0
        if config.p0_ue_pucch != self._config.p0_ue_pucch:
            self._g = 0.0
        self._config = config

    def measured(self, path_loss_db: float, now: int) -> None:
        """A new measurement of the path loss, filtered as layer 3 does (TS 36.331 5.5.3.2)."""
        if self._measured_at is None:
            self.path_loss_db = path_loss_db
        else:
            periods = max(now - self._measured_at, 0) / _FILTER_PERIOD_MS
            weight = 1 - (1 - 0.5 ** (self._config.filter_coefficient / 4)) ** periods
            self.path_loss_db += weight * (path_loss_db - self.path_loss_db)
        self._measured_at = now

    def random_access(self, ramp_up_db: float, tpc: int) -> None:
        """A random access response starts both states (TS 36.213 5.1.1.1, 5.1.2.1)."""
        self._f = self._g = ul_power.first_state(ramp_up_db, tpc)
        self._pusch_dbm = self._pucch_dbm = 0.0

    def pusch_command(self, tpc: int, *, temporary: bool = False) -> None:
        """TPC field of a format 0 or 3 that holds for this subframe; a TC-RNTI's always accumulates."""
        accumulate = temporary or self._config.accumulation
        self._step_pusch(ul_power.tpc_pusch(tpc, accumulate=accumulate), accumulate)

    def pusch_one_bit_command(self, tpc: int) -> None:
        """Command of a format 3A."""
        self._step_pusch(ul_power.tpc_3a(tpc), True)

    def pucch_command(self, tpc: int) -> None:
        """TPC field of a downlink grant or a format 3."""
        self._step_pucch(ul_power.tpc_pucch(tpc))

    def pucch_one_bit_command(self, tpc: int) -> None:
        """Command of a format 3A."""
        self._step_pucch(ul_power.tpc_3a(tpc))

    def preamble_target(self, attempt: int, preamble_format: int) -> float:
        """PREAMBLE_RECEIVED_TARGET_POWER of an attempt in dBm."""
        step = self._rach.power_ramping_step_db
        return ul_power.preamble_target_power(self._rach.target_power_dbm, attempt, step, preamble_format)

    def preamble(self, attempt: int, preamble_format: int) -> float:
        """Power of a preamble in dBm."""
        return ul_power.prach_power(self.p_max_dbm, self.preamble_target(attempt, preamble_format), self.path_loss_db)

    def pusch_demand(self, grant: PuschGrant, *, message_3: bool) -> float:
        """Power that a PUSCH asks for in dBm, whatever the UE has."""
        if message_3:
            p0, alpha = ul_power.p0_msg3(self._ul, self._rach.target_power_dbm), 1.0
        else:
            p0, alpha = ul_power.p0_pusch(self._ul, self._config.p0_ue_pusch), self._ul.power.alpha
        delta = self._delta_tf(grant) if self._config.delta_mcs else 0.0
        return ul_power.pusch_demand(grant.n_prb, p0, alpha, self.path_loss_db, delta, self._f)

    def headroom_level(self, demand_dbm: float) -> int:
        """Type 1 power headroom report of a PUSCH (TS 36.213 5.1.1.2)."""
        return ul_power.phr_level(ul_power.power_headroom(self.p_max_dbm, demand_dbm))

    def pusch(self, demand_dbm: float) -> float:
        """Power of a PUSCH in dBm, remembered for the next command."""
        self._pusch_dbm = min(self.p_max_dbm, demand_dbm)
        return self._pusch_dbm

    def pucch(self, fmt: PucchFormat, n_cqi: int, n_ack: int) -> float:
        """Power of a PUCCH in dBm, remembered for the next command."""
        p0 = self._ul.power.p0_nominal_pucch + self._config.p0_ue_pucch
        name: ul_power.PucchFormat = fmt.value
        h = ul_power.h_pucch(name, n_cqi, n_ack, cp=self._ul.cp) if not fmt.on_n1 else 0.0
        delta_f = ul_power.delta_f_pucch(self._ul, name)
        self._pucch_dbm = ul_power.pucch_power(self.p_max_dbm, p0, self.path_loss_db, h, delta_f, self._g)
        return self._pucch_dbm

    def _step_pusch(self, delta: float, accumulate: bool) -> None:
        at_maximum, at_minimum = self._pusch_dbm >= self.p_max_dbm, self._pusch_dbm <= MINIMUM_DBM
        self._f = ul_power.after_command(
            self._f, delta, accumulate=accumulate, at_maximum=at_maximum, at_minimum=at_minimum
        )

    def _step_pucch(self, delta: float) -> None:
        at_maximum, at_minimum = self._pucch_dbm >= self.p_max_dbm, self._pucch_dbm <= MINIMUM_DBM
        self._g = ul_power.after_command(self._g, delta, at_maximum=at_maximum, at_minimum=at_minimum)

    def _delta_tf(self, grant: PuschGrant) -> float:
        n_symbols = grant.initial_n_symb or n_data_symbols(self._ul, grant.srs_symbol)
        n_re = 12 * (grant.initial_n_prb or grant.n_prb) * n_symbols
        if grant.tbs:
            return ul_power.delta_tf(code_block_bits(grant.tbs), n_re)
        n_bits = grant.uci.n_cqi + (_CQI_CRC_BITS if grant.uci.n_cqi > _LARGEST_BLOCK_CODE else 0)
        if not n_bits:
            return 0.0
        return ul_power.delta_tf(n_bits, n_re, beta_offset=beta_offset("cqi", grant.uci.beta_cqi))
