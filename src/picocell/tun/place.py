"""Where in the machine a device lives: here, in a network namespace, or in a user namespace."""

import threading
from collections.abc import Callable
from typing import Final, Protocol, TypeVar

from picocell.tun import links

T = TypeVar("T")

OPERATIONS: Final[dict[str, Callable[..., int | None]]] = {
    "open_tun": links.open_tun,
    "bring_up": links.bring_up,
    "take_down": links.take_down,
}
"""What a place can be asked for, by name so that it can be asked in another process too."""

Argument = str | int | None | list[str]


class Place(Protocol):
    """Somewhere in the machine.

    Attributes:
        description: the place as the end of a sentence ("in network namespace ue1").
        own: whether nothing but this device lives there, so that it may have the default route.
    """

    description: str
    own: bool

    def call(self, operation: str, *arguments: Argument) -> int | None:
        """Do one of `OPERATIONS` there; the new descriptor where it makes one."""

    def close(self) -> None:
        """Remove what was made."""


class Here:
    """The process's own network namespace."""

    description = ""
    own = False

    def call(self, operation: str, *arguments: Argument) -> int | None:
        """Do one of `OPERATIONS`."""
        return in_thread(lambda: OPERATIONS[operation](*arguments))

    def close(self) -> None:
        """Nothing was made."""


def in_thread(work: Callable[[], T]) -> T:
    """Do something in a thread of its own, and wait for it.

    A thread can enter a namespace without its process, and has no event loop that netlink calls would disturb.
    """
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:  # it is raised again where the work was asked for
            errors.append(error)

    thread = threading.Thread(target=run, name="picocell-namespace")
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]
