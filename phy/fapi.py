"""Messages between PHY and MAC, after the Small Cell Forum's nFAPI P7 (SCF 082), as typed dataclasses.

A base station's MAC sends :class:`DlConfigRequest`, :class:`HiDci0Request` and :class:`TxRequest` for a subframe; a
user equipment's PHY answers with a :class:`DlIndication`, for which nFAPI has no message: it takes the same shape.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from picocell.phy.lte.dci import Dci, Dci0, Dci3, Dci3A, DciFormat
from picocell.phy.lte.grant import PdschGrant


@dataclass(frozen=True, slots=True)
class DciDlPdu:
    """A downlink DCI on the PDCCH.

    Attributes:
        rnti: whose CRC mask, 16 bits.
        dci: the fields; its class is the format.
        cce_index: first control channel element.
        aggregation_level: 1, 2, 4 or 8 control channel elements.
        transmission_power_db: power of its resource elements relative to the CRS.
    """

    rnti: int
    dci: Dci
    cce_index: int
    aggregation_level: int
    transmission_power_db: float = 0.0


@dataclass(frozen=True, slots=True)
class DciUlPdu:
    """An uplink grant (format 0) or power control command (formats 3, 3A) on the PDCCH."""

    rnti: int
    dci: Dci0 | Dci3 | Dci3A
    cce_index: int
    aggregation_level: int
    transmission_power_db: float = 0.0


@dataclass(frozen=True, slots=True)
class BchPdu:
    """The PBCH of this subframe (subframe 0 only); its 3 bytes come in :class:`TxRequest`."""

    pdu_index: int
    transmission_power_db: float = 0.0


@dataclass(frozen=True, slots=True)
class DlschPdu:
    """A transport block on the PDSCH, DL-SCH and PCH alike; its bytes come in :class:`TxRequest`."""

    grant: PdschGrant
    pdu_index: int


@dataclass(frozen=True, slots=True)
class HiPdu:
    """A HARQ indicator on the PHICH (TS 36.213 9.1.2).

    Attributes:
        rb_start: lowest PRB of the PUSCH, I_PRB_RA.
        cyclic_shift_2_for_dmrs: n_DMRS of the grant's cyclic shift field.
        hi_value: True for ACK.
        i_phich: 0, and 1 only for TDD configuration 0 in subframes 4 and 9.
        transmission_power_db: power relative to the CRS.
    """

    rb_start: int
    cyclic_shift_2_for_dmrs: int
    hi_value: bool
    i_phich: int = 0
    transmission_power_db: float = 0.0


@dataclass(frozen=True, slots=True)
class DlConfigRequest:
    """DL_CONFIG.request: what a downlink subframe carries.

    Attributes:
        tti: 10 SFN + subframe.
        cfi: control format indicator, 1..3 (the number of PDCCH symbols, less one up to 10 PRB).
        dci: downlink DCIs.
        bch: the PBCH, in subframe 0.
        dlsch: transport blocks.
    """

    tti: int
    cfi: int
    dci: tuple[DciDlPdu, ...] = ()
    bch: BchPdu | None = None
    dlsch: tuple[DlschPdu, ...] = ()


@dataclass(frozen=True, slots=True)
class HiDci0Request:
    """HI_DCI0.request: PHICH and uplink DCIs of a downlink subframe."""

    tti: int
    hi: tuple[HiPdu, ...] = ()
    dci: tuple[DciUlPdu, ...] = ()


@dataclass(frozen=True, slots=True)
class TxRequest:
    """TX.request: the payloads that a DL_CONFIG.request refers to by ``pdu_index``."""

    tti: int
    pdus: dict[int, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DciIndication:
    """A DCI found on the PDCCH.

    Attributes:
        rnti: the CRC mask under which it checked.
        format: DCI format.
        dci: its fields.
        cce_index: first control channel element.
        aggregation_level: 1, 2, 4 or 8.
        quality: share of the soft bits' weight that agrees with the re-encoded message, 0..1.
    """

    rnti: int
    format: DciFormat
    dci: Dci
    cce_index: int
    aggregation_level: int
    quality: float


@dataclass(frozen=True, slots=True)
class DlschIndication:
    """A transport block received on the PDSCH; ``symbols`` are equalised ones, when asked for."""

    grant: PdschGrant
    payload: bytes
    crc_ok: bool
    iterations: float
    n_re: int
    symbols: NDArray[np.complex64] | None = None


@dataclass(frozen=True, slots=True)
class HiIndication:
    """A HARQ indicator received on the PHICH, with the group and sequence that it was looked for on."""

    n_group: int
    n_seq: int
    ack: bool
    metric: float


@dataclass(slots=True)
class DlIndication:
    """What a receiver found in one downlink subframe.

    Attributes:
        tti: 10 SFN + subframe.
        cfi: control format indicator read from the PCFICH.
        dci: DCIs found.
        dlsch: transport blocks, in the order of their grants.
        hi: HARQ indicators that were asked for.
        rsrp: linear power of a CRS resource element.
        rssi: linear power of a symbol.
        snr_db: of the CRS.
        noise_var: noise power of a resource element.
        cfi_quality: share of the PCFICH's soft weight that agrees, 0..1.
    """

    tti: int
    cfi: int
    rsrp: float
    rssi: float
    snr_db: float
    noise_var: float
    cfi_quality: float
    dci: list[DciIndication] = field(default_factory=list)
    dlsch: list[DlschIndication] = field(default_factory=list)
    hi: list[HiIndication] = field(default_factory=list)
