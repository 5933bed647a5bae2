"""A UE's connection in the base station, from request to release: every procedure, and what goes wrong."""

from dataclasses import replace
from typing import Any

import pytest

from picocell.enb.system_information import sib2
from picocell.mac.uci_resources import UciResources
from picocell.phy.lte.cell import Cell
from picocell.rrc_nas.rrc.enb import UNKNOWN_UE, EnbRrc
from picocell.rrc_nas.rrc.enb_context import UeState
from picocell.rrc_nas.rrc.enb_events import (
    ErabReleaseDone,
    ErabSetupDone,
    InitialContextSetupDone,
    InitialContextSetupFailed,
    InitialUeMessage,
    MeasurementReport,
    NasNotDelivered,
    ReleaseRequest,
    UeCapability,
    UeGone,
    UplinkNas,
)
from picocell.rrc_nas.rrc.enb_lifecycle import USER_INACTIVITY
from picocell.rrc_nas.rrc.enb_resources import KNOWN_ERAB, NO_RESOURCES, UNKNOWN_ERAB, UNKNOWN_QCI
from picocell.rrc_nas.rrc.enb_security import choose_algorithms
from picocell.rrc_nas.rrc.enb_settings import EnbRrcSettings, Erab
from picocell.rrc_nas.rrc.events import ActivateSecurity, ConfigureRadio, ReleaseRadio, SendSrb, UeEvent
from picocell.rrc_nas.rrc.radio_config import uplink_config
from picocell.rrc_nas.rrc.states import RegisteredMme, SecurityKeys, STmsi
from picocell.rrc_nas.security.algorithms import Eea, Eia
from support.enb_rrc_events import MORE, RELEASE, kinds, names, only
from support.enb_rrc_harness import (
    CONTEXT,
    K_ENB,
    capability,
    complete,
    connect,
    dcch,
    drain,
    make,
    request,
    s_tmsi_identity,
    secure,
    sent,
    setup_complete,
    uplink_nas,
)


def test_connection_establishment() -> None:
    rrc, resources = make()
    rrc.receive_ccch(70, request(s_tmsi_identity(3, 0x11223344), "mo-Data"), 100)
    events = drain(rrc)
    assert kinds(events) == [ConfigureRadio, SendSrb]
    assert events[0].event.config == rrc.ues[70].config
    assert [setup.bearer.name for setup in events[0].event.changes.add] == ["SRB1"]
    ((srb, name, _, transaction),) = sent(events)
    assert (srb, name, transaction) == (0, "rrcConnectionSetup", 0)
    mme = {"mmegi": (0x8001, 16), "mmec": (3, 8), "plmn-Identity": {"mcc": [0, 0, 1], "mnc": [0, 1]}}
    rrc.receive_dcch(70, 1, setup_complete(0, registeredMME=mme), 120)
    assert drain(rrc) == [
        InitialUeMessage(
            70, b"attach request", "mo-Data", STmsi(3, 0x11223344), RegisteredMme(0x8001, 3, ("001", "01")), 1
        )
    ]
    assert list(resources.taken) == [70]


def test_initial_context_setup_with_an_unknown_capability() -> None:
    rrc, _ = make(eea=(Eea.EEA2, Eea.EEA0))
    connect(rrc)
    rrc.initial_context_setup(70, CONTEXT, 50)
    keys = SecurityKeys.derive(K_ENB, Eea.EEA2, Eia.EIA2)
    events = drain(rrc)
    assert events[0].event == ActivateSecurity(keys, ciphering_tx=False, ciphering_rx=False)
    ((srb, name, body, transaction),) = sent(events)
    algorithms = {"cipheringAlgorithm": "eea2", "integrityProtAlgorithm": "eia2"}
    assert (srb, name, transaction) == (1, "securityModeCommand", 1)
    assert body["securityConfigSMC"]["securityAlgorithmConfig"] == algorithms

    rrc.receive_dcch(70, 1, complete("securityModeComplete", 1), 60)
    events = drain(rrc)
    assert events[0].event == ActivateSecurity(keys)
    assert sent(events)[0][:2] == (1, "ueCapabilityEnquiry")

    rrc.receive_dcch(70, 1, capability(2), 70)
    events = drain(rrc)
    assert kinds(events) == [UeCapability, ConfigureRadio, SendSrb]
    assert [setup.bearer.name for setup in events[1].event.changes.add] == ["SRB2", "DRB1"]
    ((srb, name, body, transaction),) = sent(events)
    assert (srb, name, transaction) == (1, "rrcConnectionReconfiguration", 3)
    assert body["dedicatedInfoNASList"] == [b"attach accept"]
    assert body["measConfig"]["measObjectToAddModList"][0]["measObject"][1]["carrierFreq"] == 3350

    rrc.receive_dcch(70, 1, complete("rrcConnectionReconfigurationComplete", 3), 80)
    assert drain(rrc) == [InitialContextSetupDone(70, (5,))]
    assert rrc.ues[70].state is UeState.SECURED


def test_a_known_capability_is_not_asked_for() -> None:
    rrc, _ = make()
    connect(rrc)
    events = secure(rrc, context=replace(CONTEXT, ue_radio_capability=b"known"))
    assert names(events) == ["securityModeCommand", "rrcConnectionReconfiguration"]
    assert isinstance(events[-1], InitialContextSetupDone)


def test_nas_transfer_both_ways() -> None:
    rrc, _ = make()
    connect(rrc)
    rrc.downlink_nas(70, b"authentication", 30)
    rrc.receive_dcch(70, 1, uplink_nas(), 40)
    events = drain(rrc)
    assert sent(events)[0][:3] == (
        1,
        "dlInformationTransfer",
        {"dedicatedInfoType": ("dedicatedInfoNAS", b"authentication")},
    )
    assert events[-1] == UplinkNas(70, b"uplink")
    secure(rrc)
    rrc.downlink_nas(70, b"information", 200)
    assert sent(drain(rrc))[0][0] == 2


def test_nas_that_comes_during_a_procedure_goes_along_or_waits() -> None:
    rrc, _ = make()
    connect(rrc)
    rrc.initial_context_setup(70, replace(CONTEXT, ue_radio_capability=b"known"), 50)
    rrc.downlink_nas(70, b"one", 51)
    rrc.downlink_nas(70, b"two", 52)
    assert names(drain(rrc)) == ["securityModeCommand"]
    rrc.receive_dcch(70, 1, complete("securityModeComplete", rrc.ues[70].transaction), 60)
    ((_, _, body, transaction),) = sent(drain(rrc))
    assert body["dedicatedInfoNASList"] == [b"attach accept", b"one", b"two"]
    rrc.downlink_nas(70, b"three", 61)
    assert not drain(rrc)
    rrc.receive_dcch(70, 1, complete("rrcConnectionReconfigurationComplete", transaction), 70)
    events = drain(rrc)
    assert isinstance(events[0], InitialContextSetupDone)
    assert sent(events)[0][2]["dedicatedInfoType"][1] == b"three"


def test_more_nas_than_a_reconfiguration_takes_follows_in_order() -> None:
    rrc, _ = make()
    connect(rrc)
    rrc.initial_context_setup(70, replace(CONTEXT, ue_radio_capability=b"known"), 50)
    waiting = [bytes([n]) * 700 for n in range(1, 15)]
    for nas in waiting:
        rrc.downlink_nas(70, nas, 51)
    rrc.receive_dcch(70, 1, complete("securityModeComplete", rrc.ues[70].transaction), 60)
    rrc.receive_dcch(70, 1, complete("rrcConnectionReconfigurationComplete", rrc.ues[70].transaction), 70)
    found: list[bytes] = []
    for _, name, body, _ in sent(drain(rrc)):
        if name == "rrcConnectionReconfiguration":
            found += body["dedicatedInfoNASList"]
        elif name == "dlInformationTransfer":
            found.append(body["dedicatedInfoType"][1])
    assert found == [b"attach accept", *waiting]


@pytest.mark.parametrize("nas", [b"", bytes(4001)])
def test_nas_of_an_impossible_length_is_returned(nas: bytes) -> None:
    rrc, _ = make()
    connect(rrc)
    rrc.downlink_nas(70, nas, 30)
    assert drain(rrc) == [NasNotDelivered(70, nas)]


def test_erabs_are_added_and_released() -> None:
    rrc, _ = make()
    connect(rrc)
    secure(rrc)
    rrc.erab_setup(70, (*MORE, Erab(5, 9), Erab(8, 200), Erab(4, 9)), b"session", 200)
    events = drain(rrc)
    changes = only([event.event for event in events], ConfigureRadio).changes
    assert [(setup.lcid, setup.bearer.eps_bearer) for setup in changes.add] == [(4, 6), (5, 7)]
    ((_, _, body, transaction),) = sent(events)
    assert body["dedicatedInfoNASList"] == [b"dedicated", b"session"]
    rrc.receive_dcch(70, 1, complete("rrcConnectionReconfigurationComplete", transaction), 230)
    assert drain(rrc) == [ErabSetupDone(70, (6, 7), {5: KNOWN_ERAB, 8: UNKNOWN_QCI, 4: UNKNOWN_ERAB})]

    rrc.erab_release(70, (6, 9), b"gone", 300)
    events = drain(rrc)
    assert only([event.event for event in events], ConfigureRadio).changes.release == (4,)
    ((_, _, body, transaction),) = sent(events)
    assert body["radioResourceConfigDedicated"] == {"drb-ToReleaseList": [2]}
    rrc.receive_dcch(70, 1, complete("rrcConnectionReconfigurationComplete", transaction), 330)
    assert drain(rrc) == [ErabReleaseDone(70, (6,), {9: UNKNOWN_ERAB})]

    rrc.erab_setup(70, (Erab(9, 9),), None, 400)
    assert [setup.lcid for setup in only([e.event for e in drain(rrc)], ConfigureRadio).changes.add] == [4]


def test_there_are_eight_drbs() -> None:
    rrc, _ = make()
    connect(rrc)
    secure(rrc, context=replace(CONTEXT, erabs=tuple(Erab(n, 9) for n in range(5, 15))))
    assert [setup.lcid for setup in rrc.ues[70].bearers] == list(range(1, 11))
    rrc.erab_setup(70, (Erab(15, 9),), None, 200)
    assert drain(rrc) == [ErabSetupDone(70, (), {15: NO_RESOURCES})]
    rrc.erab_release(70, (15,), b"nas", 210)
    events = drain(rrc)
    assert names(events) == ["dlInformationTransfer"]
    assert events[-1] == ErabReleaseDone(70, (), {15: UNKNOWN_ERAB})


def test_bearers_need_security() -> None:
    rrc, _ = make()
    connect(rrc)
    rrc.erab_setup(70, (Erab(5, 9),), None, 50)
    (answer,) = drain(rrc)
    assert isinstance(answer, ErabSetupDone)
    assert not answer.erabs


def test_requests_are_carried_out_one_after_the_other() -> None:
    rrc, _ = make()
    connect(rrc)
    secure(rrc)
    rrc.erab_setup(70, (Erab(6, 9),), None, 200)
    rrc.erab_release(70, (6,), None, 201)
    rrc.erab_setup(70, (Erab(7, 9),), None, 202)
    found = []
    for now in (210, 220, 230):
        found += drain(rrc)
        rrc.receive_dcch(70, 1, complete("rrcConnectionReconfigurationComplete", rrc.ues[70].transaction), now)
    found += drain(rrc)
    done = [event for event in found if not isinstance(event, UeEvent)]
    assert done == [ErabSetupDone(70, (6,)), ErabReleaseDone(70, (6,)), ErabSetupDone(70, (7,))]


def test_release() -> None:
    rrc, resources = make()
    connect(rrc)
    secure(rrc)
    rrc.release(70, RELEASE, 1000)
    assert sent(drain(rrc))[0][:3] == (1, "rrcConnectionRelease", {"releaseCause": "other"})
    assert rrc.next_timer() == 1100
    rrc.receive_dcch(70, 1, uplink_nas(b"detach accept"), 1050)
    rrc.handle_timers(1099)
    assert drain(rrc) == [UplinkNas(70, b"detach accept")]
    rrc.handle_timers(1100)
    assert drain(rrc) == [UeEvent(70, ReleaseRadio("nas normal-release")), UeGone(70, RELEASE, True, True)]
    assert not rrc.ues
    assert not resources.taken
    assert rrc.next_timer() is None


def test_release_sends_waiting_nas_first() -> None:
    rrc, _ = make()
    connect(rrc)
    rrc.initial_context_setup(70, CONTEXT, 50)
    rrc.downlink_nas(70, b"reject", 60)
    drain(rrc)
    rrc.release(70, ("radioNetwork", "load-balancing-tau-required"), 70)
    transfer, end = sent(drain(rrc))
    assert transfer[1:3] == ("dlInformationTransfer", {"dedicatedInfoType": ("dedicatedInfoNAS", b"reject")})
    assert end[1:3] == ("rrcConnectionRelease", {"releaseCause": "loadBalancingTAUrequired"})


def test_release_of_an_unknown_ue_is_answered() -> None:
    rrc, _ = make()
    rrc.release(70, RELEASE, 0)
    assert drain(rrc) == [UeGone(70, RELEASE, True, True)]


def test_requests_for_an_unknown_ue_fail() -> None:
    rrc, _ = make()
    rrc.initial_context_setup(70, CONTEXT, 0)
    rrc.erab_setup(70, MORE, None, 0)
    rrc.erab_release(70, (5,), None, 0)
    rrc.downlink_nas(70, b"nas", 0)
    rrc.receive_dcch(70, 1, uplink_nas(), 0)
    rrc.radio_link_failure(70, "gone", 0)
    rrc.ue_returned(70, 0)
    rrc.integrity_failure(70, 0)
    assert drain(rrc) == [
        InitialContextSetupFailed(70, UNKNOWN_UE),
        ErabSetupDone(70, (), {6: UNKNOWN_UE, 7: UNKNOWN_UE}),
        ErabReleaseDone(70, (), {5: UNKNOWN_UE}),
        NasNotDelivered(70, b"nas"),
    ]


def test_inactivity() -> None:
    rrc, resources = make(inactivity_ms=1000)
    connect(rrc)
    secure(rrc)
    rrc.activity(70, 500)
    rrc.handle_timers(1499)
    assert not drain(rrc)
    rrc.handle_timers(1500)
    assert drain(rrc) == [ReleaseRequest(70, USER_INACTIVITY)]
    assert rrc.next_timer() == 6500
    rrc.handle_timers(6500)  # the MME does not answer
    assert names(drain(rrc)) == ["rrcConnectionRelease"]
    rrc.handle_timers(6600)
    assert drain(rrc)[-1] == UeGone(70, USER_INACTIVITY, known=True, ordered=False)
    assert not resources.taken


def test_inactivity_waits_for_the_end_of_a_procedure() -> None:
    rrc, _ = make(inactivity_ms=1000)
    connect(rrc)
    rrc.initial_context_setup(70, CONTEXT, 900)
    drain(rrc)
    rrc.handle_timers(1020)
    assert not drain(rrc)
    assert make(inactivity_ms=None)[0].next_timer() is None


def test_measurement_report() -> None:
    rrc, _ = make()
    connect(rrc)
    report = dcch("measurementReport", {"measResults": _results(41, 20)}, None)
    rrc.receive_dcch(70, 1, report, 30)
    assert not drain(rrc)  # before security
    secure(rrc)
    rrc.receive_dcch(70, 1, report, 200)
    assert drain(rrc) == [MeasurementReport(70, 2, -100, -10.0)]


def _results(rsrp: int, rsrq: int) -> dict[str, Any]:
    return {"measId": 2, "measResultPCell": {"rsrpResult": rsrp, "rsrqResult": rsrq}}


def test_transmit_diversity_on_more_ports() -> None:
    rrc, _ = make(cell=Cell(1, 25, 2))
    rrc.receive_ccch(70, request(), 0)
    assert drain(rrc)[0].event.config.transmission_mode == 2


def test_choice_of_algorithms() -> None:
    eea, eia = (Eea.EEA3, Eea.EEA1, Eea.EEA0), (Eia.EIA3, Eia.EIA1)
    assert choose_algorithms(0xE000, 0xE000, eea, eia) == (Eea.EEA3, Eia.EIA3)
    assert choose_algorithms(0x8000, 0x8000, eea, eia) == (Eea.EEA1, Eia.EIA1)
    assert choose_algorithms(0x0000, 0xC000, eea, eia) == (Eea.EEA0, Eia.EIA1)
    assert choose_algorithms(0x4000, 0x8000, (Eea.EEA1,), eia) == (Eea.EEA0, Eia.EIA1)
    assert choose_algorithms(0xE000, 0x4000, eea, eia) is None
    assert choose_algorithms(0, 0x1FFF, eea, (Eia.EIA0, *eia)) is None


@pytest.mark.parametrize(
    "settings",
    [
        {"cell_identity": 1 << 28},
        {"earfcn_dl": -1},
        {"eia": (Eia.EIA0,)},
        {"eia": ()},
        {"wait_time_s": 17},
        {"no_mme_wait_s": 0},
    ],
)
def test_settings_out_of_range(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        EnbRrcSettings(**settings)


def test_sixty_ues_on_the_resources_of_a_cell() -> None:
    cell = Cell(1, 25)
    value = sib2(25)
    resources = UciResources(cell, uplink_config(value, 25))
    rrc = EnbRrc(cell, sib2=value, resources=resources)
    for rnti in range(70, 130):
        connect(rrc, rnti)
        secure(rrc, rnti)
    assert {ue.state for ue in rrc.ues.values()} == {UeState.SECURED}
    configs = [ue.config for ue in rrc.ues.values() if ue.config is not None]
    assert len({(config.sr, config.cqi) for config in configs}) == len(rrc.ues) == 60
    for rnti in range(70, 130):
        rrc.release(rnti, RELEASE, 500)
    rrc.handle_timers(600)
    assert not resources.rntis
    assert not rrc.ues
