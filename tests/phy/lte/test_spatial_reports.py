"""Rank, precoders and CQI that a receiver asks for."""

import numpy as np
import pytest

from picocell.phy.lte import pmi
from picocell.phy.lte.codebook import codebook
from picocell.phy.lte.estimation import ChannelEstimate
from picocell.phy.lte.tables import rows
from support import oracle_spatial as oracle

C64 = np.complex64


def channel_of(h: np.ndarray, noise_var: float) -> ChannelEstimate:
    """The same on every resource element of 50 PRBs, or given by PRB: (n_rx, n_ports[, 50])."""
    by_prb = h if h.ndim == 3 else np.repeat(h[:, :, None], 50, axis=2)
    full = np.repeat(np.repeat(by_prb[:, :, None], 14, axis=2), 12, axis=3)
    return ChannelEstimate(np.ascontiguousarray(full, C64), noise_var, 1.0, 1.0, 0.0)


@pytest.mark.parametrize("n_ports", [2, 4])
def test_a_beam_is_met_by_its_own_precoder(n_ports: int) -> None:
    for entry, w in enumerate(codebook(n_ports, 1)):
        h = np.outer(np.ones(2), w[:, 0].conj())
        assert pmi.report(channel_of(h, 0.1), ranks=(1,)).pmi == (entry,)


def test_each_subband_has_its_own() -> None:
    beams = codebook(2, 1)[:, :, 0].conj()
    wanted = np.repeat([0, 3, 1, 2, 2, 0, 1, 3, 0], 6)[:50]
    h = np.stack([beams[wanted].T, 0.5j * beams[wanted].T])
    found = pmi.report(channel_of(h, 0.1), ranks=(1,), granularity=6)
    assert found.pmi == tuple(wanted.tolist())
    assert len(pmi.report(channel_of(h, 0.1), ranks=(1,)).pmi) == 1


@pytest.mark.parametrize(("n_ports", "n_layers"), [(2, 1), (2, 2), (4, 2), (4, 3), (4, 4)])
def test_sinr_is_that_of_the_linear_receiver(n_ports: int, n_layers: int) -> None:
    rng = np.random.default_rng(n_layers)
    h = (rng.normal(size=(4, n_ports, 20, 2)) @ [1, 1j]).astype(C64)
    entries = codebook(n_ports, n_layers)
    found = pmi.layer_sinr(h, 0.3, entries)
    for w, sinr in zip(entries, found, strict=True):
        seen = np.einsum("rpn,pl->nrl", h.astype(complex), w.astype(complex))
        _, var = oracle.mmse(np.zeros((4, 20), complex), seen, 0.3)
        np.testing.assert_allclose(sinr, 1 / var, rtol=2e-3)


def test_the_choice_is_the_best_of_all() -> None:
    """No other entry gives a higher mutual information over the band."""
    rng = np.random.default_rng(3)
    for n_ports, rank in ((2, 2), (4, 1), (4, 2)):
        h = (rng.normal(size=(2, n_ports, 50, 2)) @ [1, 1j]).astype(C64)
        chosen = pmi.report(channel_of(h, 0.05), ranks=(rank,)).pmi[0]
        rates = np.log2(1 + pmi.layer_sinr(h, 0.05, codebook(n_ports, rank)) / 10**0.25).sum(axis=1).mean(axis=1)
        if (n_ports, rank) == (2, 2):
            rates[0] = 0  # not in closed loop
        assert chosen == int(np.argmax(rates))


def test_rank_follows_the_channel() -> None:
    clean = np.array([[1, 0], [0, 1]])
    leaning = np.array([[1, 0.8], [0.8, 1]])
    lonely = np.array([[1, 1], [1, 1]])
    assert pmi.report(channel_of(clean, 0.001)).rank == 2
    assert pmi.report(channel_of(leaning, 1.0)).rank == 1
    assert pmi.report(channel_of(leaning, 1e-4)).rank == 2
    assert pmi.report(channel_of(lonely, 0.001)).rank == 1
    assert pmi.report(channel_of(clean[:1], 0.001)).rank == 1
    assert pmi.report(channel_of(np.linalg.qr(np.random.default_rng(1).normal(size=(4, 4)))[0] * 2, 1e-3)).rank == 4


def test_cqi_grows_with_the_snr_and_has_one_for_each_code_word() -> None:
    found = [pmi.report(channel_of(np.eye(2), 10 ** (-snr / 10)), ranks=(2,)).cqi for snr in range(-15, 40, 3)]
    firsts = [first for first, _ in found]
    assert firsts == sorted(firsts)
    assert (firsts[0], firsts[-1]) == (0, 15)
    assert all(len(cqi) == 2 for cqi in found)
    four = pmi.report(channel_of(np.eye(4), 0.01), ranks=(4,))
    assert (len(four.cqi), len(four.rates)) == (2, 4)


def test_cqi_of_a_rate_is_the_table() -> None:
    for row in rows("36213_7.2.3-1_cqi"):
        if row["efficiency"]:
            assert pmi.cqi_of(float(row["efficiency"])) == int(row["cqi"])
            assert pmi.cqi_of(float(row["efficiency"]) - 1e-3) == int(row["cqi"]) - 1
    assert pmi.cqi_of(-1.0) == 0


def test_cqi_of_one_stream_is_near_the_published_thresholds() -> None:
    """White noise, one receive antenna: the thresholds at 10 % block errors, within 1 dB."""
    published = [-6.9, -5.1, -3.2, -1.3, 0.8, 2.7, 4.7, 6.5, 8.6, 10.4, 12.3, 14.2, 15.9, 17.8, 19.8]
    for cqi, snr_db in enumerate(published, 1):
        h = np.array([[1, 1]])  # the precoder (1, 1) / sqrt 2 gives a gain of 3 dB, which is taken off here
        for offset, wanted in ((1.0, True), (-1.0, False)):
            noise_var = 2 * 10 ** (-(snr_db + offset) / 10)
            assert (pmi.report(channel_of(h, noise_var), ranks=(1,)).cqi[0] >= cqi) is wanted


def test_a_restricted_codebook_is_kept_to() -> None:
    w = codebook(2, 1)[3, :, 0]
    h = np.outer(np.ones(2), w.conj())
    assert pmi.report(channel_of(h, 0.1), ranks=(1,), entries=(0, 1)).pmi[0] in (0, 1)
    for arguments, complaint in (
        ({"ranks": (1,), "entries": (4,)}, "entries"),
        ({"ranks": (2,), "entries": (0,)}, "entries"),
        ({"ranks": (1,), "entries": ()}, "entries"),
        ({"entries": (0,)}, "one rank"),
        ({"granularity": -1}, "granularity"),
        ({"ranks": (3,)}, "layers"),
    ):
        with pytest.raises(ValueError, match=complaint):
            pmi.report(channel_of(h, 0.1), **arguments)
