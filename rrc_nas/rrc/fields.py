"""Reading values that `asn1.decode` gives: numbers in names, choices, values of the wrong shape (TS 36.331 6)."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from picocell.rrc_nas.asn1 import Asn1Error

Value = dict[str, Any]
"""A decoded sequence by ASN.1 field name."""


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Turn what goes wrong with a value of another shape, or with a number out of range, into an Asn1Error.

    Raises:
        Asn1Error: in place of LookupError, TypeError, AttributeError and other ValueErrors.
    """
    try:
        yield
    except (LookupError, TypeError, AttributeError) as error:
        raise Asn1Error(f"{what} does not have the expected shape: {error!r}") from error
    except ValueError as error:
        if isinstance(error, Asn1Error):
            raise
        raise Asn1Error(f"{what}: {error}") from error


def setup(choice: tuple[str, Any]) -> Any:
    """Content of a setup/release choice, None for release."""
    kind, value = choice
    return value if kind == "setup" else None


def number(name: str) -> int:
    """Number in an enumerated name: 16 of ``n16``, -104 of ``dBm-104``, 8 of ``tm8-v920``.

    Raises:
        Asn1Error: a spare value, or a name without a number.
    """
    found = re.match(r"[A-Za-z]+(-?\d+)", name)
    if found is None or name.startswith("spare"):
        raise Asn1Error(f"value {name!r} is spare or has no number")
    return int(found.group(1))


def decibels(name: str) -> float:
    """Power ratio in an enumerated name: -4.77 of ``dB-4dot77``."""
    return float(name.removeprefix("dB").replace("dot", "."))
