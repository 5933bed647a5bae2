"""Two ends of PDCP of a DRB, and what RLC may do between them."""

from hypothesis import strategies as st

from picocell.rlc_pdcp.pdcp import (
    AmConfig,
    AmEntity,
    Direction,
    PdcpState,
    UmConfig,
    UmEntity,
)
from support.oracle_pdcp import Eea2

KEYS = [bytes([number]) * 16 for number in range(16)]
SEEDS = st.integers(0, 2**32)
WINDOW = {12: 2048, 15: 16384, 18: 131072}


def am_ends(**options: int | bool) -> tuple[AmEntity, AmEntity]:
    """A UE's entity and a base station's."""
    cipher = Eea2(KEYS[0])
    return (
        AmEntity(AmConfig(3, Direction.UPLINK, **options), cipher),  # type: ignore[arg-type]
        AmEntity(AmConfig(3, Direction.DOWNLINK, **options), cipher),  # type: ignore[arg-type]
    )


def um_ends(**options: int) -> tuple[UmEntity, UmEntity]:
    cipher = Eea2(KEYS[0])
    return (
        UmEntity(UmConfig(3, Direction.UPLINK, **options), cipher),
        UmEntity(UmConfig(3, Direction.DOWNLINK, **options), cipher),
    )


def state_of(count: int, sn_bits: int) -> PdcpState:
    """State variables of both sides where COUNT is the next one to be used."""
    sn, hfn = count & (1 << sn_bits) - 1, count >> sn_bits
    return PdcpState(sn, hfn, sn, hfn, (count - 1) & (1 << sn_bits) - 1)
