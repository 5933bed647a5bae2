"""Configuration of an eNB process becomes the eNB's settings."""

import pytest
from pydantic import ValidationError

from picocell.enb.config import CellConfig, EnbConfig, EnbGtpuConfig, MacConfig, MmeConfig, RadioConfig
from picocell.enb.enb import Enb
from picocell.enb.settings import EnbSettings, default_sib2
from picocell.phy.lte.cell import BANDWIDTHS, Cell
from picocell.rrc_nas.security.algorithms import Eea, Eia


def test_defaults_are_the_defaults_of_the_settings() -> None:
    settings, default = EnbConfig().settings(), EnbSettings(Cell(pci=1, n_prb=25))
    assert settings.cell == default.cell
    assert settings.identity == default.identity
    assert settings.rrc == default.rrc
    assert settings.sibs() == default.sibs()
    assert (settings.scheduler, settings.sr_period, settings.cqi_period) == ("pf", 20, 40)


def test_values_reach_the_settings() -> None:
    config = EnbConfig(
        enb=CellConfig(
            name="n", cell_id=0x1234567, plmn="310410", tac=9, pci=7, n_prb=50, n_ports=2, band=3, earfcn=1300,  # type: ignore[arg-type]
            scheduler="rr", enable_64qam=True, inactivity_ms=None, max_ues=3, sr_period_ms=10, cqi_period_ms=80,
            eea=(Eea.EEA2,), eia=(Eia.EIA1,),
        ),
        mac=MacConfig(bler=0.2, initial_cqi=3, proactive_grant_ms=20, ul_target_snr_db=None, pucch_target_snr_db=5),
        mme=MmeConfig(retry_ms=700),
        radio=RadioConfig(args="tx_port0=tcp://*:2000,tx_port1=tcp://*:2002,rx_port=tcp://localhost:2001"),
    )  # fmt: skip
    settings = config.settings()
    assert (settings.cell.n_prb, settings.cell.pci, settings.cell.n_ports) == (50, 7, 2)
    identity = settings.identity
    assert (identity.mcc, identity.mnc, identity.tac, identity.band) == ("310", "410", 9, 3)
    assert (identity.cell_identity, settings.enb_id, settings.name) == (0x1234567, 0x12345, "n")
    assert (settings.scheduler, settings.sr_period, settings.cqi_period) == ("rr", 10, 80)
    mac, rrc = settings.mac, settings.rrc
    assert (mac.max_ues, mac.bler, mac.initial_cqi, mac.proactive_grant_period) == (3, 0.2, 3, 20)
    assert (mac.ul_target_snr_db, mac.pucch_target_snr_db) == (None, 5)
    assert (rrc.earfcn_dl, rrc.eea, rrc.eia, rrc.inactivity_ms) == (1300, (Eea.EEA2,), (Eia.EIA1,), None)
    assert settings.s1ap.retry_ms == 700
    pusch = settings.sibs()[2]["radioResourceConfigCommon"]["pusch-ConfigCommon"]["pusch-ConfigBasic"]
    assert pusch["enable64QAM"] is True
    assert (
        default_sib2(settings.cell)["radioResourceConfigCommon"]["prach-Config"]
        == (settings.sibs()[2]["radioResourceConfigCommon"]["prach-Config"])
    )


@pytest.mark.parametrize("n_prb", BANDWIDTHS)
def test_an_enb_can_be_made_at_every_bandwidth(n_prb: int) -> None:
    config = EnbConfig(enb=CellConfig(n_prb=n_prb), radio=RadioConfig(sample_rate="standard", args=_args(n_prb)))
    enb = Enb(config.settings(), address="127.0.1.1", mme_address="127.0.1.100")
    assert enb.mac.downlink(0, enb.broadcast.subframe(0), None) is not None or enb.cell.n_prb == n_prb


@pytest.mark.parametrize(
    ("n_prb", "rate"), [(6, 1.92e6), (15, 3.84e6), (25, 5.76e6), (50, 11.52e6), (75, 15.36e6), (100, 23.04e6)]
)
def test_shortened_rates(n_prb: int, rate: float) -> None:
    config = EnbConfig(enb=CellConfig(n_prb=n_prb), radio=RadioConfig(args=_args(n_prb, rate)))
    assert config.sample_rate == rate


def test_socket_address_of_gtpu() -> None:
    assert EnbGtpuConfig(address="10.0.0.1").bind_address == "10.0.0.1"
    assert EnbGtpuConfig(address="10.0.0.1", bind="0.0.0.0").bind_address == "0.0.0.0"


def test_a_configuration_does_not_change() -> None:
    with pytest.raises(ValidationError):
        EnbConfig().enb.n_prb = 6  # type: ignore[misc]


def _args(n_prb: int, rate: float | None = None) -> str:
    standard = {6: 1.92e6, 15: 3.84e6, 25: 7.68e6, 50: 15.36e6, 75: 23.04e6, 100: 30.72e6}
    return f"tx_port=tcp://*:2000,rx_port=tcp://localhost:2001,base_srate={rate or standard[n_prb]}"
