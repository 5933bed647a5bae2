"""Messages of a UE: recorded ones rebuilt from their parameters, capability, ShortMAC-I."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picocell.rrc_nas import asn1
from picocell.rrc_nas.asn1 import Asn1Error
from picocell.rrc_nas.rrc import ue_messages
from picocell.rrc_nas.rrc.fields import Value
from picocell.rrc_nas.rrc.states import RegisteredMme, SecurityKeys
from picocell.rrc_nas.rrc.ue_capability import capability, decode_capability, encode_capability
from picocell.rrc_nas.security.algorithms import Eea, Eia
from support.oracle_pdcp import Eia2
from support.ue_rrc import opened

RECORDED_CAPABILITY = "818000018000f302080000"
ATTACH_REQUEST = bytes.fromhex("07417108091010103254760802f07000040201d011")


@pytest.mark.parametrize(
    ("built", "recorded"),
    [
        (lambda: ue_messages.connection_request(0xC38970E229, "mo-Data"), "5c38970e2298"),
        (
            lambda: ue_messages.connection_setup_complete(0, ATTACH_REQUEST, 1),
            "20002a0e82e2101220202064a8ec1005e0e000080403a022",
        ),
        (
            lambda: ue_messages.ul_information_transfer(bytes.fromhex("07530856724ae0b37df1a7")),
            "480160ea610ace495c166fbe34e0",
        ),
        (lambda: ue_messages.security_mode_complete(0), "2800"),
        (
            lambda: ue_messages.capability_information(0, [("eutra", bytes.fromhex(RECORDED_CAPABILITY))]),
            "380100b818000018000f3020800000",
        ),
        (lambda: ue_messages.reconfiguration_complete(0), "1000"),
    ],
)
def test_recorded_message_is_rebuilt_bit_for_bit(built: object, recorded: str) -> None:
    assert callable(built)
    assert built() == bytes.fromhex(recorded)


def without_default(capability: Value) -> Value:
    """A capability as it was before decoding, which fills in what the ASN.1 has for a default."""
    assert capability["pdcp-Parameters"].pop("maxNumberROHC-ContextSessions") == "cs16"
    return capability


def test_recorded_capability_is_rebuilt_bit_for_bit() -> None:
    value = capability((7,), feature_groups=0xE6041000)
    assert encode_capability(value).hex() == RECORDED_CAPABILITY
    assert without_default(decode_capability(bytes.fromhex(RECORDED_CAPABILITY))) == value


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    st.lists(st.integers(1, 64), min_size=1, max_size=8, unique=True),
    st.integers(1, 5),
    st.sampled_from([8, 9]),
    st.integers(0, 2**32 - 1),
    st.booleans(),
)
def test_capability_round_trip(bands: list[int], category: int, release: int, groups: int, gaps: bool) -> None:
    value = capability(bands, category=category, release=release, feature_groups=groups, inter_frequency_gaps=gaps)
    container = encode_capability(value)
    assert without_default(decode_capability(container)) == value
    _, name, body = opened(1, ue_messages.capability_information(3, [("eutra", container)]))
    assert name == "ueCapabilityInformation"
    assert body["ue-CapabilityRAT-ContainerList"] == [{"rat-Type": "eutra", "ueCapabilityRAT-Container": container}]


def test_bad_capability() -> None:
    for wrong in ({"release": 7}, {"category": 6}, {"bands": ()}):
        with pytest.raises(ValueError, match=r"release|ue-Category|band"):
            capability(**wrong)  # type: ignore[arg-type]
    with pytest.raises(Asn1Error, match="not a UE-EUTRA-Capability"):
        encode_capability({})
    with pytest.raises(Asn1Error, match="no UE-EUTRA-Capability"):
        decode_capability(b"")


def test_request_with_an_s_tmsi() -> None:
    _, name, body = opened(0, ue_messages.connection_request((0x1A, 0xAABB6363), "mt-Access"))
    assert name == "rrcConnectionRequest"
    assert body["ue-Identity"] == ("s-TMSI", {"mmec": (0x1A, 8), "m-TMSI": (0xAABB6363, 32)})
    assert body["establishmentCause"] == "mt-Access"


def test_setup_complete_with_the_registered_mme() -> None:
    message = ue_messages.connection_setup_complete(3, b"\x07", 2, RegisteredMme(0x8001, 0x1A, ("310", "410")))
    _, _, body = opened(1, message)
    plmn = {"mcc": [3, 1, 0], "mnc": [4, 1, 0]}
    assert body["registeredMME"] == {"plmn-Identity": plmn, "mmegi": (0x8001, 16), "mmec": (0x1A, 8)}
    assert body["selectedPLMN-Identity"] == 2


def test_short_mac_i_is_of_var_short_mac_input() -> None:
    """The input by the ASN.1 of TS 36.331 7.1, the MAC by an oracle: COUNT, BEARER, DIRECTION all ones."""
    from pycrate_asn1dir import RRCLTE

    with asn1.LOCK:
        variable = RRCLTE.EUTRA_UE_Variables.VarShortMAC_Input
        variable.set_val({"cellIdentity": (0x19B01FE, 28), "physCellId": 501, "c-RNTI": (0xFFF3, 16)})
        data = variable.to_uper()
    key = bytes(range(16))
    want = Eia2(key).mac(0xFFFFFFFF, 31, 1, data)
    keys = SecurityKeys(Eea.EEA0, Eia.EIA2, key, key, key)
    assert ue_messages.short_mac_i(keys, 0x19B01FE, 501, 0xFFF3) == int.from_bytes(want[-2:], "big")


def test_value_that_a_message_does_not_allow() -> None:
    with pytest.raises(Asn1Error):
        ue_messages.connection_request(1, "because")
    with pytest.raises(Asn1Error):
        ue_messages.measurement_report(33, 98, 0)
