"""The network end of NAS and the phone's against each other, over a perfect radio in virtual time."""

from dataclasses import replace

import pytest

from picocell.rrc_nas.nas import mme_events as ev
from picocell.rrc_nas.nas import ue_events
from picocell.rrc_nas.nas.mme_settings import MmeNasSettings
from picocell.rrc_nas.nas.mme_states import BearerState, State
from picocell.rrc_nas.nas.protection import COUNT_LIMIT
from picocell.rrc_nas.nas.ue import EmmState
from picocell.rrc_nas.security import aka
from picocell.rrc_nas.security.algorithms import Eea, Eia
from support.mme_network import IMSI, SUBSCRIPTION, Network, Pair

DEFAULTS = Network().settings


def test_attach_by_imsi_registers_both_ends_with_the_same_keys() -> None:
    pair = Pair()
    pair.attach()
    attached = pair.phone(ue_events.Attached)[0]
    assert pair.ue.state is EmmState.REGISTERED
    assert pair.network.nas.state is State.REGISTERED
    assert (attached.ip, attached.apn, attached.dns, attached.mtu) == ("172.16.0.5", "internet", ("8.8.8.8",), 1400)
    assert attached.guti == pair.network.nas.guti
    assert pair.k_enb == pair.network.taken(ev.InitialContextSetup)[0].k_enb
    assert pair.network.nas.context.imeisv == "3534900698733190"
    assert pair.network.nas.timers == ()
    assert pair.phone(ue_events.EmmInformation)[0].full_name == "picocell"


@pytest.mark.parametrize("eia", [Eia.EIA1, Eia.EIA2, Eia.EIA3])
@pytest.mark.parametrize("eea", list(Eea))
def test_every_pair_of_algorithms_attaches_and_detaches(eea: Eea, eia: Eia) -> None:
    pair = Pair(Network(replace(DEFAULTS, eea=(eea,), eia=(eia,))))
    pair.attach()
    security = pair.network.nas.context.security
    assert security is not None
    assert (security.eea, security.eia) == (eea, eia)
    pair.ue.detach(pair.now)
    pair.run()
    assert pair.network.nas.state is State.DEREGISTERED
    assert pair.ue.state is EmmState.DEREGISTERED


def test_algorithms_are_the_best_that_both_have() -> None:
    pair = Pair(capabilities=((Eea.EEA0, Eea.EEA3), (Eia.EIA1, Eia.EIA3)))
    pair.attach()
    security = pair.network.nas.context.security
    assert security is not None
    assert (security.eea, security.eia) == (Eea.EEA3, Eia.EIA1)


def test_phone_without_a_common_algorithm_is_refused() -> None:
    pair = Pair(capabilities=((Eea.EEA0,), (Eia.EIA1,)), network=Network(replace(DEFAULTS, eia=(Eia.EIA2,))))
    pair.attach()
    assert pair.network.taken(ev.Refused)[-1].cause == 23
    assert pair.ue.state is not EmmState.REGISTERED


def test_attach_by_guti_with_a_valid_mac_is_not_authenticated_again() -> None:
    pair = Pair()
    pair.attach()
    pair.ue.detach(pair.now)
    pair.run()
    asked = len(pair.network.taken(ev.GetAuthVectors))
    pair.ue.attach(pair.now)
    pair.run()
    assert pair.ue.state is EmmState.REGISTERED
    assert pair.network.nas.state is State.REGISTERED
    assert len(pair.network.taken(ev.GetAuthVectors)) == asked
    contexts = pair.network.taken(ev.InitialContextSetup)
    assert pair.k_enb == contexts[-1].k_enb != contexts[0].k_enb


def test_policy_may_authenticate_a_known_phone() -> None:
    pair = Pair(Network(replace(DEFAULTS, authenticate_known=True)))
    pair.attach()
    first = pair.network.nas.context.security
    pair.ue.detach(pair.now)
    pair.run()
    pair.ue.attach(pair.now)
    pair.run()
    second = pair.network.nas.context.security
    assert pair.ue.state is EmmState.REGISTERED
    assert first is not None
    assert second is not None
    assert first.ksi != second.ksi
    assert pair.k_enb == pair.network.taken(ev.InitialContextSetup)[-1].k_enb


def test_unknown_guti_is_asked_for_its_imsi() -> None:
    pair = Pair()
    pair.attach()
    pair.ue.detach(pair.now)
    pair.run()
    pair.moved_to(Network(sqn=64))
    pair.ue.attach(pair.now)
    pair.run()
    assert pair.ue.state is EmmState.REGISTERED
    assert pair.network.nas.imsi == IMSI
    assert pair.network.taken(ev.IdentityKnown)[0].imsi == IMSI


def test_sequence_number_behind_the_card_is_resynchronised() -> None:
    pair = Pair(Network(sqn=32), sqn=aka.SqnArray().accept(aka.join_sqn(1000, 1)))
    pair.attach()
    requests = pair.network.taken(ev.GetAuthVectors)
    assert [request.resync is None for request in requests] == [True, False]
    assert pair.ue.state is EmmState.REGISTERED


def test_another_key_in_the_network_ends_in_authentication_reject() -> None:
    pair = Pair(Network(k=bytes(16)))
    pair.attach()
    assert pair.phone(ue_events.AuthenticationRejected)
    assert pair.network.nas.state is State.DEREGISTERED
    causes = [refused.cause for refused in pair.network.taken(ev.Refused)]
    assert causes[0] == 20
    assert ev.ReleaseConnection("authentication-failure") in pair.network.log


def test_service_request_derives_the_same_k_enb() -> None:
    pair = Pair()
    pair.attach()
    pair.release()
    assert pair.network.nas.timers == (("mobile reachable", 0),)
    for _ in range(40):  # past the five bits of sequence number in the message
        pair.ue.uplink_data_pending(pair.now)
        pair.run()
        assert pair.k_enb == pair.network.taken(ev.InitialContextSetup)[-1].k_enb
        assert pair.network.nas.connected
        pair.release()
    assert len({context.k_enb for context in pair.network.taken(ev.InitialContextSetup)}) == 41


def test_service_request_of_a_phone_that_the_network_forgot_is_rejected() -> None:
    pair = Pair()
    pair.attach()
    pair.release()
    pair.network.advance(2 * 3600_000 + 1)
    assert pair.network.nas.state is State.DEREGISTERED
    assert ev.Deregistered("implicitly detached") in pair.network.log
    pair.ue.uplink_data_pending(pair.now)
    pair.run()
    assert pair.phone(ue_events.ServiceRejected)[0].cause == 10


def test_periodic_update_keeps_the_phone_registered() -> None:
    pair = Pair()
    pair.attach()
    pair.release()
    for _ in range(3):
        timer = pair.ue.next_timer()
        assert timer is not None
        pair.network.advance(timer - pair.now)
        pair.ue.handle_timers(pair.now)
        pair.run()
        assert pair.network.nas.state is State.REGISTERED
        assert not pair.network.nas.connected, "without data the connection is released"
    assert len(pair.phone(ue_events.TrackingAreaUpdated)) == 3
    assert pair.ue.guti == pair.network.nas.guti


def test_update_of_a_forgotten_phone_is_rejected_with_unknown_identity() -> None:
    pair = Pair()
    pair.attach()
    pair.release()
    pair.moved_to(Network())
    pair.ue.cell(("001", "01"), 9, 0x19B02, pair.now)
    pair.run()
    assert pair.phone(ue_events.TrackingAreaUpdateRejected)[0].cause == 9


def test_phone_detaches_when_switched_off_without_an_answer() -> None:
    pair = Pair()
    pair.attach()
    pair.ue.detach(pair.now, switch_off=True)
    pair.run()
    nas = pair.network.nas
    assert nas.state is State.DEREGISTERED
    assert pair.network.taken(ev.DeleteSession) == [ev.DeleteSession(5)]
    assert (nas.timers, nas.context.bearers, nas.context.deleting, nas.context.pdn_requests) == ((), {}, set(), {})
    assert nas.context.vectors == []


@pytest.mark.parametrize("reattach", [False, True])
def test_network_detaches_the_phone(reattach: bool) -> None:
    pair = Pair()
    pair.attach()
    pair.network.nas.detach(pair.now, reattach=reattach)
    pair.run()
    assert pair.phone(ue_events.Detached)
    if reattach:
        pair.network.advance(60_000)
        pair.ue.handle_timers(pair.now)
        pair.run()
        assert pair.network.nas.state is State.REGISTERED
    else:
        assert pair.network.nas.state is State.DEREGISTERED
        assert pair.network.nas.timers == ()


def test_idle_phone_is_paged_before_it_is_detached() -> None:
    pair = Pair()
    pair.attach()
    pair.release()
    pair.network.nas.detach(pair.now)
    pair.network.run()
    assert pair.network.taken(ev.Page)
    pair.ue.paged(pair.now, "s-TMSI")
    pair.run()
    assert pair.network.nas.state is State.DEREGISTERED
    assert pair.phone(ue_events.Detached)


def test_guti_is_reallocated() -> None:
    pair = Pair()
    pair.attach()
    before = pair.ue.guti
    pair.network.nas.reallocate_guti(pair.now)
    pair.run()
    assert pair.ue.guti == pair.network.nas.guti != before
    assert before is not None
    assert not pair.network.nas.matches(before)
    assert pair.network.nas.matches((1, pair.network.nas.guti.m_tmsi))


def test_dedicated_bearer_is_opened_changed_and_closed() -> None:
    pair = Pair()
    pair.attach()
    nas = pair.network.nas
    qos = ev.BearerQos(1, mbr=ev.Ambr(128_000, 64_000), gbr=ev.Ambr(64_000, 32_000))
    tft = bytes.fromhex("213000023011")  # one filter, both ways: UDP
    ebi = nas.activate_bearer(5, qos, tft, pair.now, s1u_address="127.0.0.9", s1u_teid=77)
    pair.run()
    assert pair.network.taken(ev.ErabSetup)[0].erabs[0].s1u_teid == 77
    assert nas.context.bearers[ebi].state is BearerState.ACTIVE
    assert pair.phone(ue_events.BearerActivated)[-1].linked_ebi == 5
    nas.modify_bearer(ebi, pair.now, qos=replace(qos, mbr=ev.Ambr(256_000, 128_000)))
    pair.run()
    assert pair.phone(ue_events.BearerModified)[-1].qos.mbr_dl == 256
    nas.deactivate_bearer(ebi, pair.now)
    pair.run()
    assert nas.context.bearers.keys() == {5}
    assert pair.phone(ue_events.BearerDeactivated)[-1].ebi == ebi
    assert nas.timers == ()


@pytest.mark.parametrize(
    ("cause", "pair"),
    [(15, Pair(Network(replace(DEFAULTS, allowed_tacs=frozenset({99}))))),
     (12, Pair(Network(replace(DEFAULTS, allowed_tacs=frozenset({99}), area_cause=12)))),
     (22, Pair(Network(replace(DEFAULTS, congested_t3346_s=60))))],
)  # fmt: skip
def test_attach_is_refused_by_policy(cause: int, pair: Pair) -> None:
    pair.attach()
    assert pair.phone(ue_events.AttachRejected)[0].cause == cause
    assert pair.network.nas.state is State.DEREGISTERED


@pytest.mark.parametrize("cause", [3, 8, 11, 12, 15, 17])
@pytest.mark.parametrize("kind", [ev.GetAuthVectors, ev.UpdateLocation])
def test_refusal_of_the_home_network_reaches_the_phone(kind: type, cause: int) -> None:
    pair = Pair()
    pair.network.answers[kind] = cause
    pair.attach()
    rejected = pair.phone(ue_events.AttachRejected)
    refused = pair.network.taken(ev.Refused)[-1]
    assert (refused.what, refused.cause, refused.identity) == ("attach", cause, f"IMSI {IMSI}")
    assert f"(#{cause})" in refused.cause_name
    assert rejected[0].cause == cause
    assert pair.network.nas.timers == ()


@pytest.mark.parametrize(
    ("phone", "esm"),
    [({"apn": "nowhere"}, 33), ({"pdn_type": "ipv6"}, 50), ({"apn": "six"}, 51)],
)
def test_attach_without_a_possible_connection_carries_the_reason(phone: dict[str, str], esm: int) -> None:
    pair = Pair(None, **phone)
    pair.attach()
    rejected = pair.phone(ue_events.AttachRejected)[0]
    assert (rejected.cause, rejected.esm_cause) == (19, esm)


def test_gateways_refusal_is_esm_failure() -> None:
    pair = Pair()
    pair.network.answers[ev.CreateSession] = 26
    pair.attach()
    rejected = pair.phone(ue_events.AttachRejected)[0]
    assert (rejected.cause, rejected.esm_cause) == (19, 26)
    assert pair.network.nas.context.bearers == {}


@pytest.mark.parametrize(("apn", "esm"), [(None, 50), ("both", 52)])
def test_phone_that_wants_both_addresses_gets_one_and_is_told_why(apn: str | None, esm: int) -> None:
    pair = Pair(None, pdn_type="ipv4v6", apn=apn)
    if apn is not None:
        pair.network.answers[ev.CreateSession] = ev.Session(ipv4=bytes([10, 0, 0, 1]))
    pair.attach()
    assert pair.ue.state is EmmState.REGISTERED
    bearer = pair.network.nas.context.bearers[5]
    assert bearer.session is not None
    assert pair.network.nas._pdn_type_cause(bearer, bearer.session) == esm


def test_apn_is_asked_for_under_protection() -> None:
    pair = Pair(None, apn="ims")
    pair.attach()
    assert pair.phone(ue_events.Attached)[0].apn == "ims"
    assert pair.network.taken(ev.CreateSession)[0].qci == 5


def test_combined_attach_is_answered_for_eps_only() -> None:
    pair = Pair(None, combined=True)
    pair.attach()
    assert pair.phone(ue_events.Attached)[0].emm_cause == 18


def test_capabilities_are_replayed_with_gea() -> None:
    pair = Pair(None, ms_network_capability=bytes.fromhex("e5e034"))
    pair.attach()
    assert pair.ue.state is EmmState.REGISTERED


def test_security_mode_is_refused_by_a_phone_whose_capabilities_were_changed() -> None:
    pair = Pair()
    pair.network.nas.context.capability = None
    original = pair.network.nas._start_security_mode

    def bid_down(now: int) -> None:
        capability = pair.network.nas.context.capability
        assert capability is not None
        pair.network.nas.context.capability = replace(capability, eea=0x80)
        original(now)

    pair.network.nas._start_security_mode = bid_down  # type: ignore[method-assign]
    pair.attach()
    assert pair.network.taken(ev.Refused)[-1].cause == 23
    assert pair.network.nas.state is State.DEREGISTERED


def test_registered_phone_is_authenticated_anew() -> None:
    pair = Pair()
    pair.attach()
    first = pair.network.nas.context.security
    pair.network.nas.authenticate(pair.now)
    pair.run()
    second = pair.network.nas.context.security
    assert pair.network.nas.state is State.REGISTERED
    assert first is not None
    assert second is not None
    assert first.ksi != second.ksi
    pair.ue.detach(pair.now)
    pair.run()
    assert pair.network.nas.state is State.DEREGISTERED


def test_lost_attach_accept_is_sent_again() -> None:
    pair = Pair()
    pair.network.answers[ev.CreateSession] = None
    pair.attach()
    pair.network.nas.session_created(5, ev.Session(ipv4=bytes([10, 0, 0, 9])), pair.now)
    pair.lost_downlink = True
    pair.run()
    pair.lost_downlink = False
    pair.network.advance(6000)
    pair.run()
    assert pair.ue.state is EmmState.REGISTERED
    assert pair.network.nas.state is State.REGISTERED
    assert SUBSCRIPTION.find(None) == SUBSCRIPTION.apns[0]


def test_settings_refuse_what_cannot_be() -> None:
    for wrong in ({"mcc": "1"}, {"mme_code": 256}, {"mme_group_id": -1}, {"eia": (Eia.EIA0,)}, {"tacs": (1,) * 17}):
        with pytest.raises(ValueError, match=r"."):
            MmeNasSettings(**wrong)  # type: ignore[arg-type]


def test_keys_are_renewed_before_count_wraps_around() -> None:
    pair = Pair()
    pair.attach()
    nas, phone = pair.network.nas, pair.ue.core.security
    assert nas.context.security is not None
    assert phone is not None
    for security in (nas.context.security, phone):
        security.ul_count = COUNT_LIMIT - 200
    pair.ue.uplink_data_pending(pair.now)
    nas.reallocate_guti(pair.now)
    pair.run()
    assert nas.context.security.ul_count < 100
    assert nas.state is State.REGISTERED
    pair.ue.detach(pair.now)
    pair.run()
    assert nas.state is State.DEREGISTERED


@pytest.mark.parametrize("t3412_s", [2, 61, 1800, 3599, 11160])
def test_network_waits_longer_than_the_phone(t3412_s: int) -> None:
    pair = Pair(Network(replace(DEFAULTS, t3412_s=t3412_s)))
    pair.attach()
    pair.release()
    phone, network = pair.ue.next_timer(), pair.network.nas.next_timer()
    assert phone is not None
    assert network is not None
    assert 1000 * t3412_s <= phone < network


def test_without_t3412_nothing_runs_while_idle() -> None:
    pair = Pair(Network(replace(DEFAULTS, t3412_s=0)))
    pair.attach()
    pair.release()
    assert pair.network.nas.timers == ()
