"""What is printed and written goes out in order, from another thread, and never holds up the one that says it."""

import threading
from functools import partial

import pytest

from picocell.observe.background import Background


def test_order_is_kept_and_all_is_done_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    done: list[int] = []
    with Background() as background:
        for number in range(100):
            background.do(partial(done.append, number))
        background.say("L", end="")
        background.say("one line")
    background.close()
    assert done == list(range(100))
    assert capsys.readouterr().out == "Lone line\n"
    assert background.lost == 0


def test_who_says_something_does_not_wait_for_a_terminal_that_is_stopped() -> None:
    terminal, begun = threading.Event(), threading.Event()
    done: list[int] = []

    def stopped() -> None:
        begun.set()
        terminal.wait()

    background = Background(room=5)
    background.do(stopped)
    assert begun.wait(120)
    for number in range(8):
        background.do(partial(done.append, number))
    assert background.lost == 3
    terminal.set()
    background.close()
    assert done == [0, 1, 2, 3, 4]


def test_a_job_that_fails_is_told_and_the_others_are_done(caplog: pytest.LogCaptureFixture) -> None:
    done: list[int] = []
    with Background() as background:
        background.do(lambda: 1 / 0)
        background.do(partial(done.append, 1))
    assert done == [1]
    assert "something could not be written" in caplog.text


def test_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    where: list[threading.Thread] = []
    with Background(at_once=True) as background:
        background.do(lambda: where.append(threading.current_thread()))
        background.say("said")
        assert where == [threading.current_thread()]
        assert capsys.readouterr().out == "said\n"
    with pytest.raises(ZeroDivisionError):
        background.do(lambda: 1 / 0)
