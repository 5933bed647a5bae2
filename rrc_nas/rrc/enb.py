"""RRC of a base station's cell (TS 36.331): connections of its UEs, and paging. Without I/O, in milliseconds."""

from typing import Any, Final

from picocell.phy.lte.cell import Cell
from picocell.rrc_nas import asn1
from picocell.rrc_nas.asn1 import Asn1Error
from picocell.rrc_nas.rrc import enb_defaults, enb_establishment
from picocell.rrc_nas.rrc.enb_context import (
    ContextSetup,
    EnbRrcBase,
    ErabRelease,
    ErabSetup,
    NasTransfer,
    Request,
    UeContext,
    UeInput,
    UeState,
)
from picocell.rrc_nas.rrc.enb_establishment import OVERLOAD_ACTIONS
from picocell.rrc_nas.rrc.enb_events import (
    Cause,
    ErabReleaseDone,
    ErabSetupDone,
    InitialContextSetupFailed,
    NasNotDelivered,
    UeGone,
)
from picocell.rrc_nas.rrc.enb_lifecycle import touch
from picocell.rrc_nas.rrc.enb_paging import PagingScheduler
from picocell.rrc_nas.rrc.enb_settings import (
    EnbRrcSettings,
    ErabLike,
    InitialContextLike,
    Paging,
    UciResourcesLike,
)
from picocell.rrc_nas.rrc.enb_transitions import feed, receive_dcch
from picocell.rrc_nas.rrc.events import ReleaseRadio, UeEvent
from picocell.rrc_nas.rrc.fields import Value, number, reading

UNKNOWN_UE: Final[Cause] = ("radioNetwork", "unknown-mme-ue-s1ap-id")
_REQUESTS: Final = {
    "rrcConnectionRequest": "rrcConnectionRequest-r8",
    "rrcConnectionReestablishmentRequest": "rrcConnectionReestablishmentRequest-r8",
}


class EnbRrc(EnbRrcBase):
    """RRC of one cell.

    Requests of S1AP for a UE that is not known are answered as failed. Times are absolute subframes.

    Args:
        cell: the cell.
        sib2: SIB2 as broadcast.
        defaults: what UEs are configured with, see `enb_defaults.defaults`; None for that.
        resources: hands out uplink control resources.
        settings: settings.

    Attributes:
        accepting: connections are accepted; False while there is no MME.
        verify_last: whether the MAC-I of the message that a UE's SRB1 delivered last is right under these keys; asked
            for a SecurityModeComplete. Without it integrity is verified from the SecurityModeCommand on, so that a
            SecurityModeFailure, which is not protected, does not get through.
        ues: UEs by C-RNTI.
        counters: refusals by kind.

    Raises:
        Asn1Error: SIB2 that is none, or defaults that no message takes.
    """

    def __init__(
        self,
        cell: Cell,
        *,
        sib2: Value,
        resources: UciResourcesLike,
        defaults: dict[str, Any] | None = None,
        settings: EnbRrcSettings = EnbRrcSettings(),
    ) -> None:
        lost_ms = settings.lost_ms
        if lost_ms is None:
            with reading("SIB2"):
                timers = sib2["ue-TimersAndConstants"]
                lost_ms = sum(number(timers[name]) for name in ("t310", "t311", "t301"))
        super().__init__(cell, enb_defaults.defaults() if defaults is None else defaults, resources, settings, lost_ms)
        self._paging = PagingScheduler(sib2, duplex=cell.duplex)
        self._overload: tuple[str, int] | None = None
        self._overload_share = 0

    # from the radio

    def receive_ccch(self, rnti: int, message: bytes, now: int) -> None:
        """Take a UL-CCCH message of a UE that has had its random access."""
        try:
            name, content = asn1.decode("UL-CCCH", message)["message"][1]
            kind, body = content["criticalExtensions"] if name in _REQUESTS else (name, {})
            if kind != _REQUESTS.get(name):
                raise Asn1Error(f"{name} of a later release is not known")
        except (LookupError, TypeError, ValueError) as error:
            self.refuse(f"UE {rnti:#06x}", "malformed message", str(error))
            if rnti not in self.ues:
                self.emit(UeEvent(rnti, ReleaseRadio("malformed message on the CCCH")))
            return
        if (ue := self.ues.get(rnti)) is not None:
            self.refuse(ue, name, f"its C-RNTI is in use, in state {ue.state.name}")
        elif name == "rrcConnectionRequest":
            why_not = self._why_not(body["establishmentCause"])
            enb_establishment.connection_request(self, rnti, body, now, why_not)
        else:
            enb_establishment.reestablishment_request(self, rnti, body, now)

    def receive_dcch(self, rnti: int, srb: int, message: bytes, now: int) -> None:
        """Take a UL-DCCH message, which SRB ``srb`` has delivered."""
        ue = self.ues.get(rnti)
        if ue is None:
            self.refuse(f"UE {rnti:#06x}", "message", f"it is not known (SRB{srb})")
            return
        self.activity(rnti, now)
        receive_dcch(self, ue, message, now)

    def ue_returned(self, rnti: int, now: int) -> None:
        """The MAC has seen a UE's C-RNTI in a random access."""
        self._feed(rnti, UeInput.RETURN, None, now)

    def radio_link_failure(self, rnti: int, reason: str, now: int) -> None:
        """The MAC or RLC has lost a UE."""
        self._feed(rnti, UeInput.LINK_FAILURE, reason, now)

    def integrity_failure(self, rnti: int, now: int) -> None:
        """PDCP of an SRB has discarded a message: counted, since anybody may have sent it (TS 33.401 7.4.1)."""
        self.refuse(self._name(rnti), "message", f"its integrity could not be verified (subframe {now})")

    def activity(self, rnti: int, now: int) -> None:
        """A UE has sent or received data."""
        ue = self.ues.get(rnti)
        if ue is not None and ue.inactive is not None:
            touch(self, ue, now)

    # from S1AP

    def downlink_nas(self, rnti: int, nas: bytes, now: int) -> None:
        """Send a NAS message; while a procedure is under way it waits, or goes along with it."""
        if not self._request(rnti, NasTransfer(bytes(nas)), now):
            self.emit(NasNotDelivered(rnti, nas))

    def initial_context_setup(self, rnti: int, request: InitialContextLike, now: int) -> None:
        """Security, capability, SRB2 and DRBs; answered by InitialContextSetupDone or -Failed."""
        if not self._request(rnti, ContextSetup(request), now):
            self.emit(InitialContextSetupFailed(rnti, UNKNOWN_UE))

    def erab_setup(self, rnti: int, erabs: tuple[ErabLike, ...], nas: bytes | None, now: int) -> None:
        """Add bearers; answered by ErabSetupDone."""
        if not self._request(rnti, ErabSetup(tuple(erabs), nas), now):
            self.emit(ErabSetupDone(rnti, (), dict.fromkeys((erab.erab_id for erab in erabs), UNKNOWN_UE)))

    def erab_release(self, rnti: int, erab_ids: tuple[int, ...], nas: bytes | None, now: int) -> None:
        """Release bearers; answered by ErabReleaseDone."""
        if not self._request(rnti, ErabRelease(tuple(erab_ids), nas), now):
            self.emit(ErabReleaseDone(rnti, (), dict.fromkeys(erab_ids, UNKNOWN_UE)))

    def release(self, rnti: int, cause: Cause, now: int) -> None:
        """Release a UE; answered by UeGone."""
        ue = self.ues.get(rnti)
        if ue is None or not feed(self, ue, UeInput.RELEASE, cause, now):
            self.emit(UeGone(rnti, cause, known=True, ordered=True))

    def page(self, paging: Paging, now: int) -> None:  # noqa: ARG002 (as all requests)
        """Page a UE in its next paging occasion."""
        self._paging.page(paging)

    def overload(self, action: str | None, reduction: int | None = None) -> None:
        """Reject connections as S1AP's Overload Action says; None for the end of the overload.

        Args:
            action: a key of `OVERLOAD_ACTIONS`.
            reduction: share of the connections that are to be rejected, percent; None for all.

        Raises:
            ValueError: no such action.
        """
        if action is not None and action not in OVERLOAD_ACTIONS:
            raise ValueError(f"overload action {action!r} is not known: use one of {', '.join(OVERLOAD_ACTIONS)}")
        self._overload = None if action is None else (action, 100 if reduction is None else reduction)
        self._overload_share = 0

    # paging and system information

    def paging(self, now: int) -> bytes | None:
        """PCCH message for subframe ``now``, None where there is none to send."""
        return self._paging.message(now)

    @property
    def pages_waiting(self) -> int:
        """UEs that are yet to be paged."""
        return len(self._paging)

    def system_information_changes(self, now: int) -> int:
        """Announce a change of system information by paging.

        Returns:
            When the changed information, with the next value tag, is to be broadcast: absolute subframe.
        """
        return self._paging.system_information_changes(now)

    # time

    def next_timer(self) -> int | None:
        """When `handle_timers` is due next, ms; None where no timer runs."""
        found: int | None = None
        for ue in self.ues.values():
            if ue.guard is not None and (found is None or ue.guard < found):
                found = ue.guard
            if ue.inactive is not None and (found is None or ue.inactive < found):
                found = ue.inactive
        return found

    def handle_timers(self, now: int) -> None:
        """Do what timers that have run out ask for."""
        for ue in tuple(self.ues.values()):
            if ue.guard is not None and ue.guard <= now:
                ue.guard = None
                feed(self, ue, UeInput.GUARD, None, now)
            elif ue.inactive is not None and ue.inactive <= now:
                if ue.at_rest:
                    feed(self, ue, UeInput.INACTIVITY, None, now)
                else:
                    ue.inactive = None  # runs again when the procedure is over

    def _why_not(self, cause: str) -> str | None:
        """Why a connection is rejected; None where it is accepted."""
        if not self.accepting:
            return "there is no MME"
        if self._overload is not None and cause in OVERLOAD_ACTIONS[self._overload[0]]:
            self._overload_share += self._overload[1]
            if self._overload_share >= 100:
                self._overload_share -= 100
                return f"the MME is overloaded ({self._overload[0]})"
        limit = self.settings.max_ues
        served = sum(ue.state is not UeState.REJECTED for ue in self.ues.values())
        return f"{served} UEs are served already" if limit is not None and served >= limit else None

    def _name(self, rnti: int) -> UeContext | str:
        return self.ues.get(rnti, f"UE {rnti:#06x}")

    def _request(self, rnti: int, request: Request, now: int) -> bool:
        return self._feed(rnti, UeInput.REQUEST, request, now)

    def _feed(self, rnti: int, what: UeInput, argument: Any, now: int) -> bool:
        ue = self.ues.get(rnti)
        if ue is None:
            self.refuse(f"UE {rnti:#06x}", str(what), "it is not known")
            return False
        return feed(self, ue, what, argument, now)
