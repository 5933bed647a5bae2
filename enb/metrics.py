"""What an eNB shows of its UEs: the rows of the live table, from the MAC's counters."""

from dataclasses import replace

from picocell.enb.enb import Enb
from picocell.mac.enb_ue import EnbUe, UeMetrics, UePhase
from picocell.observe.ue_table import UeRow


class UeMeter:
    """Rates between two looks at the counters.

    Args:
        enb: whose UEs.
    """

    def __init__(self, enb: Enb) -> None:
        self._enb = enb
        self._last: dict[int, UeMetrics] = {}

    def rows(self, seconds: float) -> list[UeRow]:
        """A row for each connected UE; ``seconds`` passed since the last call."""
        ues = [self._enb.mac.ue(rnti) for rnti in self._enb.mac.rntis]
        found = [ue for ue in ues if ue.phase is UePhase.CONNECTED]
        rows = [self._row(ue, max(seconds, 1e-6)) for ue in found]
        self._last = {ue.rnti: replace(ue.metrics) for ue in found}
        return rows

    def _row(self, ue: EnbUe, seconds: float) -> UeRow:
        now, before = ue.metrics, self._last.get(ue.rnti, UeMetrics())
        return UeRow(
            rat="lte",
            pci=self._enb.cell.pci,
            rnti=ue.rnti,
            cqi=ue.cqi,
            ri=1,
            dl_mcs=now.dl_mcs,
            dl_bps=8 * (now.dl_bytes - before.dl_bytes) / seconds,
            dl_ok=now.dl_ok - before.dl_ok,
            dl_nok=now.dl_nok - before.dl_nok,
            pusch_snr_db=ue.ul_snr_db,
            pucch_snr_db=now.pucch_snr_db,
            phr_db=ue.phr_db,
            ul_mcs=now.ul_mcs,
            ul_bps=8 * (now.ul_bytes - before.ul_bytes) / seconds,
            ul_ok=now.ul_ok - before.ul_ok,
            ul_nok=now.ul_nok - before.ul_nok,
            bsr=sum(ue.bsr),
        )
