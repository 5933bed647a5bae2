"""Establishment and release of the RRC connection, transfer of NAS messages (TS 36.331 5.3.3, 5.3.8, 5.3.12, 5.6)."""

from dataclasses import dataclass
from typing import Final

from picocell.mac.dedicated_config import DedicatedConfig
from picocell.phy.lte.ul_periodicity import cqi_subframe, sr_subframe
from picocell.rrc_nas.asn1 import Asn1Error
from picocell.rrc_nas.rrc import dedicated_update, ue_messages
from picocell.rrc_nas.rrc.bearer_config import bearers
from picocell.rrc_nas.rrc.events import ConfigureRadio, ReleaseRadio, ResetMac
from picocell.rrc_nas.rrc.states import RegisteredMme
from picocell.rrc_nas.rrc.ue_access_barring import ACCESS_OF_CAUSE, Access, AccessBarring
from picocell.rrc_nas.rrc.ue_cell_selection import CellSelection
from picocell.rrc_nas.rrc.ue_context import Connection, RrcState, Timer, UeContext, log
from picocell.rrc_nas.rrc.ue_events import (
    Camped,
    CellSelectionNeeded,
    ConnectionEstablished,
    ConnectionFailed,
    ConnectionReleased,
    NasReceived,
    StartRandomAccess,
)
from picocell.rrc_nas.rrc.ue_measurements import Measurements
from picocell.rrc_nas.rrc.ue_received import Received
from picocell.rrc_nas.rrc.ue_system_information import (
    SystemInformation,
    time_alignment_timer,
    timers_and_constants,
)

CONNECTION_FAILURE: Final = "RRC connection failure"
_MS_PER_S: Final = 1000


@dataclass(frozen=True, slots=True)
class ConnectionWish:
    """What upper layers ask for, kept until the connection is there.

    Attributes:
        nas: the first NAS message.
        cause: EstablishmentCause.
        access: what it is for, as far as barring is concerned.
        s_tmsi: (mmec, m_tmsi) of a UE that is registered in the tracking area; None for others.
        registered_mme: MME that the UE is registered at; None where there is none or it gave the S-TMSI.
    """

    nas: bytes
    cause: str
    access: Access
    s_tmsi: tuple[int, int] | None
    registered_mme: RegisteredMme | None


class ConnectionControl:
    """Brings up and takes down the connection of one UE.

    Args:
        context: of the UE.
        information: system information of its cell.
        selection: cell selection.
        barring: access barring.
    """

    def __init__(
        self,
        context: UeContext,
        information: SystemInformation,
        selection: CellSelection,
        barring: AccessBarring,
    ) -> None:
        self._context = context
        self._information = information
        self._selection = selection
        self._barring = barring
        self._wish: ConnectionWish | None = None
        self._release_cause = "other"

    @property
    def wanted(self) -> bool:
        """Whether a connection is asked for that is not there yet."""
        return self._wish is not None

    def connect(self, wish: ConnectionWish, now: int) -> None:
        """Ask for a connection, at once or when the system information has been read."""
        state = self._context.state
        if state is RrcState.SEARCHING:
            self._context.emit(ConnectionFailed("no suitable cell"))
        elif self._wish is not None or state not in (RrcState.ACQUIRING, RrcState.CAMPED, RrcState.RELEASING):
            self._context.refuse("connection request of NAS", "there is a connection, or one is asked for")
        else:
            self._wish = wish
            self.proceed(now)

    def proceed(self, now: int) -> None:
        """Send the request that waits, if the UE camps and has the system information (TS 36.331 5.3.3.2)."""
        info, wish, context = self._information.current, self._wish, self._context
        if wish is None or context.state is not RrcState.CAMPED or info is None or not info.complete:
            return
        sib2 = info.sib2 or {}
        barred = self._barring.check(wish.access, sib2, now)
        if barred is not None:
            self._fail(ConnectionFailed(barred.reason, barred.wait_s, barred=True))
            return
        identity = wish.s_tmsi
        random_value = context.rng.getrandbits(ue_messages.RANDOM_VALUE_BITS) if identity is None else 0
        try:
            request = ue_messages.connection_request(random_value if identity is None else identity, wish.cause)
        except Asn1Error as error:
            self._fail(ConnectionFailed(f"the request cannot be made: {error}"))
            return
        context.state = RrcState.CONNECTING
        context.start(Timer.T300, timers_and_constants(sib2).t300, now)
        context.send(0, request)
        context.emit(StartRandomAccess(time_alignment_timer(sib2)))

    def give_up(self, reason: str) -> None:
        """The cell is lost, or upper layers changed their mind (TS 36.331 5.3.3.5, 5.3.3.9)."""
        if self._context.state is RrcState.CONNECTING:
            self._context.stop(Timer.T300)
            self._context.state = RrcState.CAMPED
            self._context.emit(ResetMac())
        if self._wish is not None:
            self._fail(ConnectionFailed(reason))

    def t300_expired(self, now: int) -> None:  # noqa: ARG002 (the same call as the other timers')
        """No answer (TS 36.331 5.3.3.6)."""
        self._context.state = RrcState.CAMPED
        self._context.emit(ResetMac())
        self._fail(ConnectionFailed("no answer to the connection request (T300)"))

    def setup(self, received: Received, now: int) -> None:  # noqa: ARG002
        """RRCConnectionSetup (TS 36.331 5.3.3.4)."""
        info, wish, context = self._information.current, self._wish, self._context
        if info is None or info.sib1 is None or wish is None:
            context.refuse(received.name, "nothing was asked for")
            return
        config = dedicated_update.apply(None, received.message, n_ports=info.cell.n_ports)
        changes = bearers(received.message, "ue")
        check_compliance(context, config)
        if config.bearer(1) is None:
            raise Asn1Error("the setup has no SRB1")
        plmn = self._selection.plmn_index(info.sib1) or 1
        mme = wish.registered_mme
        if mme is not None and mme.plmn == tuple(context.selected_plmn):
            mme = mme._replace(plmn=None)  # only another network is named
        complete = ue_messages.connection_setup_complete(received.transaction, wish.nas, plmn, mme)
        self._barring.stop(alleviate=False)
        context.stop(Timer.T300)
        context.state = RrcState.CONNECTED
        context.connection = Connection(
            config,
            Measurements(info.earfcn_dl),
            bearers=changes.applied(()),
            c_rnti=context.c_rnti,
            pci=info.cell.pci,
        )
        self._wish = None
        context.emit(ConfigureRadio(config, changes), ConnectionEstablished())
        context.send(1, complete)

    def reject(self, received: Received, now: int) -> None:
        """RRCConnectionReject (TS 36.331 5.3.3.8)."""
        wait_s = received.body["waitTime"]
        self._context.stop(Timer.T300)
        self._context.start(Timer.T302, _MS_PER_S * wait_s, now)
        self._context.state = RrcState.CAMPED
        self._context.emit(ResetMac())
        self._fail(ConnectionFailed("rejected by the network", float(wait_s), barred=True))

    def send_nas(self, nas: bytes) -> None:
        """ULInformationTransfer: on SRB2 where it is established (TS 36.331 5.6.2)."""
        connection = self._context.connection
        if self._context.state is not RrcState.CONNECTED or connection is None:
            self._context.refuse("NAS message", "there is no connection for it")
            return
        try:
            message = ue_messages.ul_information_transfer(nas)
        except Asn1Error as error:
            self._context.refuse("NAS message", str(error))
            return
        self._context.send(2 if connection.has_srb2() else 1, message)

    def information_transfer(self, received: Received, now: int) -> None:  # noqa: ARG002
        """DLInformationTransfer (TS 36.331 5.6.1)."""
        kind, pdu = received.body["dedicatedInfoType"]
        if kind != "dedicatedInfoNAS":
            self._context.refuse(received.name, f"{kind} belongs to another system")
            return
        self._context.emit(NasReceived(pdu))

    def release(self, received: Received, now: int) -> None:
        """RRCConnectionRelease, which acts after a delay so that its receipt is acknowledged (TS 36.331 5.3.8.3)."""
        self._release_cause = str(received.body["releaseCause"])
        if "redirectedCarrierInfo" in received.body:
            log.info("UE %s is sent to another carrier, and stays in its cell", self._context.identity.imsi)
        self._context.stop(Timer.T310)
        self._context.state = RrcState.RELEASING
        self._context.start(Timer.RELEASE, self._context.settings.release_delay_ms, now)

    def release_delay_over(self, now: int) -> None:
        """The release acts."""
        self.leave(self._release_cause, now)

    def leave(self, cause: str, now: int) -> None:
        """Leave RRC_CONNECTED (TS 36.331 5.3.12)."""
        context, info = self._context, self._information.current
        reselected = context.state is RrcState.REESTABLISHING
        context.stop(Timer.T301, Timer.T310, Timer.T311, Timer.RELEASE)
        context.connection = context.chain = context.c_rnti = None
        context.emit(ResetMac(), ReleaseRadio(cause), ConnectionReleased(cause))
        if info is not None and self._information.selected:
            context.state = RrcState.CAMPED if info.complete else RrcState.ACQUIRING
            if not info.complete:
                context.start(Timer.ACQUISITION, context.settings.acquisition_ms, now)
            elif reselected and info.sib1 is not None:  # NAS has not heard of the cell that the failure led to
                context.emit(Camped(info.cell.pci, context.selected_plmn, info.sib1.tac, info.sib1.cell_identity))
            self.proceed(now)
            return
        context.state = RrcState.SEARCHING
        context.emit(CellSelectionNeeded(cause, self._selection.barred_pcis(now)))
        self.give_up("no suitable cell")

    def _fail(self, failure: ConnectionFailed) -> None:
        self._wish = None
        self._context.emit(failure)


def wish(
    nas: bytes,
    cause: str,
    s_tmsi: tuple[int, int] | None,
    registered_mme: RegisteredMme | None,
    access: Access | None,
) -> ConnectionWish:
    """What upper layers ask for.

    Raises:
        ValueError: an establishment cause that there is not.
    """
    if cause not in ACCESS_OF_CAUSE:
        raise ValueError(f"establishment cause {cause!r} is not known: use one of {', '.join(ACCESS_OF_CAUSE)}")
    return ConnectionWish(nas, cause, access or ACCESS_OF_CAUSE[cause], s_tmsi, registered_mme)


def check_compliance(context: UeContext, config: DedicatedConfig) -> None:
    """Refuse a configuration that the UE cannot follow (TS 36.331 5.3.5.5).

    Raises:
        Asn1Error: the receiver does not know the transmission mode, or an index is reserved.
    """
    if config.transmission_mode not in context.settings.transmission_modes:
        modes = ", ".join(map(str, sorted(context.settings.transmission_modes)))
        raise Asn1Error(f"transmission mode {config.transmission_mode} is none of the receiver's ({modes})")
    try:
        if config.sr is not None:
            sr_subframe(config.sr.config_index, 0)
        if config.cqi is not None:
            cqi_subframe(config.cqi.config_index, 0)
    except ValueError as error:
        raise Asn1Error(str(error)) from error
