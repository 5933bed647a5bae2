"""AVPs of S6a's messages (TS 29.272 7.3, RFC 6733 4.5); those of the subscription are in `s6a_subscription`."""

from typing import Final

from picocell.epc.interfaces import diameter, s6a_subscription
from picocell.epc.interfaces.diameter import Avp, DiameterError, ResultCode
from picocell.epc.interfaces.gtpv2c_simple_ies import pack_plmn, unpack_plmn
from picocell.epc.interfaces.s6a_messages import CancellationType, ErrorDiagnostic, EutranVector, RatType
from picocell.epc.interfaces.s6a_subscription import KNOWN, TGPP

NO_STATE_MAINTAINED: Final = 1

USER_NAME: Final = diameter.text("User-Name", 1)
SESSION_ID: Final = diameter.text("Session-Id", 263)
ORIGIN_HOST: Final = diameter.text("Origin-Host", 264)
ORIGIN_REALM: Final = diameter.text("Origin-Realm", 296)
DESTINATION_HOST: Final = diameter.text("Destination-Host", 293)
DESTINATION_REALM: Final = diameter.text("Destination-Realm", 283)
RESULT_CODE: Final = diameter.unsigned("Result-Code", 268)
ERROR_MESSAGE: Final = diameter.text("Error-Message", 281, m=False)
AUTH_SESSION_STATE: Final = diameter.unsigned("Auth-Session-State", 277)
VENDOR_ID: Final = diameter.unsigned("Vendor-Id", 266)
AUTH_APPLICATION_ID: Final = diameter.unsigned("Auth-Application-Id", 258)
EXPERIMENTAL_RESULT_CODE: Final = diameter.unsigned("Experimental-Result-Code", 298)


def _first_avp(data: bytes) -> Avp:
    """The AVP within Failed-AVP."""
    avps = diameter.decode_avps(data)
    if not avps:
        raise DiameterError("Failed-AVP is empty", ResultCode.INVALID_AVP_VALUE)
    return avps[0]


FAILED_AVP: Final = diameter.AvpType("Failed-AVP", 279, 0, True, lambda avp: diameter.encode_avps([avp]), _first_avp)
APPLICATION_ID: Final = diameter.grouped(
    "Vendor-Specific-Application-Id",
    260,
    0,
    lambda pair: [VENDOR_ID.avp(pair[0]), AUTH_APPLICATION_ID.avp(pair[1])],
    lambda reader: (reader.one(VENDOR_ID), reader.one(AUTH_APPLICATION_ID)),
    KNOWN,
)
EXPERIMENTAL_RESULT: Final = diameter.grouped(
    "Experimental-Result",
    297,
    0,
    lambda code: [VENDOR_ID.avp(TGPP), EXPERIMENTAL_RESULT_CODE.avp(code)],
    lambda reader: (reader.one(VENDOR_ID), reader.one(EXPERIMENTAL_RESULT_CODE))[1],
    KNOWN,
)
VISITED_PLMN: Final = diameter.AvpType(
    "Visited-PLMN-Id", 1407, TGPP, True, lambda plmn: pack_plmn(*plmn), lambda data: _plmn(data)
)
N_VECTORS: Final = diameter.unsigned("Number-Of-Requested-Vectors", 1410, TGPP)
IMMEDIATE: Final = diameter.unsigned("Immediate-Response-Preferred", 1412, TGPP)
RESYNC: Final = diameter.octets("Re-Synchronization-Info", 1411, TGPP, sizes=range(30, 31))
ITEM_NUMBER: Final = diameter.unsigned("Item-Number", 1419, TGPP)
RAND: Final = diameter.octets("RAND", 1447, TGPP, sizes=range(16, 17))
XRES: Final = diameter.octets("XRES", 1448, TGPP, sizes=range(4, 17))
AUTN: Final = diameter.octets("AUTN", 1449, TGPP, sizes=range(16, 17))
K_ASME: Final = diameter.octets("KASME", 1450, TGPP, sizes=range(32, 33))
ULR_FLAGS: Final = diameter.unsigned("ULR-Flags", 1405, TGPP)
ULA_FLAGS: Final = diameter.unsigned("ULA-Flags", 1406, TGPP)
RAT_TYPE: Final = diameter.enumerated("RAT-Type", 1032, RatType, TGPP)
CANCELLATION_TYPE: Final = diameter.enumerated("Cancellation-Type", 1420, CancellationType, TGPP)
CLR_FLAGS: Final = diameter.unsigned("CLR-Flags", 1638, TGPP, m=False)
ERROR_DIAGNOSTIC: Final = diameter.enumerated("Error-Diagnostic", 1614, ErrorDiagnostic, TGPP, m=False)
PUA_FLAGS: Final = diameter.unsigned("PUA-Flags", 1442, TGPP)
SUBSCRIPTION: Final = s6a_subscription.SUBSCRIPTION_DATA
VECTOR: Final = diameter.grouped(
    "E-UTRAN-Vector",
    1414,
    TGPP,
    lambda pair: [
        ITEM_NUMBER.avp(pair[0]),
        RAND.avp(pair[1].rand),
        XRES.avp(pair[1].xres),
        AUTN.avp(pair[1].autn),
        K_ASME.avp(pair[1].k_asme),
    ],
    lambda r: (
        r.optional(ITEM_NUMBER) or 0,
        EutranVector(r.one(RAND), r.one(XRES), r.one(AUTN), r.one(K_ASME)),
    ),
    KNOWN,
)
VECTORS: Final = diameter.grouped(
    "Authentication-Info",
    1413,
    TGPP,
    lambda vectors: [VECTOR.avp((number, vector)) for number, vector in enumerate(vectors, 1)],
    lambda reader: tuple(vector for _, vector in sorted(reader.many(VECTOR), key=lambda pair: pair[0])),
    KNOWN,
)


def _plmn(data: bytes) -> tuple[str, str]:
    if len(data) != 3:
        raise DiameterError(f"Visited-PLMN-Id has {len(data)} bytes; allowed are 3", ResultCode.INVALID_AVP_LENGTH)
    return unpack_plmn(data)


REQUESTED_VECTORS: Final = diameter.grouped(
    "Requested-EUTRAN-Authentication-Info",
    1408,
    TGPP,
    lambda wanted: [
        N_VECTORS.avp(wanted[0]),
        *((IMMEDIATE.avp(0),) if wanted[1] else ()),
        *RESYNC.optional(wanted[2]),
    ],
    lambda r: (_n_vectors(r.optional(N_VECTORS)), r.optional(IMMEDIATE) is not None, r.optional(RESYNC)),
    KNOWN,
)


def _n_vectors(value: int | None) -> int:
    return 1 if value is None else value
