"""A point of a simulation: every parameter that its numbers depend on, and the seeds that follow from it."""

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from math import isfinite
from typing import Any, ClassVar, Final, Self

import numpy as np

from picocell.phy.lte.cell import BANDWIDTHS
from picocell.radio.channel import models

CHANNELS: Final = {"N": "AWGN", "E": "EPA5", "F": "EVA5", "G": "ETU70"}
"""Short names of channels."""

LARGEST_DB: Final = 150
"""Beyond this, single precision has no noise, or no signal."""

ESTIMATORS: Final = ("practical", "linear", "average", "perfect")
SYNCS: Final = ("perfect", "practical")
DOMAINS: Final = ("grid", "samples")

_MODULATION: Final = {"qpsk": 2, "16qam": 4, "64qam": 6, "256qam": 8}


def modulation_order(name: str) -> int:
    """Bits a symbol of a modulation's name.

    Raises:
        ValueError: another name.
    """
    if name.lower() not in _MODULATION:
        raise ValueError(f"modulation {name!r} is not known: use one of {', '.join(_MODULATION)}")
    return _MODULATION[name.lower()]


def check_choice(name: str, value: object, allowed: tuple[object, ...]) -> None:
    """Refuse what is not among the allowed values.

    Raises:
        ValueError: that.
    """
    if value not in allowed:
        raise ValueError(f"{name} {value!r} is not allowed: use one of {', '.join(map(str, allowed))}")


def check_range(name: str, value: int, low: int, high: int) -> None:
    """Refuse a number outside a range.

    Raises:
        ValueError: that.
    """
    if not low <= value <= high:
        raise ValueError(f"{name} {value} is outside {low}..{high}")


def children(seed: np.random.SeedSequence, n: int) -> list[np.random.SeedSequence]:
    """Seeds that follow from a seed: unlike those of its own `spawn`, the same every time."""
    return [np.random.SeedSequence(seed.entropy, spawn_key=(*seed.spawn_key, i)) for i in range(n)]


@dataclass(frozen=True, kw_only=True)
class Point:
    """What every kind of point has.

    Attributes:
        snr_db: SNR per resource element and receive antenna (:mod:`picocell.sims.snr`).
        kind: name of the kind of link, as :mod:`picocell.sims.registry` knows it.
    """

    kind: ClassVar[str] = ""

    snr_db: float

    def __post_init__(self) -> None:
        if not isfinite(self.snr_db):
            raise ValueError(f"snr_db {self.snr_db} is not finite")
        if abs(self.snr_db) > LARGEST_DB:
            raise ValueError(f"snr_db {self.snr_db:g} is outside -{LARGEST_DB}..{LARGEST_DB}")
        object.__setattr__(self, "snr_db", round(float(self.snr_db), 6) + 0.0)

    def as_dict(self) -> dict[str, Any]:
        """Kind and every parameter, as JSON takes them."""
        return {"kind": self.kind, **{k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """The inverse of :meth:`as_dict`; a missing parameter takes its default.

        Raises:
            ValueError: a parameter that does not exist, or another kind's.
        """
        given = dict(values)
        if given.pop("kind", cls.kind) != cls.kind:
            raise ValueError(f"a point of kind {values['kind']!r} is no {cls.kind!r}")
        known = {f.name for f in fields(cls)}
        if unknown := set(given) - known:
            raise ValueError(
                f"{cls.kind} has no parameter {', '.join(sorted(unknown))}: use {', '.join(sorted(known))}"
            )
        if "snr_db" not in given:
            raise ValueError(f"{cls.kind} needs snr_db")
        parameters: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in given.items()}
        return cls(**parameters)

    @property
    def json(self) -> str:
        """Canonical JSON: equal points have equal text."""
        return json.dumps(self.as_dict(), sort_keys=True, separators=(",", ":"))

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of the canonical JSON."""
        return hashlib.sha256(self.json.encode()).digest()

    @property
    def key(self) -> str:
        """Short name of the point in files."""
        return self.digest.hex()[:16]

    @property
    def independent(self) -> bool:
        """Whether the transport blocks of a block of work are independent of each other."""
        return True

    def seed(self, campaign_seed: int, block: int) -> np.random.SeedSequence:
        """Seed of a numbered block of work, the same wherever and whenever it is done."""
        words = np.frombuffer(self.digest[:16], "<u4").tolist()
        return np.random.SeedSequence([campaign_seed, *words], spawn_key=(block,))


@dataclass(frozen=True, kw_only=True)
class ChannelPoint(Point):
    """A point with a cell and a propagation channel.

    Attributes:
        n_prb: bandwidth of the cell in resource blocks.
        n_rx: receive antennas.
        channel: "AWGN", or a profile with its Doppler frequency such as "EVA5"; short names "N", "E", "F", "G".
        pci: physical cell identity.
    """

    n_prb: int = 6
    n_rx: int = 1
    channel: str = "AWGN"
    pci: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "channel", CHANNELS.get(self.channel.upper(), self.channel.upper()))
        check_choice("n_prb", self.n_prb, BANDWIDTHS)
        check_range("n_rx", self.n_rx, 1, 4)
        check_range("pci", self.pci, 0, 503)
        models.check(self.channel)

    @property
    def independent(self) -> bool:
        """True without fading."""
        return self.channel in ("AWGN", "STATIC")


@dataclass(frozen=True, kw_only=True)
class SharedChannelPoint(ChannelPoint):
    """What downlink and uplink shared channels have in common.

    Attributes:
        mcs: I_MCS 0..28, unless `tbs` and `modulation` are given.
        rounds: HARQ transmissions of a block at most.
        rv_sequence: redundancy version of each round; empty for the usual one of the modulation and direction.
        estimator: "practical" (the product's), "linear", "average", or "perfect".
        sync: "perfect", or "practical": with errors of time and frequency that the receiver has to find.
        domain: "grid" (each resource element has its gain and noise: exact where the cyclic prefix covers the
            channel and it does not change within a symbol) or "samples"; practical synchronisation needs samples.
        iterations: of the turbo decoder.
        tbs: transport block size in bits instead of that of the MCS; 0 for that.
        modulation: with `tbs`: "qpsk", "16qam", "64qam", "256qam".
        rnti: C-RNTI.
    """

    mcs: int = 0
    rounds: int = 1
    rv_sequence: tuple[int, ...] = ()
    estimator: str = "practical"
    sync: str = "perfect"
    domain: str = "grid"
    iterations: int = 8
    tbs: int = 0
    modulation: str = ""
    rnti: int = 0x46

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.sync == "practical":
            object.__setattr__(self, "domain", "samples")
        check_range("mcs", self.mcs, 0, 28)
        check_range("rounds", self.rounds, 1, 8)
        check_range("iterations", self.iterations, 1, 255)
        check_range("rnti", self.rnti, 0x3D, 0xFFF3)
        check_choice("sync", self.sync, SYNCS)
        check_choice("domain", self.domain, DOMAINS)
        check_choice("estimator", self.estimator, ESTIMATORS)
        if self.sync == "practical" and self.estimator == "perfect":
            raise ValueError("perfect estimation needs perfect synchronisation: the true channel has no carrier offset")
        for rv in self.rv_sequence:
            check_range("redundancy version", rv, 0, 3)
        if bool(self.tbs) != bool(self.modulation):
            raise ValueError("tbs and modulation go together: give both or none")
        if self.modulation:
            modulation_order(self.modulation)

    def versions(self, usual: tuple[int, ...]) -> tuple[int, ...]:
        """Redundancy version of each round: the given sequence, or the usual one, over and over."""
        sequence = self.rv_sequence or usual
        return tuple(sequence[i % len(sequence)] for i in range(self.rounds))
