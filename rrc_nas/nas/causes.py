"""Cause values of EPS mobility and session management (TS 24.301 9.9.3.9, 9.9.4.4) and the error that carries one."""

from functools import cache

from picocell.rrc_nas.nas.tables import rows

PROTOCOL_ERROR = 111
"""Protocol error, unspecified: also what an unknown cause is treated as."""


class NasError(ValueError):
    """A message that cannot be taken.

    Attributes:
        cause: EMM or ESM cause to answer with; None where the message is to be ignored (TS 24.301 7.2, 7.3).
        esm: whether it was a message of session management.
        ebi: EPS bearer identity of that message.
        pti: procedure transaction identity of that message.
        message: its name, empty where it is not known.
    """

    def __init__(
        self, cause: int | None, text: str, *, esm: bool = False, ebi: int = 0, pti: int = 0, message: str = ""
    ) -> None:
        super().__init__(text)
        self.cause = cause
        self.esm = esm
        self.ebi = ebi
        self.pti = pti
        self.message = message


@cache
def _names(table: str) -> dict[int, str]:
    return {int(row["value"]): row["name"] for row in rows(table)}


def emm_cause_name(cause: int) -> str:
    """Name of an EMM cause with its number, for people."""
    return f"{_names('24301_9.9.3.9_emm_cause').get(cause, 'unknown EMM cause')} (#{cause})"


def esm_cause_name(cause: int) -> str:
    """Name of an ESM cause with its number, for people."""
    return f"{_names('24301_9.9.4.4_esm_cause').get(cause, 'unknown ESM cause')} (#{cause})"


def is_emm_cause(cause: int) -> bool:
    """Whether the standard defines this EMM cause."""
    return cause in _names("24301_9.9.3.9_emm_cause")


def is_esm_cause(cause: int) -> bool:
    """Whether the standard defines this ESM cause."""
    return cause in _names("24301_9.9.4.4_esm_cause")
