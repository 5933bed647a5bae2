"""A UE's RRC in RRC_IDLE: system information, cell selection, paging, access barring."""

import random
from typing import Any

import pytest

from picocell.enb.system_information import Identity
from picocell.rrc_nas.rrc.ue import RrcState, UeIdentity, UeRrcSettings
from picocell.rrc_nas.rrc.ue_access_barring import Access
from picocell.rrc_nas.rrc.ue_events import (
    BarringAlleviated,
    Camped,
    CellBarred,
    CellSelectionNeeded,
    ConnectionFailed,
    Paged,
    StartRandomAccess,
    SystemInformationReady,
)
from support.ue_rrc import IMSI, Phone, mib, paging, reject, si, sib1, timers

S_TMSI = (0x1A, 0xAABB6363)
PAGED_BY_S_TMSI = ("s-TMSI", {"mmec": (0x1A, 8), "m-TMSI": (0xAABB6363, 32)})
PAGED_BY_IMSI = ("imsi", [int(digit) for digit in IMSI])


# --- system information


def test_blocks_are_wanted_in_turn_and_make_the_ue_camp() -> None:
    phone = Phone()
    assert phone.rrc.wanted_sibs == frozenset()
    phone.rrc.mib(mib(), 1, 0)
    phone.rrc.measurement(0, -80.0, -8.0)
    assert (phone.rrc.state, phone.rrc.wanted_sibs) == (RrcState.ACQUIRING, {1})
    phone.rrc.receive_bcch(si(), 5)  # its value tag is not known yet
    assert phone.rrc.wanted_sibs == {1}
    phone.rrc.receive_bcch(sib1(), 25)
    assert phone.rrc.wanted_sibs == {2, 3}
    phone.rrc.receive_bcch(si(), 30)
    assert (phone.rrc.state, phone.rrc.wanted_sibs) == (RrcState.CAMPED, frozenset())
    ready, camped = phone.events()
    assert isinstance(ready, SystemInformationReady)
    assert (ready.cell.pci, ready.ul.n_prb, ready.rach.n_preambles) == (1, 6, 52)
    assert camped == Camped(1, ("001", "01"), 7, 0x19B01)
    for now in range(40, 400, 20):  # repetitions, and the MIB of every 40 ms, change nothing
        phone.rrc.mib(mib(sfn=now // 10), 1, now)
        phone.rrc.receive_bcch(sib1(), now)
        phone.rrc.receive_bcch(si(), now)
    assert phone.events() == []


def test_new_value_tag_has_the_blocks_read_anew() -> None:
    phone = Phone().camp()
    changed = {"timeAlignmentTimerCommon": "sf500"}
    phone.rrc.receive_bcch(sib1(systemInfoValueTag=1), 1000)
    assert phone.rrc.wanted_sibs == {2, 3}
    phone.rrc.receive_bcch(si(changed), 1020)
    ready = phone.event(SystemInformationReady)
    assert ready.time_alignment_timer_common == 500


@pytest.mark.parametrize(("now", "boundary"), [(1000, 5120), (5119, 5120), (5120, 10240), (10239, 10240)])
def test_announced_change_acts_at_the_modification_period(now: int, boundary: int) -> None:
    """Coefficient 16, cycle 32: periods of 512 frames."""
    phone = Phone().camp()
    phone.rrc.receive_pcch(paging(modification=True), now)
    phone.rrc.receive_pcch(paging(modification=True), now)
    assert phone.rrc.timers["modification period"] == boundary
    phone.run(boundary)
    assert phone.rrc.wanted_sibs == {1}
    phone.rrc.receive_bcch(sib1(systemInfoValueTag=1), boundary + 20)
    phone.rrc.receive_bcch(si(timers(t300="ms100")), boundary + 40)
    assert phone.event(SystemInformationReady).sib2["ue-TimersAndConstants"]["t300"] == "ms100"
    assert phone.rrc.camped


def test_modification_period_longer_than_the_sfn_ends_with_the_sfn() -> None:
    phone = Phone()
    common = _common()
    common["bcch-Config"] = {"modificationPeriodCoeff": "n16"}
    common["pcch-Config"] = {"defaultPagingCycle": "rf256", "nB": "oneT"}
    phone.camp(radioResourceConfigCommon=common)
    phone.rrc.receive_pcch(paging(modification=True), 20_000)
    assert phone.rrc.timers["modification period"] == 20_480


def test_stored_information_ends_after_three_hours() -> None:
    phone = Phone().camp()
    phone.run(3 * 3_600_000 - 1)
    assert phone.rrc.wanted_sibs == frozenset()
    phone.run(3 * 3_600_000)
    assert phone.rrc.wanted_sibs == {1}
    phone.rrc.receive_bcch(sib1(), 10_800_020)
    assert phone.rrc.wanted_sibs == {2, 3}


def test_information_that_is_stored_counts_again_with_the_same_value_tag() -> None:
    phone = Phone().camp()
    phone.rrc.cell_lost(500)
    assert phone.rrc.state is RrcState.SEARCHING
    phone.events()
    phone.rrc.mib(mib(), 1, 600)
    phone.rrc.measurement(601, -80.0, -8.0)
    phone.rrc.receive_bcch(sib1(), 625)
    assert phone.rrc.camped
    assert [type(event) for event in phone.events()] == [SystemInformationReady, Camped]


@pytest.mark.parametrize("message", [b"", b"\xff" * 20, b"\x00" * 3, bytes(40)])
def test_damaged_system_information_is_refused(message: bytes) -> None:
    phone = Phone().camp()
    phone.rrc.receive_bcch(message, 1000)
    assert phone.rrc.camped


def test_missing_system_information_bars_the_cell() -> None:
    phone = Phone()
    phone.rrc.mib(mib(), 1, 0)
    phone.rrc.receive_bcch(sib1(), 5)
    phone.run(15_000)
    barred, needed = phone.events()
    assert barred == CellBarred(1, "its system information does not come")
    assert isinstance(needed, CellSelectionNeeded)
    assert needed.excluded_pcis == (1,)
    phone.rrc.mib(mib(), 1, 15_000)
    assert phone.rrc.state is RrcState.SEARCHING
    phone.run(25_000)  # not for as long as one that says that it is barred: perhaps the phone comes nearer
    phone.rrc.mib(mib(), 1, 25_000)
    assert phone.rrc.state is RrcState.ACQUIRING


# --- cell selection


@pytest.mark.parametrize(
    ("fields", "identity", "reason"),
    [
        ({"cellBarred": "barred"}, None, "cellBarred"),
        ({"csg_Indication": True}, None, "closed subscriber group"),
        ({"freqBandIndicator": 40}, None, "band 40"),
        ({}, Identity(mnc="02"), "the selected one, 001-01, is not among them"),
    ],
)
def test_unsuitable_cell_is_left_alone_for_300_s(fields: Any, identity: Identity | None, reason: str) -> None:
    phone = Phone()
    phone.rrc.mib(mib(), 1, 0)
    phone.rrc.receive_bcch(sib1(identity, **fields), 5)
    barred, needed = phone.events()
    assert isinstance(barred, CellBarred)
    assert reason in barred.reason
    assert isinstance(needed, CellSelectionNeeded)
    assert phone.rrc.state is RrcState.SEARCHING
    phone.find(100)
    assert phone.rrc.state is RrcState.SEARCHING  # barred
    phone.find(100, pci=2)
    assert phone.rrc.camped  # another one
    other = Phone()
    other.rrc.mib(mib(), 1, 0)
    other.rrc.receive_bcch(sib1(identity, **fields), 5)
    other.run(300_005)
    assert [type(event) for event in other.events()][-1] is CellSelectionNeeded
    other.find(300_006)
    assert other.rrc.camped


def test_barred_cell_that_bars_its_frequency() -> None:
    phone = Phone()
    phone.rrc.mib(mib(), 1, 0)
    phone.rrc.receive_bcch(sib1(cellBarred="barred", intraFreqReselection="notAllowed"), 5)
    assert not phone.event(CellBarred).intra_frequency_allowed
    phone.find(100, pci=2)
    assert phone.rrc.state is RrcState.SEARCHING


@pytest.mark.parametrize(
    ("rsrp", "fields", "camps"),
    [
        (-129.9, {}, True),  # q-RxLevMin -130 dBm
        (-130.0, {}, False),
        (-120.0, {"p_Max": 33}, False),  # Pcompensation 10 dB
        (-119.9, {"p_Max": 33}, True),
        (-129.0, {"p_Max": 10}, True),
    ],
)
def test_s_criterion(rsrp: float, fields: Any, camps: bool) -> None:
    phone = Phone()
    phone.rrc.mib(mib(), 1, 0)
    phone.rrc.receive_bcch(sib1(**fields), 5)
    phone.rrc.receive_bcch(si(), 10)
    assert phone.rrc.state is RrcState.ACQUIRING  # not measured yet
    phone.rrc.measurement(11, rsrp, -8.0)
    assert phone.rrc.state is (RrcState.CAMPED if camps else RrcState.SEARCHING)


def test_quality_criterion_of_release_9() -> None:
    phone = Phone()
    v920 = {"nonCriticalExtension": {"cellSelectionInfo-v920": {"q-QualMin-r9": -12}}}
    phone.rrc.mib(mib(), 1, 0)
    phone.rrc.measurement(1, -80.0, -12.0)
    phone.rrc.receive_bcch(sib1(nonCriticalExtension=v920), 5)
    phone.rrc.receive_bcch(si(), 10)
    assert phone.rrc.state is RrcState.SEARCHING


def test_weak_serving_cell_is_left_after_ten_seconds() -> None:
    phone = Phone().camp()
    for now in range(1000, 11_000, 40):
        phone.rrc.measurement(now, -131.0, -8.0)
        assert phone.rrc.camped
    phone.rrc.measurement(11_000, -131.0, -8.0)
    assert phone.rrc.state is RrcState.SEARCHING


def test_another_cell_is_camped_on() -> None:
    phone = Phone().camp()
    phone.find(1000, pci=2, identity=Identity(tac=8, cell_identity=0x19B02))
    ready, camped = phone.events()
    assert isinstance(ready, SystemInformationReady)
    assert ready.cell.pci == 2
    assert camped == Camped(2, ("001", "01"), 8, 0x19B02)


# --- paging


@pytest.mark.parametrize(
    ("records", "want"),
    [
        ((PAGED_BY_S_TMSI,), Paged("s_tmsi", "ps")),
        ((PAGED_BY_IMSI,), Paged("imsi", "ps")),
        ((("imsi", [0] * 15), PAGED_BY_S_TMSI), Paged("s_tmsi", "ps")),
        ((("imsi", [0] * 15), ("s-TMSI", {"mmec": (0x1B, 8), "m-TMSI": (0xAABB6363, 32)})), None),
        ((), None),
    ],
)
def test_paging_records(records: Any, want: Paged | None) -> None:
    phone = Phone(identity=UeIdentity(IMSI, S_TMSI)).camp()
    phone.rrc.receive_pcch(paging(*records), 1000)
    assert phone.events() == ([] if want is None else [want])


def test_malformed_paging_is_counted() -> None:
    phone = Phone().camp()
    phone.rrc.receive_pcch(b"", 1000)
    assert (phone.rrc.refused["paging"], phone.events()) == (1, [])


def test_paging_is_for_idle_ues() -> None:
    phone = Phone(identity=UeIdentity(IMSI, S_TMSI)).camp().connect()
    phone.rrc.receive_pcch(paging(PAGED_BY_S_TMSI, modification=True), 1000)
    assert phone.events() == []
    assert "modification period" in phone.rrc.timers


def test_next_paging_occasion() -> None:
    phone = Phone()
    assert phone.rrc.next_paging_occasion(0) is None
    phone.camp()
    frame = int(IMSI) % 1024 % 32  # T = 32 frames and nB = T
    first = 10 * frame + 9
    assert phone.rrc.next_paging_occasion(0) == first
    assert phone.rrc.next_paging_occasion(first) == first
    assert phone.rrc.next_paging_occasion(first + 1) == first + 320


# --- access


def _common() -> dict[str, Any]:
    from picocell.enb import system_information

    found: dict[str, Any] = system_information.sib2(6)["radioResourceConfigCommon"]
    return found


def barring(factor: str = "p00", special: int = 0b11111, emergency: bool = False) -> dict[str, Any]:
    part = {"ac-BarringFactor": factor, "ac-BarringTime": "s8", "ac-BarringForSpecialAC": (special, 5)}
    info = {"ac-BarringForEmergency": emergency, "ac-BarringForMO-Signalling": part, "ac-BarringForMO-Data": part}
    return {"ac_BarringInfo": info}


@pytest.mark.parametrize(("cause", "timer"), [("mo-Data", "T303"), ("mo-Signalling", "T305")])
def test_barred_access_waits(cause: str, timer: str) -> None:
    phone = Phone().camp(**barring())
    phone.rrc.connect(b"\x07", cause, 1000)
    failed = phone.event(ConnectionFailed)
    assert failed.barred
    assert failed.wait_s is not None
    assert 0.7 * 8 <= failed.wait_s <= 1.3 * 8
    assert phone.rrc.timers[timer] == pytest.approx(1000 + 1000 * failed.wait_s, abs=1)
    phone.rrc.connect(b"\x07", cause, 2000)
    again = phone.event(ConnectionFailed)
    assert again.wait_s == pytest.approx(failed.wait_s - 1, abs=0.01)
    phone.run(20_000)
    access = "originating calls" if cause == "mo-Data" else "originating signalling"
    assert phone.event(BarringAlleviated).access == (access,)
    phone.rrc.connect(b"\x07", "mt-Access", 2000)
    assert phone.rrc.state is RrcState.CONNECTING


def test_barring_factor_is_a_probability() -> None:
    passed = 0
    for seed in range(400):
        phone = Phone().camp(**barring("p25"))
        phone.rrc._context.rng = random.Random(seed)
        phone.rrc.connect(b"\x07", "mo-Data", 1000)
        passed += phone.rrc.state is RrcState.CONNECTING
    assert 0.19 < passed / 400 < 0.31  # 2.8 standard deviations


@pytest.mark.parametrize(
    ("special", "classes", "passes"),
    [
        (0b11111, (11,), False),
        (0b01111, (11,), True),
        (0b11110, (15,), True),
        (0b11110, (14,), False),
        (0, (3,), False),
    ],
)
def test_special_access_classes(special: int, classes: tuple[int, ...], passes: bool) -> None:
    phone = Phone(identity=UeIdentity(IMSI, access_classes=classes)).camp(**barring(special=special))
    phone.rrc.connect(b"\x07", "mo-Data", 1000)
    assert (phone.rrc.state is RrcState.CONNECTING) == passes


@pytest.mark.parametrize(
    ("emergency", "classes", "special", "passes"),
    [(False, None, 0b11111, True), (True, None, 0, False), (True, (12,), 0b10111, True), (True, (12,), 0b11111, False)],
)
def test_emergency_calls(emergency: bool, classes: tuple[int, ...] | None, special: int, passes: bool) -> None:
    phone = Phone(identity=UeIdentity(IMSI, access_classes=classes))
    phone.camp(**barring(special=special, emergency=emergency))
    phone.rrc.connect(b"\x07", "emergency", 1000)
    assert (phone.rrc.state is RrcState.CONNECTING) == passes


def test_access_may_be_told_apart_from_the_cause() -> None:
    phone = Phone().camp(**barring())
    phone.rrc.connect(b"\x07", "highPriorityAccess", 1000, access=Access.TERMINATING)
    assert phone.rrc.state is RrcState.CONNECTING


def test_reject_bars_until_its_wait_time_is_over() -> None:
    phone = Phone().camp()
    phone.rrc.connect(b"\x07", "mo-Data", 1000)
    phone.rrc.receive_ccch(reject(4), 1050)
    failed = [event for event in phone.events() if isinstance(event, ConnectionFailed)]
    assert failed == [ConnectionFailed("rejected by the network", 4.0, barred=True)]
    for cause in ("mo-Data", "mo-Signalling", "mt-Access"):
        phone.rrc.connect(b"\x07", cause, 2050)
        assert phone.event(ConnectionFailed).wait_s == 3.0
    phone.run(5050)
    assert phone.event(BarringAlleviated).access == (
        "mobile terminating",
        "originating calls",
        "originating signalling",
    )
    phone.rrc.connect(b"\x07", "mo-Data", 5051)
    assert phone.rrc.state is RrcState.CONNECTING


def test_another_cell_ends_the_wait() -> None:
    phone = Phone().camp()
    phone.rrc.connect(b"\x07", "mo-Data", 1000)
    phone.rrc.receive_ccch(reject(4), 1050)
    phone.events()
    phone.rrc.mib(mib(), 2, 1100)
    assert phone.event(BarringAlleviated)
    assert "T302" not in phone.rrc.timers


def test_request_waits_for_system_information() -> None:
    phone = Phone()
    phone.rrc.mib(mib(), 1, 0)
    phone.rrc.measurement(0, -80.0, -8.0)
    phone.rrc.connect(b"\x07", "mo-Data", 1)
    assert phone.events() == []
    phone.rrc.receive_bcch(sib1(), 5)
    phone.rrc.receive_bcch(si(), 10)
    assert phone.event(StartRandomAccess)
    assert phone.rrc.state is RrcState.CONNECTING


def test_request_without_a_cell_fails() -> None:
    phone = Phone()
    phone.rrc.connect(b"\x07", "mo-Data", 1)
    assert phone.events() == [ConnectionFailed("no suitable cell")]
    with pytest.raises(ValueError, match="establishment cause 'x' is not known"):
        phone.rrc.connect(b"\x07", "x", 1)


def test_bad_arguments() -> None:
    for imsi in ("", "12x456"):
        with pytest.raises(ValueError, match="IMSI"):
            UeIdentity(imsi)
    with pytest.raises(ValueError, match="DRX cycle of 100"):
        UeIdentity(IMSI, drx=100)
    with pytest.raises(ValueError, match="K_eNB has 16 bytes"):
        Phone().rrc.set_security(bytes(16))
    assert UeRrcSettings().validity_ms == 10_800_000
