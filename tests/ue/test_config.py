"""Configuration of a UE process becomes the UE's settings."""

import pytest
from pydantic import ValidationError

from picocell.rrc_nas.security.algorithms import Eea, Eia
from picocell.ue.config import NasConfig, PhoneConfig, UeConfig, UeIpConfig, UeRadioConfig, UsimConfig
from picocell.ue.settings import UeSettings
from picocell.ue.ue import Ue

OPC = bytes.fromhex("63bfa50ee6523365ff14c1f45f88737d")


def test_defaults_are_the_defaults_of_the_settings() -> None:
    settings, default = UeConfig().settings(), UeSettings(opc=OPC)
    for name in UeSettings.__slots__:
        assert getattr(settings, name) == getattr(default, name), name


def test_a_phone_can_be_made_of_the_defaults() -> None:
    assert Ue(UeConfig().settings(), 1.92e6).ip is None


def test_values_reach_the_settings() -> None:
    config = UeConfig(
        usim=UsimConfig(imsi="310410123456789", k=bytes(16), op=bytes(16), mnc_digits=3, imeisv="1" * 16),
        nas=NasConfig(apn="ims", pdn_type="ipv4v6", plmn=("001", "01"), eea=(Eea.EEA0,), eia=(Eia.EIA2,)),
        ue=PhoneConfig(category=1, p_max_dbm=20),
        radio=UeRadioConfig(
            n_rx=2, args="tx_port=tcp://*:2001,rx_port0=tcp://localhost:2000,rx_port1=tcp://localhost:2002"
        ),
    )
    settings = config.settings()
    assert (settings.imsi, settings.k, settings.opc, settings.op) == ("310410123456789", bytes(16), None, bytes(16))
    assert (settings.mnc_digits, settings.imeisv, settings.apn, settings.pdn_type) == (3, "1" * 16, "ims", "ipv4v6")
    assert (settings.plmn, settings.eea, settings.eia) == (("001", "01"), (Eea.EEA0,), (Eia.EIA2,))
    assert (settings.category, settings.p_max_dbm, settings.n_rx) == (1, 20, 2)


@pytest.mark.parametrize(
    "usim",
    [
        {"imsi": "00101"},
        {"imsi": "00101012345678x"},
        {"k": "00"},
        {"k": "zz" * 16},
        {"opc": None},
        {"opc": OPC, "op": OPC},
        {"algorithm": "comp128"},
        {"opc": bytes(32)},
        {"imeisv": "1"},
        {"mnc_digits": 4},
    ],
)
def test_a_sim_that_is_none(usim: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        UeConfig.model_validate({"usim": usim})


def test_keys_are_not_shown() -> None:
    assert "0011" not in repr(UeConfig())
    assert "63bf" not in repr(UeConfig())


@pytest.mark.parametrize("name", ["", "a" * 16, "a b", "a/b", ".."])
def test_a_device_name_that_is_none(name: str) -> None:
    with pytest.raises(ValidationError):
        UeIpConfig(name=name)
