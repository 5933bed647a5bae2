"""The UE attaches, authenticates and takes security into use."""

import pytest

from picocell.rrc_nas.nas import codec, ies
from picocell.rrc_nas.nas.protection import NasSecurityContext, SecurityHeader, split
from picocell.rrc_nas.nas.session_ies import ProtocolConfiguration
from picocell.rrc_nas.nas.ue_core import Connection, EmmState, EmmSubstate, UpdateStatus
from picocell.rrc_nas.nas.ue_events import (
    Attached,
    AttachRejected,
    AuthenticationRejected,
    BearerActivated,
    Connect,
    KeysReady,
    ReleaseConnection,
)
from picocell.rrc_nas.security.algorithms import Direction, Eea, Eia
from support.nas_network import GUTI, IMEISV, PLMN, TAC, Bench
from support.nas_recordings import IMSI


@pytest.mark.parametrize("eea", list(Eea))
@pytest.mark.parametrize("eia", [Eia.EIA1, Eia.EIA2, Eia.EIA3])
def test_attach_with_every_algorithm(eea: Eea, eia: Eia) -> None:
    bench = Bench(apn="internet")
    (request,) = bench.switch_on()
    assert request["eps_mobile_identity"] == ies.MobileIdentity.imsi(IMSI)
    assert request["nas_key_set_identifier"] == 7
    inner = codec.decode(request["esm_message_container"], Direction.UPLINK)
    assert inner["esm_information_transfer_flag"] == 1
    assert "access_point_name" not in inner.fields
    bench.secure(eea=eea, eia=eia)
    assert bench.context is not None
    assert bench.seen(KeysReady)[-1].k_enb == bench.context.k_enb(0)
    (answer,) = bench.send("ESM information request", pti=inner["pti"])
    assert answer["access_point_name"] == "internet"
    assert answer["protocol_configuration_options"] == ProtocolConfiguration.request()
    (complete,) = bench.accept(inner["pti"])
    assert complete.name == "attach complete"
    assert bench.seen(Attached) == [Attached("172.16.0.2", ("10.1.1.1",), 1358, "internet", GUTI, 5)]
    assert bench.seen(BearerActivated)[0].ebi == 5
    assert bench.ue.state is EmmState.REGISTERED
    assert bench.ue.ip == "172.16.0.2"
    assert bench.ue.update_status is UpdateStatus.EU1_UPDATED
    assert set(bench.ue.timers) == set()
    assert bench.ue.refused == {}


def test_second_attach_is_by_guti_and_integrity_protected() -> None:
    bench = Bench().attached().idle()
    bench.ue.detach(bench.now)
    bench.drain()
    bench.send("detach accept")
    bench.idle()
    bench.ue.attach(bench.now)
    (request,) = bench.drain()
    connect = bench.seen(Connect)[-1]
    assert split(connect.nas).header is SecurityHeader.INTEGRITY
    assert (connect.s_tmsi, connect.registered_mme) == (GUTI.s_tmsi, None)
    assert request["eps_mobile_identity"].guti == GUTI
    assert request["last_visited_registered_tai"] == ies.Tai(ies.Plmn(*PLMN), TAC)
    assert request["old_guti_type"] == 0
    assert bench.context is not None
    assert bench.seen(KeysReady)[-1].k_enb == bench.context.k_enb()
    pti = codec.decode(request["esm_message_container"], Direction.UPLINK)["pti"]
    (complete,) = bench.accept(pti)
    assert complete.name == "attach complete"


def test_combined_attach_granted_for_eps_only() -> None:
    bench = Bench(combined=True)
    (request,) = bench.switch_on()
    assert request["eps_attach_type"] == 2
    bench.secure()
    bench.accept(emm_cause=18)
    assert bench.seen(Attached)[0].emm_cause == 18


def test_identities() -> None:
    bench = Bench()
    bench.switch_on()
    (answer,) = bench.send("identity request", identity_type=1)
    assert answer["mobile_identity"] == ies.MobileIdentity.imsi(IMSI)
    assert bench.send("identity request", identity_type=3) == []
    bench.secure(imeisv_request=1)
    (answer,) = bench.send("identity request", identity_type=3)
    assert answer["mobile_identity"].digits == IMEISV
    (answer,) = bench.send("identity request", identity_type=2)
    assert answer["mobile_identity"].digits[:14] == IMEISV[:14]
    (answer,) = bench.send("identity request", identity_type=4)
    assert answer["mobile_identity"].kind == "none"


def test_mac_failure_three_times_bars_the_cell() -> None:
    bench = Bench()
    bench.switch_on()
    for attempt in range(3):
        (answer,) = bench.challenge(bench.vector(k=bytes(16)))
        assert (answer.name, answer["emm_cause"]) == ("authentication failure", 20)
        assert ("T3418" in bench.ue.timers) == (attempt < 2)
        assert "T3410" not in bench.ue.timers
    assert bench.seen(ReleaseConnection)[-1].bar_cell
    assert bench.ue.substate is EmmSubstate.ATTEMPTING_TO_ATTACH


def test_network_that_does_not_come_back_is_false() -> None:
    bench = Bench()
    bench.switch_on()
    bench.challenge(bench.vector(k=bytes(16)))
    bench.tick(20_000)
    assert bench.seen(ReleaseConnection)[-1].bar_cell


def test_separation_bit_and_used_number() -> None:
    bench = Bench()
    bench.switch_on()
    (answer,) = bench.challenge(bench.vector(amf=b"\x00\x00"))
    assert answer["emm_cause"] == 26
    bench.authenticate()
    used = bench.vector(fresh=False)
    (again,) = bench.challenge(used)
    assert again["authentication_response_parameter"] == used.xres  # same RAND: the stored RES
    bench.tick(bench.now + 31_000)
    assert "T3416" not in bench.ue.timers


def test_sync_failure() -> None:
    bench = Bench()
    bench.switch_on()
    bench.authenticate()
    bench.challenge(bench.vector(k=bytes(16)))  # forgets RAND and RES
    bench.seq -= 1
    (answer,) = bench.challenge(bench.vector(fresh=False))
    assert answer["emm_cause"] == 21
    assert len(answer["authentication_failure_parameter"]) == 14
    assert "T3420" in bench.ue.timers
    bench.seq += 1
    bench.authenticate()
    assert "T3420" not in bench.ue.timers
    assert "T3410" in bench.ue.timers


def test_authentication_reject_ends_the_usim() -> None:
    bench = Bench()
    bench.switch_on()
    bench.send("authentication reject")
    assert bench.seen(AuthenticationRejected)
    assert (bench.ue.state, bench.ue.substate) == (EmmState.DEREGISTERED, EmmSubstate.NO_IMSI)
    bench.idle()
    bench.ue.attach(bench.now)
    assert bench.drain() == []
    bench.ue.detach(bench.now, switch_off=True)
    (request,) = bench.switch_on()
    assert request.name == "attach request"


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({"capability": ies.UeSecurityCapability(0x80, 0x70)}, 23),
        ({"capability": ies.UeSecurityCapability(0xF0, 0x70, None, None, 0x60)}, 23),
        ({"eia": Eia.EIA0}, 24),
        ({"ksi": 3}, 24),
    ],
)
def test_security_mode_rejects(change: dict[str, object], cause: int) -> None:
    bench = Bench()
    bench.switch_on()
    k_asme = bench.authenticate()
    (answer,) = bench.command(k_asme, **change)  # type: ignore[arg-type]
    assert (answer.name, answer["emm_cause"]) == ("security mode reject", cause)
    assert not bench.ue.core.secure
    (answer,) = bench.command(k_asme)
    assert answer.name == "security mode complete"


def test_security_mode_command_of_another_key() -> None:
    bench = Bench()
    bench.switch_on()
    bench.authenticate()
    (answer,) = bench.command(bytes(32))
    assert (answer.name, answer["emm_cause"]) == ("security mode reject", 24)


def test_algorithm_that_the_ue_does_not_have() -> None:
    bench = Bench(capabilities=((Eea.EEA0,), (Eia.EIA2,)))
    bench.switch_on()
    capability = ies.UeSecurityCapability(0x80, 0x20)
    (answer,) = bench.command(bench.authenticate(), eea=Eea.EEA2, capability=capability)
    assert answer["emm_cause"] == 24


def test_imeisv_and_emergency() -> None:
    bench = Bench(emergency=True)
    bench.switch_on()
    (answer,) = bench.command(bench.authenticate(), eia=Eia.EIA0, eea=Eea.EEA0, imeisv_request=1,
                              capability=ies.UeSecurityCapability(0xF0, 0x70))  # fmt: skip
    assert answer.name == "security mode reject"  # EIA0 is not among its capabilities
    (answer,) = bench.command(bench.authenticate(), imeisv_request=1)
    assert answer["imeisv"].digits == IMEISV


@pytest.mark.parametrize(
    ("cause", "substate", "status"),
    [
        (3, EmmSubstate.NO_IMSI, UpdateStatus.EU3_ROAMING_NOT_ALLOWED),
        (6, EmmSubstate.NO_IMSI, UpdateStatus.EU3_ROAMING_NOT_ALLOWED),
        (7, EmmSubstate.NO_IMSI, UpdateStatus.EU3_ROAMING_NOT_ALLOWED),
        (8, EmmSubstate.NO_IMSI, UpdateStatus.EU3_ROAMING_NOT_ALLOWED),
        (11, EmmSubstate.PLMN_SEARCH, UpdateStatus.EU3_ROAMING_NOT_ALLOWED),
        (12, EmmSubstate.LIMITED_SERVICE, UpdateStatus.EU3_ROAMING_NOT_ALLOWED),
        (13, EmmSubstate.PLMN_SEARCH, UpdateStatus.EU3_ROAMING_NOT_ALLOWED),
        (14, EmmSubstate.PLMN_SEARCH, UpdateStatus.EU3_ROAMING_NOT_ALLOWED),
        (15, EmmSubstate.LIMITED_SERVICE, UpdateStatus.EU3_ROAMING_NOT_ALLOWED),
        (42, EmmSubstate.PLMN_SEARCH, UpdateStatus.EU2_NOT_UPDATED),
    ],
)
def test_rejects_that_end_it(cause: int, substate: EmmSubstate, status: UpdateStatus) -> None:
    bench = Bench(guti=GUTI)
    bench.switch_on()
    bench.send("attach reject", emm_cause=cause)
    assert bench.seen(AttachRejected)[0].cause == cause
    assert (bench.ue.state, bench.ue.substate) == (EmmState.DEREGISTERED, substate)
    assert bench.ue.update_status is status
    assert bench.ue.guti is None
    bench.idle()
    assert bench.ue.next_timer() is None
    bench.ue.attach(bench.now)
    blocked = cause != 42
    assert (bench.drain() == []) is blocked


def test_congestion_backs_off() -> None:
    bench = Bench()
    bench.switch_on()
    bench.secure()
    bench.send("attach reject", emm_cause=22, t3346_value=120)
    bench.idle()
    assert bench.ue.timers["T3346"] == 120_000
    bench.ue.attach(bench.now)
    assert bench.drain() == []
    (request,) = bench.tick(121_000)
    assert request.name == "attach request"


def test_five_attempts_then_t3402() -> None:
    bench = Bench(guti=GUTI)
    requests = bench.switch_on()
    for _ in range(4):
        assert bench.tick(bench.now + 15_000) == []  # T3410
        requests += bench.tick(bench.now + 10_000)  # T3411
    assert [request.name for request in requests] == ["attach request"] * 5
    bench.tick(bench.now + 15_000)
    assert set(bench.ue.timers) == {"T3402"}
    assert bench.ue.guti is None
    (request,) = bench.tick(bench.now + 720_000)
    assert request["eps_mobile_identity"].kind == "imsi"


def test_connection_refused_with_wait_time_is_not_an_attempt() -> None:
    bench = Bench()
    bench.ue.switch_on(0)
    bench.ue.cell(PLMN, TAC, 1, 0)
    assert isinstance(bench.ue.next_event(), Connect)
    bench.ue.connection_failed(0, "reject", wait_s=3)
    assert bench.ue.core.attempts == 0
    assert bench.tick(2_999) == []
    assert bench.tick(3_000)[0].name == "attach request"
    bench.ue.connection_failed(bench.now, "T300")
    assert bench.ue.core.attempts == 1
    assert bench.tick(13_000)[0].name == "attach request"


def test_esm_failure_is_told_and_retried() -> None:
    bench = Bench()
    bench.switch_on()
    bench.secure()
    inner = codec.encode("PDN connectivity reject", pti=1, esm_cause=27)
    bench.send("attach reject", emm_cause=19, esm_message_container=inner)
    assert bench.seen(AttachRejected)[0].esm_cause == 27
    assert "T3411" in bench.ue.timers


def test_accept_of_another_transaction_is_not_taken() -> None:
    bench = Bench()
    bench.switch_on()
    bench.secure()
    assert bench.accept(99) == []
    assert bench.ue.state is EmmState.DEREGISTERED
    assert bench.ue.connection is Connection.IDLE


def test_nothing_but_the_listed_messages_without_integrity() -> None:
    allowed = {"identity request", "authentication request", "authentication reject", "attach reject",
               "detach accept", "tracking area update reject", "service reject"}  # fmt: skip
    bench = Bench()
    bench.switch_on()
    for name, fields in (
        ("EMM information", {}),
        ("attach accept", {"eps_attach_result": 1, "t3412_value": 60, "tai_list": (ies.Tai(ies.Plmn(*PLMN), 7),),
                           "esm_message_container": bench.default_bearer(1)}),
        ("detach request", {"detach_type": 1}),
        ("GUTI reallocation command", {"guti": GUTI}),
        ("ESM information request", {"pti": 1}),
        ("security mode command", {"selected_nas_security_algorithms": ies.NasSecurityAlgorithms(Eea.EEA0, Eia.EIA2),
                                   "nas_key_set_identifier": 0,
                                   "replayed_ue_security_capabilities": ies.UeSecurityCapability(0xF0, 0x70)}),
    ):  # fmt: skip
        assert name not in allowed
        assert bench.send(name, plain=True, **fields) == []
        assert bench.ue.refused[name] == 1
    assert bench.ue.state is EmmState.REGISTERED_INITIATED
    bench.secure()
    assert bench.send("attach reject", plain=True, emm_cause=3) == []
    assert bench.ue.state is EmmState.REGISTERED_INITIATED


def test_uplink_count_that_ends_gives_the_keys_up() -> None:
    context = NasSecurityContext(2, bytes(32), (1 << 24) - 1, 0, Eea.EEA0, Eia.EIA2)
    bench = Bench(guti=GUTI, security=context)
    (request,) = bench.switch_on()
    assert request["nas_key_set_identifier"] == 2
    bench.now = 15_000
    bench.ue.handle_timers(bench.now)
    bench.drain()
    (request,) = bench.tick(25_000)
    assert split(bench.seen(Connect)[-1].nas).header is SecurityHeader.PLAIN


@pytest.mark.parametrize(("cause", "elsewhere"), [(12, 8), (15, 8), (13, 8), (42, None)])
def test_a_forbidden_area_is_left_alone_and_another_tried(cause: int, elsewhere: int | None) -> None:
    bench = Bench()
    bench.switch_on()
    bench.send("attach reject", emm_cause=cause)
    bench.ue.connection_released(bench.now)
    assert bench.drain() == []
    bench.ue.cell(PLMN, TAC, 1, bench.now)
    assert bench.drain() == []
    if elsewhere is not None:
        bench.ue.cell(PLMN, elsewhere, 2, bench.now)
        assert [message.name for message in bench.drain()] == ["attach request"]


def test_doubt_about_the_network_ends_with_the_procedure() -> None:
    bench = Bench()
    bench.switch_on()
    bench.challenge(bench.vector(k=bytes(16)))
    bench.send("attach reject", emm_cause=17)
    assert "T3418" not in bench.ue.timers
    bench.tick(bench.now + 9_999)
    assert "T3410" not in bench.ue.timers
    assert not any(event.bar_cell for event in bench.seen(ReleaseConnection))
