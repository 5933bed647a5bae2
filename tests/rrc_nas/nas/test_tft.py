"""Operations on traffic flow templates (TS 24.008 10.5.6.12)."""

import pytest

from picocell.rrc_nas.nas import tft
from picocell.rrc_nas.nas.tft import Operation, PacketFilter

FIRST = PacketFilter(identifier=1, precedence=10, protocol=tft.UDP)
SECOND = PacketFilter(identifier=2, precedence=20, protocol=tft.TCP)
OTHER = PacketFilter(identifier=1, precedence=30, remote_ports=(80, 80))


def _operation(operation: Operation, *filters: PacketFilter) -> bytes:
    whole = tft.pack(filters)
    return bytes((operation << 5 | len(filters),)) + whole[1:]


def test_filters_are_made_added_replaced_and_deleted() -> None:
    filters = tft.apply((), _operation(Operation.CREATE, FIRST))
    assert filters == (FIRST,)
    filters = tft.apply(filters, _operation(Operation.ADD, SECOND))
    assert filters == (FIRST, SECOND)
    filters = tft.apply(filters, _operation(Operation.REPLACE, OTHER))
    assert set(filters) == {OTHER, SECOND}
    assert tft.apply(filters, bytes((Operation.NO_OPERATION << 5,))) == filters
    assert tft.apply(filters, bytes((Operation.DELETE_FILTERS << 5 | 1, 2))) == (OTHER,)
    assert tft.apply(filters, bytes((Operation.DELETE << 5,))) == ()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        bytes((0xE1,)),
        bytes((Operation.ADD << 5,)),
        bytes((Operation.DELETE_FILTERS << 5 | 2, 1)),
        _operation(Operation.CREATE, FIRST)[:-1],
        _operation(Operation.REPLACE, SECOND),
        _operation(Operation.ADD, PacketFilter(identifier=3, precedence=10)),
    ],
)
def test_what_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"TFT|filter"):
        tft.apply((FIRST,), data)
