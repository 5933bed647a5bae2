"""What the MME wants of the network end of NAS, and how values pass between it and the interfaces."""

from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Final, Protocol

from picocell.epc.interfaces import gtpv2c_ies as g
from picocell.epc.interfaces import s6a
from picocell.epc.interfaces.s1ap_values import ErabToSetup, GbrQos, TaIdentity
from picocell.rrc_nas.nas import codec
from picocell.rrc_nas.nas import mme_events as nas
from picocell.rrc_nas.nas.causes import NasError
from picocell.rrc_nas.nas.ies import Guti, Plmn, Tai
from picocell.rrc_nas.nas.protection import split
from picocell.rrc_nas.security.algorithms import Direction


class Identities(Protocol):
    """Temporary identities of a phone."""

    @property
    def guti(self) -> Guti | None:
        """Valid now."""

    @property
    def old_guti(self) -> Guti | None:
        """Valid until the phone has confirmed the other one."""


class NasEnd(Protocol):
    """One phone's network end of NAS; `picocell.rrc_nas.nas.mme.MmeNas` is one."""

    @property
    def context(self) -> Identities:
        """The phone's identities."""

    def receive(
        self,
        pdu: bytes,
        now: int,
        *,
        initial: bool = False,
        tai: Tai | None = None,
        ecgi: Any = None,
        rrc_establishment_cause: str | None = None,
        data_waits: bool = False,
    ) -> None:
        """Take a message of the phone."""

    def next_event(self) -> nas.Event | None:
        """What is to be done next."""

    def next_timer(self) -> int | None:
        """When `handle_timers` is wanted."""

    def handle_timers(self, now: int) -> None:
        """Let timers act."""

    def auth_vectors(self, vectors: Sequence[nas.AuthVector] | int, now: int) -> None:
        """Vectors, or the EMM cause for which there are none."""

    def subscription(self, data: nas.Subscription | int, now: int) -> None:
        """The subscription, or the EMM cause for which there is none."""

    def session_created(self, ebi: int, session: nas.Session | int, now: int) -> None:
        """The PDN connection stands, or the ESM cause for which it does not."""

    def session_deleted(self, ebi: int, now: int) -> None:
        """The PDN connection is gone."""

    def s1_context_ready(self, now: int, erabs: Sequence[int] = (), failed: Sequence[int] = ()) -> None:
        """The access stratum stands with these bearers."""

    def s1_context_failed(self, now: int) -> None:
        """The access stratum could not be set up."""

    def s1_released(self, now: int) -> None:
        """The S1 connection is gone."""

    def erabs_set_up(self, ok: Sequence[int], failed: Sequence[int], now: int) -> None:
        """More bearers are set up, or not."""

    def paging_failed(self, now: int) -> None:
        """The phone cannot be reached."""

    def detach(self, now: int, *, reattach: bool = False, cause: int | None = None) -> None:
        """Detach the phone."""

    def activate_bearer(
        self, linked_ebi: int, qos: nas.BearerQos, tft: bytes, now: int, *, s1u_address: str = "", s1u_teid: int = 0
    ) -> int:
        """Open a dedicated bearer; ValueError where that cannot be."""

    def deactivate_bearer(self, ebi: int, now: int) -> None:
        """Close a bearer; ValueError where there is none."""


NasFactory = Callable[[Callable[[], int]], NasEnd]
"""Makes the NAS end of a new phone; it is handed what allocates M-TMSIs."""

SYSTEM_FAILURE: Final = 17
"""EMM cause Network failure."""

NETWORK_FAILURE_ESM: Final = 38
"""ESM cause Network failure."""

_EMM_OF_HSS: Final = {
    s6a.ErrorCode.USER_UNKNOWN: 8,
    s6a.ErrorCode.UNKNOWN_EPS_SUBSCRIPTION: 15,
    s6a.ErrorCode.RAT_NOT_ALLOWED: 15,
    s6a.ErrorCode.ROAMING_NOT_ALLOWED: 11,
    s6a.ErrorCode.AUTHENTICATION_DATA_UNAVAILABLE: SYSTEM_FAILURE,
}
"""EMM cause of an HSS's error (TS 29.272 Table A.1)."""

_ESM_OF_GTP: Final = {
    73: 26,  # no resources available
    84: 26,  # all dynamic addresses are occupied
    91: 26,  # no memory available
    78: 27,  # missing or unknown APN
    83: 28,  # preferred PDN type not supported
    92: 29,  # user authentication failed
    93: 33,  # APN access denied, no subscription
    94: 31,  # request rejected
}
"""ESM cause of a cause of GTPv2-C (TS 29.274 Table C.5)."""

_PDN_KINDS: Final = {"ipv4": g.PdnKind.IPV4, "ipv6": g.PdnKind.IPV6, "ipv4v6": g.PdnKind.IPV4V6}
_PDN_NAMES: Final = {kind: name for name, kind in _PDN_KINDS.items()}
_PDN_OF_HSS: Final = {
    s6a.PdnType.IPV4: "ipv4",
    s6a.PdnType.IPV6: "ipv6",
    s6a.PdnType.IPV4V6: "ipv4v6",
    s6a.PdnType.IPV4_OR_IPV6: "ipv4v6",
}


def emm_cause(result: s6a.Result) -> int:
    """EMM cause with which a phone is refused for an answer of the HSS."""
    return _EMM_OF_HSS.get(s6a.ErrorCode(result.code), SYSTEM_FAILURE) if _is_known(result) else SYSTEM_FAILURE


def esm_cause(cause: int) -> int:
    """ESM cause with which a PDN connection is refused for a cause of GTPv2-C."""
    return _ESM_OF_GTP.get(cause, NETWORK_FAILURE_ESM)


def subscription(data: s6a.Subscription) -> nas.Subscription:
    """The HSS's subscription for NAS, the default APN first; rates in bit/s."""
    apns = sorted(data.apns, key=lambda apn: apn.context_id != data.default_context_id)
    kept = tuple(
        nas.ApnSubscription(
            apn.apn,
            _PDN_OF_HSS[apn.pdn_type],
            apn.qci,
            arp_to_nas(apn.arp),
            ambr_to_nas(apn.ambr),
            next((one.packed for one in apn.addresses if isinstance(one, IPv4Address)), None),
        )
        for apn in apns
    )
    ambr = ambr_to_nas(data.ambr)
    if ambr is None:
        return nas.Subscription(kept, msisdn=data.msisdn)
    return nas.Subscription(kept, ambr, data.msisdn)


def arp_to_nas(arp: g.Arp) -> nas.Arp:
    """Allocation and retention priority for NAS."""
    return nas.Arp(arp.priority, arp.may_pre_empt, arp.pre_emptable)


def arp_of_nas(arp: nas.Arp) -> g.Arp:
    """Allocation and retention priority of NAS."""
    return g.Arp(arp.priority, arp.may_preempt, arp.preemptable)


def ambr_to_nas(ambr: g.Ambr | None) -> nas.Ambr | None:
    """Aggregate rates in kbit/s for NAS, which has bit/s."""
    return None if ambr is None else nas.Ambr(1000 * ambr.downlink, 1000 * ambr.uplink)


def ambr_of_nas(ambr: nas.Ambr) -> g.Ambr:
    """Aggregate rates of NAS in kbit/s."""
    return g.Ambr(ambr.uplink // 1000, ambr.downlink // 1000)


def erab_of_nas(erab: nas.Erab) -> ErabToSetup:
    """A bearer of NAS for S1AP."""
    gbr = None
    if erab.mbr is not None and erab.gbr is not None:
        gbr = GbrQos(erab.mbr.downlink, erab.mbr.uplink, erab.gbr.downlink, erab.gbr.uplink)
    arp = arp_of_nas(erab.arp)
    return ErabToSetup(erab.erab_id, erab.qci, arp, erab.s1u_address, erab.s1u_teid, erab.nas, gbr)


def pdn_kind(name: str) -> g.PdnKind:
    """PDN type of NAS for GTPv2-C."""
    return _PDN_KINDS[name]


def wanted_paa(name: str, address: bytes | None) -> g.Paa:
    """The PDN address allocation of a request: the subscribed static address, or any (TS 29.274 8.14)."""
    kind = _PDN_KINDS[name]
    ipv4 = IPv4Address(address or 0) if kind in (g.PdnKind.IPV4, g.PdnKind.IPV4V6) else None
    return g.Paa(kind, ipv4, None if kind is g.PdnKind.IPV4 else IPv6Address(0))


def bearer_qos(qos: g.BearerQos) -> nas.BearerQos:
    """Quality of service of a dedicated bearer for NAS; rates in bit/s."""
    arp = nas.Arp(qos.priority, qos.may_pre_empt, qos.pre_emptable)
    if not qos.gbr_ul and not qos.gbr_dl:
        return nas.BearerQos(qos.qci, arp)
    mbr = nas.Ambr(1000 * qos.mbr_dl, 1000 * qos.mbr_ul)
    return nas.BearerQos(qos.qci, arp, mbr, nas.Ambr(1000 * qos.gbr_dl, 1000 * qos.gbr_ul))


def tai(area: TaIdentity) -> Tai:
    """A tracking area identity for NAS."""
    return Tai(Plmn(area.mcc, area.mnc), area.tac)


def named_guti(pdu: bytes) -> Guti | None:
    """The GUTI by which a phone calls itself in its first message, where RRC told no S-TMSI (TS 36.331 5.3.3.3)."""
    try:
        message = codec.decode(split(pdu).payload, Direction.UPLINK)
    except NasError:
        return None
    identity = message.get("eps_mobile_identity") or message.get("old_guti")
    guti = getattr(identity, "guti", None)
    return guti if isinstance(guti, Guti) else None


def session(
    paa: g.Paa,
    qos: g.BearerQos | None,
    wanted: nas.CreateSession,
    ambr: g.Ambr | None,
    pco: bytes | None,
    end: g.FTeid,
) -> nas.Session:
    """The gateways' PDN connection for NAS."""
    return nas.Session(
        _PDN_NAMES.get(paa.kind, "ipv4"),
        None if paa.ipv4 is None else paa.ipv4.packed,
        None if paa.ipv6 is None else paa.ipv6.packed[8:],
        wanted.qci if qos is None else qos.qci,
        wanted.arp if qos is None else nas.Arp(qos.priority, qos.may_pre_empt, qos.pre_emptable),
        ambr_to_nas(ambr) or wanted.ambr,
        pco,
        str(end.ipv4),
        end.teid,
    )


def _is_known(result: s6a.Result) -> bool:
    return result.experimental and result.code in list(s6a.ErrorCode)
