"""The collector runs when it is told that there is time, and not before."""

import gc
import weakref

import pytest

from picocell.observe.garbage import Garbage


class Knot:
    """Something that only the collector finds."""

    def __init__(self) -> None:
        self.self = self


def knots(n: int) -> list["weakref.ref[Knot]"]:
    return [weakref.ref(Knot()) for _ in range(n)]


def alive(found: list["weakref.ref[Knot]"]) -> int:
    return sum(ref() is not None for ref in found)


def test_collects_between_and_not_before() -> None:
    with Garbage(young=2000) as garbage:
        assert not gc.isenabled()
        made = knots(100)
        garbage.between()
        assert alive(made) == 100  # not worth it yet
        made += knots(2000)
        assert alive(made) == 2100
        garbage.between()
        assert alive(made) == 0
        assert garbage.times.n == 1
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0


def test_waits_while_there_is_no_time_but_not_for_ever() -> None:
    with Garbage(young=500) as garbage:
        made = knots(1000)
        garbage.between(has_time=False)
        assert alive(made) == 1000
        made += knots(12_000)
        garbage.between(has_time=False)
        assert alive(made) == 0


def test_what_grew_old_is_found_in_the_end() -> None:
    with Garbage(young=50) as garbage:
        kept = [Knot()]
        old = weakref.ref(kept[0])
        for _ in range(5):  # it grows old while it is in use
            knots(100)
            garbage.between()
        kept.clear()
        for _ in range(20 * 12 * 20):
            knots(60)
            garbage.between()
            if old() is None:
                break
        assert old() is None


def test_closing_twice_is_fine() -> None:
    garbage = Garbage()
    garbage.close()
    garbage.close()
    assert gc.isenabled()
    with pytest.raises(ValueError, match="not in list"):
        gc.callbacks.remove(garbage._call)
