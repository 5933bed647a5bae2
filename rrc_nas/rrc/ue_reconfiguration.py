"""Reconfiguration of the connection of a UE (TS 36.331 5.3.5)."""

from picocell.rrc_nas.asn1 import Asn1Error
from picocell.rrc_nas.rrc import dedicated_update, ue_messages
from picocell.rrc_nas.rrc.bearer_config import bearers
from picocell.rrc_nas.rrc.events import ConfigureRadio
from picocell.rrc_nas.rrc.fields import Value, reading
from picocell.rrc_nas.rrc.ue_connection import ConnectionControl, check_compliance
from picocell.rrc_nas.rrc.ue_context import Connection, UeContext
from picocell.rrc_nas.rrc.ue_events import NasReceived
from picocell.rrc_nas.rrc.ue_received import Received
from picocell.rrc_nas.rrc.ue_reestablishment import Reestablishment
from picocell.rrc_nas.rrc.ue_system_information import SystemInformation


class Reconfiguration:
    """Follows RRCConnectionReconfiguration.

    Args:
        context: of the UE.
        information: system information of its cell.
        control: for the way back to RRC_IDLE.
        reestablishment: for what cannot be complied with.
    """

    def __init__(
        self,
        context: UeContext,
        information: SystemInformation,
        control: ConnectionControl,
        reestablishment: Reestablishment,
    ) -> None:
        self._context = context
        self._information = information
        self._control = control
        self._reestablishment = reestablishment

    def reconfigure(self, received: Received, now: int) -> None:
        """RRCConnectionReconfiguration: all of it is followed, or nothing (TS 36.331 5.3.5.3, 5.3.5.5).

        NAS messages in it are passed up after the radio is configured, so that the answer finds its bearer.
        """
        connection = self._context.connection
        if connection is None:
            return
        try:
            with reading(received.name):
                self._apply(connection, received)
        except Asn1Error as error:
            self._context.refuse(received.name, str(error))
            if connection.keys is None:
                self._control.leave("other", now)
            else:
                self._reestablishment.start("reconfigurationFailure", now)

    def mobility(self, received: Received, now: int) -> None:
        """MobilityFromEUTRACommand: there is no other system to go to (TS 36.331 5.4.3.5)."""
        self._context.refuse(received.name, "no other system is supported")
        self._reestablishment.start("handoverFailure", now)

    def _apply(self, connection: Connection, received: Received) -> None:
        body, info = received.body, self._information.current
        if connection.keys is None:
            _check_unprotected(body)
        if "mobilityControlInfo" in body:
            raise Asn1Error("handover is not supported")
        n_ports = 1 if info is None else info.cell.n_ports
        config = dedicated_update.apply(connection.config, received.message, n_ports=n_ports)
        changes = bearers(received.message, "ue", connection.bearers)
        check_compliance(self._context, config)
        measurements = connection.measurements.prepare(body["measConfig"]) if "measConfig" in body else None
        complete = ue_messages.reconfiguration_complete(received.transaction)
        connection.config, connection.bearers = config, changes.applied(connection.bearers)
        connection.suspended = False
        if measurements is not None:
            connection.measurements.commit(measurements)
        self._context.emit(ConfigureRadio(config, changes))
        self._context.send(1, complete)
        self._context.emit(*(NasReceived(pdu) for pdu in body.get("dedicatedInfoNASList", [])))


def _check_unprotected(body: Value) -> None:
    """Refuse what needs security that is not active (TS 36.331 5.3.1.1, A.6).

    Raises:
        Asn1Error: measurements, or bearers besides SRB1.
    """
    resources = body.get("radioResourceConfigDedicated", {})
    srb2 = any(entry["srb-Identity"] == 2 for entry in resources.get("srb-ToAddModList", []))
    if srb2 or "drb-ToAddModList" in resources or "measConfig" in body or "mobilityControlInfo" in body:
        raise Asn1Error("it sets up bearers or measurements before security is active")
