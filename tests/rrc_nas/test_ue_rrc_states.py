"""Every message in every state, and everything that may happen in any order: legal transitions or clean refusals."""

import random
from collections.abc import Callable
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picocell.rrc_nas.asn1 import MESSAGE_TYPES
from picocell.rrc_nas.rrc.ue import RrcState
from picocell.rrc_nas.rrc.ue_events import ConnectionEstablished, ConnectionFailed, ConnectionReleased
from support.ue_rrc import (
    RECONFIGURATION,
    SETUP,
    Phone,
    dl,
    information_transfer,
    mib,
    paging,
    reconfiguration,
    reestablishment,
    reestablishment_reject,
    reject,
    release,
    security_mode_command,
    si,
    sib1,
)

MESSAGES: Final[dict[str, tuple[str, bytes]]] = {
    "rrcConnectionSetup": ("ccch", SETUP),
    "rrcConnectionReject": ("ccch", reject(3)),
    "rrcConnectionReestablishment": ("ccch", reestablishment(1)),
    "rrcConnectionReestablishmentReject": ("ccch", reestablishment_reject()),
    "dlInformationTransfer": ("dcch", information_transfer(b"\x07\x00")),
    "rrcConnectionReconfiguration": ("dcch", RECONFIGURATION),
    "rrcConnectionRelease": ("dcch", release()),
    "securityModeCommand": ("dcch", security_mode_command()),
    "ueCapabilityEnquiry": ("dcch", dl("ueCapabilityEnquiry", {"ue-CapabilityRequest": ["eutra"]})),
    "counterCheck": (
        "dcch",
        dl(
            "counterCheck",
            {"drb-CountMSB-InfoList": [{"drb-Identity": 1, "countMSB-Uplink": 0, "countMSB-Downlink": 0}]},
        ),
    ),
    "mobilityFromEUTRACommand": (
        "dcch",
        dl(
            "mobilityFromEUTRACommand",
            {
                "cs-FallbackIndicator": False,
                "purpose": ("handover", {"targetRAT-Type": "utra", "targetRAT-MessageContainer": b"\x00"}),
            },
        ),
    ),
    "csfbParametersResponseCDMA2000": (
        "dcch",
        dl("csfbParametersResponseCDMA2000", {"rand": (0, 32), "mobilityParameters": b""}, choice=False),
    ),
}


def phone_in(state: RrcState) -> Phone:
    """A UE that came to a state by the ordinary way."""
    phone = Phone()
    if state is RrcState.SEARCHING:
        return phone
    phone.rrc.mib(mib(), 1, 0)
    if state is RrcState.ACQUIRING:
        return phone
    phone.camp()
    if state is RrcState.CONNECTING:
        phone.rrc.connect(b"\x07", "mo-Data", 100)
    if state.connected:
        phone.connect(bearers=True)
    if state is RrcState.RELEASING:
        phone.rrc.receive_dcch(1, release(), 500)
    if state in (RrcState.SELECTING, RrcState.REESTABLISHING):
        phone.rrc.max_retx_reached(1, 500)
    if state is RrcState.REESTABLISHING:
        phone.rrc.mib(mib(), 1, 600)
        phone.rrc.receive_bcch(sib1(), 625)
    phone.events()
    assert phone.rrc.state is state
    return phone


def deliver(phone: Phone, channel: str, message: bytes, now: int) -> None:
    if channel == "ccch":
        phone.rrc.receive_ccch(message, now)
    else:
        phone.rrc.receive_dcch(1, message, now)


AFTER: Final = {  # where a message leads, where that is not the state it came in
    (RrcState.CONNECTING, "rrcConnectionSetup"): RrcState.CONNECTED,
    (RrcState.CONNECTING, "rrcConnectionReject"): RrcState.CAMPED,
    (RrcState.REESTABLISHING, "rrcConnectionReestablishment"): RrcState.CONNECTED,
    (RrcState.REESTABLISHING, "rrcConnectionReestablishmentReject"): RrcState.CAMPED,
    (RrcState.CONNECTED, "rrcConnectionRelease"): RrcState.RELEASING,
    (RrcState.CONNECTED, "mobilityFromEUTRACommand"): RrcState.SELECTING,
}


@pytest.mark.parametrize("name", MESSAGES)
@pytest.mark.parametrize("state", RrcState)
def test_every_message_in_every_state(state: RrcState, name: str) -> None:
    phone = phone_in(state)
    deliver(phone, *MESSAGES[name], 700)
    expected = (state, name) in phone.rrc.transitions
    assert phone.rrc.state is AFTER.get((state, name), state)
    if not expected:
        assert phone.rrc.refused[name] == 1
        assert phone.events() == []


def test_every_transition_is_tried() -> None:
    tried = {(state, name) for state in RrcState for name in MESSAGES}
    assert set(Phone().rrc.transitions) <= tried


@pytest.mark.parametrize("state", RrcState)
def test_malformed_messages_in_every_state(state: RrcState) -> None:
    rng = random.Random(4)
    for _, message in MESSAGES.values():
        for _ in range(6):
            phone = phone_in(state)
            data = bytearray(message)
            for _ in range(rng.randrange(1, 4)):
                data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
            cut = bytes(data[: rng.randrange(len(data) + 1)])
            for channel in ("ccch", "dcch"):
                deliver(phone, channel, cut, 700)
            phone.rrc.receive_bcch(cut, 710)
            phone.rrc.receive_pcch(cut, 710)
            assert settled(phone)


def settled(phone: Phone) -> bool:
    """Let all timers run: the UE ends in a state that only something from outside changes."""
    for _ in range(200):
        due = phone.rrc.next_timer()
        if due is None:
            break
        phone.rrc.handle_timers(due)
        later = phone.rrc.next_timer()
        assert later is None or later > due
    return phone.rrc.state in (RrcState.SEARCHING, RrcState.CAMPED, RrcState.CONNECTED)


@pytest.mark.parametrize("state", RrcState)
def test_timers_lead_every_state_to_an_end(state: RrcState) -> None:
    phone = phone_in(state)
    assert settled(phone)
    assert phone.rrc.next_timer() is None


ACTIONS: Final[dict[str, Callable[[Phone, int], None]]] = {
    "mib": lambda phone, now: phone.rrc.mib(mib(), 1, now),
    "mib of another cell": lambda phone, now: phone.rrc.mib(mib(25), 2, now),
    "sib1": lambda phone, now: phone.rrc.receive_bcch(sib1(), now),
    "sib1 changed": lambda phone, now: phone.rrc.receive_bcch(sib1(systemInfoValueTag=1), now),
    "sib1 barred": lambda phone, now: phone.rrc.receive_bcch(sib1(cellBarred="barred"), now),
    "si": lambda phone, now: phone.rrc.receive_bcch(si(), now),
    "strong": lambda phone, now: phone.rrc.measurement(now, -80.0, -8.0),
    "weak": lambda phone, now: phone.rrc.measurement(now, -139.0, -18.0),
    "lost": lambda phone, now: phone.rrc.cell_lost(now),
    "change": lambda phone, now: phone.rrc.receive_pcch(paging(modification=True), now),
    "connect": lambda phone, now: phone.rrc.connect(b"\x07", "mo-Data", now),
    "key": lambda phone, _now: phone.rrc.set_security(bytes(32)),
    "nas": lambda phone, now: phone.rrc.send_nas(b"\x07", now),
    "give up": lambda phone, now: phone.rrc.release_locally(now),
    "access": lambda phone, now: phone.rrc.random_access_complete(now, 70),
    "access problem": lambda phone, now: phone.rrc.random_access_problem(now),
    "retx": lambda phone, now: phone.rrc.max_retx_reached(1, now),
    "forged": lambda phone, now: phone.rrc.integrity_failure(now, 1),
    "out": lambda phone, now: phone.rrc.out_of_sync(now),
    "in": lambda phone, now: phone.rrc.in_sync(now),
    "empty reconfiguration": lambda phone, now: phone.rrc.receive_dcch(1, reconfiguration(), now),
} | {
    name: lambda phone, now, entry=entry: deliver(phone, *entry, now)  # type: ignore[misc]
    for name, entry in MESSAGES.items()
}


@settings(max_examples=500, deadline=None, derandomize=True)
@given(
    st.sampled_from(RrcState),
    st.lists(st.tuples(st.sampled_from(sorted(ACTIONS)), st.integers(0, 3000)), max_size=25),
)
def test_anything_in_any_order(state: RrcState, actions: list[tuple[str, int]]) -> None:
    """A connection has one beginning and one end, requests are answered once, and all ends in a lasting state."""
    phone = phone_in(state)
    watch = Watch(phone, state.connected, state is RrcState.CONNECTING)
    now = 1000
    for name, delay in [*actions, ("in", 30_000_000)]:
        now += delay
        phone.run(now)
        watch.look()
        answers = phone.rrc.state in (RrcState.SEARCHING, RrcState.ACQUIRING, RrcState.CAMPED, RrcState.RELEASING)
        watch.waiting |= name == "connect" and answers
        ACTIONS[name](phone, now)
        watch.look()
    assert settled(phone)
    watch.look()
    assert not watch.waiting


class Watch:
    """Checks what a UE tells about its connection."""

    def __init__(self, phone: Phone, connected: bool, waiting: bool) -> None:
        self.phone, self.connected, self.waiting = phone, connected, waiting

    def look(self) -> None:
        for event in self.phone.events():
            match event:
                case ConnectionEstablished():
                    assert self.waiting
                    assert not self.connected
                    self.connected, self.waiting = True, False
                case ConnectionFailed():
                    assert self.waiting
                    self.waiting = False
                case ConnectionReleased():
                    assert self.connected
                    self.connected = False
        assert self.phone.rrc.state.connected == self.connected
        assert (self.phone.rrc.connection is not None) == self.connected


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.sampled_from(RrcState), st.lists(st.binary(max_size=60), max_size=6))
def test_any_bytes_are_taken_or_refused(state: RrcState, data: list[bytes]) -> None:
    phone = phone_in(state)
    for message in data:
        deliver(phone, "ccch", message, 700)
        deliver(phone, "dcch", message, 700)
        phone.rrc.receive_bcch(message, 700)
        phone.rrc.receive_pcch(message, 700)
    assert settled(phone)
    assert len(MESSAGE_TYPES) == 7
