"""The live table."""

import io

from rich.console import Console

from picocell.sims import Campaign, StoppingRule
from picocell.sims.campaign import make_points
from picocell.sims.progress import LiveTable, print_results, result_table

RULE = StoppingRule(max_subframes=40, max_errors=0)


def test_terminal_shows_points_and_remaining_time() -> None:
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=140)
    clock = iter(range(10_000))
    with LiveTable(RULE, console, clock=lambda: float(next(clock))) as live:
        Campaign(make_points("coding", {"k": [40, 48], "snr_db": 3.0}), rule=RULE, block=10).run(watcher=live)
    text = out.getvalue()
    assert "s left" in text
    assert "k 40" in text
    assert "done: subframes" in text


def test_elsewhere_each_finished_point_is_a_line() -> None:
    out = io.StringIO()
    with LiveTable(RULE, Console(file=out, width=200)) as live:
        Campaign(make_points("coding", {"k": [40, 48], "snr_db": 3.0}), rule=RULE, block=10).run(watcher=live)
    lines = out.getvalue().splitlines()
    assert len(lines) == 2
    assert "SNR 3 dB: BLER" in lines[0]


def test_results_have_a_row_a_point() -> None:
    table = Campaign(make_points("downlink", {"mcs": [0, 1], "rounds": 2, "snr_db": 0.0}), rule=RULE).run()
    assert result_table(table).row_count == 2
    out = io.StringIO()
    print_results(table, Console(file=out, width=200))
    assert "BLER 2 %" in out.getvalue()


def test_control_channels_have_trials_and_errors() -> None:
    table = Campaign(make_points("pbch", {"snr_db": [5.0]}), rule=StoppingRule(10, 0)).run()
    names = [column.header for column in result_table(table).columns]
    assert names == ["SNR dB", "Eb/N0", "trials", "errors %", "interval", "CPU µs"]


def test_a_narrow_terminal_gets_fewer_columns_whole() -> None:
    table = Campaign(make_points("downlink", {"mcs": [0, 1], "rounds": 2, "snr_db": 0.0}), rule=RULE).run()
    out = io.StringIO()
    print_results(table, Console(file=out, width=90))
    text = out.getvalue()
    assert "EVM" not in text
    assert "…" not in text
    for name in ("mcs", "SNR dB", "subframes", "BLER %", "interval", "BLER 2 %", "thr. %", "Mb/s"):
        assert name in text
