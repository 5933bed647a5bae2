"""The same seed gives the same run, another one another."""

from picocell import Cell, Network
from picocell.network import GATEWAY


def _run(seed: int) -> list[str]:
    with Network(Cell(n_prb=6, inactivity_ms=200), channel="EPA5", snr_db=12, seed=seed) as net:
        phones = [net.phone(), net.phone("001010123456781", snr_db=20)]
        for phone in phones:
            phone.attach(wait=False)
        net.run_until(lambda: all(phone.attached for phone in phones))
        phones[0].ping(GATEWAY, 3)
        phones[1].wait_idle()
        phones[1].page()
        phones[0].detach()
        phones[1].detach()
        return [f"{now} {who} {event}" for now, who, event in net.events]


def test_the_event_log_depends_on_the_seed_alone() -> None:
    first = _run(1)
    assert len(first) > 100
    assert {line.split()[1] for line in first} == {"eNB", "MME", "PGW", "001010123456780", "001010123456781"}
    assert first == _run(1)
    assert first != _run(2)
