"""Round robin and proportional fair: nothing is given twice, nobody starves, light users leave their rest to others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picocell.mac.scheduler import Demand, ProportionalFair, RoundRobin, Scheduler, make_scheduler

demands = st.lists(
    st.builds(Demand, st.integers(1, 65000), st.integers(1, 100), st.floats(1.0, 900.0), st.booleans()),
    max_size=30,
    unique_by=lambda d: d.rnti,
)


@given(demands, st.integers(0, 100), st.integers(1, 10), st.sampled_from(["rr", "pf"]))
def test_never_more_than_there_is_nor_than_is_wanted(wanted: list[Demand], n_prb: int, max_ues: int, kind: str) -> None:
    shares = make_scheduler(kind).divide(wanted, n_prb, max_ues, 0)
    assert sum(n for _, n in shares) <= n_prb
    assert len(shares) <= max_ues
    assert len({rnti for rnti, _ in shares}) == len(shares)
    by_rnti = {d.rnti: d.n_prb for d in wanted}
    assert all(1 <= n <= by_rnti[rnti] for rnti, n in shares)
    if len(wanted) <= max_ues and sum(by_rnti.values()) >= n_prb >= len(wanted):
        assert sum(n for _, n in shares) == n_prb


def run(scheduler: Scheduler, rates: dict[int, float], n_ms: int = 3000) -> dict[int, float]:
    """Bits a ms that each of some full-buffer UEs gets."""
    total = dict.fromkeys(rates, 0.0)
    for now in range(n_ms):
        for rnti, n in scheduler.divide([Demand(r, 25, b) for r, b in rates.items()], 25, 4, now):
            total[rnti] += n * rates[rnti]
            scheduler.served(rnti, int(n * rates[rnti]), now)
    return {rnti: bits / n_ms for rnti, bits in total.items()}


def test_round_robin_gives_equal_resource_blocks() -> None:
    rates = {1: 100.0, 2: 400.0, 3: 700.0, 4: 200.0, 5: 300.0, 6: 100.0}
    got = run(RoundRobin(), rates)
    blocks = [got[rnti] / rate for rnti, rate in rates.items()]
    assert max(blocks) / min(blocks) < 1.1


def test_proportional_fair_gives_equal_time_to_constant_rates() -> None:
    rates = {1: 100.0, 2: 400.0, 3: 700.0}
    got = run(ProportionalFair(), rates)
    shares = [got[rnti] / rate for rnti, rate in rates.items()]
    assert max(shares) / min(shares) < 1.1


def test_proportional_fair_serves_a_ue_at_its_peaks() -> None:
    scheduler = ProportionalFair(window=50)
    served = []
    for now in range(2000):
        peak = now // 10 % 2 == 0
        wanted = [Demand(1, 25, 600.0 if peak else 100.0), Demand(2, 25, 300.0)]
        ((rnti, n),) = scheduler.divide(wanted, 25, 4, now)
        scheduler.served(rnti, int(n * wanted[rnti - 1].bits_per_prb), now)
        served.append((rnti, peak))
    at_peak = [rnti == 1 for rnti, peak in served[200:] if peak]
    elsewhere = [rnti == 1 for rnti, peak in served[200:] if not peak]
    assert sum(at_peak) > 3 * sum(elsewhere)


def test_signalling_goes_first() -> None:
    for scheduler in (RoundRobin(), ProportionalFair()):
        scheduler.served(9, 10**6, 0)
        shares = scheduler.divide([Demand(8, 25, 500.0), Demand(9, 3, 10.0, urgent=True)], 25, 1, 1)
        assert shares == [(9, 3)]


def test_a_light_user_leaves_its_rest_to_the_others() -> None:
    assert dict(RoundRobin().divide([Demand(1, 2, 1.0), Demand(2, 25, 1.0), Demand(3, 25, 1.0)], 25, 8, 0)) == {
        1: 2,
        2: 12,
        3: 11,
    }


def test_forgets_and_refuses() -> None:
    for kind in ("rr", "pf"):
        scheduler = make_scheduler(kind)
        scheduler.served(5, 100, 1)
        assert scheduler.rntis == (5,)
        assert scheduler.fresh().rntis == ()
        scheduler.forget(5)
        assert scheduler.rntis == ()
        assert make_scheduler(scheduler) is scheduler
    with pytest.raises(ValueError, match="'rr' or 'pf'"):
        make_scheduler("fastest")
    with pytest.raises(ValueError, match="window"):
        ProportionalFair(0)
