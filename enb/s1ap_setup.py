"""The S1 interface of an eNB as a whole: S1 Setup, when it is tried again, what is lost with it (TS 36.413 8.7.3)."""

import logging
from dataclasses import dataclass
from enum import Enum
from typing import Any

from picocell.enb import s1ap_events as events
from picocell.enb.s1ap_ue import UeProcedures
from picocell.enb.system_information import Identity
from picocell.epc.interfaces import s1ap_values as values
from picocell.epc.interfaces.gtpv2c_ies import pack_plmn
from picocell.epc.interfaces.s1ap import S1apPdu
from picocell.epc.interfaces.s1ap_values import CauseValue

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class EnbS1apSettings:
    """Timers of the eNB's end of S1AP.

    Attributes:
        guard_ms: how long an answer of the MME or of our own layers is waited for.
        retry_ms: when a failed S1 Setup is tried again where the MME names no time.
        attempts: times that a Reset or a configuration update is sent in all.
        paging_drx: default paging cycle in radio frames.
    """

    guard_ms: int = 10_000
    retry_ms: int = 10_000
    attempts: int = 3
    paging_drx: int = 128

    def __post_init__(self) -> None:
        if self.paging_drx not in values.PAGING_DRX:
            raise ValueError(f"paging cycle of {self.paging_drx} frames; allowed are {values.PAGING_DRX}")
        if min(self.guard_ms, self.retry_ms, self.attempts) < 1:
            raise ValueError("guard_ms, retry_ms and attempts are at least 1")


class S1State(Enum):
    """Where the S1 interface is."""

    DOWN = "no association"
    SETTING_UP = "S1 Setup sent"
    WAITING = "waiting to try again"
    READY = "served"


@dataclass(slots=True)
class _Repeated:
    """A procedure of the whole interface that is repeated until it is answered."""

    name: str
    ies: dict[str, Any]
    at: int
    left: int


class Setup(UeProcedures):
    """S1 Setup, and the procedures of the whole interface that are repeated until they are answered."""

    def __init__(
        self,
        identity: Identity,
        enb_id: int,
        name: str,
        address: str,
        mme_address: str,
        gtpu_address: str,
        *,
        settings: EnbS1apSettings = EnbS1apSettings(),
    ) -> None:
        """Start without an association.

        Args:
            identity: the cell; PLMN and TAC are told to the MME.
            enb_id: macro eNB identity, 20 bits.
            name: eNB name, at most 150 characters.
            address: our own address.
            mme_address: the MME's.
            gtpu_address: our end of the tunnels.
            settings: timers.

        Raises:
            ValueError: an identity out of its range, or a PLMN that is none.
        """
        if not 0 <= enb_id < 1 << 20:
            raise ValueError(f"eNB identity {enb_id} is outside 0..{(1 << 20) - 1}")
        if not 0 < len(name) <= 150:
            raise ValueError(f"eNB name of {len(name)} characters; allowed are 1 to 150")
        if not 0 <= identity.tac < 1 << 16:
            raise ValueError(f"TAC {identity.tac} is outside 0..65535")
        pack_plmn(identity.mcc, identity.mnc)
        super().__init__(identity, address, mme_address, gtpu_address, settings.guard_ms)
        self.enb_id, self.name, self.settings = enb_id, name, settings
        self.state = S1State.DOWN
        self.overload: str | None = None
        self._setup_timer: int | None = None
        self._repeated: dict[str, _Repeated] = {}

    @property
    def ready(self) -> bool:
        """Whether the MME serves this eNB."""
        return self.state is S1State.READY

    def connect(self, now: int) -> None:
        """The association stands: send S1 Setup (clause 8.7.3)."""
        self._drop_all()
        self._repeated.clear()
        self._send_setup(now)

    def connection_lost(self, now: int, *, retry: bool = True) -> None:
        """The association is lost: all UEs are, too. With ``retry`` S1 Setup is sent again after `retry_ms`."""
        self._interface_gone(("transport", "transport-resource-unavailable"))
        self.state = S1State.WAITING if retry else S1State.DOWN
        self._setup_timer = now + self.settings.retry_ms if retry else None

    def _send_setup(self, now: int) -> None:
        who = self._identity
        ies = {
            "Global-ENB-ID": {
                "pLMNidentity": pack_plmn(who.mcc, who.mnc),
                "eNB-ID": ("macroENB-ID", (self.enb_id, 20)),
            },
            "eNBname": self.name,
            "SupportedTAs": self._supported_tas(),
            "DefaultPagingDRX": f"v{self.settings.paging_drx}",
        }
        self.state = S1State.SETTING_UP
        self._setup_timer = now + self.settings.guard_ms
        self._send("S1SetupRequest", ies, 0)

    def _setup_response(self, pdu: S1apPdu, report: dict[str, Any] | None, now: int) -> None:
        del report, now
        if self.state is not S1State.SETTING_UP:
            self._unexpected(pdu)
            return
        ies = pdu.ies
        gummeis = tuple(
            values.Gummei(*values.read_plmn(plmn), int.from_bytes(group, "big"), code[0])
            for served in ies["ServedGUMMEIs"]
            for plmn in served["servedPLMNs"]
            for group in served["servedGroupIDs"]
            for code in served["servedMMECs"]
        )
        self.state, self._setup_timer, self.overload = S1State.READY, None, None
        name, capacity = ies.get("MMEname", ""), ies.get("RelativeMMECapacity", 0)
        _log.info("eNB %s: S1 Setup done with MME %s (%s); %s", self._address, name, self._mme_address, self._who())
        self._events.append(events.S1SetupDone(name, gummeis, capacity))

    def _setup_failure(self, pdu: S1apPdu, report: dict[str, Any] | None, now: int) -> None:
        del report
        if self.state is not S1State.SETTING_UP:
            self._unexpected(pdu)
            return
        wait = pdu.ies.get("TimeToWait")
        wait_ms = None if wait is None else 1000 * int(wait.strip("vs"))
        self._setup_refused(values.read_cause(pdu.ies), now, wait_ms)

    def _setup_refused(self, cause: CauseValue | None, now: int, wait_ms: int | None) -> None:
        """Say why there is no MME, and plan the next attempt; never before Time to Wait (clause 8.7.3.3)."""
        self.state = S1State.WAITING
        self._setup_timer = now + (self.settings.retry_ms if wait_ms is None else wait_ms)
        what = "does not answer S1 Setup" if cause is None else f"refused S1 Setup: {values.cause_text(cause)}"
        text = f"MME {self._mme_address} {what}. eNB {self.name}: {self._who()}"
        if cause == ("misc", "unknown-PLMN"):
            text += "; the MME serves another PLMN or TAC, which its own log names"
        _log.error("%s", text)
        self._events.append(events.S1SetupFailed(text, cause, self._setup_timer))

    def _who(self) -> str:
        who = self._identity
        plmn = values.plmn_text(pack_plmn(who.mcc, who.mnc))
        return f"PLMN {plmn}, TAC {values.tac_text(who.tac)}, eNB {self.enb_id} (0x{self.enb_id:05x})"

    def _supported_tas(self) -> list[dict[str, Any]]:
        who = self._identity
        return [{"tAC": who.tac.to_bytes(2, "big"), "broadcastPLMNs": [pack_plmn(who.mcc, who.mnc)]}]

    def _unexpected(self, pdu: S1apPdu) -> None:
        """An outcome that nothing waits for; dropped (clause 10.4 lets a response have no effect)."""
        self._count(f"unexpected:{pdu.message}")
        _log.warning("eNB %s: %s that nothing waits for", self._address, pdu.message)

    def _start(self, name: str, ies: dict[str, Any], now: int) -> None:
        self._repeated[name] = _Repeated(name, ies, now + self.settings.guard_ms, self.settings.attempts - 1)
        self._send(name, ies, 0)

    def _repeat(self, key: str, one: _Repeated, now: int) -> None:
        if one.left == 0:
            del self._repeated[key]
            self._count(f"unanswered:{one.name}")
            _log.error("eNB %s: MME %s does not answer %s", self._address, self._mme_address, one.name)
            return
        one.left, one.at = one.left - 1, now + self.settings.guard_ms
        self._send(one.name, one.ies, 0)

    def _interface_gone(self, cause: CauseValue) -> None:
        self._repeated.clear()
        self._outgoing.clear()
        self.overload = None
        _log.error("eNB %s: association with MME %s lost", self._address, self._mme_address)
        self._events.append(events.Reset(self._drop_all(), True, cause))
