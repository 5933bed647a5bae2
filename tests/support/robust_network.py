"""A whole network with short timers, procedures of its phone, and what must hold once something has gone wrong."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final
from unittest.mock import patch

from picocell.enb.settings import EnbSettings
from picocell.epc.epc import EpcSettings
from picocell.epc.mme.settings import MmeSettings
from picocell.epc.pgw.pgw import PgwSettings
from picocell.epc.sgw.sgw import SgwSettings
from picocell.faults import Fault
from picocell.network import Cell, Network, TimeoutInNetwork
from picocell.phone import Phone, PhoneError
from picocell.rrc_nas.nas import mme, timers, ue_attach, ue_events
from picocell.rrc_nas.nas.mme_settings import MmeNasSettings
from picocell.rrc_nas.rrc.enb_settings import EnbRrcSettings

IMSI: Final = "001010123456780"
GATEWAY: Final = "172.16.0.1"
PERMANENT: Final = frozenset({"MME associations", "HSS locations", "HSS answered"})
"""Tables that detached phones do not empty: the eNB's association, and what the HSS remembers."""
_SRB0: Final = "channels"
"""A UE with a cell has its SRB0."""

_UE_TIMERS_MS: Final = {"T3410": 4000, "T3411": 400, "T3402": 1000, "T3417": 1500, "T3421": 1500, "T3430": 4000,
                        "T3440": 600, "T3416": 8000, "T3418": 3000, "T3420": 3000}  # fmt: skip
_MME_TIMERS_S: Final = {"T3450": 1, "T3460": 1, "T3470": 1, "T3422": 1, "T3485": 1, "T3486": 1, "T3489": 1, "T3495": 1}
_WAIT_MS: Final = 40_000
_IMPLICIT_DETACH_MS: Final = 600_000
"""Mobile reachable timer, T3412 and four minutes, and as long again (TS 24.301 5.3.5)."""


@contextmanager
def short_timers() -> Iterator[None]:
    """NAS timers of UEs, and those by which an MME gives up a UE that it does not hear, are seconds at most."""
    usual = timers.default_ms

    def default_ms(name: str) -> int:
        return _UE_TIMERS_MS.get(name) or usual(name)

    with (
        patch.object(timers, "default_ms", default_ms),
        patch.object(ue_attach, "default_ms", default_ms),
        patch.object(mme, "MOBILE_REACHABLE_EXTRA_MS", 500),
        patch.object(mme, "IMPLICIT_DETACH_MS", 500),
    ):
        yield


@dataclass(frozen=True, slots=True)
class QuickCell(Cell):
    """A cell of 6 blocks whose procedures give up soon."""

    n_prb: int = 6
    inactivity_ms: int | None = 300
    rrc: EnbRrcSettings = field(
        default_factory=lambda: EnbRrcSettings(procedure_ms=1000, setup_ms=500, s1_release_ms=1000)
    )

    def enb_settings(self) -> EnbSettings:
        """Settings of the eNB."""
        found = Cell.enb_settings(self)
        return EnbSettings(
            **{name: getattr(found, name) for name in EnbSettings.__dataclass_fields__ if name != "s1ap"},
            s1ap=type(found.s1ap)(guard_ms=1500, retry_ms=1000),
        )


def quick_network(seed: int = 0, *, cell: Cell | None = None, t3412_s: int = 3240) -> Network:
    """A network that does everything soon, and gives up soon."""
    mme = MmeSettings(
        nas=MmeNasSettings(timers_s=_MME_TIMERS_S, t3412_s=t3412_s),
        time_to_wait_s=1,
        guard_ms=1500,
        connected_guard_ms=6000,
        t3413_ms=1500,
        s6a_timeout_ms=900,
        gtp_t3_ms=400,
    )
    core = EpcSettings(
        mme=mme, sgw=SgwSettings(t3_ms=250, paging_guard_ms=6000), pgw=PgwSettings(t3_ms=250, ping=False, rest_ms=0)
    )
    return Network(cell or QuickCell(), epc=core, seed=seed)


def leftovers(net: Network) -> dict[str, int]:
    """Every table that is not empty, but for the permanent ones."""
    return {
        name: size for name, size in net.tables().items() if size and name not in PERMANENT and not name.endswith(_SRB0)
    }


def wait_until_empty(net: Network, timeout_ms: int = _WAIT_MS) -> None:
    """Wait until nothing is left of phones that are gone.

    Raises:
        AssertionError: something is left.
    """
    try:
        net.run_until(lambda: net.now % 10 == 0 and not leftovers(net), timeout_ms)
    except TimeoutInNetwork:
        raise AssertionError(f"left after {timeout_ms} ms: {leftovers(net)}; {states(net)}") from None


def states(net: Network) -> str:
    """What the phones are, for messages."""
    return "; ".join(phone.state for phone in net.phones)


@dataclass(frozen=True, slots=True)
class Bench:
    """A network and the phone that procedures are about."""

    net: Network
    phone: Phone

    @classmethod
    def make(cls, seed: int = 0, *, cell: Cell | None = None, t3412_s: int = 3240) -> "Bench":
        """A quick network with one phone."""
        net = quick_network(seed, cell=cell, t3412_s=t3412_s)
        net.run(5)  # S1 Setup
        return cls(net, net.phone())


def answers(bench: Bench, timeout_ms: int = _WAIT_MS) -> bool:
    """Whether packets get through in the end: ping until they do."""
    net, phone = bench.net, bench.phone
    end = net.now + timeout_ms
    while net.now < end:
        if phone.ip is None:
            net.run(50)
        elif phone.ping(GATEWAY, 1, timeout_ms=1500).received:
            return True
    return False


def refused(phone: Phone, since: int) -> bool:
    """Whether the network refused the phone for good: it does not try again by itself."""
    final = any(
        at >= since and isinstance(event, ue_events.AttachRejected | ue_events.AuthenticationRejected)
        for at, event in phone.events
    )
    return final and not phone.attached and not phone.ue.nas.core.attach_wanted


# procedures; each returns when it has been started


def attach(bench: Bench) -> None:
    """Attach of a phone that is off or detached."""
    bench.phone.attach(wait=False)


def service_request(bench: Bench) -> None:
    """Of a registered idle phone that has data."""
    host = bench.phone.host
    assert host is not None
    host.ping(GATEWAY, 0xFFFE, 1)


def paging(bench: Bench) -> None:
    """Of a registered idle phone for which data come."""
    bench.net.host.ping(bench.phone.ip or "", 0xFFFF, 1)


def tracking_area_update(bench: Bench) -> None:
    """Of a registered idle phone, as its periodic timer ends."""
    ue = bench.phone.ue
    ue.nas.core.timers.start("T3412", ue.now, 1)


def detach(bench: Bench) -> None:
    """Of a registered idle phone."""
    bench.phone.detach(wait=False)


PROCEDURES: Final[dict[str, Callable[[Bench], None]]] = {
    "attach": attach,
    "service request": service_request,
    "paging": paging,
    "tracking area update": tracking_area_update,
    "detach": detach,
}


def prepare(bench: Bench, procedure: str) -> None:
    """Bring a phone to where a procedure begins."""
    if procedure == "attach":
        return
    bench.phone.attach()
    bench.net.run(30)  # the last messages of the attach
    bench.phone.wait_idle(5000)
    bench.net.run(150)  # the eNB is done with it, too


def record(bench: Bench, procedure: str) -> list[str]:
    """Kinds of the messages of a procedure that nothing disturbs, in order, until the phone is idle again."""
    net, phone = bench.net, bench.phone
    prepare(bench, procedure)
    net.faults.log.clear()
    net.faults.recording = True
    PROCEDURES[procedure](bench)
    if procedure == "detach":
        net.run_until(lambda: not leftovers(net), 10_000)
    else:
        net.run_until(lambda: phone.connected, 10_000)
        net.run_until(lambda: phone.attached and not phone.connected, 10_000)
    net.run(150)
    net.faults.recording = False
    kinds = [kind for _, kind in net.faults.log]
    leave(bench)
    return kinds


def leave(bench: Bench) -> None:
    """Detach where there is something to detach from, wait until nothing is left, and take the battery out."""
    net, phone = bench.net, bench.phone
    if phone.attached or phone.connected or phone.ue.nas.core.attach_wanted:
        phone.detach(_WAIT_MS)
    wait_until_empty(net)
    phone.switch_off()


def _empties(net: Network) -> bool:
    try:
        wait_until_empty(net, 8000)
    except AssertionError:
        return False
    return True


def disturbed(bench: Bench, procedure: str) -> str:
    """Carry out a procedure that faults have been prepared for, and check that all comes right by itself.

    Returns:
        How it came right.

    Raises:
        AssertionError: it did not.
    """
    net, phone = bench.net, bench.phone
    start, outcome = net.now, "done"
    PROCEDURES[procedure](bench)
    try:
        if procedure == "detach":
            net.run_until(lambda: not phone.attached and not phone.connected, _WAIT_MS)
            net.run(200)
        else:
            net.run(60)
            net.run_until(lambda: phone.attached or refused(phone, start), _WAIT_MS)
        if refused(phone, start):
            outcome = "refused"
            phone.switch_off()
            phone.attach(_WAIT_MS)
        if procedure != "detach":
            assert answers(bench), f"no packet gets through: {states(net)}"
        net.faults.clear()
        if procedure == "detach" and not _empties(net):  # the network did not hear of it: until it misses the phone
            outcome = "kept"
            phone.attach(_WAIT_MS)
        leave(bench)
    except (TimeoutInNetwork, PhoneError) as error:
        raise AssertionError(f"{error} ({states(net)})") from None
    return outcome


def kill_at(bench: Bench, step: int, *, again: bool = True) -> bool:
    """Take the phone's battery out when the ``step``th message of its attach passes, and see that nothing is left.

    Args:
        bench: network and phone, which is off.
        step: from 1.
        again: attach and detach once more, as soon as the phone is off; else the network has to find out by itself.

    Returns:
        Whether there was such a message.

    Raises:
        AssertionError: something is left.
    """
    net, phone = bench.net, bench.phone
    net.faults.log.clear()
    net.faults.recording = True
    phone.attach(wait=False)
    try:
        net.run_until(lambda: len(net.faults.log) >= step or (phone.attached and not phone.connected), 10_000)
    finally:
        net.faults.recording = False
    found = len(net.faults.log) >= step
    phone.switch_off()
    assert not any(phone.tables().values()), phone.tables()
    if again:
        phone.attach(_WAIT_MS)
        phone.detach(_WAIT_MS)
    wait_until_empty(net, _WAIT_MS if again else _IMPLICIT_DETACH_MS)
    phone.switch_off()
    return found


def storm(net: Network, phones: Sequence[Phone], rounds: int = 2) -> None:
    """All phones attach at once, half of them lose their battery midway and come back; then all detach.

    Raises:
        AssertionError: something is left.
        TimeoutInNetwork: a phone does not attach.
    """
    for number in range(rounds):
        for phone in phones:
            phone.attach(wait=False)
        net.run(250 - 100 * (number % 2))
        for phone in phones[number % 2 :: 2]:
            phone.switch_off()
        net.run_until(lambda: all(phone.attached for phone in phones if phone.is_on), 20_000)
        for phone in phones[number % 2 :: 2]:
            phone.attach(wait=False)
        net.run_until(lambda: all(phone.attached for phone in phones), 20_000)
        # a detach that crosses the end of the attach may be lost with its connection (TS 24.301 5.5.2.2.4)
        net.run(200)
        for phone in phones:
            phone.detach(wait=False)
        wait_until_empty(net)


def prepare_fault(bench: Bench, action: str, kind: str, nth: int = 1, count: int | None = 1) -> Fault:
    """What is to go wrong: ``drop``, ``repeat``, ``delay`` (3 s) or ``mutate`` (a bit)."""
    faults = bench.net.faults
    match action:
        case "drop":
            return faults.drop(kind, nth=nth, count=count)
        case "repeat":
            return faults.repeat(kind, nth=nth, count=count)
        case "delay":
            return faults.delay(kind, 3000, nth=nth, count=count)
        case _:
            return faults.mutate(kind, nth=nth, count=count)
