"""CRC against published check values and long division."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from picocell.kernels import crc
from support import oracle_turbo

# Check values of b"123456789" in the public catalogue of parametrised CRCs.
CHECKS = [
    ("24A", crc.crc24a, 0xCDE703),  # CRC-24/LTE-A
    ("24B", crc.crc24b, 0x23EF52),  # CRC-24/LTE-B
    ("16", crc.crc16, 0x31C3),  # CRC-16/XMODEM
    ("8", crc.crc8, 0xEA),  # CRC-8/LTE
]


@pytest.mark.parametrize(("name", "function", "value"), CHECKS)
def test_catalogue_check_value(name, function, value):
    text = b"123456789"
    assert function(text) == value
    assert crc.crc_bits(np.unpackbits(np.frombuffer(text, np.uint8)), name) == value


@pytest.mark.parametrize(("name", "function"), [check[:2] for check in CHECKS])
@given(data=st.binary(max_size=200))
def test_bytes_equal_long_division(name, function, data):
    bits = [(byte >> (7 - i)) & 1 for byte in data for i in range(8)]
    assert function(data) == int("".join(map(str, oracle_turbo.crc(bits, name))), 2)


@pytest.mark.parametrize("name", [check[0] for check in CHECKS])
@given(bits=st.lists(st.integers(0, 1), max_size=150))
def test_bits_equal_long_division(name, bits):
    assert crc.crc_bits(np.array(bits, np.uint8), name) == int("".join(map(str, oracle_turbo.crc(bits, name))), 2)


@pytest.mark.parametrize("n", [4095, 4096, 4097, 8192, 75376])
def test_long_bit_strings_equal_bytes(n):
    bits = np.random.default_rng(n).integers(0, 2, n, dtype=np.uint8)
    padded = np.concatenate([np.zeros(-n % 8, np.uint8), bits])
    assert crc.crc_bits(bits, "24A") == crc.crc24a(np.packbits(padded).tobytes())


@given(data=st.binary(min_size=1, max_size=100))
def test_data_with_its_checksum_has_checksum_zero(data):
    assert crc.crc24a(data + crc.crc24a(data).to_bytes(3, "big")) == 0
    assert crc.crc24b(data + crc.crc24b(data).to_bytes(3, "big")) == 0


def test_takes_any_buffer():
    data = b"some bytes of no consequence"
    for same in (bytearray(data), memoryview(data), np.frombuffer(data, np.uint8)):
        assert crc.crc24a(same) == crc.crc24a(data)
    assert crc.crc24a(b"") == 0
    assert crc.crc_bits([], "16") == 0


def test_only_the_lowest_bit_of_an_element_counts():
    bits = np.array([1, 0, 1, 1, 0, 0, 1, 0, 1], np.uint8)
    assert crc.crc_bits(bits + 2, "16") == crc.crc_bits(bits, "16")


def test_refuses_what_it_cannot_check():
    with pytest.raises(ValueError, match="no checksum"):
        crc.crc_bits([0, 1], "32")
    with pytest.raises(ValueError, match="one dimension"):
        crc.crc_bits(np.zeros((2, 8), np.uint8), "16")
