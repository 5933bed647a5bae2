"""Link simulations in a line of Python."""

from typing import Any

from picocell.sims.campaign import Campaign, make_points
from picocell.sims.counts import Counts
from picocell.sims.hooks import DecoderFunction, EqualiserFunction, EstimatorFunction, Hooks, TraceFunction
from picocell.sims.point import Point
from picocell.sims.registry import open_link
from picocell.sims.stats import StoppingRule


def simulation(
    kind_name: str,
    *,
    n_subframes: int = 1000,
    max_errors: int = 200,
    width: float = 0.0,
    confidence: float = 0.95,
    seed: int = 1,
    block: int = 0,
    estimator_function: EstimatorFunction | None = None,
    equaliser: EqualiserFunction | None = None,
    decoder: DecoderFunction | None = None,
    **parameters: Any,
) -> Campaign:
    """A campaign of one kind of link: every combination of parameters that are lists, ranges or arrays.

    Args:
        kind_name: "downlink", "uplink", "coding", or another that is registered.
        n_subframes: subframes a point at most.
        max_errors: block errors of first transmissions after which a point is done; 0 for no such budget.
        width: a point is done when its BLER's confidence interval is narrower than this share of it; 0 for never.
        confidence: level of the intervals.
        seed: of everything random.
        block: subframes in a block of work; the kind's own when 0.
        estimator_function: a user's own channel estimator.
        equaliser: a user's own equaliser.
        decoder: a user's own decoder.
        **parameters: those of the kind's point, such as `mcs`, `n_prb`, `channel`, `snr_db`.

    Returns:
        What is to be run: ``.run()`` gives the table.

    Raises:
        ValueError: parameters that do not exist or are not allowed.
    """
    return Campaign(
        make_points(kind_name, parameters),
        hooks=Hooks(estimator_function, equaliser, decoder),
        seed=seed,
        rule=StoppingRule(n_subframes, max_errors, width, confidence),
        block=block,
    )


def downlink(**parameters: Any) -> Campaign:
    """A campaign of the PDSCH; parameters of :class:`.DownlinkPoint` and :func:`simulation`."""
    return simulation("downlink", **parameters)


def uplink(**parameters: Any) -> Campaign:
    """A campaign of the PUSCH; parameters of :class:`.UplinkPoint` and :func:`simulation`."""
    return simulation("uplink", **parameters)


def coding(**parameters: Any) -> Campaign:
    """A campaign of the turbo code alone; parameters of :class:`.CodingPoint` and :func:`simulation`."""
    return simulation("coding", **parameters)


def trace(
    point: Point, watch: TraceFunction, n_subframes: int = 1, *, hooks: Hooks = Hooks(), seed: int = 1, block: int = 0
) -> Counts:
    """Simulate a block of work of a point, and look at the arrays between its ends.

    Args:
        point: the parameters.
        watch: is given a :class:`picocell.sims.hooks.Trace` of every transmission.
        n_subframes: subframes in which transport blocks begin.
        hooks: a user's own parts.
        seed: of the campaign of which this is a block.
        block: its number there.

    Returns:
        What was counted.
    """
    return open_link(point, hooks).run_block(point.seed(seed, block), n_subframes, watch)
