"""PDCP of LTE (TS 36.323): SRBs, DRBs on RLC UM and RLC AM, without I/O and without header compression."""

from picocell.rlc_pdcp.pdcp.am import AmEntity
from picocell.rlc_pdcp.pdcp.config import AmConfig, CipherLike, Direction, IntegrityLike, PdcpState, SrbConfig, UmConfig
from picocell.rlc_pdcp.pdcp.events import CountWrap, DiscardSdu, Event, IntegrityFailure, PdcpCounters, SduReceived
from picocell.rlc_pdcp.pdcp.srb import SrbEntity
from picocell.rlc_pdcp.pdcp.um import UmEntity

__all__ = [
    "AmConfig",
    "AmEntity",
    "CipherLike",
    "CountWrap",
    "Direction",
    "DiscardSdu",
    "Event",
    "IntegrityFailure",
    "IntegrityLike",
    "PdcpCounters",
    "PdcpState",
    "SduReceived",
    "SrbConfig",
    "SrbEntity",
    "UmConfig",
    "UmEntity",
]
