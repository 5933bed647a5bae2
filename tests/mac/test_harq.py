"""Which transmissions combine, and where a PHICH is due."""

import numpy as np
import pytest

from picocell.kernels.sch import SchDecoder
from picocell.mac.harq import BroadcastHarq, DlHarqEntities, DlHarqEntity, DlHarqProcess, UlHarqTracker
from picocell.phy.lte.grant import PdschGrant, TransmissionScheme


def grant(ndi: int, tbs: int = 144, harq_process: int = 3, rnti: int = 70) -> PdschGrant:
    return PdschGrant(rnti, ((0,), (0,)), 2, tbs, 0, 1, TransmissionScheme.PORT0, harq_process=harq_process, ndi=ndi)


def test_same_ndi_combines_and_toggled_ndi_does_not() -> None:
    process = DlHarqProcess()
    first = process.received_grant(0, 144)
    assert process.received_grant(0, 144) is first
    assert process.transmissions == 2
    process.received_grant(1, 144)
    assert process.transmissions == 1
    process.received_grant(1, 200)  # the toggling grant was missed: another size cannot combine
    assert (process.transmissions, process.tbs) == (1, 200)


def test_previous_size_is_known_per_rnti_and_process() -> None:
    entities = DlHarqEntities()
    assert entities.previous_tbs(70, 3) is None
    assert entities.soft_buffer(grant(1)) is not None
    assert entities.previous_tbs(70, 3) == 144
    assert entities.previous_tbs(70, 2) is None
    assert entities.previous_tbs(71, 3) is None
    entities.keep({71}.__contains__)
    assert entities.previous_tbs(70, 3) is None


def test_process_that_does_not_exist() -> None:
    with pytest.raises(ValueError, match=r"outside 0\.\.7"):
        DlHarqEntity().process(8)


def test_system_information_combines_within_its_block_only() -> None:
    harq = BroadcastHarq()
    assert harq.received_grant(("SIB1", 0), 144).transmissions == 1
    assert harq.received_grant(("SIB1", 0), 144).transmissions == 2
    assert harq.received_grant(("SIB1", 1), 144).transmissions == 1


def test_phich_is_due_four_subframes_after_each_transmission() -> None:
    tracker = UlHarqTracker(max_transmissions=3)
    tracker.pusch_sent(10238, 70, 1, 0)
    assert tracker.due(10239) == []
    for sent in (10238, 6, 14):  # NACKs: sent again eight subframes later, three times in all
        tti = (sent + 4) % 10240
        (expected,) = tracker.due(tti)
        assert (expected.rnti, expected.prb_start) == (70, 1)
        tracker.received(tti, expected, ack=False)
    assert tracker.due(26) == []


def test_new_grant_replaces_the_retransmission() -> None:
    tracker = UlHarqTracker()
    tracker.pusch_sent(0, 70, 1, 0)
    (expected,) = tracker.due(4)
    tracker.received(4, expected, ack=False)
    tracker.pusch_sent(8, 70, 4, 2)
    (again,) = tracker.due(12)
    assert (again.prb_start, again.n_dmrs, again.transmission) == (4, 2, 1)


def test_restart_takes_the_last_transmission_for_a_new_block() -> None:
    process = DlHarqProcess()
    soft = process.received_grant(0, 40)
    SchDecoder().decode(np.full(120, 100, np.int16), 40, 2, soft=soft)
    assert soft.passed.any()
    process.acked = True
    assert process.received_grant(0, 40) is soft
    process.restart()
    assert (process.acked, process.transmissions, process.soft is soft) == (False, 1, True)
    assert not soft.passed.any()
