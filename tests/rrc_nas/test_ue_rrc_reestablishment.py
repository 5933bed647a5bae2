"""A UE's RRC when its radio link fails: detection, re-establishment, the ways back to RRC_IDLE."""

from typing import Any

import pytest

from picocell.rrc_nas.rrc import events
from picocell.rrc_nas.rrc.states import SecurityKeys
from picocell.rrc_nas.rrc.ue import RrcState
from picocell.rrc_nas.rrc.ue_events import (
    CellSelectionNeeded,
    ConnectionReleased,
    RadioLinkFailure,
    StartRandomAccess,
    SuspendBearers,
)
from picocell.rrc_nas.security import keys
from picocell.rrc_nas.security.algorithms import Eea, Eia
from support.oracle_pdcp import Eia2
from support.ue_rrc import (
    K_ENB,
    Phone,
    mib,
    opened,
    reconfiguration,
    reestablishment,
    reestablishment_reject,
    reject,
    security_mode_command,
    si,
    sib1,
    timers,
)

FAILURE = "RRC connection failure"


def kinds(found: list[Any]) -> list[type]:
    return [type(event) for event in found]


def test_out_of_sync_counts_in_a_row() -> None:
    phone = Phone().camp(ue_TimersAndConstants=timers(n310="n3", n311="n2")["ue-TimersAndConstants"])
    phone.connect()
    for _ in range(2):
        phone.rrc.out_of_sync(200)
        phone.rrc.out_of_sync(210)
        phone.rrc.in_sync(220)
    assert "T310" not in phone.rrc.timers
    for now in (300, 310, 320):
        phone.rrc.out_of_sync(now)
    assert phone.rrc.timers["T310"] == 520
    phone.rrc.in_sync(330)
    phone.rrc.out_of_sync(340)
    phone.rrc.in_sync(350)
    assert "T310" in phone.rrc.timers
    phone.rrc.in_sync(360)
    assert "T310" not in phone.rrc.timers
    for now in (400, 410, 420):
        phone.rrc.out_of_sync(now)
    phone.run(620)
    assert phone.rrc.state is RrcState.SELECTING


@pytest.mark.parametrize("failure", ["T310", "random access", "retx", "cell lost"])
@pytest.mark.parametrize("secure", [True, False])
def test_radio_link_failure(failure: str, secure: bool) -> None:
    phone = Phone().camp().connect(secure=secure)
    if failure == "T310":
        phone.rrc.out_of_sync(200)
        phone.run(400)
    elif failure == "random access":
        phone.rrc.random_access_problem(400)
    elif failure == "retx":
        phone.rrc.max_retx_reached(1, 400)
    else:
        phone.rrc.cell_lost(400)
    found = phone.events()
    assert isinstance(found[0], RadioLinkFailure)
    if secure:
        assert kinds(found[1:]) == [events.ResetMac, events.ConfigureRadio, SuspendBearers, CellSelectionNeeded]
        assert phone.rrc.timers["T311"] == 10_400
    else:
        assert ConnectionReleased("other") in found
        assert phone.rrc.state is RrcState.SEARCHING


def test_integrity_failure_leads_to_reestablishment() -> None:
    phone = Phone().camp().connect(secure=False)
    phone.rrc.integrity_failure(200, 1)
    assert phone.rrc.state is RrcState.CONNECTED
    phone.rrc.receive_dcch(1, security_mode_command(), 210)
    phone.rrc.integrity_failure(220, 1)
    assert phone.rrc.state is RrcState.SELECTING


def selecting(*, bearers: bool = True) -> Phone:
    phone = Phone().camp().connect(bearers=bearers)
    phone.rrc.max_retx_reached(3, 1000)
    phone.events()
    return phone


def reestablishing(pci: int = 1) -> Phone:
    phone = selecting()
    phone.rrc.mib(mib(), pci, 1100)
    phone.rrc.measurement(1100, -80.0, -8.0)
    phone.rrc.receive_bcch(sib1(), 1125)
    if pci != 1:
        phone.rrc.receive_bcch(si(), 1130)
    assert phone.rrc.state is RrcState.REESTABLISHING
    return phone


@pytest.mark.parametrize("pci", [1, 2])
def test_reestablishment_request(pci: int) -> None:
    phone = reestablishing(pci)
    found = phone.events()
    assert kinds(found)[-2:] == [events.SendSrb, StartRandomAccess]
    assert isinstance(found[-2], events.SendSrb)
    _, name, body = opened(0, found[-2].message)
    data = (0x19B01 << 28 | 1 << 19 | 0x46 << 3).to_bytes(7, "big")  # 28, 9 and 16 bits: the failed cell is PCI 1
    mac = Eia2(keys.k_rrc_int(K_ENB, Eia.EIA2)).mac(0xFFFFFFFF, 31, 1, data)
    identity = {"c-RNTI": (0x46, 16), "physCellId": 1, "shortMAC-I": (int.from_bytes(mac[2:], "big"), 16)}
    assert (name, body["ue-Identity"], body["reestablishmentCause"]) == (
        "rrcConnectionReestablishmentRequest",
        identity,
        "otherFailure",
    )
    assert "T311" not in phone.rrc.timers
    assert "T301" in phone.rrc.timers


@pytest.mark.parametrize("pci", [1, 2])
@pytest.mark.parametrize("ncc", [0, 1, 2, 7])
def test_reestablishment(pci: int, ncc: int) -> None:
    """Keys by TS 33.401 7.2.8.4.3: NCC 0 is the first K_eNB's, each further one a next hop."""
    phone = reestablishing(pci)
    phone.events()
    phone.rrc.random_access_complete(1150, 0x50)
    phone.rrc.receive_ccch(reestablishment(ncc), 1150)
    configure, reestablish, complete = phone.events()
    base = K_ENB
    for _ in range(ncc):
        base = keys.next_hop(bytes(32), base)
    want = SecurityKeys.derive(keys.k_enb_star(base, pci, 3350), Eea.EEA2, Eia.EIA2)
    assert reestablish == events.ReestablishBearers(want)
    assert isinstance(configure, events.ConfigureRadio)
    assert [bearer.name for bearer in configure.config.bearers] == ["SRB1", "SRB2", "DRB1"]
    assert isinstance(complete, events.SendSrb)
    assert opened(1, complete.message)[1] == "rrcConnectionReestablishmentComplete"
    assert phone.rrc.state is RrcState.CONNECTED
    phone.rrc.send_nas(b"\x07", 1160)
    phone.rrc.receive_dcch(1, reconfiguration(), 1170)
    phone.rrc.send_nas(b"\x07", 1180)
    srbs = [srb for srb, name, _ in phone.sent() if name == "ulInformationTransfer"]
    assert srbs == [1, 2]  # SRB2 is suspended until the first reconfiguration
    phone.rrc.max_retx_reached(1, 1200)
    assert phone.rrc.connection is not None
    assert (phone.rrc.connection.c_rnti, phone.rrc.connection.pci) == (0x50, pci)


def test_second_reestablishment_derives_from_the_new_key() -> None:
    phone = reestablishing()
    phone.rrc.random_access_complete(1150, 0x50)
    phone.rrc.receive_ccch(reestablishment(0), 1150)
    phone.rrc.max_retx_reached(1, 1200)
    phone.rrc.mib(mib(), 1, 1300)
    phone.rrc.receive_bcch(sib1(), 1325)
    phone.events()
    phone.rrc.receive_ccch(reestablishment(0), 1350)
    again = keys.k_enb_star(keys.k_enb_star(K_ENB, 1, 3350), 1, 3350)
    assert phone.event(events.ReestablishBearers).keys == SecurityKeys.derive(again, Eea.EEA2, Eia.EIA2)


def test_next_hop_without_k_asme_ends_the_connection() -> None:
    phone = reestablishing()
    assert phone.rrc._context.chain is not None
    phone.rrc._context.chain.k_asme = None
    phone.events()
    phone.rrc.receive_ccch(reestablishment(3), 1150)
    assert ConnectionReleased(FAILURE) in phone.events()


@pytest.mark.parametrize("how", ["T311", "T301", "reject", "cell lost"])
def test_reestablishment_that_fails_ends_in_idle(how: str) -> None:
    phone = selecting() if how == "T311" else reestablishing()
    phone.events()
    if how == "reject":
        phone.rrc.receive_ccch(reestablishment_reject(), 1150)
    elif how == "cell lost":
        phone.rrc.cell_lost(1150)
    else:
        phone.run(20_000)
    found = phone.events()
    assert found[:3] == [events.ResetMac(), events.ReleaseRadio(FAILURE), ConnectionReleased(FAILURE)]
    searching = how in ("T311", "cell lost")
    assert phone.rrc.state is (RrcState.SEARCHING if searching else RrcState.CAMPED)
    assert any(isinstance(event, CellSelectionNeeded) for event in found) == searching


def test_unsuitable_cell_does_not_end_the_selection() -> None:
    phone = selecting()
    phone.rrc.mib(mib(), 2, 1100)
    phone.rrc.receive_bcch(sib1(cellBarred="barred"), 1125)
    assert phone.rrc.state is RrcState.SELECTING
    phone.rrc.mib(mib(), 3, 1200)
    phone.rrc.measurement(1200, -140.0, -8.0)
    phone.rrc.receive_bcch(sib1(), 1225)
    phone.rrc.receive_bcch(si(), 1230)
    assert phone.rrc.state is RrcState.SELECTING
    phone.run(11_000)
    assert phone.rrc.state is RrcState.SEARCHING


def test_reject_is_no_answer_to_a_reestablishment() -> None:
    phone = reestablishing()
    phone.rrc.receive_ccch(reject(5), 1150)
    assert (phone.rrc.state, phone.rrc.refused["rrcConnectionReject"]) == (RrcState.REESTABLISHING, 1)
