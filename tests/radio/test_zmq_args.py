"""Device arguments of the ZeroMQ radio, and the choice of a driver: what is read, what is refused and how."""

import contextlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picocell.radio.errors import RadioError
from picocell.radio.interface import SampleSource
from picocell.radio.open import open_radio
from picocell.radio.recorder import write_recording
from picocell.radio.zmq import ZmqArgs
from picocell.radio.zmq.streams import whole_ratio

ENB = "fail_on_disconnect=true,tx_port=tcp://*:2000,rx_port=tcp://localhost:2001,id=enb,base_srate=23.04e6"


def test_arguments_of_one_channel() -> None:
    args = ZmqArgs.parse(ENB)
    assert args == ZmqArgs(("tcp://*:2000",), ("tcp://localhost:2001",), 23.04e6, "enb", True)


def test_arguments_of_two_channels_in_any_order() -> None:
    args = ZmqArgs.parse(
        "tx_port1=tcp://*:2002, rx_port1=tcp://10.0.0.7:2003,"
        " tx_port0=tcp://*:2000, rx_port0=ipc:///tmp/x, base_srate=5760000,"
    )
    assert args.tx_ports == ("tcp://*:2000", "tcp://*:2002")
    assert args.rx_ports == ("ipc:///tmp/x", "tcp://10.0.0.7:2003")
    assert (args.base_srate, args.fail_on_disconnect) == (5.76e6, False)


def test_the_rate_of_the_wire_is_that_of_the_other_stacks_unless_given() -> None:
    assert ZmqArgs.parse("tx_port=tcp://*:2000").base_srate == 23.04e6


def test_arguments_that_change_nothing_are_accepted() -> None:
    text = (
        ENB + ",tx_type=rep,rx_type=req,tx_format=fc32,rx_freq=2685e6,tx_freq0=2565e6,rx_offset=0,trx_timeout_ms=3000"
    )
    assert ZmqArgs.parse(text).fail_after == 3.0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("tx_type=pub", "tx_type=pub is not supported"),
        ("rx_type=sub", "rx_type=sub is not supported"),
        ("tx_format=sc16", "tx_format=sc16 is not supported: samples are complex float32"),
        ("rx_format0=sc16", "rx_format0=sc16 is not supported"),
        ("rx_offset=12", "rx_offset=12 is not supported"),
        ("tx_prot=tcp://*:1", "'tx_prot' is not known: tx_port"),
        ("tx_port", "'tx_port' is not understood: key=value"),
        ("tx_port=", "not understood"),
        ("=3", "not understood"),
        ("id=a,id=b", "'id' is given twice"),
        ("tx_port=tcp://*:1,tx_port0=tcp://*:2", "the same channel"),
        ("tx_port1=tcp://*:1", "tx_port0 is missing"),
        ("tx_port=2000", "'2000' is no endpoint: such as tcp://\\*:2000"),
        ("tx_port=tcp://*", "no endpoint"),
        ("tx_port=tcp://*:70000", "port 70000 is not allowed: 1 to 65535"),
        ("tx_port=tcp://*:0", "port 0 is not allowed"),
        ("rx_port=tcp://*:2001", "no host to connect to"),
        ("rx_port=tcp://a:*", "not allowed"),
        ("rx_port=udp://a:3", "no endpoint"),
        ("tx_port0=tcp://*:1,tx_port1=tcp://*:1", "is used twice"),
        ("base_srate=fast", "base_srate='fast' is no number"),
        ("base_srate=nan", "is no number"),
        ("base_srate=0", "base_srate=0 is not allowed"),
        ("fail_on_disconnect=maybe", "true or false"),
        ("trx_timeout_ms=0", "positive"),
    ],
)
def test_arguments_that_are_refused(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as info:
        ZmqArgs.parse(text)
    assert "\n" not in str(info.value)


ENDPOINTS = st.builds("tcp://{}:{}".format, st.from_regex(r"[a-z0-9.-]{1,12}", fullmatch=True), st.integers(1, 65535))


@given(
    tx=st.lists(ENDPOINTS, max_size=4, unique=True),
    rx=st.lists(ENDPOINTS, max_size=4, unique=True),
    rate=st.integers(1_000_000, 61_440_000),
    fail=st.booleans(),
    order=st.randoms(),
)
def test_what_is_written_is_read(tx: list[str], rx: list[str], rate: int, fail: bool, order: object) -> None:
    parts = [f"tx_port{i}={e}" for i, e in enumerate(tx)] + [f"rx_port{i}={e}" for i, e in enumerate(rx)]
    parts += [f"base_srate={rate}", f"fail_on_disconnect={fail}"]
    order.shuffle(parts)  # type: ignore[attr-defined]
    assert ZmqArgs.parse(",".join(parts)) == ZmqArgs(tuple(tx), tuple(rx), rate, "zmq", fail)


KEYS = st.sampled_from(
    ["tx_port", "rx_port1", "base_srate", "id", "fail_on_disconnect", "tx_type", "rx_format0", "x", ""]
)
VALUES = st.one_of(
    st.text(max_size=12), st.sampled_from(["tcp://*:2000", "1e6", "true", "pub", "inf", "tcp://[::1]:5"])
)


@settings(max_examples=300)
@given(st.one_of(st.text(max_size=60), st.lists(st.tuples(KEYS, VALUES).map("=".join), max_size=5).map(",".join)))
def test_no_text_makes_another_error(text: str) -> None:
    with contextlib.suppress(ValueError):
        ZmqArgs.parse(text)


def test_own_rates_on_the_wire() -> None:
    assert [whole_ratio(23.04e6, rate) for rate in (1.92e6, 5.76e6, 7.68e6, 11.52e6, 23.04e6)] == [12, 4, 3, 2, 1]
    for base, rate in ((23.04e6, 15.36e6), (5.76e6, 23.04e6)):
        with pytest.raises(ValueError, match=f"base_srate={rate:.12g}"):
            whole_ratio(base, rate)
    for wrong in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match="not usable"):
            whole_ratio(23.04e6, wrong)


# the choice of a driver


@pytest.mark.parametrize("key", ["driver=zmq,", "device_name=zmq,", ""])
def test_open_zmq(key: str) -> None:
    radio = open_radio(f"{key}tx_port=tcp://127.0.0.1:*,rx_port=tcp://127.0.0.1:9", 1.92e6)
    assert radio.sample_rate == 1.92e6
    radio.close()  # type: ignore[attr-defined]


def test_open_file(tmp_path: Path) -> None:
    x = np.ones(100, np.complex64) / 2
    meta = write_recording(tmp_path / "r", x, 1.92e6)
    source = open_radio(f"driver=file,path={meta}")
    assert isinstance(source, SampleSource)
    np.testing.assert_array_equal(source.receive(100).samples[0], x)
    with pytest.raises(ValueError, match="1920000 samples per second, not 5760000"):
        open_radio(f"driver=file,path={meta}", 5.76e6)


@pytest.mark.parametrize(
    ("args", "error", "words"),
    [
        ("", ValueError, "no driver is given: driver= one of zmq, shm, file, soapy, uhd"),
        ("driver=usrp", ValueError, "driver=usrp is not known: one of zmq"),
        ("driver=zmq,device_name=uhd", ValueError, "contradict"),
        ("driver=zmq,tx_port=tcp://*:2000", ValueError, "1 rx channels need rx_port: given is none"),
        ("driver=file", ValueError, "path is missing"),
        ("driver=file,path=/nowhere,gain=3", ValueError, "'gain' is not known"),
        ("driver=file,path=/nowhere,rate=a", ValueError, "'a' is no number"),
        ("driver=file,path=/nowhere", ValueError, "no such file"),
        ("driver=soapy,device=nowhere", RadioError, "SoapySDR is not installed|no such device"),
        ("driver=soapy,rx_gain=much", ValueError, "rx_gain=much is not allowed: a number of dB"),
        ("driver=uhd,serial=1", RadioError, "driver=uhd: "),
    ],
)
def test_radios_that_cannot_be_opened(args: str, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words) as info:
        open_radio(args, 1.92e6)
    assert "\n" not in str(info.value)
