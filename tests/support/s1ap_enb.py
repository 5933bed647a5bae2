"""An eNB's end of S1AP brought to named states by hand-made messages of an MME."""

from picocell.enb import s1ap_events as events
from picocell.enb.s1ap import EnbS1ap, EnbS1apSettings
from picocell.enb.system_information import Identity
from picocell.epc.interfaces import s1ap
from picocell.epc.interfaces.gtpv2c_ies import Arp
from picocell.epc.interfaces.s1ap import S1apPdu
from picocell.epc.interfaces.s1ap_values import ErabToSetup, GbrQos, erab_setup_value
from picocell.epc.interfaces.transport import Interface, Message

ENB, MME, RNTI = "10.0.1.1", "10.0.0.1", 0x46
GUMMEIS = [{"servedPLMNs": [b"\0\xf1\x10"], "servedGroupIDs": [b"\1\0"], "servedMMECs": [b"\x1a"]}]
SETUP_RESPONSE = s1ap.build("S1SetupResponse", {"ServedGUMMEIs": GUMMEIS, "RelativeMMECapacity": 255})
IDS = {"MME-UE-S1AP-ID": 9, "eNB-UE-S1AP-ID": 1}
ERAB = ErabToSetup(5, 9, Arp(8), "10.0.0.3", 0x105, b"nas")

GBR = ErabToSetup(6, 1, Arp(2, True, True), "10.0.0.3", 0x106, b"activate", GbrQos(4, 3, 2, 1))
DETACH = ("nas", "detach")
PAIR = ("uE-S1AP-ID-pair", {"mME-UE-S1AP-ID": 9, "eNB-UE-S1AP-ID": 1})


def context_setup(*erabs: ErabToSetup) -> S1apPdu:
    """An Initial Context Setup Request."""
    capabilities = {"encryptionAlgorithms": (0xC000, 16), "integrityProtectionAlgorithms": (1, 16)}
    ies = {
        **IDS,
        "uEaggregateMaximumBitrate": {"uEaggregateMaximumBitRateDL": 2, "uEaggregateMaximumBitRateUL": 1},
        "E-RABToBeSetupListCtxtSUReq": [erab_setup_value(erab) for erab in erabs],
        "UESecurityCapabilities": capabilities,
        "SecurityKey": (5, 256),
        "UERadioCapability": b"capability",
    }
    return s1ap.build("InitialContextSetupRequest", ies)


def erab_setup(*erabs: ErabToSetup) -> S1apPdu:
    """An E-RAB Setup Request."""
    items = [erab_setup_value(erab) for erab in erabs]
    return s1ap.build("E-RABSetupRequest", {**IDS, "E-RABToBeSetupListBearerSUReq": items})


RELEASE = s1ap.build("UEContextReleaseCommand", {"UE-S1AP-IDs": PAIR, "Cause": DETACH})
ERAB_RELEASE = s1ap.build(
    "E-RABReleaseCommand", {**IDS, "E-RABToBeReleasedList": [{"e-RAB-ID": 5, "cause": DETACH}], "NAS-PDU": b"bye"}
)
MESSAGES: dict[str, S1apPdu] = {
    "setup response": SETUP_RESPONSE,
    "setup failure": s1ap.build("S1SetupFailure", {"Cause": ("misc", "unknown-PLMN"), "TimeToWait": "v5s"}),
    "nas": s1ap.build("DownlinkNASTransport", {**IDS, "NAS-PDU": b"nas"}),
    "context": context_setup(ERAB),
    "erab setup": erab_setup(GBR),
    "erab release": ERAB_RELEASE,
    "modification": s1ap.build("UEContextModificationRequest", {**IDS, "SecurityKey": (7, 256)}),
    "release": RELEASE,
    "reset": s1ap.build("Reset", {"Cause": ("misc", "unspecified"), "ResetType": ("s1-Interface", "reset-all")}),
    "reset acknowledge": s1ap.build("ResetAcknowledge", {}),
    "error": s1ap.build("ErrorIndication", {**IDS, "Cause": ("radioNetwork", "unknown-enb-ue-s1ap-id")}),
    "overload": s1ap.build("OverloadStart", {"OverloadResponse": ("overloadAction", "reject-rrc-cr-signalling")}),
    "paging": s1ap.build(
        "Paging",
        {
            "UEIdentityIndexValue": (5, 10),
            "UEPagingID": ("iMSI", bytes.fromhex("00011032547698f0")),
            "CNDomain": "ps",
            "TAIList": [{"tAI": {"pLMNidentity": b"\0\xf1\x10", "tAC": b"\0\7"}}],
        },
    ),
    "overload end": s1ap.build("OverloadStop", {}),
    "mme configuration": s1ap.build("MMEConfigurationUpdate", {"RelativeMMECapacity": 3}),
    "update acknowledge": s1ap.build("ENBConfigurationUpdateAcknowledge", {}),
    "update failure": s1ap.build("ENBConfigurationUpdateFailure", {"Cause": ("misc", "unspecified")}),
    "stranger": s1ap.build("DownlinkNASTransport", {"MME-UE-S1AP-ID": 8, "eNB-UE-S1AP-ID": 77, "NAS-PDU": b"nas"}),
    "unsupported": s1ap.build(
        "LocationReportingControl", {**IDS, "RequestType": {"eventType": "direct", "reportArea": "ecgi"}}
    ),
}
STATES = (
    "down",
    "setting up",
    "ready",
    "initial",
    "connected",
    "context",
    "active",
    "erab",
    "erab release",
    "asked",
    "releasing",
)
"""Names that `in_state` takes; each one from ``initial`` on goes through those before it that lead there."""


def give(enb: EnbS1ap, pdu: S1apPdu | bytes, now: int = 0) -> list[S1apPdu]:
    """Hand over a message; what is answered."""
    data = pdu if isinstance(pdu, bytes) else s1ap.encode(pdu)
    enb.receive(Message(Interface.S1AP, MME, ENB, data, 1), now)
    return answers(enb)


def answers(enb: EnbS1ap) -> list[S1apPdu]:
    """What the eNB sends."""
    return [s1ap.decode(message.data) for message in enb.messages_to_send()]


def drain(enb: EnbS1ap) -> list[events.Event]:
    """The eNB's events."""
    found = []
    while (event := enb.next_event()) is not None:
        found.append(event)
    return found


def new_enb() -> EnbS1ap:
    """An eNB with short timers."""
    return EnbS1ap(Identity(), 411, "enb", ENB, MME, ENB, settings=EnbS1apSettings(guard_ms=1000, retry_ms=2000))


def in_state(name: str) -> EnbS1ap:
    """An eNB brought to one of `STATES`, its messages and events taken away."""
    enb, level = new_enb(), STATES.index(name)
    if level > 0:
        enb.connect(0)
    if level > 1:
        give(enb, SETUP_RESPONSE)
    if level > 2:
        enb.initial_ue_message(RNTI, b"first", "mo-Data", None, None, 0)
    if level > 3:
        give(enb, MESSAGES["nas"])
    if level > 4:
        give(enb, context_setup(ERAB))
    if level > 5:
        enb.initial_context_setup_response(RNTI, [(5, 1, ENB)])
    if name == "erab":
        give(enb, erab_setup(GBR))
    if name == "erab release":
        give(enb, ERAB_RELEASE)
    if name == "asked":
        enb.release_request(RNTI, ("radioNetwork", "user-inactivity"), 0)
    if name == "releasing":
        give(enb, RELEASE)
    answers(enb)
    drain(enb)
    return enb
