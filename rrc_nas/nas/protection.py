"""NAS security: security header, COUNT, integrity and ciphering (TS 24.301 4.4, 9.2; TS 33.401 8)."""

import hmac
from enum import IntEnum
from typing import Final, NamedTuple

from picocell.rrc_nas.nas.causes import PROTOCOL_ERROR, NasError
from picocell.rrc_nas.nas.codec import EMM_DISCRIMINATOR, ESM_DISCRIMINATOR
from picocell.rrc_nas.security import keys
from picocell.rrc_nas.security.algorithms import Cipher, Direction, Eea, Eia, Integrity

NO_KSI: Final = 7
"""Key set identifier where no key is available (TS 24.301 9.9.3.21)."""

COUNT_LIMIT: Final = 1 << 24
"""NAS COUNT has 24 bits, of which 8 are sent (TS 24.301 4.4.3.1)."""

_BEARER: Final = 0
"""BEARER of NAS (TS 24.301 4.4.3.3)."""

_HEADER_BYTES: Final = 6


class SecurityHeader(IntEnum):
    """Security header type (TS 24.301 9.3.1)."""

    PLAIN = 0
    INTEGRITY = 1
    INTEGRITY_CIPHERED = 2
    INTEGRITY_NEW_CONTEXT = 3
    INTEGRITY_CIPHERED_NEW_CONTEXT = 4
    SERVICE_REQUEST = 12

    @property
    def ciphered(self) -> bool:
        """Whether the message behind it is ciphered."""
        return self in (SecurityHeader.INTEGRITY_CIPHERED, SecurityHeader.INTEGRITY_CIPHERED_NEW_CONTEXT)


class IntegrityFailure(NasError):
    """A message whose MAC is wrong, or that was received before: to be ignored."""

    def __init__(self, text: str) -> None:
        super().__init__(None, text)


class CountExhausted(ValueError):
    """The NAS COUNT would wrap around: the security context can no longer be used."""


class SplitPdu(NamedTuple):
    """A PDU taken apart.

    Attributes:
        header: security header type.
        mac: message authentication code, empty of a plain message; two octets of SERVICE REQUEST.
        sequence: NAS sequence number; the five low bits of it in SERVICE REQUEST.
        payload: the message, ciphered as the header says; empty of SERVICE REQUEST.
        ksi: key set identifier of SERVICE REQUEST, else `NO_KSI`.
    """

    header: SecurityHeader
    mac: bytes
    sequence: int
    payload: bytes
    ksi: int = NO_KSI


def split(pdu: bytes) -> SplitPdu:
    """Security header and the rest of a PDU.

    Raises:
        NasError: too short, another protocol, or a reserved header type.
    """
    if len(pdu) < 2:
        raise NasError(None, f"NAS PDU of {len(pdu)} octets is too short")
    if pdu[0] & 15 == ESM_DISCRIMINATOR:
        return SplitPdu(SecurityHeader.PLAIN, b"", 0, bytes(pdu))
    if pdu[0] & 15 != EMM_DISCRIMINATOR:
        raise NasError(None, f"protocol discriminator {pdu[0] & 15} is neither of EMM nor of ESM")
    try:
        header = SecurityHeader(pdu[0] >> 4)
    except ValueError as error:
        # 13 to 15 are SERVICE REQUEST of a future version, 5 to 11 are reserved (TS 24.301 9.3.1).
        raise NasError(PROTOCOL_ERROR, f"security header type {pdu[0] >> 4} is reserved") from error
    if header is SecurityHeader.PLAIN:
        return SplitPdu(header, b"", 0, bytes(pdu))
    if header is SecurityHeader.SERVICE_REQUEST:
        if len(pdu) != 4:
            raise NasError(None, f"SERVICE REQUEST has {len(pdu)} octets, 4 are wanted")
        return SplitPdu(header, bytes(pdu[2:]), pdu[1] & 31, b"", pdu[1] >> 5)
    if len(pdu) < _HEADER_BYTES + 2:
        raise NasError(None, f"security protected NAS PDU of {len(pdu)} octets is too short")
    return SplitPdu(header, bytes(pdu[1:5]), pdu[5], bytes(pdu[6:]))


class NasSecurityContext:
    """An EPS security context: keys, algorithms and the NAS COUNTs of both directions.

    Attributes:
        ksi: key set identifier 0..6.
        ul_count: COUNT of the next uplink message.
        dl_count: COUNT of the next downlink message.
    """

    def __init__(self, ksi: int, k_asme: bytes, ul_count: int, dl_count: int, eea: Eea, eia: Eia) -> None:
        """Keys of the algorithms are derived from K_ASME.

        Raises:
            ValueError: K_ASME has not 32 bytes, or a COUNT or key set identifier is out of its range.
        """
        if not 0 <= ksi < NO_KSI:
            raise ValueError(f"key set identifier {ksi} is outside 0..6")
        if not (0 <= ul_count <= COUNT_LIMIT and 0 <= dl_count <= COUNT_LIMIT):
            raise ValueError(f"NAS COUNT {ul_count} or {dl_count} is outside 0..2^24")
        self.ksi: Final = ksi
        self.k_asme: Final = bytes(k_asme)
        self.eea: Final = Eea(eea)
        self.eia: Final = Eia(eia)
        self.ul_count = ul_count
        self.dl_count = dl_count
        self._cipher = Cipher(self.eea, keys.k_nas_enc(k_asme, self.eea))
        self._integrity = Integrity(self.eia, keys.k_nas_int(k_asme, self.eia))

    @property
    def last_ul_count(self) -> int:
        """COUNT of the latest uplink message, 0 before the first."""
        return max(0, self.ul_count - 1)

    def k_enb(self, ul_count: int | None = None) -> bytes:
        """K_eNB for the COUNT of an uplink message, the latest one by default (TS 33.401 7.2.6.2)."""
        return keys.k_enb(self.k_asme, self.last_ul_count if ul_count is None else ul_count)

    def _next(self, direction: Direction) -> int:
        return self.ul_count if direction is Direction.UPLINK else self.dl_count

    def _advance(self, direction: Direction, count: int) -> None:
        if direction is Direction.UPLINK:
            self.ul_count = count + 1
        else:
            self.dl_count = count + 1

    def protect(self, message: bytes, header: SecurityHeader, direction: Direction) -> bytes:
        """A plain message with security header; its COUNT is used up.

        Raises:
            CountExhausted: no COUNT is left.
            ValueError: a header type that has no MAC of four octets.
        """
        if header in (SecurityHeader.PLAIN, SecurityHeader.SERVICE_REQUEST):
            raise ValueError(f"security header type {header.name} does not protect a message")
        count = self._next(direction)
        if count >= COUNT_LIMIT:
            raise CountExhausted(f"{direction.name.lower()} NAS COUNT of key set {self.ksi} is used up")
        payload = self._cipher.apply(count, _BEARER, direction, message) if header.ciphered else bytes(message)
        covered = bytes([count & 0xFF]) + payload
        mac = self._integrity.mac(count, _BEARER, direction, covered)
        self._advance(direction, count)
        return bytes([header << 4 | EMM_DISCRIMINATOR]) + mac + covered

    def unprotect(self, pdu: bytes, direction: Direction) -> bytes:
        """The plain message of a protected PDU; a message that holds uses its COUNT up, another changes nothing.

        The overflow counter is the lowest with which the message is later than the latest one (TS 24.301 4.4.3.1), so
        that a replayed message has no MAC that holds (4.4.3.2).

        Raises:
            IntegrityFailure: the MAC is wrong, or the message was received before.
            NasError: not a protected PDU.
        """
        header, mac, sequence, payload, _ = split(pdu)
        if header in (SecurityHeader.PLAIN, SecurityHeader.SERVICE_REQUEST):
            raise NasError(None, f"security header type {header.name} where a protected message is wanted")
        count = self._estimate(self._next(direction), sequence, 8)
        expected = self._integrity.mac(count, _BEARER, direction, bytes([sequence]) + payload)
        if count >= COUNT_LIMIT or not hmac.compare_digest(expected, mac):
            raise IntegrityFailure(f"NAS MAC {mac.hex()} with sequence number {sequence} is wrong")
        self._advance(direction, count)
        return self._cipher.apply(count, _BEARER, direction, payload) if header.ciphered else payload

    @staticmethod
    def _estimate(expected: int, sequence: int, bits: int) -> int:
        """The lowest COUNT from ``expected`` on that ends in ``sequence``."""
        return expected + ((sequence - expected) & (1 << bits) - 1)

    def service_request(self) -> bytes:
        """SERVICE REQUEST with the short MAC; its COUNT is used up (TS 24.301 8.2.25, 9.9.3.28).

        Raises:
            CountExhausted: no COUNT is left.
        """
        count = self.ul_count
        if count >= COUNT_LIMIT:
            raise CountExhausted(f"uplink NAS COUNT of key set {self.ksi} is used up")
        head = bytes([SecurityHeader.SERVICE_REQUEST << 4 | EMM_DISCRIMINATOR, self.ksi << 5 | count & 31])
        self._advance(Direction.UPLINK, count)
        return head + self.short_mac(head, count)

    def short_mac(self, head: bytes, count: int) -> bytes:
        """Short MAC: the two last octets of the MAC over the two first of SERVICE REQUEST (TS 24.301 9.9.3.28)."""
        return self._integrity.mac(count, _BEARER, Direction.UPLINK, head)[2:]

    def verify_service_request(self, pdu: bytes) -> None:
        """Check a received SERVICE REQUEST; one that holds uses its COUNT up, another changes nothing.

        Raises:
            IntegrityFailure: another key set, or the short MAC is wrong.
            NasError: not a SERVICE REQUEST.
        """
        header, mac, sequence, _, ksi = split(pdu)
        if header is not SecurityHeader.SERVICE_REQUEST:
            raise NasError(None, f"security header type {header.name} where SERVICE REQUEST is wanted")
        if ksi != self.ksi:
            raise IntegrityFailure(f"SERVICE REQUEST with key set {ksi}, {self.ksi} is in use")
        count = self._estimate(self.ul_count, sequence, 5)
        if count >= COUNT_LIMIT or not hmac.compare_digest(self.short_mac(bytes(pdu[:2]), count), mac):
            raise IntegrityFailure(f"short MAC {mac.hex()} of SERVICE REQUEST is wrong")
        self._advance(Direction.UPLINK, count)
