"""Which subframes of a cell may carry sounding reference signals (TS 36.211 5.5.3.3)."""

from functools import cache
from typing import Final

from picocell.phy.lte.cell import Duplex
from picocell.phy.lte.tables import rows
from picocell.phy.lte.uplink_config import UplinkConfig

_TABLE: Final = "36211_5.5.3.3_srs_subframe"


@cache
def srs_subframes(subframe_config: int, duplex: Duplex = Duplex.FDD) -> frozenset[int]:
    """Subframes 0..9 with sounding for a srs-SubframeConfig; none for the reserved ones.

    Raises:
        ValueError: an index outside 0..15.
    """
    if not 0 <= subframe_config <= 15:
        raise ValueError(f"srs-SubframeConfig {subframe_config} is outside 0..15")
    row = rows(_TABLE)[subframe_config]
    if row[f"T_SFC_{duplex}"] == "reserved":
        return frozenset()
    period = int(row[f"T_SFC_{duplex}"])
    offsets = [int(offset) for offset in row[f"offsets_{duplex}"].split()]
    return frozenset(subframe for subframe in range(10) if subframe % period in offsets)


def is_srs_subframe(ul: UplinkConfig, subframe: int, duplex: Duplex = Duplex.FDD) -> bool:
    """Whether a subframe is one of the cell's sounding subframes, in which its last symbol may be sounding.

    Raises:
        ValueError: no such subframe.
    """
    if not 0 <= subframe <= 9:
        raise ValueError(f"subframe {subframe} is outside 0..9")
    return ul.srs is not None and subframe in srs_subframes(ul.srs.subframe_config, duplex)
