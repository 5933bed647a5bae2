"""Sequence numbers: 32 bits on the wire, whole numbers that do not wrap inside."""

from typing import Final

MODULO: Final = 1 << 32
_HALF: Final = 1 << 31


def near(wire: int, reference: int) -> int:
    """The whole number that a sequence number of the wire stands for, next to one that is known."""
    step = (wire - reference) % MODULO
    return reference + (step if step < _HALF else step - MODULO)
