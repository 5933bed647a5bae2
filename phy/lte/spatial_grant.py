"""What DCI formats 2 and 2A grant: code words, layers and precoders (TS 36.212 5.3.3.1.5, 5.3.3.1.5A, TS 36.213 7.1).

The meanings of the precoding information field are those of TS 36.212 Tables 5.3.3.1.5-4, 5.3.3.1.5-5 and 5.3.3.1.5A-2.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from picocell.phy.lte import tbs
from picocell.phy.lte.cell import Cell
from picocell.phy.lte.codebook import codebook
from picocell.phy.lte.dci import Dci1, Dci2, Dci2A
from picocell.phy.lte.frame import SubframeKind, subframe_kind
from picocell.phy.lte.grant import PdschGrant, from_dci
from picocell.phy.lte.pmi import Report
from picocell.phy.lte.spatial import Codeword, SpatialGrant, layers_of

_DISABLED: Final = (0, 1)
"""I_MCS and redundancy version of a transport block that is not sent (TS 36.213 7.1.7.2)."""

REPORTED: Final = -1
"""In place of a codebook index: the receiver's own report."""


@dataclass(frozen=True, slots=True)
class Precoding:
    """Meaning of a precoding information field.

    Attributes:
        n_layers: layers; 0 for transmit diversity.
        tpmi: codebook index, or -1 for the precoders of the last report; None for open loop.
        column: column of a reported precoder of two layers that a single layer takes.
    """

    n_layers: int
    tpmi: int | None = None
    column: int = 0


_DIVERSITY: Final = Precoding(0)
_WIDEST: Final = 6
"""Bits of the longest precoding information field."""


def precoding(dci: Dci2 | Dci2A, n_ports: int, n_codewords: int) -> Precoding:
    """Meaning of a message's precoding information.

    Args:
        dci: the message.
        n_ports: antenna ports of the cell, 2 or 4.
        n_codewords: transport blocks that it enables, 1 or 2.

    Raises:
        ValueError: a value that is reserved.
    """
    value, found = dci.precoding, None
    if isinstance(dci, Dci2A):
        choices = (_DIVERSITY, Precoding(2)) if n_codewords == 1 else (Precoding(2), Precoding(3), Precoding(4))
        found = dict(enumerate(choices[:1] if n_ports == 2 else choices)).get(value)
    elif n_ports == 2 and n_codewords == 1:
        single = {5: Precoding(1, REPORTED, 0), 6: Precoding(1, REPORTED, 1)}
        found = _DIVERSITY if value == 0 else single.get(value) or (Precoding(1, value - 1) if value < 5 else None)
    elif n_ports == 2:
        found = {0: Precoding(2, 1), 1: Precoding(2, 2), 2: Precoding(2, REPORTED)}.get(value)
    else:
        # groups of sixteen codebook indices and the report, one for each number of layers
        first, numbers = (1, (1, 2)) if n_codewords == 1 else (0, (2, 3, 4))
        group, place = divmod(value - first, 17)
        if value < first:
            found = _DIVERSITY
        elif group < len(numbers):
            found = Precoding(numbers[group], REPORTED if place == 16 else place)
    if found is None:
        raise ValueError(
            f"precoding information {value} of {type(dci).__name__} is reserved with {n_ports} ports and {n_codewords} "
            f"code word{'s' if n_codewords > 1 else ''}"
        )
    return found


def precoding_field(fmt: type[Dci2] | type[Dci2A], n_ports: int, n_codewords: int, wanted: Precoding) -> int:
    """The inverse of :func:`precoding`: value of the field.

    Raises:
        ValueError: what the format cannot say.
    """
    for value in range(1 << _WIDEST):
        message = fmt(resource_block_assignment=0, mcs1=0, mcs2=0, precoding=value)
        try:
            found = precoding(message, n_ports, n_codewords)
        except ValueError:  # reserved
            continue
        if found == wanted:
            return value
    raise ValueError(f"{fmt.__name__} cannot say {wanted} with {n_ports} ports and {n_codewords} code words")


def spatial_from_dci(
    cell: Cell,
    subframe: int,
    cfi: int,
    rnti: int,
    dci: Dci2 | Dci2A,
    *,
    previous_tbs: tuple[int | None, int | None] = (None, None),
    report: Report | None = None,
    n_ir: int | None = None,
) -> SpatialGrant | PdschGrant:
    """Grant of a downlink DCI of format 2 or 2A.

    Args:
        cell: the cell, of 2 or 4 ports.
        subframe: subframe 0..9 of the DCI and of its PDSCH.
        cfi: control format indicator of that subframe.
        rnti: RNTI that the DCI's CRC carries.
        dci: the DCI.
        previous_tbs: transport block size of each of the process's blocks, for an MCS that gives the modulation only.
        report: the receiver's last report, for precoding information that refers to it.
        n_ir: soft buffer of a transport block in bits, with K_MIMO = 2; None for no limit.

    Returns:
        A grant with transmit diversity where the DCI says so.

    Raises:
        ValueError: a DCI that is not legal here, or not supported; the message says why.
    """
    enabled = [
        (mcs, ndi, rv, previous)
        for (mcs, ndi, rv), previous in zip(
            ((dci.mcs1, dci.ndi1, dci.rv1), (dci.mcs2, dci.ndi2, dci.rv2)), previous_tbs, strict=True
        )
        if (mcs, rv) != _DISABLED
    ]
    if not enabled:
        raise ValueError("the DCI enables no transport block")
    if len(enabled) == 2 and dci.swap:
        enabled.reverse()
    chosen = precoding(dci, cell.n_ports, len(enabled))
    plain = [
        from_dci(cell, subframe, cfi, rnti, _alone(dci, mcs, ndi, rv), previous_tbs=previous, n_ir=n_ir)
        for mcs, ndi, rv, previous in enabled
    ]
    if chosen == _DIVERSITY:
        return plain[0]
    layers = layers_of(len(enabled), chosen.n_layers)
    words = []
    for grant, n_l, (mcs, *_) in zip(plain, layers, enabled, strict=True):
        size, (_, i_tbs) = grant.tbs, tbs.mcs(mcs)
        if n_l == 2 and i_tbs is not None:
            if subframe_kind(cell, subframe) is not SubframeKind.DOWNLINK:
                raise ValueError("a code word on two layers in a special subframe is not supported")
            size = tbs.tbs(i_tbs, grant.n_prb, 2)
        words.append(Codeword(grant.q_m, size, grant.rv, n_ir, grant.ndi))
    pmi = _entries(cell, chosen, report)
    return SpatialGrant(rnti, plain[0].prbs, cfi, tuple(words), chosen.n_layers, pmi, dci.harq_process)


def _alone(dci: Dci2 | Dci2A, mcs: int, ndi: int, rv: int) -> Dci1:
    """A block's assignment as if it were the only one: allocation and sizes are read alike."""
    return Dci1(
        resource_allocation_type=dci.resource_allocation_type,
        resource_block_assignment=dci.resource_block_assignment,
        mcs=mcs,
        harq_process=dci.harq_process,
        ndi=ndi,
        rv=rv,
    )


def _entries(cell: Cell, chosen: Precoding, report: Report | None) -> tuple[int, ...] | None:
    """Codebook indices of a grant."""
    if chosen.tpmi != REPORTED:
        return None if chosen.tpmi is None else (chosen.tpmi,)
    if report is None:
        raise ValueError("the DCI asks for the precoders of a report, and there is none")
    if report.rank == chosen.n_layers:
        return report.pmi
    if (cell.n_ports, report.rank, chosen.n_layers) != (2, 2, 1):
        raise ValueError(f"the DCI asks for {chosen.n_layers} layers, the report is of rank {report.rank}")
    return tuple(_column(entry, chosen.column) for entry in report.pmi)


def _column(entry: int, column: int) -> int:
    """Entry of one layer that is a column of an entry of two, over two ports."""
    wanted = codebook(2, 2)[entry, :, column]
    return int(np.argmax(np.abs(codebook(2, 1)[:, :, 0].conj() @ wanted)))
