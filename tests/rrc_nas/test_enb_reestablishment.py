"""Re-establishment in the base station, with ShortMAC-I and keys against an oracle written from the clauses."""

import hmac
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC

from picocell.phy.lte.cell import Cell
from picocell.rrc_nas.rrc.enb import EnbRrc
from picocell.rrc_nas.rrc.enb_context import UeState
from picocell.rrc_nas.rrc.enb_events import ErabSetupDone, ReleaseRequest, UeGone, UeRenamed
from picocell.rrc_nas.rrc.enb_lifecycle import LINK_LOST
from picocell.rrc_nas.rrc.enb_settings import Erab
from picocell.rrc_nas.rrc.events import ConfigureRadio, ReestablishBearers, SendSrb, UeEvent
from picocell.rrc_nas.security.algorithms import Eea
from support.enb_rrc_harness import (
    CONTEXT,
    K_ENB,
    complete,
    connect,
    drain,
    make,
    reestablishment_request,
    request,
    secure,
    sent,
)

CELL_IDENTITY, PCI, EARFCN = 0x19B0102, 417, 3350


def derived(key: bytes, fc: int, *parameters: bytes) -> bytes:
    """Key derivation of TS 33.220 B.2."""
    text = bytes([fc]) + b"".join(p + len(p).to_bytes(2, "big") for p in parameters)
    return hmac.digest(key, text, "sha256")


def k_rrc_int(k_enb: bytes) -> bytes:
    """K_RRCint of 128-EIA2 (TS 33.401 A.7: FC 0x15, type 0x04)."""
    return derived(k_enb, 0x15, b"\x04", b"\x02")[16:]


def short_mac(k_enb: bytes, c_rnti: int, *, cell_identity: int = CELL_IDENTITY, pci: int = PCI) -> int:
    """VarShortMAC-Input bit by bit (TS 36.331 7.1), then 128-EIA2 (TS 33.401 B.2.3), 16 least significant bits."""
    bits = f"{cell_identity:028b}{pci:09b}{c_rnti:016b}"
    bits += "0" * (-len(bits) % 8)
    message = bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8))
    header = bytes.fromhex("ffffffff") + bytes([0b11111_1_00, 0, 0, 0])  # COUNT, BEARER, DIRECTION, zeros
    cmac = CMAC(AES(k_rrc_int(k_enb)))
    cmac.update(header + message)
    return int.from_bytes(cmac.finalize()[2:4], "big")


def k_enb_star(k_enb: bytes) -> bytes:
    """K_eNB* (TS 33.401 A.5: FC 0x13)."""
    return derived(k_enb, 0x13, PCI.to_bytes(2, "big"), EARFCN.to_bytes(2, "big"))


def secured(**settings: Any) -> tuple[EnbRrc, Any]:
    rrc, resources = make(cell=Cell(PCI, 6), cell_identity=CELL_IDENTITY, eea=(Eea.EEA2,), **settings)
    connect(rrc)
    secure(rrc)
    return rrc, resources


@pytest.mark.parametrize("noticed", [True, False])
def test_a_known_ue_is_re_established(noticed: bool) -> None:
    rrc, resources = secured()
    if noticed:
        rrc.radio_link_failure(70, "no uplink", 200)
    rrc.downlink_nas(70, b"waiting", 210) if noticed else None
    rrc.receive_ccch(99, reestablishment_request(70, PCI, short_mac(K_ENB, 70)), 300)
    events = drain(rrc)
    assert events[0] == UeRenamed(70, 99)
    assert [type(event.event) for event in events[1:]] == [ConfigureRadio, ReestablishBearers, SendSrb]
    assert {event.rnti for event in events[1:]} == {99}
    assert events[2].event.keys.k_rrc_int == k_rrc_int(k_enb_star(K_ENB))
    assert [bearer.name for bearer in events[1].event.config.bearers] == ["SRB1", "SRB2", "DRB1"]
    ((srb, name, body, transaction),) = sent(events)
    assert (srb, name, body["nextHopChainingCount"]) == (0, "rrcConnectionReestablishment", 0)
    assert list(rrc.ues) == list(resources.taken) == [99]

    rrc.receive_dcch(99, 1, complete("rrcConnectionReestablishmentComplete", transaction), 330)
    events = drain(rrc)
    assert [type(event.event) for event in events] == [ConfigureRadio, SendSrb]
    ((srb, name, body, transaction),) = sent(events)
    assert (srb, name) == (1, "rrcConnectionReconfiguration")
    assert [entry["srb-Identity"] for entry in body["radioResourceConfigDedicated"]["srb-ToAddModList"]] == [2]
    assert body["radioResourceConfigDedicated"]["drb-ToAddModList"] == [{"drb-Identity": 1}]
    assert body.get("dedicatedInfoNASList", []) == ([b"waiting"] if noticed else [])
    rrc.receive_dcch(99, 1, complete("rrcConnectionReconfigurationComplete", transaction), 360)
    assert not drain(rrc)  # S1AP has asked for nothing
    assert rrc.ues[99].state is UeState.SECURED
    rrc.downlink_nas(99, b"more", 400)
    assert sent(drain(rrc))[0][0] == 2


def test_a_second_re_establishment_uses_the_new_keys() -> None:
    rrc, _ = secured()
    rrc.receive_ccch(99, reestablishment_request(70, PCI, short_mac(K_ENB, 70)), 300)
    first = k_enb_star(K_ENB)
    rrc.receive_ccch(100, reestablishment_request(99, PCI, short_mac(first, 99)), 400)
    assert UeRenamed(99, 100) in drain(rrc)
    assert rrc.ues[100].k_enb == k_enb_star(first)


@pytest.mark.parametrize(
    ("rnti", "pci", "short"),
    [
        (70, PCI, short_mac(K_ENB, 70) ^ 1),
        (70, PCI, short_mac(K_ENB, 71)),
        (70, PCI, short_mac(K_ENB, 70, cell_identity=1)),
        (70, PCI + 1, short_mac(K_ENB, 70, pci=PCI + 1)),
        (71, PCI, short_mac(K_ENB, 71)),
    ],
)
def test_others_are_rejected_and_harm_nobody(rnti: int, pci: int, short: int) -> None:
    rrc, _ = secured()
    rrc.receive_ccch(99, reestablishment_request(rnti, pci, short), 300)
    events = drain(rrc)
    assert [name for _, name, _, _ in sent(events)] == ["rrcConnectionReestablishmentReject"]
    assert len(events) == 1
    assert rrc.ues[70].state is UeState.SECURED
    rrc.handle_timers(350)
    assert drain(rrc)[-1] == UeGone(99, ("radioNetwork", "radio-resources-not-available"), known=False)
    assert list(rrc.ues) == [70]


def test_without_security_there_is_no_re_establishment() -> None:
    rrc, _ = make(cell=Cell(PCI, 6), cell_identity=CELL_IDENTITY)
    connect(rrc)
    rrc.receive_ccch(99, reestablishment_request(70, PCI, 0), 300)
    assert [name for _, name, _, _ in sent(drain(rrc))] == ["rrcConnectionReestablishmentReject"]
    assert rrc.ues[70].state is UeState.CONNECTED


def test_in_the_middle_of_a_reconfiguration_the_ue_starts_anew() -> None:
    rrc, _ = secured()
    rrc.erab_setup(70, (Erab(6, 9),), None, 200)
    drain(rrc)
    rrc.receive_ccch(99, reestablishment_request(70, PCI, short_mac(K_ENB, 70)), 300)
    events = drain(rrc)
    assert ErabSetupDone(70, (), {6: LINK_LOST}) in events
    assert ReleaseRequest(70, LINK_LOST) in events
    assert [name for _, name, _, _ in sent(events)] == ["rrcConnectionReestablishmentReject"]
    rrc.receive_ccch(100, request(), 400)
    rrc.release(70, LINK_LOST, 410)
    assert UeGone(70, LINK_LOST, True, True) in drain(rrc)


def test_no_re_establishment_complete() -> None:
    rrc, resources = secured()
    rrc.receive_ccch(99, reestablishment_request(70, PCI, short_mac(K_ENB, 70)), 300)
    drain(rrc)
    rrc.handle_timers(2300)
    assert [event for event in drain(rrc) if not isinstance(event, UeEvent)] == [
        ReleaseRequest(99, ("radioNetwork", "failure-in-radio-interface-procedure"))
    ]
    rrc.release(99, LINK_LOST, 2400)
    assert not rrc.ues
    assert not resources.taken


def test_srb1_alone_needs_no_resumption() -> None:
    rrc, _ = make(cell=Cell(PCI, 6), cell_identity=CELL_IDENTITY)
    connect(rrc)
    secure(rrc, context=replace(CONTEXT, erabs=()))
    ue = rrc.ues[70]
    ue.bearers = ue.bearers[:1]
    rrc.receive_ccch(99, reestablishment_request(70, PCI, short_mac(K_ENB, 70)), 300)
    rrc.receive_dcch(99, 1, complete("rrcConnectionReestablishmentComplete", ue.transaction), 330)
    assert ue.state is UeState.SECURED
