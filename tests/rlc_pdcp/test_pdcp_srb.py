"""PDCP of SRBs: two ends, security activation, wrap-around, and the SRBs of a recorded attach with their real keys."""

import csv
import hmac
import random

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES128
from cryptography.hazmat.primitives.ciphers.modes import ECB
from hypothesis import given, settings
from hypothesis import strategies as st

from picocell.mac import pdu as mac_pdu
from picocell.mac.control_elements import Direction as MacDirection
from picocell.rlc_pdcp.pdcp import (
    CountWrap,
    Direction,
    IntegrityFailure,
    PdcpState,
    SduReceived,
    SrbConfig,
    SrbEntity,
)
from picocell.rrc_nas.security import algorithms
from picocell.ue.srb_observer import AmObserver
from support.captures import capture
from support.oracle_pdcp import Eea2, Eia2, events, pdus, sdus

CIPHER, INTEGRITY = Eea2(bytes(range(16))), Eia2(bytes(range(16, 32)))


def ends(bearer: int = 0, **options: int) -> tuple[SrbEntity, SrbEntity]:
    """A UE's entity and a base station's."""
    return (
        SrbEntity(SrbConfig(bearer, Direction.UPLINK, **options)),
        SrbEntity(SrbConfig(bearer, Direction.DOWNLINK, **options)),
    )


def secured(bearer: int = 0, **options: int) -> tuple[SrbEntity, SrbEntity]:
    pair = ends(bearer, **options)
    for entity in pair:
        entity.activate_integrity(INTEGRITY)
        entity.activate_ciphering(CIPHER)
    return pair


def transfer(sender: SrbEntity, receiver: SrbEntity) -> list[bytes]:
    found = pdus(sender)
    for pdu in found:
        receiver.receive_pdu(pdu, 0)
    return found


def test_oracles_give_the_published_outputs() -> None:
    """TS 33.401 C.1 test set 1 (253 bits) and C.2 test set 2."""
    key = bytes.fromhex("d3c5d592327fb11c4035c6680af8c6d1")
    data = bytes.fromhex("981ba6824c1bfb1ab485472029b71d808ce33e2cc3c0b5fc1f3de8a6dc66b1f0")
    output = bytes.fromhex("e9fed8a63d155304d71df20bf3e82214b20ed7dad2f233dc3c22d7bdeeed8e78")
    found = Eea2(key).apply(965368244, 21, 1, data)
    assert found[:-1] == output[:-1]
    assert found[-1] & 0xF8 == output[-1]
    assert Eia2(key).mac(965368244, 26, 1, bytes.fromhex("484583d5afe082ae")) == bytes.fromhex("b93787e6")


def test_before_activation_data_are_plain_and_mac_i_is_zero() -> None:
    ue, enb = ends()
    ue.write_sdu(b"\x12\x34", 0)
    ue.write_sdu(b"\x56", 0)
    assert ue.data_volume() == 13
    assert transfer(ue, enb) == [bytes.fromhex("00 1234 00000000"), bytes.fromhex("01 56 00000000")]
    assert sdus(enb) == [b"\x12\x34", b"\x56"]
    enb.receive_pdu(bytes.fromhex("e2 78 11223344"), 0)  # reserved bits, and a MAC-I that nobody looks at
    assert sdus(enb) == [b"\x78"]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.binary(min_size=1, max_size=60), max_size=80),
    st.integers(0, 31),
    st.integers(0, (1 << 27) - 5),
    st.integers(0, 31),
)
def test_two_ends_over_sn_and_hfn_wrap_around(messages: list[bytes], bearer: int, hfn: int, sn: int) -> None:
    ue, enb = secured(bearer)
    state = PdcpState(sn, hfn, sn, hfn)
    ue.set_state(state)
    enb.set_state(state)
    for number, message in enumerate(messages):
        sender, receiver, direction = (ue, enb, 0) if number % 3 else (enb, ue, 1)
        before = sender.get_state()
        sender.write_sdu(message, 0)
        (pdu,) = transfer(sender, receiver)
        header = bytes([before.Next_PDCP_TX_SN])
        count = before.TX_HFN << 5 | before.Next_PDCP_TX_SN
        mac_i = INTEGRITY.mac(count, bearer, direction, header + message)
        assert pdu == header + CIPHER.apply(count, bearer, direction, message + mac_i)
        assert events(receiver) == [SduReceived(message)]
    assert ue.get_state().TX_HFN == enb.get_state().RX_HFN


def test_a_pdu_that_was_changed_or_repeated_is_an_integrity_failure_and_changes_nothing() -> None:
    ue, enb = secured()
    rng = random.Random(1)
    for number in range(40):
        message = rng.randbytes(20)
        ue.write_sdu(message, 0)
        (pdu,) = pdus(ue)
        wrong = bytearray(pdu)
        wrong[rng.randrange(len(pdu))] ^= 1 << rng.randrange(8)
        state = enb.get_state()
        enb.receive_pdu(bytes(wrong), 0)
        assert [type(event) for event in events(enb)] == [IntegrityFailure]
        assert enb.get_state() == state
        enb.receive_pdu(pdu, 0)
        assert events(enb) == [SduReceived(message)]
        enb.receive_pdu(pdu, 0)
        assert events(enb) == [IntegrityFailure(number + 32)]  # taken for one of the next HFN
    assert enb.counters.integrity_failures == 80


def test_security_mode_procedure() -> None:
    """Integrity from the command on, ciphering after the complete message, each end in its order (TS 36.331 5.3.4)."""
    ue, enb = ends()
    assert not ue.verify_last_received(INTEGRITY)
    enb.activate_integrity(INTEGRITY)
    enb.write_sdu(b"SecurityModeCommand", 0)
    enb.activate_ciphering(CIPHER, receive=False)
    (command,) = transfer(enb, ue)
    assert command[1:-4] == b"SecurityModeCommand"
    assert sdus(ue) == [b"SecurityModeCommand"]
    assert ue.verify_last_received(INTEGRITY)
    assert not ue.verify_last_received(Eia2(bytes(16)))
    ue.activate_integrity(INTEGRITY)
    ue.write_sdu(b"SecurityModeComplete", 0)
    ue.activate_ciphering(CIPHER)
    (complete,) = transfer(ue, enb)
    assert complete[1:-4] == b"SecurityModeComplete"
    assert sdus(enb) == [b"SecurityModeComplete"]
    enb.activate_ciphering(CIPHER, transmit=False)
    for sender, receiver in ((ue, enb), (enb, ue)):
        sender.write_sdu(b"later", 0)
        (pdu,) = transfer(sender, receiver)
        assert pdu[1:-4] != b"later"
        assert sdus(receiver) == [b"later"]


def test_reestablishment_starts_anew_with_the_new_keys() -> None:
    ue, enb = secured()
    for _ in range(3):
        ue.write_sdu(b"old", 0)
    transfer(ue, enb)
    ue.write_sdu(b"lost", 0)
    sdus(enb)
    cipher, integrity = Eea2(bytes(16)), Eia2(bytes(16))
    for entity in (ue, enb):
        entity.reestablish(5, cipher=cipher, integrity=integrity)
        assert entity.get_state() == PdcpState()
    assert ue.next_pdu() is None
    ue.write_sdu(b"new", 5)
    assert transfer(ue, enb)[0] == b"\0" + cipher.apply(0, 0, 0, b"new" + integrity.mac(0, 0, 0, b"\0new"))
    assert sdus(enb) == [b"new"]


def test_end_of_the_count_is_announced_and_not_passed() -> None:
    ue, enb = secured(count_margin=2)
    state = PdcpState(29, (1 << 27) - 1, 29, (1 << 27) - 1)
    ue.set_state(state)
    enb.set_state(state)
    for _ in range(5):
        ue.write_sdu(b"x", 0)
    assert events(ue) == [CountWrap(True, 0xFFFFFFFE)]
    found = transfer(ue, enb)
    assert len(found) == 3
    assert ue.counters.dropped_sdus == 2
    assert events(enb) == [SduReceived(b"x"), CountWrap(False, 0xFFFFFFFE), SduReceived(b"x"), SduReceived(b"x")]
    enb.receive_pdu(found[0], 0)
    assert events(enb) == []
    assert enb.counters.count_exhausted == 1
    enb.set_state(enb.get_state())


def test_bad_sdu_is_an_error() -> None:
    ue, _ = ends()
    for sdu in (b"", bytes(8189)):
        with pytest.raises(ValueError, match="8188"):
            ue.write_sdu(sdu, 0)
    assert ue.next_timer() is None


@settings(max_examples=200, deadline=None)
@given(st.lists(st.binary(max_size=30), max_size=20), st.booleans())
def test_any_bytes_are_taken(received: list[bytes], active: bool) -> None:
    entity = (secured if active else ends)()[0]
    for pdu in received:
        entity.receive_pdu(pdu, 0)
    assert len(events(entity)) + entity.counters.malformed_pdus == len(received)


# --- a recorded attach

SUBSCRIBER_KEY = bytes.fromhex("00112233445566778899aabbccddeeff")
OPC = bytes.fromhex("63bfa50ee6523365ff14c1f45f88737d")
RAND = bytes.fromhex("ff83cdcad2d869d9c1e05964a330edf5")
SQN_XOR_AK = bytes.fromhex("a3180b946fab")
"""RAND and the first 6 bytes of AUTN of the AuthenticationRequest in the recording."""


def derived(key: bytes, fc: int, *parameters: bytes) -> bytes:
    """The KDF of TS 33.220 B.2."""
    text = bytes([fc]) + b"".join(value + len(value).to_bytes(2, "big") for value in parameters)
    return hmac.digest(key, text, "sha256")


def rrc_integrity_key() -> bytes:
    """K_RRCint of the recorded UE: MILENAGE f3, f4 (TS 35.206 4.1), then TS 33.401 A.2, A.3, A.7."""
    aes = Cipher(AES128(SUBSCRIBER_KEY), ECB()).encryptor()

    def exclusive_or(a: bytes, b: bytes) -> bytes:
        return bytes(x ^ y for x, y in zip(a, b, strict=True))

    def output(rotation: int, constant: int) -> bytes:
        rotated = exclusive_or(temp, OPC)
        rotated = rotated[rotation // 8 :] + rotated[: rotation // 8]
        return exclusive_or(aes.update(exclusive_or(rotated, constant.to_bytes(16, "big"))), OPC)

    temp = aes.update(exclusive_or(RAND, OPC))
    k_asme = derived(output(32, 2) + output(64, 4), 0x10, bytes.fromhex("00f110"), SQN_XOR_AK)
    k_enb = derived(k_asme, 0x11, (0).to_bytes(4, "big"))  # the NAS uplink COUNT of the SecurityModeComplete
    return derived(k_enb, 0x15, b"\x04", b"\x02")[16:]  # RRC-int-alg, 128-EIA2


def recorded_pdus(lcid: int) -> list[tuple[MacDirection, bytes]]:
    """PDCP PDUs of an SRB, in the order of the recording."""
    observers = {direction: AmObserver(0) for direction in MacDirection}
    found = []
    with capture("lte6_mac.csv").open() as file:
        for row in csv.DictReader(file):
            if row["rnti_type"] != "C_RNTI":
                continue
            direction = MacDirection(row["direction"])
            tti = 10 * int(row["sfn"]) + int(row["subframe"])
            for sdu in mac_pdu.parse(bytes.fromhex(row["mac_pdu_hex"]), direction).sdus:
                if sdu.lcid == lcid:
                    found += [(direction, pdu) for pdu in observers[direction].receive_pdu(tti, sdu.data)]
    return found


SECURITY_MODE_COMMAND = bytes.fromhex("300020")
"""securityModeCommand that chooses EEA0 and EIA2."""


@pytest.mark.parametrize(("srb", "protected", "plain"), [(1, 6, 5), (2, 2, 0)])
def test_recorded_srb(srb: int, protected: int, plain: int) -> None:
    """Both ends verify every MAC-I of the recording, and sending the same messages gives the same PDUs."""
    integrity = Eia2(rrc_integrity_key())
    ends_by_direction = dict(zip((MacDirection.UPLINK, MacDirection.DOWNLINK), ends(srb - 1), strict=True))
    secure = srb == 2
    if secure:
        for entity in ends_by_direction.values():
            entity.activate_integrity(integrity)
    counts = {True: 0, False: 0}
    for direction, pdu in recorded_pdus(srb):
        sender = ends_by_direction[direction]
        receiver = next(entity for entity in ends_by_direction.values() if entity is not sender)
        if pdu[1:-4] == SECURITY_MODE_COMMAND:
            sender.activate_integrity(integrity)
        receiver.receive_pdu(pdu, 0)
        (event,) = events(receiver)
        assert event == SduReceived(pdu[1:-4])
        if event.sdu == SECURITY_MODE_COMMAND:
            assert receiver.verify_last_received(integrity)
            receiver.activate_integrity(integrity)
            secure = True
        sender.write_sdu(event.sdu, 0)
        assert pdus(sender) == [pdu]
        assert secure == (pdu[-4:] != bytes(4))
        counts[secure] += 1
    assert (counts[True], counts[False]) == (protected, plain)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_every_pair_of_algorithms(number: int) -> None:
    ue, enb = ends(1)
    for entity in (ue, enb):
        entity.activate_integrity(algorithms.Integrity(algorithms.Eia(number), bytes(range(16))))
        entity.activate_ciphering(algorithms.Cipher(algorithms.Eea(number), bytes(range(16, 32))))
    for sender, receiver in ((ue, enb), (enb, ue)):
        for size in (1, 15, 16, 17, 300):
            sender.write_sdu(bytes(size), 0)
            (pdu,) = transfer(sender, receiver)
            assert events(receiver) == [SduReceived(bytes(size))]
            receiver.receive_pdu(pdu[:-1] + bytes([pdu[-1] ^ 1]), 0)
            assert isinstance(receiver.next_event(), IntegrityFailure)
