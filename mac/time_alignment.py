"""Maintenance of uplink time alignment at a UE (TS 36.321 5.2)."""

from typing import Final

from picocell.phy.lte.timing_advance import n_ta_from_command, n_ta_from_rar

COMMAND_DELAY: Final = 6
"""Subframes from a command to its effect (TS 36.213 4.2.3)."""


class TimeAlignment:
    """Timing advance N_TA and timeAlignmentTimer of a UE.

    Args:
        timer: length in subframes; None for infinity.
    """

    def __init__(self, timer: int | None) -> None:
        self._timer = timer
        self._started: int | None = None
        self._n_ta = 0
        self._next: list[tuple[int, int]] = []

    @property
    def running(self) -> bool:
        """Whether the uplink counts as synchronised."""
        return self._started is not None

    def set_timer(self, timer: int | None) -> None:
        """A new length, None for infinity; it holds for a timer that runs already."""
        self._timer = timer

    def n_ta(self, now: int) -> int:
        """N_TA in T_s of uplink subframe ``now``."""
        while self._next and self._next[0][0] <= now:
            self._n_ta = self._next.pop(0)[1]
        return self._n_ta

    def response(self, command: int, now: int) -> None:
        """A random access response's command, absolute; it holds from the next uplink transmission on.

        Raises:
            ValueError: a command outside 0..1282.
        """
        self._n_ta = n_ta_from_rar(command)
        self._next.clear()
        self._started = now

    def command(self, command: int, now: int) -> None:
        """A MAC control element's command, relative; it takes effect six subframes later.

        Raises:
            ValueError: a command outside 0..63.
        """
        last = self._next[-1][1] if self._next else self._n_ta
        self._next.append((now + COMMAND_DELAY, n_ta_from_command(last, command)))
        self._started = now

    def stop(self) -> None:
        """The uplink is not synchronised any more."""
        self._started = None
        self._next.clear()

    def expire(self, now: int) -> bool:
        """Stop the timer where it has run out; whether it has."""
        if self._started is None or self._timer is None or now - self._started < self._timer:
            return False
        self.stop()
        return True
