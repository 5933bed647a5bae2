"""System information as a receiver reads it: SIB1, other SIBs, and when they are sent (TS 36.331 5.2, 6.2.2).

The MIB is in :mod:`picocell.phy.lte.mib`, because the physical layer cannot go on without it.
"""

import re
from dataclasses import dataclass
from typing import Any, Final, Self

from picocell.rrc_nas import asn1
from picocell.rrc_nas.asn1 import Asn1Error

SIB1_PERIOD_RF: Final = 8
"""Radio frames between new SIB1 transmissions; repeated in subframe 5 of every even frame (TS 36.331 5.2.1.2)."""

SIB1_SUBFRAME: Final = 5
SI_WINDOWS_MS: Final = (1, 2, 5, 10, 15, 20, 40)
"""Values of si-WindowLength (TS 36.331 6.2.2)."""

SI_PERIODS_RF: Final = (8, 16, 32, 64, 128, 256, 512)
"""Values of si-Periodicity in radio frames (TS 36.331 6.2.2)."""


@dataclass(frozen=True, slots=True)
class Plmn:
    """A network's identity: MCC of three digits, MNC of two or three."""

    mcc: str
    mnc: str
    reserved: bool = False

    def __str__(self) -> str:
        return f"{self.mcc}-{self.mnc}"


@dataclass(frozen=True, slots=True)
class SiSchedule:
    """One entry of schedulingInfoList.

    Attributes:
        periodicity_rf: radio frames between SI windows of this message.
        sibs: numbers of the SIBs in it. SIB2 leads the first entry, where the message leaves it out.
    """

    periodicity_rf: int
    sibs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Sib1:
    """SystemInformationBlockType1, the fields that a receiver needs first (TS 36.331 6.2.2).

    Attributes:
        plmns: networks, the primary one first.
        tac: tracking area code, 16 bits.
        cell_identity: 28 bits; the upper 20 are the macro eNB's identity.
        barred: cellBarred.
        intra_freq_reselection: whether a barred cell lets the UE select another one of its frequency.
        csg: closed subscriber group cell.
        q_rx_lev_min_dbm: least RSRP for selection, dBm.
        p_max_dbm: largest UE power in the cell, dBm; None for the UE's own.
        band: freqBandIndicator.
        tdd: (subframeAssignment, specialSubframePatterns); None in FDD.
        si_window_ms: si-WindowLength.
        scheduling: schedulingInfoList; entry n - 1 is SI message n.
        value_tag: systemInfoValueTag.
        value: the whole SIB1 as `asn1.decode` gives it.
    """

    plmns: tuple[Plmn, ...]
    tac: int
    cell_identity: int
    barred: bool
    intra_freq_reselection: bool
    csg: bool
    q_rx_lev_min_dbm: int
    p_max_dbm: int | None
    band: int
    tdd: tuple[int, int] | None
    si_window_ms: int
    scheduling: tuple[SiSchedule, ...]
    value_tag: int
    value: dict[str, Any]

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read a BCCH-DL-SCH transport block that holds SIB1.

        Raises:
            Asn1Error: malformed data, or another message than SIB1.
        """
        name, value = _bcch(data)
        if name != "systemInformationBlockType1":
            raise Asn1Error(f"BCCH-DL-SCH message is {name}, not systemInformationBlockType1")
        return cls.from_value(value)

    @classmethod
    def from_value(cls, value: dict[str, Any]) -> Self:
        """View of a decoded SIB1."""
        access = value["cellAccessRelatedInfo"]
        tdd = value.get("tdd-Config")
        return cls(
            plmns=_plmns(access["plmn-IdentityList"]),
            tac=access["trackingAreaCode"][0],
            cell_identity=access["cellIdentity"][0],
            barred=access["cellBarred"] == "barred",
            intra_freq_reselection=access["intraFreqReselection"] == "allowed",
            csg=access["csg-Indication"],
            q_rx_lev_min_dbm=2 * value["cellSelectionInfo"]["q-RxLevMin"],
            p_max_dbm=value.get("p-Max"),
            band=value["freqBandIndicator"],
            tdd=tdd and (_number(tdd["subframeAssignment"]), _number(tdd["specialSubframePatterns"])),
            si_window_ms=_number(value["si-WindowLength"]),
            scheduling=_schedules(value["schedulingInfoList"]),
            value_tag=value["systemInfoValueTag"],
            value=value,
        )

    def window(self, si_index: int) -> "SiWindow":
        """Window of SI message ``si_index`` (1 for the first entry of schedulingInfoList).

        Raises:
            ValueError: no such message.
        """
        if not 1 <= si_index <= len(self.scheduling):
            raise ValueError(f"SI message {si_index} is not scheduled: this cell has 1..{len(self.scheduling)}")
        return si_window(si_index, self.scheduling[si_index - 1].periodicity_rf, self.si_window_ms)


def decode_system_information(data: bytes) -> dict[int, dict[str, Any]]:
    """SIBs of a BCCH-DL-SCH transport block by number: SIB1, or those of one SystemInformation message.

    Raises:
        Asn1Error: malformed data, or a message of a later release.
    """
    name, value = _bcch(data)
    if name == "systemInformationBlockType1":
        return {1: value}
    if name != "systemInformation":
        raise Asn1Error(f"BCCH-DL-SCH message is {name}, not systemInformation")
    release, content = value["criticalExtensions"]
    if release != "systemInformation-r8":
        raise Asn1Error(f"SystemInformation of release {release} is not known")
    return {_number(kind): sib for kind, sib in content["sib-TypeAndInfo"] if kind.startswith("sib")}


@dataclass(frozen=True, slots=True)
class SiWindow:
    """When an SI message may be sent (TS 36.331 5.2.3).

    Attributes:
        sfn_offset: the window starts in frames with SFN mod periodicity_rf = sfn_offset.
        subframe: subframe in which it starts.
        periodicity_rf: radio frames from window to window.
        length_ms: subframes of a window.
    """

    sfn_offset: int
    subframe: int
    periodicity_rf: int
    length_ms: int

    def position(self, sfn: int, subframe: int) -> int | None:
        """Number i of a subframe within the window, 0 for its first; None outside the window."""
        start = 10 * self.sfn_offset + self.subframe
        i = (10 * sfn + subframe - start) % (10 * self.periodicity_rf)
        return i if i < self.length_ms else None


def si_window(si_index: int, periodicity_rf: int, window_ms: int) -> SiWindow:
    """Window of SI message n = ``si_index`` (TS 36.331 5.2.3).

    With x = (n - 1) w it starts in subframe x mod 10 of frames with SFN mod T = floor(x / 10).

    Args:
        si_index: order in schedulingInfoList, 1 for the first.
        periodicity_rf: si-Periodicity T in radio frames.
        window_ms: si-WindowLength w in subframes.

    Raises:
        ValueError: a value that the standard does not have.
    """
    if not 1 <= si_index <= 32:
        raise ValueError(f"SI message {si_index} is outside 1..32")
    if periodicity_rf not in SI_PERIODS_RF:
        raise ValueError(f"si-Periodicity {periodicity_rf} is not allowed: use one of {SI_PERIODS_RF}")
    if window_ms not in SI_WINDOWS_MS:
        raise ValueError(f"si-WindowLength {window_ms} is not allowed: use one of {SI_WINDOWS_MS}")
    frames, subframe = divmod((si_index - 1) * window_ms, 10)
    return SiWindow(frames % periodicity_rf, subframe, periodicity_rf, window_ms)


def sib1_rv(sfn: int) -> int | None:
    """Redundancy version of SIB1 in a frame; None in odd frames, which carry none (TS 36.321 5.3.1)."""
    return None if sfn % 2 else _rv(sfn // 2)


def si_rv(position: int) -> int:
    """Redundancy version of an SI message in subframe ``position`` of its window (TS 36.321 5.3.1).

    It holds where the PDCCH carries no redundancy version (DCI format 1C).
    """
    return _rv(position)


def _rv(k: int) -> int:
    """RV_K = ceil(3/2 k) mod 4 with k mod 4 (TS 36.321 5.3.1)."""
    return -(-3 * (k % 4) // 2) % 4


def _bcch(data: bytes) -> tuple[str, dict[str, Any]]:
    """Name and value of a BCCH-DL-SCH message."""
    kind, content = asn1.decode("BCCH-DL-SCH", data)["message"]
    if kind != "c1":
        raise Asn1Error(f"BCCH-DL-SCH message of a later release ({kind}) is not known")
    name, value = content
    return name, value


def _plmns(entries: list[dict[str, Any]]) -> tuple[Plmn, ...]:
    """Networks of plmn-IdentityList; an MCC left out is that of the entry before (TS 36.331 6.3.4)."""
    found: list[Plmn] = []
    for entry in entries:
        identity = entry["plmn-Identity"]
        if "mcc" in identity:
            mcc = _digits(identity["mcc"])
        elif found:
            mcc = found[-1].mcc
        else:
            raise Asn1Error("the first PLMN of SIB1 has no MCC")
        found.append(Plmn(mcc, _digits(identity["mnc"]), entry["cellReservedForOperatorUse"] == "reserved"))
    return tuple(found)


def _schedules(entries: list[dict[str, Any]]) -> tuple[SiSchedule, ...]:
    """schedulingInfoList with the implied SIB2; spare SIB types are left out."""
    schedules = []
    for index, entry in enumerate(entries):
        named = tuple(_number(kind) for kind in entry["sib-MappingInfo"] if kind.startswith("sibType"))
        sibs = (2, *named) if index == 0 else named
        schedules.append(SiSchedule(_number(entry["si-Periodicity"]), sibs))
    return tuple(schedules)


def _digits(values: list[int]) -> str:
    return "".join(str(digit) for digit in values)


def _number(name: str) -> int:
    """First number in an enumerated or alternative name: 16 of rf16, 12 of sibType12-v920."""
    found = re.search(r"\d+", name)
    if found is None:
        raise Asn1Error(f"value {name!r} has no number: it is spare in this release")
    return int(found.group())
