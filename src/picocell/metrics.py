"""What can be measured of a phone's connection."""

from dataclasses import dataclass

from picocell.mac.enb_mac import EnbMac
from picocell.ue.radio import UeRadio


@dataclass(frozen=True, slots=True)
class PhoneMetrics:
    """A phone's connection, as the phone and the cell see it; counters start with the connection.

    Attributes:
        time: ms.
        rnti: C-RNTI; None without a connection, and then all that the cell counts is zero.
        rsrp_dbm: power of a resource element of the reference signals.
        snr_db: of the reference signals.
        cqi: last wideband CQI that the cell got.
        ul_snr_db: of the PUSCH.
        timing_advance: steps of 16 T_s.
        dl_mcs, ul_mcs: of the last first transmission.
        dl_blocks, ul_blocks: transmissions that were answered or checked, retransmissions too.
        dl_bler, ul_bler: share of them that failed.
        dl_retx, ul_retx: retransmissions.
        dl_bytes, ul_bytes: in transport blocks that were received.
        dl_granted, ul_granted: bytes of the transport blocks that were granted, each once.
    """

    time: int
    rnti: int | None
    rsrp_dbm: float
    snr_db: float
    cqi: int | None = None
    ul_snr_db: float | None = None
    timing_advance: int = 0
    dl_mcs: int = 0
    ul_mcs: int = 0
    dl_blocks: int = 0
    ul_blocks: int = 0
    dl_bler: float = 0.0
    ul_bler: float = 0.0
    dl_retx: int = 0
    ul_retx: int = 0
    dl_bytes: int = 0
    ul_bytes: int = 0
    dl_granted: int = 0
    ul_granted: int = 0

    def rates(self, earlier: "PhoneMetrics") -> tuple[float, float]:
        """Downlink and uplink rate since earlier metrics of the same connection, bit/s of received transport blocks.

        Raises:
            ValueError: the other metrics are not earlier ones of the same connection.
        """
        ms = self.time - earlier.time
        if ms <= 0 or self.rnti != earlier.rnti:
            raise ValueError("rates are between two times of one connection, the earlier one as argument")
        per_byte = 8000.0 / ms
        return per_byte * (self.dl_bytes - earlier.dl_bytes), per_byte * (self.ul_bytes - earlier.ul_bytes)


def measure(mac: EnbMac, radio: UeRadio, now: int) -> PhoneMetrics:
    """What the cell's MAC and the phone's radio know of a phone's connection."""
    rnti = None if radio.mac is None else radio.mac.c_rnti
    if rnti is None or rnti not in mac.rntis:
        return PhoneMetrics(now, None, radio.rsrp_dbm, radio.snr_db)
    ue = mac.ue(rnti)
    m = ue.metrics
    dl_blocks, ul_blocks = m.dl_ok + m.dl_nok, m.ul_ok + m.ul_nok
    return PhoneMetrics(
        now,
        rnti,
        radio.rsrp_dbm,
        radio.snr_db,
        cqi=ue.cqi,
        ul_snr_db=ue.ul_snr_db,
        timing_advance=ue.ta_total,
        dl_mcs=m.dl_mcs,
        ul_mcs=m.ul_mcs,
        dl_blocks=dl_blocks,
        ul_blocks=ul_blocks,
        dl_bler=m.dl_nok / max(dl_blocks, 1),
        ul_bler=m.ul_nok / max(ul_blocks, 1),
        dl_retx=m.dl_retx,
        ul_retx=m.ul_retx,
        dl_bytes=m.dl_bytes,
        ul_bytes=m.ul_bytes,
        dl_granted=m.dl_granted,
        ul_granted=m.ul_granted,
    )
