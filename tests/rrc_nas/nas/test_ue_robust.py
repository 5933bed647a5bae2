"""Every message in every state, random octets, and random orders of what may happen to a UE."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picocell.rrc_nas.nas import codec, ies
from picocell.rrc_nas.nas.codec import NasMessage
from picocell.rrc_nas.nas.protection import SecurityHeader
from picocell.rrc_nas.nas.session_ies import EpsQos
from picocell.rrc_nas.nas.ue import UeNas
from picocell.rrc_nas.nas.ue_core import REGISTERED_STATES, Connection, EmmState
from picocell.rrc_nas.nas.ue_events import Connect
from picocell.rrc_nas.nas.ue_receive import UNPROTECTED
from picocell.rrc_nas.security.algorithms import Direction, Eea, Eia
from support.nas_network import GUTI, IMEISV, PLMN, TAC, Bench
from support.nas_recordings import usim

_TAI = ies.Tai(ies.Plmn(*PLMN), TAC)
_VALUES: dict[str, object] = {
    "eps_mobile_identity": ies.MobileIdentity.of_guti(GUTI),
    "old_guti": ies.MobileIdentity.of_guti(GUTI),
    "guti": GUTI,
    "mobile_identity": ies.MobileIdentity.imsi("001010123456780"),
    "ue_network_capability": ies.UeNetworkCapability(0xF0, 0x70),
    "replayed_ue_security_capabilities": ies.UeSecurityCapability(0xF0, 0x70),
    "selected_nas_security_algorithms": ies.NasSecurityAlgorithms(Eea.EEA2, Eia.EIA2),
    "tai_list": (_TAI,),
    "access_point_name": "internet",
    "pdn_address": ies.PdnAddress("172.16.0.2"),
    "eps_qos": EpsQos(9),
    "required_traffic_flow_qos": EpsQos(9),
    "authentication_parameter_autn": bytes(16),
    "t3412_value": 60,
}


def _messages() -> list[tuple[str, bytes]]:
    """Every message with its mandatory elements."""
    found = []
    for name in codec.MESSAGES:
        for layout in codec.layouts(name):
            if layout.direction is Direction.UPLINK:
                continue
            fields = {
                part.name: _VALUES.get(
                    part.name,
                    1 if part.length == 0.5 else 17 if part.name.endswith("cause") else bytes(int(part.length) or 4),
                )
                for part in layout.mandatory
                if part.name != "spare"
            }
            for name_of_octet in ("generic_message_container_type", "paging_identity"):
                if name_of_octet in fields:
                    fields[name_of_octet] = 1
            found.append((name, codec.encode(name, **fields)))
    return found


MESSAGES = _messages()


def _switched_on() -> Bench:
    bench = Bench()
    bench.switch_on()
    return bench


def _detaching() -> Bench:
    bench = Bench().attached()
    bench.ue.detach(bench.now)
    bench.drain()
    return bench


def _serving() -> Bench:
    bench = Bench().attached().idle()
    bench.ue.uplink_data_pending(bench.now)
    bench.drain()
    return bench


def _updating() -> Bench:
    bench = Bench().attached().idle()
    bench.ue.cell(PLMN, 8, 1, bench.now)
    bench.drain()
    return bench


def _deregistered() -> Bench:
    bench = _detaching()
    bench.send("detach accept")
    return bench


STATES: dict[EmmState, Callable[[], Bench]] = {
    EmmState.NULL: Bench,
    EmmState.DEREGISTERED: _deregistered,
    EmmState.REGISTERED_INITIATED: _switched_on,
    EmmState.REGISTERED: lambda: Bench().attached(),
    EmmState.DEREGISTERED_INITIATED: _detaching,
    EmmState.TRACKING_AREA_UPDATING_INITIATED: _updating,
    EmmState.SERVICE_REQUEST_INITIATED: _serving,
}


def _sane(ue: UeNas) -> None:
    """What holds in every state."""
    assert bool(ue.bearers) <= (ue.state in REGISTERED_STATES or ue.state is EmmState.DEREGISTERED_INITIATED)
    if ue.state is EmmState.NULL:
        assert ue.next_timer() is None
    assert ("T3410" in ue.timers) <= (ue.state is EmmState.REGISTERED_INITIATED)
    assert ("T3417" in ue.timers) <= (ue.state is EmmState.SERVICE_REQUEST_INITIATED)
    assert ("T3430" in ue.timers) <= (ue.state is EmmState.TRACKING_AREA_UPDATING_INITIATED)
    assert ("T3421" in ue.timers) <= (ue.state is EmmState.DEREGISTERED_INITIATED)
    if ue.state in REGISTERED_STATES:
        assert ue.bearers


@pytest.mark.parametrize("state", list(EmmState))
def test_every_message_in_every_state(state: EmmState) -> None:
    for name, message in MESSAGES:
        for plain in (True, False):
            bench = STATES[state]()
            assert bench.ue.state is state
            refused, events = sum(bench.ue.refused.values()), len(bench.events)
            protected = bench.context is not None and not plain
            if protected and bench.context is not None:
                message_sent = bench.context.protect(message, SecurityHeader.INTEGRITY_CIPHERED, Direction.DOWNLINK)
            else:
                message_sent = message
            bench.ue.receive(message_sent, bench.now)
            bench.drain()
            _sane(bench.ue)
            changed = bench.ue.state is not state
            taken = sum(bench.ue.refused.values()) == refused
            esm = codec.layouts(name)[0].esm
            if changed or (taken and len(bench.events) > events):
                assert esm or state is EmmState.SERVICE_REQUEST_INITIATED or (state, name) in bench.ue.handled
            if not protected and name not in UNPROTECTED:
                assert not changed
                assert not taken


@settings(derandomize=True, max_examples=300, deadline=None)
@given(st.sampled_from(list(EmmState)), st.binary(max_size=40), st.sampled_from([b"", b"\x07", b"\x37", b"\x27"]))
def test_random_octets(state: EmmState, octets: bytes, start: bytes) -> None:
    bench = STATES[state]()
    bench.ue.receive(start + octets, bench.now)
    bench.drain()
    _sane(bench.ue)


@settings(derandomize=True, max_examples=300, deadline=None)
@given(st.sampled_from(sorted(REGISTERED_STATES, key=lambda state: state.name)), st.binary(max_size=40))
def test_random_octets_under_a_valid_mac(state: EmmState, octets: bytes) -> None:
    for start in (b"\x07", b"\x52\x00", b"\x52\x01"):
        bench = STATES[state]()
        assert bench.context is not None
        pdu = bench.context.protect(start + octets, SecurityHeader.INTEGRITY_CIPHERED, Direction.DOWNLINK)
        bench.ue.receive(pdu, bench.now)
        bench.drain()
        _sane(bench.ue)


_ACTIONS: dict[str, Callable[[UeNas, int], None]] = {
    "switch on": lambda ue, now: ue.switch_on(now),
    "attach": lambda ue, now: ue.attach(now),
    "detach": lambda ue, now: ue.detach(now),
    "switch off": lambda ue, now: ue.detach(now, switch_off=True),
    "cell": lambda ue, now: ue.cell(PLMN, TAC, 1, now),
    "other cell": lambda ue, now: ue.cell(PLMN, 8, 2, now),
    "cell lost": lambda ue, now: ue.cell_lost(now),
    "established": lambda ue, now: ue.connection_established(now),
    "failed": lambda ue, now: ue.connection_failed(now, "T300"),
    "barred": lambda ue, now: ue.connection_failed(now, "reject", 4),
    "released": lambda ue, now: ue.connection_released(now),
    "broken": lambda ue, now: ue.radio_link_failed(now, True),
    "paged": lambda ue, now: ue.paged(now, "s_tmsi"),
    "paged by IMSI": lambda ue, now: ue.paged(now, "imsi"),
    "data": lambda ue, now: ue.uplink_data_pending(now),
    "bearer": lambda ue, now: ue.drb_established(5, now),
    "bearer lost": lambda ue, now: ue.drb_released(5, now),
    "attach reject": lambda ue, now: ue.receive(codec.encode("attach reject", emm_cause=17), now),
    "detach accept": lambda ue, now: ue.receive(codec.encode("detach accept"), now),
    "service reject": lambda ue, now: ue.receive(codec.encode("service reject", emm_cause=9), now),
    "update reject": lambda ue, now: ue.receive(codec.encode("tracking area update reject", emm_cause=10), now),
    "authentication reject": lambda ue, now: ue.receive(codec.encode("authentication reject"), now),
    "forged challenge": lambda ue, now: ue.receive(
        codec.encode(
            "authentication request",
            nas_key_set_identifier=1,
            authentication_parameter_rand=bytes(16),
            authentication_parameter_autn=bytes(6) + b"\x80" + bytes(9),
        ),
        now,
    ),
    "time": lambda ue, now: ue.handle_timers(now),
}


@settings(derandomize=True, max_examples=200, deadline=None)
@given(
    st.sampled_from(list(EmmState)),
    st.lists(st.tuples(st.sampled_from(sorted(_ACTIONS)), st.integers(0, 20_000)), max_size=25),
)
def test_whatever_happens_in_whatever_order(state: EmmState, steps: list[tuple[str, int]]) -> None:
    bench = STATES[state]()
    ue, now = bench.ue, bench.now
    for name, wait in steps:
        now += wait
        _ACTIONS[name](ue, now)
        while ue.next_event() is not None:
            pass
        _sane(ue)


@settings(derandomize=True, max_examples=50, deadline=None)
@given(st.sampled_from(list(EmmState)), st.booleans())
def test_timers_always_move_on(state: EmmState, cell: bool) -> None:
    bench = STATES[state]()
    ue, now = bench.ue, bench.now
    if not cell:
        ue.cell_lost(now)
    for _ in range(40):
        end = ue.next_timer()
        if end is None:
            break
        now = max(now, end)
        ue.handle_timers(now)
        following = ue.next_timer()
        assert following is None or following > now
        while (event := ue.next_event()) is not None:
            if isinstance(event, Connect):
                ue.connection_established(now)
        if ue.connection is Connection.CONNECTED and ue.state in (EmmState.DEREGISTERED, EmmState.REGISTERED):
            ue.connection_released(now)


def test_silent_network_is_called_at_a_bounded_rate() -> None:
    bench = _switched_on()
    requests: list[NasMessage] = bench.tick(24 * 3_600_000)
    # Five attempts of 15 s with 10 s between them, then T3402 of 12 minutes.
    assert 24 * 3600 / 835 * 5 - 10 < len(requests) < 24 * 3600 / 835 * 5 + 10


def test_bad_arguments() -> None:
    with pytest.raises(ValueError, match="IMEISV"):
        UeNas(usim(), imeisv="12")
    with pytest.raises(ValueError, match="PDN type"):
        UeNas(usim(), imeisv=IMEISV, pdn_type="ppp")
