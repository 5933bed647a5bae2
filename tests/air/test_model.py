"""The air against arithmetic: levels, sums, delays, offsets, carriers; members of this process."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from picocell.air import Air, LocalEndpoint, Member
from picocell.air.links import THERMAL_DBM
from picocell.radio.air import SPEED_OF_LIGHT

RATE = 1.92e6
N = 1920
QUIET = 300.0
"""An SNR at which nothing is seen of the noise."""


def noise(n_tx: int = 1, n: int = N, seed: int = 1) -> NDArray[np.complex64]:
    rng = np.random.default_rng(seed)
    return (rng.standard_normal((n_tx, n)) + 1j * rng.standard_normal((n_tx, n))).astype(np.complex64)


def local(member: Member) -> LocalEndpoint:
    assert isinstance(member.endpoint, LocalEndpoint)
    return member.endpoint


def heard(member: Member) -> NDArray[np.complex64]:
    found = local(member).heard
    assert found is not None
    return found


def power(samples: NDArray[np.complex64]) -> float:
    return float(np.mean(np.abs(samples) ** 2))


def small(**settings: float) -> tuple[Air, Member, Member, Member]:
    air = Air(RATE, **{"snr_db": QUIET, **settings})
    return air, air.cell("cell1"), air.phone("ue1"), air.phone("ue2")


def test_the_downlink_reaches_every_phone_at_its_own_level() -> None:
    air, cell, *phones = small()
    air.link("ue1", "cell1").loss_db = 20
    air.link("cell1", "ue2").loss_db = 40
    local(cell).sent = x = noise()
    assert air.step()
    for phone, amplitude in zip(phones, (0.1, 0.01), strict=True):
        np.testing.assert_allclose(heard(phone), amplitude * x, rtol=1e-5)
    assert air.now == 1


def test_uplinks_are_summed() -> None:
    air, cell, one, other = small()
    air.link("ue2", "cell1").loss_db = 6.0206
    local(one).sent, local(other).sent = noise(seed=2), noise(seed=3)
    air.step()
    np.testing.assert_allclose(heard(cell), noise(seed=2) + 0.5 * noise(seed=3), atol=1e-5)
    assert power(heard(one)) < 1e-20  # a phone does not hear phones


def test_gains_are_of_the_member() -> None:
    air, cell, one, _ = small()
    cell.tx_gain_db, one.rx_gain_db, one.tx_gain_db = 20, -40, 6.0206
    local(cell).sent = local(one).sent = noise()
    air.step()
    np.testing.assert_allclose(heard(one), 0.1 * noise(), rtol=1e-5)
    np.testing.assert_allclose(heard(cell), 2 * noise(), rtol=1e-5)


@pytest.mark.parametrize("samples", [1, 5, 700, 2500])
def test_delay_is_the_distances(samples: int) -> None:
    air, cell, one, other = small()
    air.link("ue1", "cell1").delay_s = samples / RATE
    air.link("ue2", "cell1").distance_m = samples / RATE * SPEED_OF_LIGHT
    blocks, x = [], noise(n=4 * N)
    for k in range(4):
        local(cell).sent = x[:, k * N : (k + 1) * N]
        air.step()
        np.testing.assert_allclose(heard(one), heard(other), atol=1e-10)
        blocks.append(heard(one))
    y = np.concatenate(blocks, axis=1)
    np.testing.assert_allclose(y[:, samples:], x[:, : 4 * N - samples], rtol=1e-5, atol=1e-10)
    assert power(y[:, :samples]) < 1e-20


def test_a_growing_distance_goes_on_from_where_it_was() -> None:
    air, cell, one, _ = small()
    link, x = air.link("ue1", "cell1"), noise(n=3 * N)
    blocks = []
    for k, samples in enumerate((3, 10, 4)):
        link.delay_s = samples / RATE
        local(cell).sent = x[:, k * N : (k + 1) * N]
        air.step()
        blocks.append(heard(one)[0])
    np.testing.assert_allclose(blocks[1][10:], x[0, N : 2 * N - 10], rtol=1e-5)
    np.testing.assert_allclose(blocks[2][:4], x[0, 2 * N - 4 : 2 * N], rtol=1e-5)
    np.testing.assert_allclose(blocks[2][4:], x[0, 2 * N : 3 * N - 4], rtol=1e-5)


def test_an_oscillator_moves_down_and_uplink_opposite_ways_and_blocks_join() -> None:
    air, cell, one, other = small()
    air.link("ue1", "cell1").cfo_hz = 333.0
    air.link("ue2", "cell1").loss_db = math.inf
    down, up, x = [], [], np.ones((1, N), np.complex64)
    for k in range(5):
        if k != 2:  # a millisecond of silence keeps the phase
            local(cell).sent, local(one).sent, local(other).sent = x, x, x
        air.step()
        down.append(heard(one))
        up.append(heard(cell))
    turns = np.exp(2j * np.pi * 333.0 / RATE * np.arange(5 * N))
    turns[2 * N : 3 * N] = 0
    np.testing.assert_allclose(np.concatenate(down, axis=1)[0], turns, atol=2e-4)
    np.testing.assert_allclose(np.concatenate(up, axis=1)[0], turns.conj(), atol=2e-4)
    assert power(heard(other)) < 1e-20


def test_noise_is_the_receivers() -> None:
    air, cell, one, other = small()
    one.noise_dbfs, other.noise_figure_db, cell.noise_dbfs = -20, 7, -30
    found: dict[str, list[float]] = {"ue1": [], "ue2": [], "cell1": []}
    for _ in range(20):
        air.step()
        for member in (cell, one, other):
            found[member.name].append(power(heard(member)))
    assert np.mean(found["ue1"]) == pytest.approx(1e-2, rel=0.03)
    assert np.mean(found["cell1"]) == pytest.approx(1e-3, rel=0.03)
    assert 10 * math.log10(np.mean(found["ue2"])) == pytest.approx(THERMAL_DBM + 7, abs=0.2)
    assert pytest.approx(-132.24, abs=0.01) == THERMAL_DBM


def test_snr_of_a_link_is_the_same_both_ways_and_others_keep_theirs() -> None:
    air, cell, one, _ = small(snr_db=30.0)
    link = air.link("ue1", "cell1")
    link.loss_db = 10
    link.snr_db = 12
    assert air.link("ue2", "cell1").snr_db == pytest.approx(30)
    assert link.snr_db == pytest.approx(12)
    signal = noise() / np.float32(math.sqrt(2))
    down, up = [], []
    for _ in range(20):
        local(cell).sent = local(one).sent = signal
        air.step()
        down.append(power(heard(one) - signal * np.float32(10 ** (-10 / 20))))
        scale = 10 ** (-link.up.path_loss_db / 20)
        up.append(scale**2 / power(heard(cell) - signal * np.float32(scale)))
    assert 10 * math.log10(0.1 / np.mean(down)) == pytest.approx(12, abs=0.2)
    assert 10 * math.log10(np.mean(up)) == pytest.approx(12, abs=0.2)
    link.loss_db = 15
    assert link.snr_db == pytest.approx(7)


def test_carriers_are_apart_and_a_phone_can_change() -> None:
    air = Air(RATE, snr_db=QUIET)
    cells = air.cell("cell1", carrier=3350), air.cell("cell2", carrier=3400)
    phone = air.phone("ue1", carrier=3350)
    for carrier, one in ((3350, 0), ("3400", 1)):
        air.set("ue1.carrier", carrier)
        for cell, seed in zip(cells, (5, 6), strict=True):
            local(cell).sent = noise(seed=seed)
        local(phone).sent = noise()
        air.step()
        np.testing.assert_allclose(heard(phone), noise(seed=5 + one), atol=1e-5)
        np.testing.assert_allclose(heard(cells[one]), noise(), atol=1e-5)
        assert power(heard(cells[1 - one])) < 1e-20


def test_cells_of_one_carrier_are_summed_in_a_phone() -> None:
    air = Air(RATE, snr_db=QUIET)
    cells = air.cell("a"), air.cell("b")
    phone = air.phone("ue1")
    for cell, seed in zip(cells, (5, 6), strict=True):
        local(cell).sent = noise(seed=seed)
    air.step()
    np.testing.assert_allclose(heard(phone), noise(seed=5) + noise(seed=6), atol=1e-5)


def test_antennas() -> None:
    air = Air(RATE, snr_db=QUIET)
    cell, phone = air.cell("a", n_ports=2, n_rx=2), air.phone("ue1", n_rx=2)
    local(cell).sent, local(phone).sent = noise(2), noise(1)
    air.step()
    assert heard(phone).shape == heard(cell).shape == (2, N)
    assert power(heard(phone)) == pytest.approx(2 * power(noise(2)), rel=0.2)
    np.testing.assert_allclose(np.abs(heard(cell)), np.abs(np.repeat(noise(1), 2, axis=0)), rtol=1e-4)


def test_fading_is_by_link_and_can_change() -> None:
    air, cell, one, other = small()
    air.set("*.cell1.channel", "EPA5")
    local(cell).sent = noise()
    air.step()
    assert not np.allclose(heard(one), heard(other), rtol=0.1)
    air.set("ue1.cell1.channel", "AWGN")
    local(cell).sent = noise()
    air.step()
    np.testing.assert_allclose(heard(one), noise(), atol=1e-4)


def test_a_phone_that_is_off_or_does_not_listen_stops_nobody() -> None:
    air, cell, one, other = small()
    local(one).present, local(other).listening = False, False
    local(cell).sent = noise()
    assert air.step()
    assert local(one).heard is local(other).heard is None
    assert (one.state, other.state) == ("absent", "active")
    local(one).present = True
    local(cell).sent = noise()
    air.step()
    np.testing.assert_allclose(heard(one), noise(), atol=1e-5)
    local(one).present = False
    air.run(10)
    assert one.state == "absent"
    assert [event.text for event in air.events if event.name == "ue1"] == [
        "is there",
        "is gone; the others go on without it",
    ]


def test_parameters_by_their_names() -> None:
    air, *_ = small()
    air.set("ue1.cell1.loss_db", "95")
    assert air.get("cell1.ue1.loss_db") == 95
    air.set("ue*.cell1.distance_m", 1000)
    assert [air.get(f"ue{i}.cell1.distance_m") for i in (1, 2)] == [1000, 1000]
    air.set("ue1.cell1.loss_db", "inf")
    assert math.isinf(air.get("ue1.cell1.loss_db"))
    assert set(air.keys()) >= {"ue1.carrier", "cell1.noise_dbfs", "ue2.cell1.cfo_hz"}
    for key in air.keys():  # noqa: SIM118 - not a dictionary
        if not key.startswith("ue1.cell1"):
            air.set(key, air.get(key))


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("ue1.cell1.los_db", 1, "is no parameter"),
        ("ue3.cell1.loss_db", 1, "no member 'ue3': cell1, ue1, ue2"),
        ("ue1.ue2.loss_db", 1, "a phone and a cell"),
        ("ue1.cell1.loss_db", "much", "loss_db 'much' is no number"),
        ("ue1.cell1.loss_db", 1e9, "within -400..400 dB"),
        ("ue1.cell1.cfo_hz", "nan", "is no number"),
        ("ue1.cell1.distance_m", -1, "distance -1"),
        ("ue1.cell1.distance_m", 1e12, "at most 1e6"),
        ("ue1.cell1.channel", "EPX5", "EPA"),
        ("ue1.noise_dbfs", "inf", "no number"),
        ("*.cell9.loss_db", 1, "no parameter matches"),
    ],
)
def test_what_is_not_allowed_is_said_and_changes_nothing(key: str, value: object, text: str) -> None:
    air, *_ = small()
    before = {key: air.get(key) for key in air.keys()}  # noqa: SIM118
    with pytest.raises(ValueError, match=r".") as raised:
        air.set(key, value)
    assert text in str(raised.value)
    assert "\n" not in str(raised.value)
    assert before == {key: air.get(key) for key in air.keys()}  # noqa: SIM118


def test_members_that_are_not_allowed() -> None:
    air, *_ = small()
    for name in ("", "1a", "a.b", "ue1"):
        with pytest.raises(ValueError, match=r"name|already"):
            air.phone(name)
    with pytest.raises(ValueError, match="3 transmit antennas"):
        air.cell("x", n_ports=3)
    with pytest.raises(ValueError, match=r"x: .*base_srate"):
        air.cell("x", "tx_port=tcp://127.0.0.1:*,rx_port=tcp://127.0.0.1:9,base_srate=3e6")
    with pytest.raises(ValueError, match="sample rate"):
        Air(1234567.8)
    local(air.members["cell1"]).sent = noise(n=7)
    with pytest.raises(ValueError, match="7 samples"):
        air.step()
    air.close()


def test_time_does_not_pass_without_anybody() -> None:
    air = Air(RATE)
    local(air.phone("ue1")).present = False
    assert not air.step()
    with pytest.raises(RuntimeError, match="no member is switched on"):
        air.run(1)
