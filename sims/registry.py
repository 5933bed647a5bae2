"""The kinds of links that there are: a kind is a point's class and the class that simulates it."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final, Protocol

import numpy as np

from picocell.sims.counts import Counts
from picocell.sims.hooks import Hooks, TraceFunction
from picocell.sims.point import Point
from picocell.sims.snr import Conversion


class Link(Protocol):
    """What simulates a point.

    Attributes:
        conversion: of SNR to Eb/N0.
    """

    conversion: Conversion

    def run_block(self, seed: np.random.SeedSequence, n_subframes: int, trace: TraceFunction | None = None) -> Counts:
        """A block of work: its numbers follow from point, seed and size alone."""
        ...


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of link.

    Attributes:
        name: its name.
        module: module of its classes, imported when needed.
        point: name of the point's class.
        link: name of the class that simulates it: called with a point and :class:`Hooks`.
        block: subframes, or trials, in a block of work.
    """

    name: str
    module: str
    point: str
    link: str
    block: int


_KINDS: Final[dict[str, Kind]] = {}


def register(kind: Kind) -> None:
    """Make a kind known.

    Raises:
        ValueError: another kind has that name.
    """
    if _KINDS.get(kind.name, kind) != kind:
        raise ValueError(f"there is another kind of link named {kind.name!r}")
    _KINDS[kind.name] = kind


def kind(name: str) -> Kind:
    """A kind by its name.

    Raises:
        ValueError: none of that name.
    """
    if name not in _KINDS:
        raise ValueError(f"kind of link {name!r} is not known: use one of {', '.join(sorted(_KINDS))}")
    return _KINDS[name]


def kinds() -> Iterator[Kind]:
    """All of them."""
    return iter(_KINDS.values())


def point_class(name: str) -> type[Point]:
    """Class of a kind's points."""
    found = kind(name)
    cls: type[Point] = getattr(import_module(found.module), found.point)
    return cls


def make_point(values: dict[str, Any]) -> Point:
    """A point from a dictionary with its kind.

    Raises:
        ValueError: no kind, or parameters that are not allowed.
    """
    return point_class(str(values.get("kind", ""))).from_dict(values)


def open_link(point: Point, hooks: Hooks = Hooks()) -> Link:
    """What simulates a point.

    Raises:
        ValueError: parameters that do not go together.
    """
    found = kind(point.kind)
    link: Link = getattr(import_module(found.module), found.link)(point, hooks)
    return link


register(Kind("downlink", "picocell.sims.spatial_link", "DownlinkPoint", "open_downlink", 50))
register(Kind("uplink", "picocell.sims.uplink_link", "UplinkPoint", "UplinkLink", 50))
register(Kind("pbch", "picocell.sims.pbch_link", "PbchPoint", "PbchLink", 10))
register(Kind("pdcch", "picocell.sims.pdcch_link", "PdcchPoint", "PdcchLink", 50))
register(Kind("pucch", "picocell.sims.pucch_link", "PucchPoint", "PucchLink", 50))
register(Kind("prach", "picocell.sims.prach_link", "PrachPoint", "PrachLink", 10))
register(Kind("coding", "picocell.sims.coding_link", "CodingPoint", "CodingLink", 200))
