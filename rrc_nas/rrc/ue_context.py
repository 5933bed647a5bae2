"""What the procedures of a UE's RRC share: identity, settings, state, timers, events, counters."""

import logging
import random
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from picocell.mac.dedicated_config import DedicatedConfig
from picocell.rrc_nas.rrc.bearer_config import BearerSetup
from picocell.rrc_nas.rrc.events import SendSrb
from picocell.rrc_nas.rrc.paging_occasion import CYCLES_RF, check_imsi, ue_identity_index
from picocell.rrc_nas.rrc.states import SecurityKeys
from picocell.rrc_nas.rrc.ue_events import UeRrcEvent
from picocell.rrc_nas.rrc.ue_measurements import Measurements
from picocell.rrc_nas.security.algorithms import Eea, Eia

log = logging.getLogger("picocell.rrc_nas.rrc.ue")


class RrcState(StrEnum):
    """RRC states with their parts (TS 36.331 4.2.1, 5.3).

    The first four are RRC_IDLE, the others RRC_CONNECTED.
    """

    SEARCHING = "idle: no cell"
    ACQUIRING = "idle: reading a cell's system information"
    CAMPED = "idle: camped"
    CONNECTING = "idle: connection requested (T300)"
    CONNECTED = "connected"
    SELECTING = "connected: cell selection for re-establishment (T311)"
    REESTABLISHING = "connected: re-establishment requested (T301)"
    RELEASING = "connected: release received"

    @property
    def connected(self) -> bool:
        """Whether this is RRC_CONNECTED."""
        return self in _CONNECTED


_CONNECTED = (RrcState.CONNECTED, RrcState.SELECTING, RrcState.REESTABLISHING, RrcState.RELEASING)


class Timer(StrEnum):
    """Timers: those of TS 36.331 7.3 by name, and delays of the procedures."""

    T300 = "T300"
    T301 = "T301"
    T302 = "T302"
    T303 = "T303"
    T305 = "T305"
    T310 = "T310"
    T311 = "T311"
    RELEASE = "release"
    ACQUISITION = "acquisition of system information"
    MODIFICATION = "modification period"
    VALIDITY = "validity of system information"
    BARRED = "barred cell"


@dataclass(slots=True)
class UeIdentity:
    """Who the UE is.

    Attributes:
        imsi: 6 to 15 digits.
        s_tmsi: S-TMSI (mmec, m_tmsi); None while there is none.
        drx: UE specific DRX cycle in radio frames; None for the cell's.
        access_classes: of the SIM; None for the one that the IMSI's last digit names (TS 22.011 4.2).
    """

    imsi: str
    s_tmsi: tuple[int, int] | None = None
    drx: int | None = None
    access_classes: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        check_imsi(self.imsi)
        if self.drx is not None and self.drx not in CYCLES_RF:
            raise ValueError(f"a DRX cycle of {self.drx} frames is not allowed: use one of {CYCLES_RF}")

    @property
    def index(self) -> int:
        """UE_ID, IMSI mod 1024."""
        return ue_identity_index(self.imsi)

    @property
    def special_classes(self) -> tuple[int, ...]:
        """Access classes 11 to 15."""
        return tuple(ac for ac in self.access_classes or () if 11 <= ac <= 15)


@dataclass(frozen=True, slots=True)
class UeRrcSettings:
    """What a UE can do, and times that the standard leaves open.

    Attributes:
        bands: frequency bands.
        eea: ciphering algorithms that a SecurityModeCommand may name.
        eia: integrity algorithms that it may name; EIA0 is for emergency calls only.
        transmission_modes: that the receiver can demodulate.
        p_max_dbm: maximum output power.
        barred_ms: how long a barred cell is left alone (TS 36.304 5.3.1).
        unread_ms: how long a cell is left alone whose system information does not come: up to 300 s are allowed, but it
            may be that the phone walks towards it.
        acquisition_ms: after which a cell whose system information does not come is taken to be barred.
        validity_ms: how long stored system information is valid (TS 36.331 5.2.1.3).
        release_delay_ms: between an RRCConnectionRelease and its effect (TS 36.331 5.3.8.3).
    """

    bands: frozenset[int] = frozenset(range(1, 33))
    eea: frozenset[Eea] = frozenset(Eea)
    eia: frozenset[Eia] = frozenset({Eia.EIA1, Eia.EIA2, Eia.EIA3})
    transmission_modes: frozenset[int] = frozenset({1, 2})
    p_max_dbm: float = 23.0
    barred_ms: int = 300_000
    unread_ms: int = 10_000
    acquisition_ms: int = 10_000
    validity_ms: int = 3 * 3_600_000
    release_delay_ms: int = 60


@dataclass(slots=True)
class Connection:
    """What is known of an RRC connection.

    Attributes:
        config: radio configuration.
        bearers: radio bearers.
        keys: keys of the access stratum; None until security is activated.
        c_rnti: C-RNTI in the cell.
        pci: cell in which the configuration was used.
        suspended: SRB2 and the DRBs wait for the first reconfiguration after a re-establishment.
    """

    config: DedicatedConfig
    measurements: Measurements
    bearers: tuple[BearerSetup, ...] = ()
    keys: SecurityKeys | None = None
    c_rnti: int | None = None
    pci: int = 0
    suspended: bool = False

    def has_srb2(self) -> bool:
        """Whether SRB2 can be used."""
        return not self.suspended and any(setup.lcid == 2 for setup in self.bearers)


@dataclass(slots=True)
class KeyChain:
    """K_eNB of the connection and the chain of next hops (TS 33.401 7.2.8).

    Attributes:
        k_enb: key of the access stratum.
        k_asme: key that next hops come from; None where NAS did not give it.
        sync_input: what the next NH comes from: the initial K_eNB, then the last NH.
        ncc: next hop chaining count of the K_eNB.
    """

    k_enb: bytes
    k_asme: bytes | None
    sync_input: bytes
    ncc: int = 0


@dataclass(slots=True)
class UeContext:
    """State that the procedures of one UE's RRC share.

    Attributes:
        chain: keys of the connection; None until security is active.
        next_chain: keys that NAS gave for the next SecurityModeCommand.
    """

    identity: UeIdentity
    capability: bytes
    selected_plmn: tuple[str, str]
    rng: random.Random
    settings: UeRrcSettings
    state: RrcState = RrcState.SEARCHING
    events: deque[UeRrcEvent] = field(default_factory=deque)
    timers: dict[Timer, int] = field(default_factory=dict)
    refused: Counter[str] = field(default_factory=Counter)
    connection: Connection | None = None
    chain: KeyChain | None = None
    next_chain: KeyChain | None = None
    c_rnti: int | None = None
    verify_last: Callable[[SecurityKeys], bool] | None = None
    drb_counts: Callable[[], dict[int, tuple[int, int]]] | None = None
    rsrp_dbm: float | None = None
    rsrq_db: float | None = None

    def emit(self, *events: UeRrcEvent) -> None:
        """Queue events."""
        self.events.extend(events)

    def send(self, srb: int, message: bytes) -> None:
        """Queue an RRC message."""
        self.events.append(SendSrb(srb, message))

    def start(self, timer: Timer, duration_ms: int, now: int) -> None:
        """Start a timer, or start it anew."""
        self.timers[timer] = now + duration_ms

    def stop(self, *timers: Timer) -> None:
        """Stop timers that run."""
        for timer in timers:
            self.timers.pop(timer, None)

    def running(self, *timers: Timer) -> bool:
        """Whether one of the timers runs."""
        return any(timer in self.timers for timer in timers)

    def expired(self, now: int) -> Iterator[Timer]:
        """Take the timers that are due, the earliest first, also those that are started meanwhile."""
        while self.timers:
            timer = min(self.timers, key=lambda name: self.timers[name])
            if self.timers[timer] > now:
                return
            del self.timers[timer]
            yield timer

    def refuse(self, what: str, why: str) -> None:
        """Count and log something that is not complied with."""
        self.refused[what] += 1
        log.warning("UE %s, %s: %s refused: %s", self.identity.imsi, self.state.value, what, why)
