"""Security mode, capability and counter check of a UE (TS 36.331 5.3.4, 5.3.6, 5.6.3)."""

from typing import Final

from picocell.mac.dedicated_config import BearerKind
from picocell.rrc_nas.rrc import ue_messages
from picocell.rrc_nas.rrc.events import ActivateSecurity
from picocell.rrc_nas.rrc.fields import number
from picocell.rrc_nas.rrc.states import SecurityKeys
from picocell.rrc_nas.rrc.ue_context import UeContext
from picocell.rrc_nas.rrc.ue_received import Received
from picocell.rrc_nas.security.algorithms import Eea, Eia

_MSB_SHIFT: Final = 7
"""COUNT without its 25 most significant bits."""


class SecurityControl:
    """Activates the security of the access stratum, and answers what may be asked once it is active.

    Args:
        context: of the UE.
    """

    def __init__(self, context: UeContext) -> None:
        self._context = context

    def command(self, received: Received, now: int) -> None:  # noqa: ARG002 (the same call for all messages)
        """SecurityModeCommand (TS 36.331 5.3.4.3).

        Nothing is applied before the command itself was found to be genuine. SecurityModeComplete is integrity
        protected and not ciphered; SecurityModeFailure is neither.
        """
        context, connection = self._context, self._context.connection
        if connection is None:
            return
        if connection.keys is not None:
            context.refuse(received.name, "security is active already")
            return
        algorithms = received.body["securityConfigSMC"]["securityAlgorithmConfig"]
        keys = self._keys(algorithms["cipheringAlgorithm"], algorithms["integrityProtAlgorithm"])
        if isinstance(keys, str):
            context.refuse(received.name, keys)
            context.send(1, ue_messages.security_mode_failure(received.transaction))
            return
        connection.keys = keys
        context.chain, context.next_chain = context.next_chain, None
        context.emit(ActivateSecurity(keys, ciphering_tx=False, ciphering_rx=False))
        context.send(1, ue_messages.security_mode_complete(received.transaction))
        context.emit(ActivateSecurity(keys, integrity_tx=False, integrity_rx=False))

    def _keys(self, ciphering: str, integrity: str) -> SecurityKeys | str:
        """Keys of a genuine command, or why it is refused."""
        context = self._context
        try:
            eea, eia = Eea(number(ciphering)), Eia(number(integrity))
        except ValueError:
            return f"{ciphering} with {integrity} is not known"
        if eea not in context.settings.eea or eia not in context.settings.eia:
            return f"{ciphering} with {integrity} is not allowed"
        if context.next_chain is None:
            return "NAS has given no K_eNB"
        keys = SecurityKeys.derive(context.next_chain.k_enb, eea, eia)
        if context.verify_last is None or not context.verify_last(keys):
            return "its MAC-I is wrong"
        return keys

    def capability_enquiry(self, received: Received, now: int) -> None:  # noqa: ARG002
        """UECapabilityEnquiry: the answer holds E-UTRA's capability where that is asked for (TS 36.331 5.6.3.3)."""
        asked = received.body["ue-CapabilityRequest"]
        containers = [("eutra", self._context.capability)] if "eutra" in asked else []
        self._context.send(1, ue_messages.capability_information(received.transaction, containers))

    def counter_check(self, received: Received, now: int) -> None:  # noqa: ARG002
        """CounterCheck: the answer lists the DRBs whose COUNTs are others (TS 36.331 5.3.6.3)."""
        context, connection = self._context, self._context.connection
        if connection is None:
            return
        known = {} if context.drb_counts is None else context.drb_counts()
        drbs = {setup.bearer.identity for setup in connection.bearers if setup.bearer.kind is BearerKind.DRB}
        ours = {drb: known.get(drb, (0, 0)) for drb in drbs}
        theirs = {
            entry["drb-Identity"]: (entry["countMSB-Uplink"], entry["countMSB-Downlink"])
            for entry in received.body["drb-CountMSB-InfoList"]
        }
        differing = [
            (drb, *ours[drb])
            for drb in sorted(drbs)
            if theirs.get(drb) != (ours[drb][0] >> _MSB_SHIFT, ours[drb][1] >> _MSB_SHIFT)
        ]
        differing += [
            (drb, theirs[drb][0] << _MSB_SHIFT, theirs[drb][1] << _MSB_SHIFT) for drb in sorted(theirs.keys() - drbs)
        ]
        context.send(1, ue_messages.counter_check_response(received.transaction, sorted(differing)))
