"""A point of the PDSCH: everything that its numbers depend on."""

from dataclasses import dataclass
from typing import Any, ClassVar, Final

from picocell.phy.lte import pdcch_search
from picocell.phy.lte.codebook import closed_loop_entries
from picocell.phy.lte.spatial import layers_of
from picocell.sims.point import SharedChannelPoint, check_choice, check_range

RV_SEQUENCES: Final = {2: (0, 1, 2, 3), 4: (0, 1, 2, 3), 6: (0, 0, 1, 2), 8: (0, 0, 1, 2)}
"""Redundancy versions by bits a symbol (TS 36.101 8.2.1.1)."""

SUBFRAMES: Final = {"plain": (1, 2, 3, 4, 6, 7, 8, 9), "all": tuple(range(10))}
"""Subframes that carry transport blocks: those without synchronisation signals and PBCH, or every one."""

DETECTORS: Final = ("joint", "mmse")
"""How the layers of spatial multiplexing are told apart."""

REPORTED: Final = -1
"""PMI of the receiver's own choice."""

_SPATIAL: Final = ("layers", "codewords", "detector", "pmi", "pmi_prb", "pmi_delay")
"""Parameters of spatial multiplexing: the other modes' points do not have them."""


@dataclass(frozen=True, kw_only=True)
class DownlinkPoint(SharedChannelPoint):
    """A point of the PDSCH, all resource blocks granted.

    Attributes:
        tm: transmission mode: 1 (single port), 2 (transmit diversity), 3 (large-delay CDD) or 4 (closed loop).
        n_tx: antenna ports: 1 for TM 1, 2 or 4 for the others; 0 for the fewest.
        cfi: control format indicator 1..3; the control region is one symbol longer up to 10 PRB.
        pdcch: aggregation level of the PDCCH that carries the grant, 1, 2, 4 or 8; 0 where grant and CFI are known.
        subframes: "plain" or "all", see :data:`SUBFRAMES`.
        ue_category: limits the soft buffer, 1..5; 0 for no limit.
        cqi: 1..15: modulation and size after a CQI (:mod:`picocell.sims.cqi`) instead of those of an MCS; 0 for these.
        layers: of TM 3 (2 to 4) and TM 4 (1 to 4); 0 for as many as the antennas bear.
        codewords: of TM 3 and 4, each with the same MCS; 0 for two where there are layers for them.
        detector: of two layers: "joint" (all pairs of symbols are tried) or "mmse".
        pmi: of TM 4: codebook index, or -1 for what the receiver reports.
        pmi_prb: resource blocks that share a reported PMI; 0 for all.
        pmi_delay: milliseconds from a subframe to the first that is sent with the PMI which was measured in it.
    """

    kind: ClassVar[str] = "downlink"

    tm: int = 1
    n_tx: int = 0
    cfi: int = 1
    pdcch: int = 0
    subframes: str = "plain"
    ue_category: int = 0
    cqi: int = 0
    layers: int = 0
    codewords: int = 0
    detector: str = "joint"
    pmi: int = REPORTED
    pmi_prb: int = 0
    pmi_delay: int = 8

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("tm", self.tm, (1, 2, 3, 4))
        object.__setattr__(self, "n_tx", self.n_tx or min(self.tm, 2))
        allowed = (1,) if self.tm == 1 else (2, 4)
        if self.n_tx not in allowed:
            raise ValueError(f"n_tx {self.n_tx} does not fit TM {self.tm}: use {' or '.join(map(str, allowed))}")
        check_range("cfi", self.cfi, 1, 3)
        check_choice("pdcch", self.pdcch, (0, *pdcch_search.AGGREGATION_LEVELS))
        check_choice("subframes", self.subframes, tuple(SUBFRAMES))
        check_range("ue_category", self.ue_category, 0, 5)
        check_range("cqi", self.cqi, 0, 15)
        if self.pdcch and (self.tbs or self.cqi):
            raise ValueError("a grant on the PDCCH carries an MCS: tbs, modulation and cqi need pdcch 0")
        if self.cqi and self.tbs:
            raise ValueError("cqi and tbs both give the size of the transport block: give one")
        if self.spatial:
            self._check_spatial()
        elif self.layers > 1 or self.codewords > 1:
            raise ValueError(f"TM {self.tm} has one layer and one code word: use TM 3 or 4 for more")

    def _check_spatial(self) -> None:
        """See that layers, code words and PMI go together, and fill in what was left open."""
        fewest = 2 if self.tm == 3 else 1
        most = min(self.n_tx, self.n_rx)
        if self.n_rx < fewest:
            raise ValueError(f"tm 3 needs 2 receive antennas at least, not {self.n_rx}")
        object.__setattr__(self, "layers", self.layers or most)
        if not fewest <= self.layers <= most:
            raise ValueError(
                f"{self.layers} layers do not fit tm {self.tm} with {self.n_tx} ports and {self.n_rx} receive "
                f"antennas: use {fewest}..{most}"
            )
        object.__setattr__(self, "codewords", self.codewords or min(self.layers, 2))
        layers_of(self.codewords, self.layers)
        if self.codewords < self.layers == self.n_tx == 2:
            raise ValueError("one code word on 2 layers needs 4 antenna ports (TS 36.211 6.3.3.2)")
        check_choice("detector", self.detector, DETECTORS)
        entries = (REPORTED, *closed_loop_entries(self.n_tx, self.layers)) if self.tm == 4 else (REPORTED,)
        check_choice("pmi", self.pmi, entries)
        check_range("pmi_prb", self.pmi_prb, 0, self.n_prb)
        check_range("pmi_delay", self.pmi_delay, 2, 10)

    @property
    def spatial(self) -> bool:
        """Whether the mode is one of spatial multiplexing."""
        return self.tm > 2

    @property
    def independent(self) -> bool:
        """True without fading, unless phases that are drawn for each block of work decide how layers add up."""
        return super().independent and not (self.spatial and self.channel == "AWGN")

    def as_dict(self) -> dict[str, Any]:
        """Kind and every parameter that the mode has."""
        values = super().as_dict()
        return values if self.spatial else {k: v for k, v in values.items() if k not in _SPATIAL}
