"""Codes, sequences and ciphers under arguments that nobody means to pass (support/hostile.py says how)."""

from collections.abc import Callable

import numpy as np
import pytest

from picocell.kernels import conv, crc, gold, isa, ldpc, polar, sch, snow3g, turbo, zuc
from support.hostile import Seed, attack, seed

RNG = np.random.default_rng(8)
PAYLOAD = RNG.bytes(97)


def _bits(*shape: int) -> np.ndarray:
    return RNG.integers(0, 2, shape, dtype=np.uint8)


def _soft(*shape: int, limit: int = 300) -> np.ndarray:
    return RNG.integers(-limit, limit, shape).astype(np.int16)


def _soft_buffer() -> Seed:
    llr = _soft(1600)
    decoder, soft = sch.SchDecoder(2), sch.SoftBuffer(776, 20000)
    return seed(decoder.decode, llr, 776, 2, soft=soft, n_ir=20000, again=False)


def _ldpc() -> ldpc.Code:
    return ldpc.Code(2, 6)


def _searched() -> Seed:
    starts, lengths = np.array([0, 72, 144], np.int32), np.array([72, 144, 288], np.int32)
    return seed(conv.search, _soft(576), starts, lengths, np.array([37, 43, 27], np.int32))


def _found() -> Seed:
    places = conv.Candidates([0, 1, 2], [1, 2, 4], [37, 43, 27], 72)
    return seed(places.find, _soft(576), np.zeros(8, np.uint8), 0x1234, 0xFFFF)


SEEDS: dict[str, Callable[[], Seed]] = {
    "crc.crc24a": lambda: seed(crc.crc24a, PAYLOAD),
    "crc.crc24b": lambda: seed(crc.crc24b, bytearray(PAYLOAD)),
    "crc.crc16": lambda: seed(crc.crc16, np.frombuffer(PAYLOAD, np.uint8)),
    "crc.crc8": lambda: seed(crc.crc8, PAYLOAD[:3]),
    "crc.crc_bits": lambda: seed(crc.crc_bits, _bits(133), "24A"),
    "gold.sequence": lambda: seed(gold.sequence, 12345, 5000),
    "gold.packed": lambda: seed(gold.packed, 12345, 333),
    "gold.sequences": lambda: seed(gold.sequences, np.array([1, 2, 2**31 - 1]), 100),
    "isa.chosen": lambda: seed(isa.chosen),
    "turbo.encode": lambda: seed(turbo.encode, _bits(504)),
    "turbo.encode_match": lambda: seed(turbo.encode_match, _bits(104), 500, 2, 250, 3),
    "turbo.rate_match": lambda: seed(turbo.rate_match, _bits(3, 108), 500, 2, 250, 3),
    "turbo.rate_recover": lambda: seed(turbo.rate_recover, _soft(500), 104, 1, 200, 3, _soft(3, 108)),
    "turbo.TurboDecoder": lambda: seed(turbo.TurboDecoder, 5, again=False),
    "turbo.TurboDecoder.decode": lambda: seed(turbo.TurboDecoder(3).decode, _soft(3, 508), "24A", 7),
    "turbo.TurboDecoder.decode, saturated": lambda: seed(turbo.TurboDecoder(8).decode, _soft(3, 1028, limit=32767)),
    "turbo.TurboDecoder.decode_many": lambda: seed(turbo.TurboDecoder(3).decode_many, _soft(5, 3, 108), "24B", 7),
    "sch.encode": lambda: seed(sch.encode, PAYLOAD, 1600, 4, 2, 1, 20000),
    "sch.encode_packed": lambda: seed(sch.encode_packed, PAYLOAD, 1600, 4, 2, 1, 20000),
    "sch.SoftBuffer": lambda: seed(sch.SoftBuffer, 776, 20000, again=False),
    "sch.SoftBuffer.clear": lambda: seed(sch.SoftBuffer(776).clear),
    "sch.SchDecoder": lambda: seed(sch.SchDecoder, 5, again=False),
    "sch.SchDecoder.decode": lambda: seed(sch.SchDecoder(2).decode, _soft(1600), 776, 2, 1, 2),
    "sch.SchDecoder.decode, blocks": lambda: seed(sch.SchDecoder(1).decode, _soft(16000), 12960, 4, 2, 0),
    "sch.SchDecoder.decode, kept": _soft_buffer,
    "conv.encode": lambda: seed(conv.encode, _bits(44)),
    "conv.rate_match": lambda: seed(conv.rate_match, _bits(3, 44), 576),
    "conv.rate_recover": lambda: seed(conv.rate_recover, _soft(576), 44),
    "conv.decode": lambda: seed(conv.decode, _soft(3, 44)),
    "conv.decode_batch": lambda: seed(conv.decode_batch, _soft(21, 3, 33)),
    "conv.search": _searched,
    "conv.halves": lambda: seed(conv.halves, _soft(288), _bits(43)),
    "conv.Candidates": lambda: seed(conv.Candidates, [0, 1], [1, 2], [37, 43], 72, again=False),
    "conv.Candidates.find": _found,
    "ldpc.base_graph": lambda: seed(ldpc.base_graph, 1, 8),
    "ldpc.Code": lambda: seed(ldpc.Code, 1, 8, again=False),
    "ldpc.Code.encode": lambda: seed(_ldpc().encode, _bits(5, 60)),
    "ldpc.Code.rate_match": lambda: seed(_ldpc().rate_match, _bits(2, 300), 200, 2, 1, 250, 6),
    "ldpc.Code.rate_recover": lambda: seed(_ldpc().rate_recover, _soft(2, 200), 2, 1, 250, 6, _soft(2, 300)),
    "ldpc.Code.decode": lambda: seed(_ldpc().decode, _soft(9, 200), 3, "16", 6, False),
    "ldpc.Code.decode, int8": lambda: seed(_ldpc().decode, RNG.integers(-128, 128, (3, 300), np.int8)),
    "ldpc.Code.decode, floats": lambda: seed(_ldpc().decode, RNG.normal(size=(2, 160)).astype(np.float32), 2),
    "ldpc.Code.quantise": lambda: seed(_ldpc().quantise, RNG.normal(size=(2, 160)), 6),
    "ldpc.Code.batch": lambda: seed(_ldpc().batch, 7),
    "polar.Code": lambda: seed(polar.Code, 64, 432, 9, True, False, 0, 0, again=False),
    "polar.Code.encode": lambda: seed(polar.Code(64, 432, i_il=True).encode, _bits(3, 40), "24C", 0x1234),
    "polar.Code.decode": lambda: seed(polar.Code(64, 432, i_il=True).decode, _soft(3, 432), 8, "24C", 0x1234),
    "polar.Code.decode, one path": lambda: seed(polar.Code(30, 60, 10, False, True, 3, 1).decode, _soft(60), 1),
    "polar.code_length": lambda: seed(polar.code_length, 64, 432, 9),
    "polar.checksum": lambda: seed(polar.checksum, _bits(40), "24C"),
    "snow3g.Snow3g": lambda: seed(snow3g.Snow3g, PAYLOAD[:16], again=False),
    "snow3g.Snow3g.keystream": lambda: seed(snow3g.Snow3g(PAYLOAD[:16]).keystream, PAYLOAD[16:32], 77),
    "snow3g.Snow3g.f8": lambda: seed(snow3g.Snow3g(PAYLOAD[:16]).f8, 77, 3, 1, bytearray(PAYLOAD), 700),
    "snow3g.Snow3g.f9": lambda: seed(snow3g.Snow3g(PAYLOAD[:16]).f9, 77, 3, 1, PAYLOAD, 700),
    "zuc.Zuc": lambda: seed(zuc.Zuc, PAYLOAD[:16], again=False),
    "zuc.Zuc.keystream": lambda: seed(zuc.Zuc(PAYLOAD[:16]).keystream, PAYLOAD[16:32], 77),
    "zuc.Zuc.eea3": lambda: seed(zuc.Zuc(PAYLOAD[:16]).eea3, 77, 3, 1, bytearray(PAYLOAD), 700),
    "zuc.Zuc.eia3": lambda: seed(zuc.Zuc(PAYLOAD[:16]).eia3, 77, 3, 1, PAYLOAD, 700),
}


@pytest.mark.parametrize("name", SEEDS)
def test_hostile(name: str) -> None:
    attack(SEEDS[name]())
