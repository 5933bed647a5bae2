"""Uplink messages between PHY and MAC, after nFAPI P7 (SCF 082): UL_CONFIG.request and the indications that answer it.

They stand beside :mod:`picocell.phy.fapi`, which has the downlink's.
"""

from dataclasses import dataclass, field

from picocell.phy.lte.prach_detect import DetectedPreamble
from picocell.phy.lte.pucch import PucchRequest, PucchResult
from picocell.phy.lte.pusch import PuschResult
from picocell.phy.lte.ul_grant import PuschGrant


@dataclass(frozen=True, slots=True)
class UlschPdu:
    """A PUSCH that is due (ULSCH, ULSCH_CQI_RI, ULSCH_HARQ, ULSCH_CQI_HARQ_RI): ``grant.uci`` says what comes with it.

    Attributes:
        grant: what was granted.
        handle: given back with the indications.
    """

    grant: PuschGrant
    handle: int = 0


@dataclass(frozen=True, slots=True)
class UciPdu:
    """Control information that one UE may send on PUCCH (UCI_CQI, UCI_SR, UCI_HARQ and their combinations).

    Attributes:
        request: its resources and numbers of bits.
        handle: given back with the indications.
    """

    request: PucchRequest
    handle: int = 0


@dataclass(frozen=True, slots=True)
class UlConfigRequest:
    """UL_CONFIG.request: what an uplink subframe may carry.

    Attributes:
        tti: 10 SFN + subframe.
        ulsch: PUSCHs that are due.
        uci: PUCCHs that may come.
    """

    tti: int
    ulsch: tuple[UlschPdu, ...] = ()
    uci: tuple[UciPdu, ...] = ()


@dataclass(frozen=True, slots=True)
class UlMeasurement:
    """What was measured on a UE's signal.

    Attributes:
        snr_db: SNR of a resource element and antenna.
        timing_offset_s: how late it comes, in seconds.
        cfo_hz: carrier offset.
    """

    snr_db: float
    timing_offset_s: float
    cfo_hz: float


@dataclass(frozen=True, slots=True)
class RxPdu:
    """RX_ULSCH.indication: a transport block whose CRC matched."""

    handle: int
    rnti: int
    data: bytes
    measurement: UlMeasurement


@dataclass(frozen=True, slots=True)
class CrcPdu:
    """CRC.indication: the outcome of each PUSCH with a transport block.

    Attributes:
        handle: of the request.
        rnti: whose.
        crc_ok: whether the CRC matched.
        detected: whether anything was sent at all.
    """

    handle: int
    rnti: int
    crc_ok: bool
    detected: bool


@dataclass(frozen=True, slots=True)
class HarqPdu:
    """HARQ.indication: acknowledgements of the downlink, 1 for ACK; empty for DTX."""

    handle: int
    rnti: int
    ack: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SrPdu:
    """SR.indication: a scheduling request."""

    handle: int
    rnti: int
    measurement: UlMeasurement


@dataclass(frozen=True, slots=True)
class CqiPdu:
    """CQI.indication: a channel state report.

    Attributes:
        handle: of the request.
        rnti: whose.
        cqi: CQI and PMI bits; empty where the report did not decode.
        ri: rank indication bits; empty where none was due.
    """

    handle: int
    rnti: int
    cqi: tuple[int, ...]
    ri: tuple[int, ...] = ()


@dataclass(slots=True)
class UlIndication:
    """Everything heard in an uplink subframe.

    Attributes:
        tti: 10 SFN + subframe.
        rx: transport blocks received.
        crc: outcome of every PUSCH with a transport block.
        harq: acknowledgements due.
        sr: scheduling requests.
        cqi: reports due.
        rach: preambles, where the subframe begins an opportunity.
        pusch: the physical layer's results in the order of the request's ``ulsch``.
        pucch: the physical layer's results in the order of the request's ``uci``.
    """

    tti: int
    rx: list[RxPdu] = field(default_factory=list)
    crc: list[CrcPdu] = field(default_factory=list)
    harq: list[HarqPdu] = field(default_factory=list)
    sr: list[SrPdu] = field(default_factory=list)
    cqi: list[CqiPdu] = field(default_factory=list)
    rach: list[DetectedPreamble] = field(default_factory=list)
    pusch: list[PuschResult] = field(default_factory=list)
    pucch: list[PucchResult] = field(default_factory=list)
