"""What a UE's RRC tells the layers above it and the UE that it is part of; the rest is in `events`."""

from dataclasses import dataclass, field
from typing import Literal

from picocell.mac.common_config import PdschCommon, RachConfig
from picocell.phy.lte.cell import Cell
from picocell.phy.lte.uplink_config import UplinkConfig
from picocell.rrc_nas.rrc.events import RadioEvent
from picocell.rrc_nas.rrc.fields import Value
from picocell.rrc_nas.rrc.system_information import Sib1


@dataclass(frozen=True, slots=True)
class SystemInformationReady:
    """MIB, SIB1 and SIB2 of a cell are there, for the first time or because they changed.

    Attributes:
        cell: as the physical layer sees it.
        ul: uplink configuration.
        rach: random access configuration.
        pdsch: downlink powers.
        sib1: SIB1.
        sib2: SIB2 as `asn1.decode` gives it.
        time_alignment_timer_common: timeAlignmentTimerCommon in subframes; None for infinity.
        p_max_dbm: p-Max of the cell; None for the UE's own limit.
    """

    cell: Cell
    ul: UplinkConfig
    rach: RachConfig
    pdsch: PdschCommon
    sib1: Sib1 = field(repr=False)
    sib2: Value = field(repr=False)
    time_alignment_timer_common: int | None = None
    p_max_dbm: int | None = None


@dataclass(frozen=True, slots=True)
class Camped:
    """The UE camps on a cell (TS 36.304 5.2).

    Attributes:
        pci: physical cell identity.
        plmn: MCC and MNC of the selected network.
        tac: tracking area code.
        cell_identity: 28 bits.
    """

    pci: int
    plmn: tuple[str, str]
    tac: int
    cell_identity: int


@dataclass(frozen=True, slots=True)
class CellBarred:
    """A cell is not suitable, and not to be tried for a while (TS 36.304 5.3.1).

    Attributes:
        pci: physical cell identity.
        reason: in plain words.
        intra_frequency_allowed: other cells of its frequency may be tried.
    """

    pci: int
    reason: str
    intra_frequency_allowed: bool = True


@dataclass(frozen=True, slots=True)
class CellSelectionNeeded:
    """A cell is to be searched for, and given to `UeRrc.mib`.

    Attributes:
        reason: in plain words.
        excluded_pcis: cells that are barred at present.
    """

    reason: str
    excluded_pcis: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class StartRandomAccess:
    """Have the MAC send what is on the CCCH."""

    time_alignment_timer_common: int | None = None


@dataclass(frozen=True, slots=True)
class SuspendBearers:
    """Suspend all radio bearers but SRB0 (TS 36.331 5.3.7.2): what they hold is not sent, and asks for no grant."""


@dataclass(frozen=True, slots=True)
class NasReceived:
    """A NAS message came."""

    pdu: bytes


@dataclass(frozen=True, slots=True)
class ConnectionEstablished:
    """RRC_CONNECTED is entered; the NAS message that asked for it is under way."""


@dataclass(frozen=True, slots=True)
class ConnectionFailed:
    """No connection was established (TS 36.331 5.3.3.5 to 5.3.3.8).

    Attributes:
        reason: in plain words.
        wait_s: seconds in which another attempt will be refused at once; None where there is no such time.
        barred: the cell bars access, or the network asked to wait: a `BarringAlleviated` follows.
    """

    reason: str
    wait_s: float | None = None
    barred: bool = False


@dataclass(frozen=True, slots=True)
class BarringAlleviated:
    """Access that was barred is to be tried again (TS 36.331 5.3.3.7).

    Attributes:
        access: ``"mobile terminating"``, ``"originating calls"`` or ``"originating signalling"``; after a reject all.
    """

    access: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ConnectionReleased:
    """RRC_CONNECTED is left (TS 36.331 5.3.12).

    Attributes:
        cause: ``"other"``, ``"loadBalancingTAUrequired"``, ``"RRC connection failure"``, …
    """

    cause: str


@dataclass(frozen=True, slots=True)
class Paged:
    """The UE is paged.

    Attributes:
        identity: by which of its identities.
        cn_domain: which domain has something for it.
    """

    identity: Literal["s_tmsi", "imsi"]
    cn_domain: Literal["ps", "cs"]


@dataclass(frozen=True, slots=True)
class RadioLinkFailure:
    """The radio link failed (TS 36.331 5.3.11.3); what RRC does about it follows as events of its own.

    Attributes:
        cause: in plain words.
    """

    cause: str


UeRrcEvent = (
    RadioEvent
    | SystemInformationReady
    | Camped
    | CellBarred
    | CellSelectionNeeded
    | StartRandomAccess
    | SuspendBearers
    | NasReceived
    | ConnectionEstablished
    | ConnectionFailed
    | BarringAlleviated
    | ConnectionReleased
    | Paged
    | RadioLinkFailure
)
