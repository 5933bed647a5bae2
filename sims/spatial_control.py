"""Grants of spatial multiplexing on the PDCCH: formats 2A and 2, as they are sent and as a receiver finds them."""

from picocell.phy.fapi import DciDlPdu
from picocell.phy.lte import dci as dci_bits
from picocell.phy.lte import pdcch_search
from picocell.phy.lte.allocation import n_rbg
from picocell.phy.lte.cell import Cell
from picocell.phy.lte.control import ControlReceiver
from picocell.phy.lte.dci import Dci2, Dci2A
from picocell.phy.lte.estimation import ChannelEstimate
from picocell.phy.lte.pmi import Report
from picocell.phy.lte.spatial import SpatialGrant
from picocell.phy.lte.spatial_grant import REPORTED, Precoding, precoding_field, spatial_from_dci
from picocell.sims.air import Arrival
from picocell.sims.downlink_point import DownlinkPoint


class GrantChannel:
    """The control region's part of a link with spatial multiplexing.

    Args:
        cell: the cell.
        point: the parameters, with an aggregation level.
        places: candidate that carries the grant by subframe.
    """

    def __init__(self, cell: Cell, point: DownlinkPoint, places: dict[int, pdcch_search.Candidate]) -> None:
        self._cell, self._point, self._places = cell, point, places
        self._control = ControlReceiver(cell)
        self._format: type[Dci2] | type[Dci2A] = Dci2A if point.tm == 3 else Dci2
        tpmi = None if point.tm == 3 else REPORTED if point.pmi < 0 else point.pmi
        self._field = precoding_field(self._format, cell.n_ports, point.codewords, Precoding(point.layers, tpmi))

    def message(self, subframe: int, grant: SpatialGrant) -> DciDlPdu:
        """What is sent of a grant: the precoders by their index, or as those of the last report."""
        mcs, words = self._point.mcs, grant.codewords
        second = (mcs, words[1].ndi, words[1].rv) if len(words) == 2 else (0, 0, 1)
        made = self._format(
            resource_block_assignment=(1 << n_rbg(self._cell.n_prb)) - 1,
            harq_process=grant.harq_process,
            mcs1=mcs,
            ndi1=words[0].ndi,
            rv1=words[0].rv,
            mcs2=second[0],
            ndi2=second[1],
            rv2=second[2],
            precoding=self._field,
        )
        return DciDlPdu(grant.rnti, made, *self._places[subframe])

    def find(self, arrival: Arrival, channel: ChannelEstimate, sent: SpatialGrant) -> tuple[SpatialGrant | None, bool]:
        """The grant that the receiver goes by, and whether it read a wrong CFI.

        Args:
            arrival: the subframe.
            channel: its estimate.
            sent: the grant; of it the receiver takes what it knows itself: its last report, and its soft buffers.
        """
        cell, subframe = self._cell, arrival.tti % 10
        cfi, _, soft = self._control.decode(subframe, arrival.grid, channel)
        report = None if sent.pmi is None else Report(sent.n_layers, sent.pmi, (), ())
        for hit in pdcch_search.search_rnti(cell, subframe, soft, sent.rnti, (self._format.FORMAT,)):
            if hit.format is None:
                continue
            try:
                fields = dci_bits.unpack(cell, hit.format, hit.bits, sent.rnti)
                found = self._granted(subframe, cfi, fields, sent, report)
            except ValueError:
                continue  # not legal here: a false alarm
            if found is not None:
                return found, cfi != sent.cfi
        return None, cfi != sent.cfi

    def _granted(
        self, subframe: int, cfi: int, fields: dci_bits.Dci, sent: SpatialGrant, report: Report | None
    ) -> SpatialGrant | None:
        """Grant of a message; None if it is of other blocks than those sent."""
        if not isinstance(fields, Dci2 | Dci2A):
            return None
        n_ir = sent.codewords[0].n_ir
        found = spatial_from_dci(self._cell, subframe, cfi, sent.rnti, fields, report=report, n_ir=n_ir)
        if not isinstance(found, SpatialGrant):
            return None
        return found if [w.tbs for w in found.codewords] == [w.tbs for w in sent.codewords] else None
