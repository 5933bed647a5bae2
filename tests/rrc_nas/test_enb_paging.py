"""Paging in the base station: frames and occasions against TS 36.304 7, several records a message, SI changes."""

import random
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picocell.enb.system_information import PagingConfig, sib2
from picocell.phy.lte.cell import Cell
from picocell.rrc_nas import asn1
from picocell.rrc_nas.rrc.enb_paging import PagingScheduler, modification_period
from picocell.rrc_nas.rrc.enb_settings import Paging
from picocell.rrc_nas.rrc.states import STmsi
from support.enb_rrc_harness import make

N_B = {
    "fourT": 4.0,
    "twoT": 2.0,
    "oneT": 1.0,
    "halfT": 1 / 2,
    "quarterT": 1 / 4,
    "oneEighthT": 1 / 8,
    "oneSixteenthT": 1 / 16,
    "oneThirtySecondT": 1 / 32,
}
TABLE_7_2_FDD = {  # (N_s, i_s): subframe of the paging occasion
    (1, 0): 9,
    (2, 0): 4,
    (2, 1): 9,
    (4, 0): 0,
    (4, 1): 4,
    (4, 2): 5,
    (4, 3): 9,
}


def is_paging_occasion(now: int, ue_id: int, cycle: int, n_b_name: str) -> bool:
    """TS 36.304 7.1: SFN mod T = (T div N) (UE_ID mod N), i_s = floor(UE_ID / N) mod N_s."""
    n_b = N_B[n_b_name] * cycle
    n = int(min(cycle, n_b))
    n_s = int(max(1, n_b / cycle))
    sfn, subframe = now // 10 % 1024, now % 10
    i_s = ue_id // n % n_s
    return sfn % cycle == cycle // n * (ue_id % n) and subframe == TABLE_7_2_FDD[n_s, i_s]


def identities(message: bytes | None) -> list[tuple[int, int]]:
    if message is None:
        return []
    records = asn1.decode("PCCH", message)["message"][1][1].get("pagingRecordList", [])
    return [(r["ue-Identity"][1]["mmec"][0], r["ue-Identity"][1]["m-TMSI"][0]) for r in records]


def run(scheduler: PagingScheduler, times: Iterable[int]) -> dict[int, bytes]:
    return {now: message for now in times if (message := scheduler.message(now)) is not None}


@given(
    ue_id=st.integers(0, 1023),
    cell_cycle=st.sampled_from([32, 64, 128, 256]),
    drx=st.sampled_from([None, 32, 64, 128, 256]),
    n_b=st.sampled_from(sorted(N_B)),
    start=st.integers(0, 30_000),
)
def test_a_page_goes_out_in_the_ues_next_occasion(
    ue_id: int, cell_cycle: int, drx: int | None, n_b: str, start: int
) -> None:
    scheduler = PagingScheduler(sib2(6, paging=PagingConfig(cell_cycle, n_b)))
    scheduler.page(Paging(ue_id, STmsi(1, ue_id), drx))
    cycle = cell_cycle if drx is None else min(drx, cell_cycle)
    wanted = next(now for now in range(start, start + 2561) if is_paging_occasion(now, ue_id, cycle, n_b))
    sent = run(scheduler, range(start, wanted + 1))
    assert list(sent) == [wanted]
    assert identities(sent[wanted]) == [(1, ue_id)]
    assert len(scheduler) == 0
    assert not run(scheduler, range(wanted + 1, wanted + 400))


def test_many_ues_of_one_occasion_share_messages() -> None:
    scheduler = PagingScheduler(sib2(6))
    for m_tmsi in range(37):
        scheduler.page(Paging(5, (1, m_tmsi)))
        scheduler.page(Paging(5, (1, m_tmsi)))  # the MME repeats itself
    sent = run(scheduler, range(3 * 320))
    assert [len(identities(message)) for message in sent.values()] == [16, 16, 5]
    assert [i for message in sent.values() for i in identities(message)] == [(1, m) for m in range(37)]
    assert list(sent) == [59, 379, 699]


def test_every_ue_of_many_is_paged_once() -> None:
    rng = random.Random(1)
    scheduler = PagingScheduler(sib2(6, paging=PagingConfig(64, "twoT")))
    indices = {(2, m): rng.randrange(1024) for m in range(300)}
    for identity, index in indices.items():
        scheduler.page(Paging(index, identity))
    found = [(now, i) for now, message in run(scheduler, range(1280)).items() for i in identities(message)]
    assert sorted(i for _, i in found) == sorted(indices)
    assert all(is_paging_occasion(now, indices[i], 64, "twoT") for now, i in found)


def test_paging_by_imsi_and_circuit_switched() -> None:
    rrc, _ = make()
    rrc.page(Paging(9, "001010123456789", cn_domain="cs"), 0)
    assert rrc.pages_waiting == 1
    (message,) = [m for now in range(320) if (m := rrc.paging(now)) is not None]
    (record,) = asn1.decode("PCCH", message)["message"][1][1]["pagingRecordList"]
    assert record == {"ue-Identity": ("imsi", [int(d) for d in "001010123456789"]), "cn-Domain": "cs"}
    assert rrc.pages_waiting == 0


def test_what_cannot_be_queued_is_counted() -> None:
    scheduler = PagingScheduler(sib2(6), capacity=2)
    scheduler.page(Paging(1, (1, 1), drx=33))
    for m_tmsi in range(3):
        scheduler.page(Paging(1, (1, m_tmsi)))
    assert (len(scheduler), scheduler.dropped) == (2, 2)


@pytest.mark.parametrize(("coefficient", "cycle"), [(2, 32), (4, 64), (16, 256)])
def test_change_of_system_information(coefficient: int, cycle: int) -> None:
    """It is announced in every paging occasion of a whole modification period, and holds from the next one on."""
    config = PagingConfig(cycle, "quarterT", coefficient)
    value = sib2(6, paging=config)
    period = 10 * coefficient * cycle
    assert modification_period(value) == config.modification_period_rf == coefficient * cycle
    scheduler = PagingScheduler(value)
    start = period + 17
    at = scheduler.system_information_changes(start)
    assert at == 3 * period
    sent = run(scheduler, range(start, at + period))
    assert min(sent) >= 2 * period
    assert max(sent) < at
    for message in sent.values():
        assert asn1.decode("PCCH", message)["message"][1][1] == {"systemInfoModification": "true"}
    for ue_id in range(0, 1024, 37):
        for drx in {32, cycle}:
            own = [now for now in range(2 * period, at) if is_paging_occasion(now, ue_id, drx, "quarterT")]
            assert own
            assert set(own) <= set(sent)


def test_a_page_and_a_change_share_a_message() -> None:
    rrc, _ = make(cell=Cell(1, 6))
    at = rrc.system_information_changes(0)
    assert at == 5120
    rrc.page(Paging(5, (1, 2)), 0)
    content = asn1.decode("PCCH", rrc.paging(59) or b"")["message"][1][1]
    assert set(content) == {"pagingRecordList", "systemInfoModification"}
