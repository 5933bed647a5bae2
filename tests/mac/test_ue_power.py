"""Power control of a UE, and how it filters its path loss (TS 36.213 5.1, TS 36.331 5.5.3.2)."""

import pytest

from picocell.mac.dedicated_config import UePowerConfig
from picocell.mac.ue_power import UePower
from picocell.phy.lte.pucch_tables import PucchFormat
from picocell.phy.lte.ul_grant import PuschGrant, PuschUci
from support.ue_mac_script import RACH, UL

GRANT = PuschGrant(0x46, (2, 2), 4, 2, 256)


@pytest.fixture
def power() -> UePower:
    found = UePower(UL, RACH, 23.0)
    found.measured(80.0, 0)
    return found


def test_the_path_loss_filter_halves_the_distance_in_its_period(power: UePower) -> None:
    power.configure(UePowerConfig(filter_coefficient=4))
    power.measured(100.0, 200)
    assert power.path_loss_db == pytest.approx(90.0)
    for now in range(210, 401, 10):
        power.measured(100.0, now)
    assert power.path_loss_db == pytest.approx(95.0)


def test_message_3_compensates_the_whole_path_loss_from_the_preambles_target(power: UePower) -> None:
    power.random_access(6.0, 3)
    demand = power.pusch_demand(GRANT, message_3=True)
    assert demand == pytest.approx(6.0206 - 104 + 12 + 80 + 6.0, abs=1e-3)


def test_levels_replace_each_other_without_accumulation_but_not_for_a_tc_rnti(power: UePower) -> None:
    power.configure(UePowerConfig(accumulation=False))
    power.pusch_command(3)
    assert power.states[0] == 4.0
    power.pusch_command(0)
    assert power.states[0] == -4.0
    power.pusch_command(3, temporary=True)
    assert power.states[0] == -1.0


def test_commands_stop_at_the_limits(power: UePower) -> None:
    power.pusch(99.0)
    power.pusch_command(3)
    assert power.states[0] == 0.0
    power.pusch_command(0)
    assert power.states[0] == -1.0
    power.pusch(-60.0)
    power.pusch_command(0)
    assert power.states[0] == -1.0


def test_another_p0_starts_the_states_anew(power: UePower) -> None:
    power.random_access(4.0, 3)
    power.configure(UePowerConfig(p0_ue_pusch=2))
    assert power.states == (0.0, 4.0)
    power.configure(UePowerConfig(p0_ue_pusch=2, p0_ue_pucch=1))
    assert power.states == (0.0, 0.0)


def test_control_formats_have_their_offsets(power: UePower) -> None:
    base = UL.power.p0_nominal_pucch + 80.0
    assert power.pucch(PucchFormat.F1, 0, 0) == base
    assert power.pucch(PucchFormat.F1A, 0, 1) == base
    assert power.pucch(PucchFormat.F1B, 0, 2) == base + 3
    assert power.pucch(PucchFormat.F2, 4, 0) == base + 1
    assert power.pucch(PucchFormat.F2A, 4, 1) == base + 2
    power.pucch_command(3)
    assert power.pucch(PucchFormat.F1, 0, 0) == base + 3
    power.pucch_one_bit_command(0)
    assert power.pucch(PucchFormat.F1, 0, 0) == base + 2


def test_the_code_rate_counts_where_it_is_configured(power: UePower) -> None:
    plain = power.pusch_demand(GRANT, message_3=False)
    power.configure(UePowerConfig(delta_mcs=True))
    low = power.pusch_demand(GRANT, message_3=False)
    high = power.pusch_demand(PuschGrant(0x46, (2, 2), 4, 4, 2048), message_3=False)
    report = power.pusch_demand(PuschGrant(0x46, (2, 2), 4, 2, 0, uci=PuschUci(n_cqi=18)), message_3=False)
    assert low < plain < high
    assert report < plain
