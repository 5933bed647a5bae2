"""What a block of work counts, and what follows from the counts of a point."""

from dataclasses import asdict, dataclass, field
from math import log10, sqrt
from typing import Any, Final

from picocell.sims.snr import Conversion
from picocell.sims.stats import CONFIDENCE, ClusteredRate, Interval, StoppingRule

TIMES: Final = ("cpu_s",)
"""Fields of :class:`Counts` that are measured times and so differ from run to run."""


@dataclass(slots=True)
class Counts:
    """Numbers of a block of work; all but `cpu_s` follow from point and seed.

    Attributes:
        window: subframes in which transport blocks might begin; retransmissions of the last ones follow.
        sent: transmissions by HARQ round.
        errors: those of them after which the block was still not received.
        delivered: transport blocks received in the end.
        bits: information bits of these.
        false_ok: blocks whose CRC matched though a bit was wrong.
        missed: transmissions whose grant was not found.
        wrong_cfi: transmissions whose CFI was read wrong.
        decodes: turbo decodings.
        iterations: sum of their mean numbers of iterations.
        snr_n: SNR estimates.
        snr_db_sum: their sum.
        evm_n: modulation symbols' error powers measured.
        evm_sum: sum of their means, relative to the symbols' mean power.
        cpu_s: CPU time in seconds.
        offered: information bits of all transmissions, where there are code words of different sizes.
        codewords: the same for each code word where there are several; what stands above are then their sums.
    """

    window: int = 0
    sent: list[int] = field(default_factory=list)
    errors: list[int] = field(default_factory=list)
    delivered: int = 0
    bits: int = 0
    false_ok: int = 0
    missed: int = 0
    wrong_cfi: int = 0
    decodes: int = 0
    iterations: float = 0.0
    snr_n: int = 0
    snr_db_sum: float = 0.0
    evm_n: int = 0
    evm_sum: float = 0.0
    cpu_s: float = 0.0
    offered: int = 0
    codewords: list["Counts"] = field(default_factory=list)

    def __post_init__(self) -> None:
        words: list[Any] = self.codewords  # of JSON, they are dictionaries
        self.codewords = [Counts(**word) if isinstance(word, dict) else word for word in words]

    @classmethod
    def of_rounds(cls, rounds: int, window: int = 0) -> "Counts":
        """Empty counts for a number of HARQ rounds."""
        return cls(window, [0] * rounds, [0] * rounds)

    @property
    def transmissions(self) -> int:
        """Transmissions of all rounds: subframes used, with several code words those of all."""
        return sum(self.sent)

    @property
    def subframes(self) -> int:
        """Subframes used."""
        return max((word.transmissions for word in self.codewords), default=self.transmissions)

    def add(self, other: "Counts") -> None:
        """Add another block's numbers."""
        for mine, theirs in ((self.sent, other.sent), (self.errors, other.errors)):
            mine += [0] * (len(theirs) - len(mine))
            for i, value in enumerate(theirs):
                mine[i] += value
        for name, value in asdict(other).items():
            if name not in ("sent", "errors", "codewords"):
                setattr(self, name, getattr(self, name) + value)
        self.codewords += [Counts() for _ in range(len(other.codewords) - len(self.codewords))]
        for mine_of, theirs_of in zip(self.codewords, other.codewords, strict=False):
            mine_of.add(theirs_of)

    def as_dict(self) -> dict[str, Any]:
        """As JSON takes them."""
        return asdict(self)


@dataclass(slots=True)
class Tally:
    """The counts of a point, block of work by block of work in the order of their numbers.

    Attributes:
        independent: whether transport blocks are independent (no fading).
        counts: the sums.
        first: block errors of first transmissions.
        share: blocks delivered of transmissions, which is the throughput.
        blocks: blocks of work counted.
    """

    independent: bool
    counts: Counts = field(default_factory=Counts)
    first: ClusteredRate = field(default_factory=ClusteredRate)
    share: ClusteredRate = field(default_factory=ClusteredRate)
    blocks: int = 0

    def add(self, counts: Counts) -> None:
        """Count the next block of work."""
        self.counts.add(counts)
        self.first.add(counts.errors[0], counts.sent[0])
        # Under fading a stretch in a dip has more retransmissions after its window: stretches count by their windows.
        weight = 1.0 if self.independent or not counts.transmissions else counts.window / counts.transmissions
        delivered: float = counts.delivered
        if counts.offered:  # code words of different sizes count by their bits
            delivered = counts.bits * counts.transmissions / counts.offered
        self.share.add(delivered * weight, counts.transmissions * weight)
        self.blocks += 1

    def as_dict(self) -> dict[str, Any]:
        """Everything that is counted, as JSON takes it."""
        return {
            "independent": self.independent,
            "counts": self.counts.as_dict(),
            "first": self.first.as_list(),
            "share": self.share.as_list(),
            "blocks": self.blocks,
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Tally":
        """The inverse of :meth:`as_dict`."""
        return cls(
            bool(values["independent"]),
            Counts(**values["counts"]),
            ClusteredRate.from_list(values["first"]),
            ClusteredRate.from_list(values["share"]),
            int(values["blocks"]),
        )

    def done(self, rule: StoppingRule, size: int) -> str:
        """Why no further block of work is needed: "subframes", "errors" or "width"; empty if one is."""
        return "subframes" if self.blocks >= rule.n_blocks(size) else rule.reason(self.first, self.independent)

    def bler(self, round_: int = 0) -> float | None:
        """Share of a round's transmissions that left the block undecoded; None where there was none."""
        sent = self.counts.sent
        return self.counts.errors[round_] / sent[round_] if round_ < len(sent) and sent[round_] else None

    def bler_interval(self, round_: int = 0, confidence: float = CONFIDENCE) -> Interval:
        """Interval of it; later rounds take the first one's design effect."""
        if round_ == 0:
            return self.first.interval(confidence, independent=self.independent)
        rate = ClusteredRate(self.counts.errors[round_], self.counts.sent[round_], self.first.clusters)
        effect = 1.0 if self.independent else min(self.first.design_effect, max(rate.trials, 1.0))
        rate.hits, rate.trials = rate.hits / effect, rate.trials / effect
        return rate.interval(confidence, independent=True)

    def share_interval(self, confidence: float = CONFIDENCE) -> Interval:
        """Interval of the throughput's share."""
        return self.share.interval(confidence, independent=self.independent)

    def metrics(self, conversion: Conversion, confidence: float = CONFIDENCE) -> dict[str, Any]:
        """Figures of the point by name: rates with their intervals, percentages, decibels."""
        c = self.counts
        low, high = self.share_interval(confidence)
        out: dict[str, Any] = {
            "subframes": c.subframes,
            "transport_blocks": c.sent[0] if c.sent else 0,
            "block_errors": c.errors[0] if c.errors else 0,
        }
        for i in range(len(c.sent)):
            interval = self.bler_interval(i, confidence) if c.sent[i] else None
            out[f"bler_{i + 1}"] = self.bler(i)
            out[f"bler_{i + 1}_low"] = interval.low if interval else None
            out[f"bler_{i + 1}_high"] = interval.high if interval else None
        out |= {
            "residual_bler": 1 - c.delivered / c.sent[0] if c.sent and c.sent[0] else None,
            "throughput_percent": 100 * self.share.rate,
            "throughput_percent_low": 100 * low,
            "throughput_percent_high": 100 * high,
            "throughput_mbps": self.share.rate * conversion.info_bits / 1e3,
            "iterations": c.iterations / c.decodes if c.decodes else None,
            "estimated_snr_db": c.snr_db_sum / c.snr_n if c.snr_n else None,
            "evm_percent": 100 * sqrt(c.evm_sum / c.evm_n) if c.evm_n else None,
            "sinr_db": -10 * log10(c.evm_sum / c.evm_n) if c.evm_n and c.evm_sum > 0 else None,
            "missed_grants": c.missed,
            "wrong_cfi": c.wrong_cfi,
            "false_ok": c.false_ok,
            "cpu_us": 1e6 * c.cpu_s / c.subframes if c.subframes else None,
        }
        for number, word in enumerate(c.codewords, 1):
            out |= {f"codeword_{number}_{name}": value for name, value in _of_codeword(word).items()}
        return out


def _of_codeword(c: Counts) -> dict[str, Any]:
    """Figures of one code word of several."""
    out: dict[str, Any] = {"transport_blocks": c.sent[0] if c.sent else 0}
    out |= {f"bler_{i + 1}": c.errors[i] / sent if sent else None for i, sent in enumerate(c.sent)}
    return out | {
        "residual_bler": 1 - c.delivered / c.sent[0] if c.sent and c.sent[0] else None,
        "throughput_percent": 100 * c.delivered / c.transmissions if c.transmissions else None,
        "iterations": c.iterations / c.decodes if c.decodes else None,
        "evm_percent": 100 * sqrt(c.evm_sum / c.evm_n) if c.evm_n else None,
    }
