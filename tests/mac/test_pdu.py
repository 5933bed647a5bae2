"""MAC PDUs: recorded ones, both ways for any content, malformed ones."""

import csv

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from picocell.mac.control_elements import (
    Activation,
    ContentionResolution,
    CRnti,
    Direction,
    DrxCommand,
    LongBsr,
    LongDrxCommand,
    PowerHeadroom,
    ShortBsr,
    TimingAdvance,
    TruncatedBsr,
    bsr_bytes,
    bsr_index,
)
from picocell.mac.pdu import Element, MacPdu, MacPduError, Sdu, build, fit, packed_size, parse
from support.captures import capture

DL, UL = Direction.DOWNLINK, Direction.UPLINK

level = st.integers(0, 63)
group = st.integers(0, 3)
sdus = st.builds(Sdu, st.integers(0, 10), st.binary(max_size=300))
downlink: st.SearchStrategy[Element] = st.one_of(
    sdus,
    st.builds(ContentionResolution, st.binary(min_size=6, max_size=6)),
    st.builds(TimingAdvance, level, group),
    st.builds(Activation, st.integers(0, 255)),
    st.just(DrxCommand()),
    st.just(LongDrxCommand()),
)
uplink: st.SearchStrategy[Element] = st.one_of(
    sdus,
    st.builds(CRnti, st.integers(0, 65535)),
    st.builds(PowerHeadroom, level),
    st.builds(ShortBsr, group, level),
    st.builds(TruncatedBsr, group, level),
    st.builds(LongBsr, st.tuples(level, level, level, level)),
)
directed = st.sampled_from(Direction).flatmap(
    lambda direction: st.tuples(
        st.just(direction), st.lists(downlink if direction is DL else uplink, max_size=6).map(tuple)
    )
)


def recorded() -> list[tuple[Direction, bytes]]:
    with capture("lte6_mac.csv").open() as table:
        rows = [row for row in csv.DictReader(table) if row["rnti_type"] == "C_RNTI"]
    return [(Direction(row["direction"]), bytes.fromhex(row["mac_pdu_hex"])) for row in rows]


def test_every_recorded_pdu_is_rebuilt_byte_for_byte() -> None:
    pdus = recorded()
    assert len(pdus) > 30
    for direction, data in pdus:
        assert build(parse(data, direction), direction) == data


def test_recorded_padding_is_what_fit_chooses() -> None:
    for direction, data in recorded():
        pdu = parse(data, direction)
        assert packed_size(fit(pdu.elements, len(data)).elements) <= len(data)
        assert len(build(fit(pdu.elements, len(data)), direction)) == len(data)


def test_recorded_connection_setup_answers_the_recorded_request() -> None:
    request = parse(bytes.fromhex("005c38970e2298"), UL)
    setup = parse(bytes.fromhex("3c20141f5c38970e229860129b2e661e82f2e0ccc860d3000099020003e00000"), DL)
    (ccch,) = request.sdus
    assert setup.control_elements == (ContentionResolution(ccch.data),)
    assert [(sdu.lcid, len(sdu.data)) for sdu in setup.sdus] == [(0, 20)]
    assert setup.padding == 2


def test_recorded_uplink_control_elements() -> None:
    pdu = parse(bytes.fromhex("3d3a010735a8000020002a"), UL)
    assert pdu.control_elements == (ShortBsr(0, 7), PowerHeadroom(53))
    assert pdu.elements[1].least_db == 30  # type: ignore[union-attr]
    assert pdu.sdus == (Sdu(1, bytes.fromhex("a8000020002a")),)


@given(directed, st.one_of(st.none(), st.integers(0, 50)), st.integers(0, 2))
def test_parse_inverts_build(
    content: tuple[Direction, tuple[Element, ...]], padding: int | None, front_padding: int
) -> None:
    direction, elements = content
    if not elements and padding is None:
        padding = 0
    pdu = MacPdu(elements, padding, front_padding)
    assert parse(build(pdu, direction), direction) == pdu


@given(directed, st.integers(0, 200))
def test_fit_fills_the_transport_block_and_keeps_the_elements(
    content: tuple[Direction, tuple[Element, ...]], spare: int
) -> None:
    direction, elements = content
    size = packed_size(elements) + spare
    data = build(fit(elements, size), direction)
    assert len(data) == size
    assert parse(data, direction).elements == elements
    with pytest.raises(MacPduError, match="need"):
        fit(elements, packed_size(elements) - 1)


@settings(max_examples=1000)
@given(st.binary(max_size=80), st.sampled_from(Direction))
@example(b"", DL)
@example(b"\x3f\x3f\x3f\x1f", DL)
@example(b"\x21\x80", DL)
def test_any_bytes_parse_or_raise(data: bytes, direction: Direction) -> None:
    try:
        pdu = parse(data, direction)
    except MacPduError:
        return
    again = build(pdu, direction)
    assert parse(again, direction) == pdu
    assert len(again) <= len(data)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "run past the end"),
        ("21", "run past the end"),
        ("2181", "run past the end"),
        ("3c1f0102030405", "needs 6 bytes; 5 are left"),
        ("21051f010203", "needs 5 bytes; 3 are left"),
        ("1daabb", "1 bytes after the last element"),
        ("0b", "LCID 11 is reserved"),
        ("210101", "needs 1 bytes; 0 are left"),
        ("3f3f3f1f", "neither the last"),
        ("21003f1f", "neither the last"),
    ],
)
def test_malformed_pdu_says_why(text: str, reason: str) -> None:
    with pytest.raises(MacPduError, match=reason):
        parse(bytes.fromhex(text), DL)


def test_reserved_bits_are_ignored() -> None:
    assert parse(bytes.fromhex("dd05"), DL) == parse(bytes.fromhex("1d05"), DL) == MacPdu((TimingAdvance(5),))


def test_length_field_grows_at_128_bytes() -> None:
    for length, subheader in ((127, "217f"), (128, "218080"), (32767, "21ffff")):
        assert build(MacPdu((Sdu(1, bytes(length)),), padding=0), DL).hex().startswith(subheader + "1f")
    with pytest.raises(MacPduError, match="must be the last"):
        build(MacPdu((Sdu(1, bytes(32768)),), padding=0), DL)
    assert len(build(MacPdu((Sdu(1, bytes(32768)),)), DL)) == 32769


def test_long_form_of_a_short_length_is_read() -> None:
    assert parse(bytes.fromhex("2180021faabb"), DL).sdus == (Sdu(1, b"\xaa\xbb"),)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Sdu(11, b""),
        lambda: TimingAdvance(64),
        lambda: ContentionResolution(b"12345"),
        lambda: LongBsr((0, 0, 0, 64)),
        lambda: CRnti(1 << 16),
        lambda: MacPdu(()),
        lambda: MacPdu((DrxCommand(),), padding=-1),
        lambda: MacPdu((DrxCommand(),), front_padding=3),
        lambda: build(MacPdu((CRnti(1),)), DL),
        lambda: build(MacPdu((TruncatedBsr(0, 1),)), DL),
    ],
)
def test_impossible_content_is_refused(make: object) -> None:
    with pytest.raises(MacPduError):
        make()  # type: ignore[operator]


def test_buffer_size_index_is_the_smallest_that_holds_the_size() -> None:
    assert [bsr_index(n) for n in (0, 1, 10, 11, 150_000, 150_001, 10**7)] == [0, 1, 1, 2, 62, 63, 63]
    assert bsr_bytes(63) is None
    for index in range(63):
        limit = bsr_bytes(index)
        assert limit is not None
        assert bsr_index(limit) == index
