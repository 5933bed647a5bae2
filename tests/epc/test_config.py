"""Configuration of a core process becomes the core's settings."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from picocell.epc.config import EpcConfig, HssConfig, MmeConfig, PgwConfig, SgwConfig, SubscriberConfig
from picocell.epc.epc import Epc
from picocell.epc.hss.algorithms import Algorithm, OperatorKey
from picocell.epc.hss.subscribers import SubscriberStore
from picocell.epc.run import fill
from picocell.rrc_nas.security.algorithms import Eea, Eia

KEY = "00112233445566778899aabbccddeeff"
LINE = f"ue2,mil,001010123456781,{KEY},opc,{KEY},8000,000000001234,9,172.16.0.77\n"


def test_a_core_can_be_made_of_the_defaults() -> None:
    settings = EpcConfig().settings()
    core = Epc(settings, SubscriberStore())
    assert len(core.nodes) == 4, "every node has an address of its own"
    assert settings.sgw_address == "127.0.1.100"
    assert EpcConfig().gateway == "172.16.0.1"


def test_values_reach_the_settings() -> None:
    config = EpcConfig(
        mme=MmeConfig(
            name="m", plmn="310410", tacs=(1, 2), group_id=3, code=4, network_name="net", short_name="",  # type: ignore[arg-type]
            eea=(Eea.EEA0,), eia=(Eia.EIA1,), t3412_s=60, t3402_s=30, t3413_ms=1000, paging_attempts=2, guard_ms=500,
            keep_ms=9,
        ),
        sgw=SgwConfig(address="10.0.0.1"),
        pgw=PgwConfig(pool="10.45.0.0/16", apns=("a", "b"), dns=("1.1.1.1",), mtu=1300, hairpin=False),
    )  # fmt: skip
    settings = config.settings()
    mme, nas = settings.mme, settings.mme.nas
    assert (nas.mcc, nas.mnc, nas.tacs, nas.mme_group_id, nas.mme_code) == ("310", "410", (1, 2), 3, 4)
    assert (nas.full_name, nas.short_name, nas.eea, nas.eia) == ("net", "", (Eea.EEA0,), (Eia.EIA1,))
    assert (nas.t3412_s, nas.t3402_s, mme.t3413_ms, mme.paging_attempts) == (60, 30, 1000, 2)
    assert (mme.name, mme.guard_ms, mme.keep_ms) == ("m", 500, 9)
    assert (settings.pool, settings.apns, settings.dns, settings.mtu) == (
        "10.45.0.0/16",
        ("a", "b"),
        ("1.1.1.1",),
        1300,
    )
    assert (settings.pgw.hairpin, settings.pgw.ping, settings.sgw_address) == (False, False, "10.0.0.1")
    assert config.gateway == "10.45.0.1"


@pytest.mark.parametrize(
    "values",
    [
        {"sgw": {"address": "0.0.0.0"}},
        {"mme": {"tacs": list(range(17))}},
        {"mme": {"plmn": "0010"}},
        {"mme": {"eia": ["EIA0"]}},
        {"mme": {"group_id": 65536}},
        {"pgw": {"apns": ["a b"]}},
        {"pgw": {"apns": []}},
        {"pgw": {"pool": "172.16.0.1/24"}},
        {"pgw": {"dns": ["8.8.8.256"]}},
        {"hss": {"subscribers": [{"imsi": "001010123456780", "k": KEY}]}},
        {"hss": {"subscribers": [{"imsi": "001010123456780", "k": KEY, "op": KEY, "opc": KEY}]}},
        {"hss": {"subscribers": [{"imsi": "001010123456780", "k": KEY, "op": KEY, "ip": "0.0.0.0"}]}},
        {"ip": {"kind": "tap"}},
    ],
)
def test_what_is_not_allowed(values: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        EpcConfig.model_validate(values)


def test_subscribers() -> None:
    one = SubscriberConfig(imsi="001010123456780", k=bytes(16), op=bytes(16), apns="ims", qci=5)  # type: ignore[arg-type]
    found = one.subscriber()
    assert (found.operator_key_kind, found.apns, found.qci) == (OperatorKey.OP, ("ims",), 5)
    assert (
        SubscriberConfig(imsi="001010123456780", k=bytes(16), algorithm="xor").subscriber().algorithm is Algorithm.XOR
    )


def test_subscribers_are_added_and_never_changed(tmp_path: Path) -> None:
    file = tmp_path / "user_db.csv"
    file.write_text(LINE)
    store = SubscriberStore()
    config = HssConfig(import_csv=file)
    fill(store, config)
    assert [one.imsi for one in store.all()] == ["001010123456780", "001010123456781"]
    store.advance_sqn("001010123456780", lambda sqn: sqn + 32)
    fill(store, config)
    assert store.get("001010123456780").sqn == 32
    assert store.static_addresses() == ["172.16.0.77"]
