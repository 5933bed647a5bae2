"""Keys pressed at a process's console, read beside its work."""

import sys
import threading
from collections import deque
from typing import Final, TextIO

HELP: Final = "t + Enter: table of UEs on and off; s + Enter: times of the stages; q + Enter: stop"


class Keys:
    """Lines typed at the console. Without a console nothing is ever typed.

    Args:
        stream: where from; standard input when None, which a process may have been started without.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        source: TextIO | None = sys.stdin if stream is None else stream
        self._lines: deque[str] = deque()
        if source is not None:
            threading.Thread(target=self._read, args=(source,), name="console", daemon=True).start()

    def next(self) -> str | None:
        """The next line that was typed; None where there is none."""
        return self._lines.popleft() if self._lines else None

    def _read(self, stream: TextIO) -> None:
        try:
            for line in stream:
                self._lines.append(line.strip())
        except (ValueError, OSError):
            return  # closed
