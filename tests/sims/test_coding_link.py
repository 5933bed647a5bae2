"""The turbo code alone."""

import numpy as np
import pytest

from picocell.sims import Hooks, coding
from picocell.sims.coding_link import CodingLink, CodingPoint


def test_frames_fail_below_the_cliff_and_not_above() -> None:
    table = coding(k=1024, iterations=6, snr_db=[-3.5, 0.5], n_subframes=200).run()
    low, high = (result.tally.bler() for result in table)
    assert low == 1.0
    assert high == 0.0


def test_rate_one_third_of_6144_bits_reaches_ten_per_cent_at_0_65_db() -> None:
    link = CodingLink(CodingPoint(snr_db=0.0))
    snr_db = link.conversion.snr_db(0.65)
    counts = CodingLink(CodingPoint(snr_db=snr_db)).run_block(np.random.SeedSequence(1), 600)
    assert counts.errors[0] <= 60


def test_conversion_counts_the_whole_code_block() -> None:
    conversion = CodingLink(CodingPoint(snr_db=0.0, k=2048, e=4096)).conversion
    assert conversion.eb_n0_db(1.2) == pytest.approx(1.2)
    assert conversion.code_rate == 0.5


def test_own_functions_have_no_place() -> None:
    with pytest.raises(ValueError, match="no place"):
        CodingLink(CodingPoint(snr_db=0.0), Hooks(decoder=lambda *_: None))  # type: ignore[arg-type]
