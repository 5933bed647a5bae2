"""What the eNB's own layers want of the MME for one UE: connection, NAS messages, outcomes, release (TS 36.413 8)."""

import logging
from collections.abc import Iterable, Sequence
from typing import Any, Final

from picocell.enb.s1ap_connections import UNFINISHED, UeConnection, UeConnections, UeState, Waiting, ids
from picocell.epc.interfaces import s1ap_values as values
from picocell.epc.interfaces.s1ap_errors import ENB_ID
from picocell.epc.interfaces.s1ap_values import CauseValue, ErabEnd, ErabFailure
from picocell.rrc_nas.rrc.states import RegisteredMme

_log = logging.getLogger(__name__)

_ESTABLISHMENT_CAUSES: Final = {
    "delayTolerantAccess-v1020": "delay-TolerantAccess",
    "mo-VoiceCall-v1280": "mo-VoiceCall",
    "spare1": "mo-Signalling",
}
"""Names of S1AP for those of RRC that differ; a spare one says nothing."""
_MAX_EARLY_NAS: Final = 8


class UeRequests(UeConnections):
    """Calls of the eNB's own layers."""

    def initial_ue_message(
        self,
        rnti: int,
        nas: bytes,
        cause: str,
        s_tmsi: tuple[int, int] | None,
        registered_mme: RegisteredMme | None,
        now: int,
    ) -> bool:
        """Open a UE's S1 connection with its first NAS message (clause 8.6.2.1).

        Args:
            rnti: the UE.
            nas: its message.
            cause: establishment cause of RRC.
            s_tmsi: MME code and M-TMSI, where the UE gave them.
            registered_mme: MME group, MME code and network, where the UE gave them.
            now: absolute ms.

        Returns:
            False where there is no MME or no identity left; the UE is to be rejected.
        """
        self._drop(self._by_rnti.get(rnti))
        if not self.ready:
            self._count("initial_ue_message_without_mme")
            _log.warning("eNB %s: UE 0x%04x cannot be connected: no MME serves us", self._address, rnti)
            return False
        enb_id = self._new_enb_id()
        if enb_id is None:
            return False
        name = _ESTABLISHMENT_CAUSES.get(cause, cause)
        ies: dict[str, Any] = {
            ENB_ID: enb_id,
            "NAS-PDU": nas,
            **self._place(),
            "RRC-Establishment-Cause": name,
        }
        if s_tmsi is not None:
            ies["S-TMSI"] = values.s_tmsi_value(values.STmsi(*s_tmsi))
        if registered_mme is not None:
            plmn = registered_mme.plmn or (self._identity.mcc, self._identity.mnc)
            gummei = values.Gummei(*plmn, registered_mme.mmegi, registered_mme.mmec)
            ies["GUMMEI-ID"] = values.gummei_value(gummei)
        self._send("InitialUEMessage", ies)
        ue = UeConnection(rnti, enb_id)
        ue.guards[Waiting.MME] = now + self._guard_ms
        self._by_rnti[rnti] = self._by_enb_id[enb_id] = ue
        return True

    def uplink_nas(self, rnti: int, nas: bytes) -> None:
        """Pass a UE's NAS message on (clause 8.6.2.3), as soon as the MME has answered the first one."""
        first = self._by_rnti.get(rnti)
        if first is not None and first.mme_id is None and len(first.early_nas) < _MAX_EARLY_NAS:
            first.early_nas.append(nas)
            return
        ue = self._known(rnti, "uplink NAS message")
        if ue is not None:
            place = self._place()
            self._send("UplinkNASTransport", {**ids(ue), "NAS-PDU": nas, **place})

    def nas_non_delivery(self, rnti: int, nas: bytes, cause: CauseValue) -> None:
        """Give back a NAS message that the UE did not get (clause 8.6.2.4)."""
        ue = self._known(rnti, "undelivered NAS message")
        if ue is not None:
            self._send("NASNonDeliveryIndication", {**ids(ue), "NAS-PDU": nas, "Cause": cause})

    def initial_context_setup_response(
        self,
        rnti: int,
        erabs: Sequence[tuple[int, int, str]],
        failed: Iterable[tuple[int, CauseValue]] = (),
    ) -> None:
        """Say that a context stands (clause 8.3.1.2).

        Args:
            rnti: the UE.
            erabs: E-RAB identity, TEID and address of our end of each bearer that is set up, at least one.
            failed: E-RAB identity and cause of the others.
        """
        ue = self._in_state(rnti, UeState.SETTING_UP, "context setup response")
        if ue is None:
            return
        ue.guards.pop(Waiting.CONTEXT, None)
        failures = [*ue.refused, *(ErabFailure(*one) for one in failed)]
        if not erabs:
            self.initial_context_setup_failure(rnti, failures[0].cause if failures else UNFINISHED)
            return
        ies = {**ids(ue), "E-RABSetupListCtxtSURes": [values.erab_end_value(ErabEnd(*one)) for one in erabs]}
        if failures:
            ies["E-RABFailedToSetupListCtxtSURes"] = [values.erab_failure_value(one) for one in failures]
        self._answer(ue, "InitialContextSetupRequest", "InitialContextSetupResponse", ies)
        ue.state, ue.erabs = UeState.ACTIVE, {erab[0] for erab in erabs}

    def initial_context_setup_failure(self, rnti: int, cause: CauseValue) -> None:
        """Say that a context could not be set up (clause 8.3.1.3)."""
        ue = self._in_state(rnti, UeState.SETTING_UP, "context setup failure")
        if ue is not None:
            ue.guards.pop(Waiting.CONTEXT, None)
            ue.state = UeState.CONNECTED
            failure = {**ids(ue), "Cause": cause}
            self._answer(ue, "InitialContextSetupRequest", "InitialContextSetupFailure", failure)

    def erab_setup_response(
        self,
        rnti: int,
        erabs: Sequence[tuple[int, int, str]],
        failed: Iterable[tuple[int, CauseValue]] = (),
    ) -> None:
        """Say which added bearers stand and which do not (clause 8.2.1.2); arguments as for the context's."""
        ue = self._in_state(rnti, UeState.ACTIVE, "E-RAB setup response")
        if ue is None or not ue.setting_up:
            return
        failures = [*ue.refused, *(ErabFailure(*one) for one in failed)]
        ies: dict[str, Any] = ids(ue)
        if erabs:
            ies["E-RABSetupListBearerSURes"] = [values.erab_end_value(ErabEnd(*one)) for one in erabs]
        if failures:
            ies["E-RABFailedToSetupListBearerSURes"] = [values.erab_failure_value(one) for one in failures]
        self._answer(ue, "E-RABSetupRequest", "E-RABSetupResponse", ies)
        ue.erabs |= {erab[0] for erab in erabs}
        ue.setting_up = ue.refused = ()
        self._bearers_done(ue)

    def erab_release_response(
        self, rnti: int, erab_ids: Sequence[int], failed: Iterable[tuple[int, CauseValue]] = ()
    ) -> None:
        """Say which bearers are released (clause 8.2.3.2)."""
        ue = self._in_state(rnti, UeState.ACTIVE, "E-RAB release response")
        if ue is None or not ue.releasing:
            return
        self._send_erabs_released(ue, tuple(erab_ids), (*ue.refused, *(ErabFailure(*one) for one in failed)))
        ue.erabs -= set(erab_ids)
        ue.releasing = ue.refused = ()
        self._bearers_done(ue)

    def ue_capability(self, rnti: int, capability: bytes) -> None:
        """Give the MME the UE Radio Access Capability Information to keep (clause 8.5.2.4)."""
        ue = self._known(rnti, "UE capability")
        if ue is not None:
            self._send("UECapabilityInfoIndication", {**ids(ue), "UERadioCapability": capability})

    def release_request(self, rnti: int, cause: CauseValue, now: int) -> None:
        """Ask the MME to release a UE (clause 8.3.2)."""
        ue = self._by_rnti.get(rnti)
        if ue is None or ue.state is UeState.RELEASING or ue.asked_release:
            return
        if ue.mme_id is None:  # the MME has not answered: there is nothing to name to it
            self._release_locally(ue, cause)
            return
        ue.asked_release = True
        ue.guards[Waiting.RELEASE_COMMAND] = now + self._guard_ms
        self._send("UEContextReleaseRequest", {**ids(ue), "Cause": cause})

    def release_complete(self, rnti: int) -> None:
        """Say that a UE is released (clause 8.3.3.2)."""
        ue = self._by_rnti.get(rnti)
        if ue is not None and ue.state is UeState.RELEASING:
            self._drop(ue)
            self._answer(ue, "UEContextReleaseCommand", "UEContextReleaseComplete", ids(ue))

    def rename(self, old: int, new: int) -> None:
        """Our own layers call a UE by another RNTI, as after a re-establishment (TS 36.331 5.3.7)."""
        ue = self._by_rnti.pop(old, None)
        if ue is None:
            return
        self._drop(self._by_rnti.get(new))
        ue.rnti = new
        self._by_rnti[new] = ue
