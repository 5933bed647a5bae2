"""RRC messages: recorded ones, round trips, malformed ones, threads."""

import csv
import json
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picocell.rrc_nas import asn1
from picocell.rrc_nas.asn1 import Asn1Error
from support.captures import capture

MESSAGE_TYPES = get_args(asn1.MessageType)

RECORDED = [  # of a commercial base station and of an independent stack; the last bytes of most are padding
    ("BCCH-BCH", "681c00"),
    ("BCCH-DL-SCH", "6040040300011a2d4018028180420c800000"),
    ("BCCH-DL-SCH", "4040040300070019b0181460108280000000"),
    ("BCCH-DL-SCH", "00800ce1bf788800ca01e00100000801829945ab9c30c6a6cc01c21462d84ea5a40000000000000000"),
    ("UL-CCCH", "5c38970e2298"),
    ("DL-CCCH", "60129b2e661e82f2e0ccc860d3000099020003e00000"),
]


@pytest.mark.parametrize(("message_type", "text"), RECORDED)
def test_recorded_message_is_rebuilt_bit_for_bit(message_type: asn1.MessageType, text: str) -> None:
    data = bytes.fromhex(text)
    again = asn1.encode(message_type, asn1.decode(message_type, data))
    assert data.startswith(again)
    assert not any(data[len(again) :])


def test_fields_of_a_recorded_sib1() -> None:
    value = asn1.decode("BCCH-DL-SCH", bytes.fromhex(RECORDED[1][1]))
    name, sib1 = value["message"][1]
    assert name == "systemInformationBlockType1"
    assert sib1["cellAccessRelatedInfo"]["trackingAreaCode"] == (1, 16)
    assert sib1["cellAccessRelatedInfo"]["cellIdentity"] == (0x1A2D401, 28)
    assert sib1["schedulingInfoList"] == [{"si-Periodicity": "rf16", "sib-MappingInfo": ["sibType3"]}]


def test_json_has_digits_for_bits_and_none_for_null() -> None:
    tree = asn1.to_json("BCCH-DL-SCH", bytes.fromhex(RECORDED[1][1]))
    access = tree["message"]["c1"]["systemInformationBlockType1"]["cellAccessRelatedInfo"]
    assert access["trackingAreaCode"] == f"{1:016b}"
    setup = asn1.to_json("DL-CCCH", bytes.fromhex(RECORDED[5][1]))
    dedicated = setup["message"]["c1"]["rrcConnectionSetup"]["criticalExtensions"]["c1"]["rrcConnectionSetup-r8"]
    assert dedicated["radioResourceConfigDedicated"]["srb-ToAddModList"][0]["rlc-Config"] == {"defaultValue": None}
    json.dumps([tree, setup])


def test_null_is_none_both_ways() -> None:
    data = bytes.fromhex(RECORDED[3][1])
    value = asn1.decode("BCCH-DL-SCH", data)
    sib2 = value["message"][1][1]["criticalExtensions"][1]["sib-TypeAndInfo"][0][1]
    assert sib2["radioResourceConfigCommon"]["soundingRS-UL-ConfigCommon"] == ("release", None)
    assert data.startswith(asn1.encode("BCCH-DL-SCH", value))


def test_json_keeps_an_integer_alternative_of_zero() -> None:
    message = asn1.decode("DL-CCCH", bytes.fromhex(RECORDED[5][1]))
    setup = message["message"][1][1]["criticalExtensions"][1][1]["radioResourceConfigDedicated"]
    setup["mac-MainConfig"][1]["drx-Config"] = (
        "setup",
        {
            "onDurationTimer": "psf1",
            "drx-InactivityTimer": "psf1",
            "drx-RetransmissionTimer": "psf1",
            "longDRX-CycleStartOffset": ("sf10", 0),
        },
    )
    tree = asn1.to_json("DL-CCCH", asn1.encode("DL-CCCH", message))
    assert '"longDRX-CycleStartOffset": {"sf10": 0}' in json.dumps(tree)


def test_every_recorded_broadcast_and_common_message_decodes() -> None:
    with capture("lte6_mac.csv").open() as table:
        rows = list(csv.DictReader(table))
    kinds = {"NO_RNTI": "BCCH-BCH", "SI_RNTI": "BCCH-DL-SCH"}
    broadcast = [(kinds[row["rnti_type"]], row) for row in rows if row["rnti_type"] in kinds]
    assert len(broadcast) == 3
    for message_type, row in broadcast:
        assert asn1.decode(message_type, bytes.fromhex(row["mac_pdu_hex"]))["message"]  # type: ignore[arg-type]


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(MESSAGE_TYPES), st.binary(max_size=120))
def test_any_bytes_decode_or_raise_asn1_error(message_type: asn1.MessageType, data: bytes) -> None:
    try:
        value = asn1.decode(message_type, data)
    except Asn1Error:
        return
    assert set(value) == {"message"}
    json.dumps(asn1.to_json(message_type, data))


def test_damaged_recorded_messages_decode_or_raise_asn1_error() -> None:
    rng = random.Random(3)
    for _ in range(600):
        message_type, text = rng.choice(RECORDED)
        data = bytearray.fromhex(text)
        for _ in range(rng.randrange(1, 6)):
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        del data[rng.randrange(len(data) + 1) :]
        try:
            json.dumps(asn1.to_json(message_type, bytes(data)))
        except Asn1Error:
            continue
    assert asn1.decode("BCCH-DL-SCH", bytes.fromhex(RECORDED[1][1])) == sib1_value()  # no state is left behind


@pytest.mark.parametrize("message_type", MESSAGE_TYPES)
def test_a_truncated_message_is_an_error(message_type: asn1.MessageType) -> None:
    with pytest.raises(Asn1Error, match=f"no {message_type} message in 0 bytes"):
        asn1.decode(message_type, b"")


@pytest.mark.parametrize("value", [{}, {"message": ("c1", ("paging", {"pagingRecordList": 7}))}, {"message": None}])
def test_a_value_of_the_wrong_shape_is_an_error(value: dict[str, Any]) -> None:
    with pytest.raises(Asn1Error, match="not a PCCH message"):
        asn1.encode("PCCH", value)


def test_unknown_message_type_names_those_that_exist() -> None:
    with pytest.raises(ValueError, match="BCCH-DL-SCH"):
        asn1.decode("MCCH-X", b"\0")  # type: ignore[arg-type]


def test_values_share_nothing_with_later_calls() -> None:
    first = sib1_value()
    kept = json.dumps(first)
    first_list = first["message"][1][1]["schedulingInfoList"]
    asn1.decode("BCCH-DL-SCH", bytes.fromhex(RECORDED[2][1]))
    assert json.dumps(first) == kept
    first_list.append("changed by the caller")
    assert "changed" not in json.dumps(sib1_value())


def test_threads_do_not_disturb_each_other() -> None:
    want = [asn1.decode(kind, bytes.fromhex(text)) for kind, text in RECORDED]  # type: ignore[arg-type]
    start = threading.Barrier(4)

    def work(seed: int) -> int:
        rng, wrong = random.Random(seed), 0
        start.wait()
        for _ in range(150):
            index = rng.randrange(len(RECORDED))
            kind, text = RECORDED[index]
            wrong += asn1.decode(kind, bytes.fromhex(text)) != want[index]  # type: ignore[arg-type]
            wrong += asn1.encode(kind, want[index]) != bytes.fromhex(text)[: len(asn1.encode(kind, want[index]))]  # type: ignore[arg-type]
        return wrong

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, range(4))) == [0, 0, 0, 0]


def sib1_value() -> dict[str, Any]:
    return asn1.decode("BCCH-DL-SCH", bytes.fromhex(RECORDED[1][1]))
