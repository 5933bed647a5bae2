"""Which radio bearers a message sets up, changes or releases, and how their RLC and PDCP are configured.

Of release 8's RLC-Config and PDCP-Config (TS 36.331 6.3.2). They say what the UE does; a base station takes the mirror
image: it polls by the parameters that it gives the UE, and reorders as the UE does.
"""

from dataclasses import dataclass
from typing import Final, Literal

from picocell.mac.dedicated_config import Bearer, BearerKind, DedicatedConfig, RlcMode
from picocell.rlc_pdcp import pdcp
from picocell.rlc_pdcp.pdcp import Direction, SrbConfig
from picocell.rlc_pdcp.rlc.config import AmRxConfig, AmTxConfig, UmConfig
from picocell.rrc_nas.asn1 import Asn1Error
from picocell.rrc_nas.rrc import dedicated_update
from picocell.rrc_nas.rrc.fields import Value, number, reading

End = Literal["ue", "enb"]

RlcTxConfig = AmTxConfig | UmConfig | None
RlcRxConfig = AmRxConfig | UmConfig | None
PdcpConfig = SrbConfig | pdcp.AmConfig | pdcp.UmConfig

_TRANSMIT: Final = {"ue": Direction.UPLINK, "enb": Direction.DOWNLINK}
_BYTES_PER_KB: Final = 1000


@dataclass(frozen=True, slots=True)
class BearerSetup:
    """A radio bearer with the configuration of its entities, as one end sees it.

    Attributes:
        bearer: the bearer.
        rlc_tx: RLC in the direction that this end sends in; None where a one-way UM bearer has none.
        rlc_rx: RLC in the other direction.
        pdcp: PDCP.
    """

    bearer: Bearer
    rlc_tx: RlcTxConfig
    rlc_rx: RlcRxConfig
    pdcp: PdcpConfig

    @property
    def lcid(self) -> int:
        """Logical channel identity."""
        return self.bearer.lcid


@dataclass(frozen=True, slots=True)
class BearerChanges:
    """Bearers that a message sets up, changes and releases; a released LCID may come back among those added.

    Attributes:
        add: new bearers, in ascending order of their LCID.
        modify: bearers with another configuration than before, as it is now.
        release: LCIDs of the bearers that are gone.
    """

    add: tuple[BearerSetup, ...] = ()
    modify: tuple[BearerSetup, ...] = ()
    release: tuple[int, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.add or self.modify or self.release)

    def applied(self, known: tuple[BearerSetup, ...]) -> tuple[BearerSetup, ...]:
        """Bearers after the changes, in ascending order of their LCID."""
        table = {setup.lcid: setup for setup in known if setup.lcid not in self.release}
        table |= {setup.lcid: setup for setup in (*self.add, *self.modify)}
        return tuple(table[lcid] for lcid in sorted(table))


def bearers(message: Value, end: End, known: tuple[BearerSetup, ...] = ()) -> BearerChanges:
    """What a message changes about a UE's bearers.

    Args:
        message: RRCConnectionSetup, -Reconfiguration or -Reestablishment as `asn1.decode` gives it.
        end: whose view is wanted.
        known: bearers before the message. RRCConnectionSetup begins without any.

    Raises:
        Asn1Error: another message, one of a later release, or a value that is none of the release 8 ASN.1.
    """
    with reading("RRC message"):
        before = DedicatedConfig(bearers=tuple(setup.bearer for setup in known))
        after = {bearer.name: bearer for bearer in dedicated_update.apply(before, message).bearers}
        resources = _resources(message)
        table = {setup.bearer.name: setup for setup in known}
        released = [setup for setup in known if _is_released(setup, after, resources)]
        for setup in released:
            del table[setup.bearer.name]
        add, modify = [], []
        for name, entry in _entries(resources):
            old = table.get(name)
            new = _setup(after[name], entry, old, end)
            if old is None:
                add.append(new)
            elif new != old:
                modify.append(new)
    return BearerChanges(
        tuple(sorted(add, key=lambda setup: setup.lcid)),
        tuple(sorted(modify, key=lambda setup: setup.lcid)),
        tuple(sorted(setup.lcid for setup in released)),
    )


def _resources(message: Value) -> Value:
    """radioResourceConfigDedicated of a message that `dedicated_update.apply` has accepted."""
    _, (_, content) = message["message"]
    _, (_, body) = content["criticalExtensions"]
    resources: Value = body.get("radioResourceConfigDedicated", {})
    return resources


def _is_released(setup: BearerSetup, after: dict[str, Bearer], resources: Value) -> bool:
    """Whether a bearer goes: named for release, forgotten by a full configuration, or moved to another channel."""
    bearer = setup.bearer
    if bearer.kind is BearerKind.DRB and bearer.identity in resources.get("drb-ToReleaseList", []):
        return True
    found = after.get(bearer.name)
    return found is None or found.lcid != bearer.lcid


def _entries(resources: Value) -> list[tuple[str, Value]]:
    """SRB-ToAddMod and DRB-ToAddMod by the bearer's name."""
    srbs = [(f"SRB{entry['srb-Identity']}", entry) for entry in resources.get("srb-ToAddModList", [])]
    return srbs + [(f"DRB{entry['drb-Identity']}", entry) for entry in resources.get("drb-ToAddModList", [])]


def _setup(bearer: Bearer, entry: Value, old: BearerSetup | None, end: End) -> BearerSetup:
    if bearer.kind is BearerKind.SRB:
        tx, rx = (old.rlc_tx, old.rlc_rx) if old is not None else (AmTxConfig(), AmRxConfig())
        kind, rlc = entry.get("rlc-Config", ("", None))
        if kind == "explicitValue":
            tx, rx = _rlc(rlc, end)
        elif kind == "defaultValue":
            tx, rx = AmTxConfig(), AmRxConfig()  # TS 36.331 9.2.1
        return BearerSetup(bearer, tx, rx, SrbConfig(bearer.identity - 1, _TRANSMIT[end]))
    if "rlc-Config" in entry:
        tx, rx = _rlc(entry["rlc-Config"], end)
    elif old is not None:
        tx, rx = old.rlc_tx, old.rlc_rx
    else:
        raise Asn1Error(f"{bearer.name} is set up without rlc-Config")
    return BearerSetup(bearer, tx, rx, _drb_pdcp(bearer, entry, old, end))


def _rlc(choice: tuple[str, Value], end: End) -> tuple[RlcTxConfig, RlcRxConfig]:
    """Both directions of RLC-Config."""
    kind, value = choice
    if kind == "am":
        return _am_tx(value["ul-AM-RLC"]), _am_rx(value["dl-AM-RLC"])
    reordering = number(value["dl-UM-RLC"]["t-Reordering"]) if "dl-UM-RLC" in value else UmConfig().t_reordering
    uplink, downlink = (
        UmConfig(number(value[name]["sn-FieldLength"]), reordering) if name in value else None
        for name in ("ul-UM-RLC", "dl-UM-RLC")
    )
    return (uplink, downlink) if end == "ue" else (downlink, uplink)


def _am_tx(value: Value) -> AmTxConfig:
    poll_byte = _or_infinity(value["pollByte"])
    return AmTxConfig(
        t_poll_retransmit=number(value["t-PollRetransmit"]),
        poll_pdu=_or_infinity(value["pollPDU"]),
        poll_byte=None if poll_byte is None else _BYTES_PER_KB * poll_byte,
        max_retx_threshold=number(value["maxRetxThreshold"]),
    )


def _am_rx(value: Value) -> AmRxConfig:
    return AmRxConfig(number(value["t-Reordering"]), number(value["t-StatusProhibit"]))


def _drb_pdcp(bearer: Bearer, entry: Value, old: BearerSetup | None, end: End) -> PdcpConfig:
    if "pdcp-Config" not in entry:
        if old is None:
            raise Asn1Error(f"{bearer.name} is set up without pdcp-Config")
        return old.pdcp
    value = entry["pdcp-Config"]
    if value["headerCompression"][0] != "notUsed":
        raise Asn1Error(f"{bearer.name} asks for header compression, which is not supported")
    transmit, sn_bits, discard = _TRANSMIT[end], bearer.pdcp_sn_bits, _discard_timer(value, old)
    if bearer.rlc is RlcMode.AM:
        status_report = value.get("rlc-AM", {}).get("statusReportRequired", False)
        return pdcp.AmConfig(bearer.identity - 1, transmit, sn_bits, discard, status_report=status_report)
    return pdcp.UmConfig(bearer.identity - 1, transmit, sn_bits, discard)


def _discard_timer(value: Value, old: BearerSetup | None) -> int | None:
    if "discardTimer" in value:
        return _or_infinity(value["discardTimer"])
    return old.pdcp.discard_timer if old is not None and not isinstance(old.pdcp, SrbConfig) else None


def _or_infinity(name: str) -> int | None:
    """Number in an enumeration's name; None for ``infinity``, ``pInfinity`` and ``kBinfinity``."""
    return None if name.lower().endswith("infinity") else number(name)
