"""UE-EUTRA-Capability: what a UE tells an E-UTRAN of itself (TS 36.331 6.3.6, TS 36.306)."""

from collections.abc import Sequence
from functools import cache
from typing import Any, Final

from picocell.rrc_nas.asn1 import LOCK, Asn1Error, excerpt, reason
from picocell.rrc_nas.rrc.fields import Value

_ROHC_PROFILES: Final = ("0001", "0002", "0003", "0004", "0006", "0101", "0102", "0103", "0104")
_RELEASES: Final = {8: "rel8", 9: "rel9"}

FEATURE_GROUPS: Final = 0
"""Default of featureGroupIndicators: none of the optional groups of TS 36.331 Annex B.1 is claimed."""


def capability(
    bands: Sequence[int] = (7,),
    *,
    category: int = 4,
    release: int = 8,
    feature_groups: int = FEATURE_GROUPS,
    inter_frequency_gaps: bool = True,
) -> Value:
    """A capability without header compression, antenna selection, UE specific reference signals or other systems.

    Args:
        bands: E-UTRA bands, FDD full duplex.
        category: ue-Category 1..5.
        release: accessStratumRelease, 8 or 9.
        feature_groups: featureGroupIndicators, group 1 the most significant of 32 bits.
        inter_frequency_gaps: measurement gaps are needed on other bands.

    Raises:
        ValueError: a value that is not allowed.
    """
    if release not in _RELEASES:
        raise ValueError(f"release {release} is not allowed: use one of {tuple(_RELEASES)}")
    if not 1 <= category <= 5:
        raise ValueError(f"ue-Category {category} is outside 1..5")
    if not bands:
        raise ValueError("a UE has at least one band")
    needs = [{"interFreqNeedForGaps": inter_frequency_gaps} for _ in bands]
    return {
        "accessStratumRelease": _RELEASES[release],
        "ue-Category": category,
        "pdcp-Parameters": {
            "supportedROHC-Profiles": {f"profile0x{name}-r15": False for name in _ROHC_PROFILES},
        },
        "phyLayerParameters": {"ue-TxAntennaSelectionSupported": False, "ue-SpecificRefSigsSupported": False},
        "rf-Parameters": {"supportedBandListEUTRA": [{"bandEUTRA": band, "halfDuplex": False} for band in bands]},
        "measParameters": {"bandListEUTRA": [{"interFreqBandList": needs} for _ in bands]},
        "featureGroupIndicators": (feature_groups, 32),
        "interRAT-Parameters": {},
    }


def encode_capability(value: Value) -> bytes:
    """Bytes of a UE-EUTRA-Capability, as ueCapabilityRAT-Container holds them.

    Raises:
        Asn1Error: a value that the definition does not allow.
    """
    with LOCK:
        definition = _definition()
        try:
            definition.set_val(_copied(value))  # the codec takes default values out of it
            return bytes(definition.to_uper())
        except Exception as error:  # the codec lets exceptions of many kinds through
            raise Asn1Error(f"not a UE-EUTRA-Capability: {reason(error)}") from error


def decode_capability(data: bytes) -> Value:
    """Value of a UE-EUTRA-Capability, in the form of `asn1.decode`.

    Raises:
        Asn1Error: malformed data.
    """
    with LOCK:
        definition = _definition()
        try:
            definition.from_uper(bytes(data))
            value: Value = _copied(definition.get_val())
        except Exception as error:  # as in encode_capability
            raise Asn1Error(f"no UE-EUTRA-Capability in {excerpt(data)}: {reason(error)}") from error
    return value


@cache
def _definition() -> Any:
    from pycrate_asn1dir import RRCLTE

    return RRCLTE.EUTRA_RRC_Definitions.UE_EUTRA_Capability


def _copied(value: Any) -> Any:
    match value:
        case dict():
            return {str(name): _copied(part) for name, part in value.items()}
        case list():
            return [_copied(part) for part in value]
        case (str(name), content):
            return name, _copied(content)
        case bytearray():
            return bytes(value)
        case _:
            return value
