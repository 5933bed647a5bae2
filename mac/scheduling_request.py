"""Scheduling requests of a UE (TS 36.321 5.4.4)."""

from enum import StrEnum


class SrOutcome(StrEnum):
    """What an opportunity is used for."""

    NOTHING = "nothing"
    SEND = "send"
    GIVE_UP = "give up"


class SchedulingRequests:
    """Whether a request is pending, and how often it has been sent (SR_COUNTER)."""

    def __init__(self) -> None:
        self.pending = False
        self.counter = 0

    def trigger(self) -> None:
        """A request is wanted; the counter starts where none was pending."""
        if not self.pending:
            self.counter = 0
        self.pending = True

    def cancel(self) -> None:
        """A buffer status report went out, or everything did, or random access takes over."""
        self.pending = False

    def opportunity(self, dsr_trans_max: int) -> SrOutcome:
        """Use the PUCCH resource of this subframe, in which nothing is sent on the PUSCH."""
        if not self.pending:
            return SrOutcome.NOTHING
        if self.counter >= dsr_trans_max:
            return SrOutcome.GIVE_UP
        self.counter += 1
        return SrOutcome.SEND
