"""The USIM's answers to challenges."""

import pytest

from picocell.rrc_nas.nas import codec, protection
from picocell.rrc_nas.security import aka, keys
from picocell.rrc_nas.security.milenage import Milenage, derive_opc
from picocell.rrc_nas.security.usim import AuthResult, MacFailure, SyncFailure, Usim, separation_bit
from support.nas_recordings import IMSI, OPC, PLMN, K, over_s1ap, over_the_air, usim

RAND = bytes(range(16))
AMF = b"\x80\x00"


def _challenge(seq: int, k: bytes = K) -> aka.AuthenticationVector:
    return aka.build_vector(Milenage(k, OPC), RAND, aka.join_sqn(seq, 0), AMF)


def test_recorded_challenges_are_answered_as_recorded() -> None:
    for recording in (over_the_air(), over_s1ap()):
        messages = {}
        for direction, pdu in recording:
            payload = protection.split(pdu).payload
            message = codec.decode(payload, direction)
            messages[message.name] = message
        challenge = messages["authentication request"]
        rand, autn = challenge["authentication_parameter_rand"], challenge["authentication_parameter_autn"]
        assert separation_bit(autn)
        result = usim().authenticate(rand, autn)
        assert isinstance(result, AuthResult)
        assert result.res == messages["authentication response"]["authentication_response_parameter"]


def test_keys_are_those_of_the_network() -> None:
    vector = _challenge(1)
    result = usim().authenticate(RAND, vector.autn)
    assert isinstance(result, AuthResult)
    assert (result.res, result.ck, result.ik) == (vector.xres, vector.ck, vector.ik)
    assert result.k_asme(*PLMN) == keys.k_asme(vector.ck, vector.ik, keys.sn_id(*PLMN), vector.sqn_xor_ak)


def test_another_key_is_a_mac_failure() -> None:
    card = usim()
    assert card.authenticate(RAND, _challenge(1, bytes(16)).autn) == MacFailure()
    assert card.sqn == aka.SqnArray()


def test_a_used_number_is_a_sync_failure_and_resynchronises() -> None:
    card = usim()
    vector = _challenge(7)
    assert isinstance(card.authenticate(RAND, vector.autn), AuthResult)
    answer = card.authenticate(RAND, vector.autn)
    assert isinstance(answer, SyncFailure)
    assert aka.check_auts(Milenage(K, OPC), RAND, answer.auts) == aka.join_sqn(7, 0)
    assert isinstance(card.authenticate(RAND, _challenge(8).autn), AuthResult)


def test_op_and_tuak() -> None:
    vector = aka.build_vector(Milenage(K, derive_opc(K, bytes(16))), RAND, aka.join_sqn(1, 0), AMF)
    assert isinstance(Usim(IMSI, K, op=bytes(16)).authenticate(RAND, vector.autn), AuthResult)
    assert Usim(IMSI, K, op=bytes(32), algorithm="tuak").authenticate(RAND, vector.autn) == MacFailure()


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"imsi": "12"}, "IMSI"),
        ({"imsi": "00101x"}, "IMSI"),
        ({"opc": None}, "one of OPc and OP"),
        ({"op": bytes(16)}, "one of OPc and OP"),
        ({"algorithm": "xor"}, "milenage or tuak"),
        ({"k": bytes(3)}, "K has 3 bytes"),
        ({"mnc_digits": 4}, "MNC"),
    ],
)
def test_bad_arguments(arguments: dict[str, object], text: str) -> None:
    wanted: dict[str, object] = {"imsi": IMSI, "k": K, "opc": OPC, **arguments}
    with pytest.raises(ValueError, match=text):
        Usim(**wanted)  # type: ignore[arg-type]
