"""Capture files: their bytes, and what Wireshark makes of them in a profile that nobody has set up."""

import csv
import io
import json
import os
import shutil
import struct
import subprocess
from pathlib import Path
from typing import Any

import pytest

from picocell.observe.exported_pdu import ExportedPduPcap
from picocell.observe.pcap import MacPcap, RntiType
from picocell.rrc_nas import asn1
from support.captures import capture

NAS_ATTACH_COMPLETE = "07430003520000"  # EMM attach complete with an empty ESM container of three bytes


def tshark(path: Path, home: Path, *arguments: str) -> str:
    program = shutil.which("tshark")
    if program is None:
        pytest.skip("tshark is not installed")
    environment = {**os.environ, "HOME": str(home), "XDG_CONFIG_HOME": str(home / "config")}
    command = [program, "-r", str(path), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, env=environment, timeout=300).stdout


def rows(direction: str) -> list[dict[str, str]]:
    with capture("lte6_mac.csv").open() as table:
        return [row for row in csv.DictReader(table) if row["direction"] == direction]


def write_rows(path: Path, table: list[dict[str, str]], **options: Any) -> None:
    with MacPcap(path) as pcap:
        for row in table:
            sfn, subframe = int(row["sfn"]), int(row["subframe"])
            pcap.write(
                bytes.fromhex(row["mac_pdu_hex"]),
                direction="DL" if row["direction"] == "DL" else "UL",
                rnti_type=row["rnti_type"],
                rnti=int(row["rnti"]),
                sfn=sfn,
                subframe=subframe,
                timestamp_s=1e9 + sfn / 100 + subframe / 1000,
                **options,
            )


def test_recorded_downlink_is_dissected_down_to_rrc_and_nas(tmp_path: Path) -> None:
    path = tmp_path / "downlink.pcap"
    table = rows("DL")
    write_rows(path, table)
    fields = [
        "-T",
        "fields",
        "-e",
        "_ws.col.Protocol",
        "-e",
        "_ws.col.Info",
        "-e",
        "mac-lte.sfn",
        "-e",
        "mac-lte.subframe",
    ]
    lines = [line.split("\t") for line in tshark(path, tmp_path, *fields).splitlines()]
    assert len(lines) == len(table)
    assert [line[2:] for line in lines] == [[row["sfn"], row["subframe"]] for row in table]
    assert [line[0] for line in lines[:5]] == [
        "LTE RRC BCCH_BCH",
        "LTE RRC DL_SCH",
        "LTE RRC DL_SCH",
        "MAC-LTE",
        "LTE RRC DL_CCCH",
    ]
    expected = [
        "MasterInformationBlock",
        "SystemInformationBlockType1",
        "SIB2 SIB3",
        "RAR (RA-RNTI=2",
        "RRCConnectionSetup",
    ]
    for (_, info, *_), text in zip(lines, expected, strict=False):
        assert text in info
    told = " ".join(line[1] for line in lines)
    for message in ("Authentication request", "SecurityModeCommand", "RRCConnectionReconfiguration, Attach accept"):
        assert message in told
    assert "Malformed" not in told


def test_recorded_downlink_has_the_fields_of_the_recording(tmp_path: Path) -> None:
    path = tmp_path / "downlink.pcap"
    write_rows(path, rows("DL"))
    wanted = [
        "lte-rrc.trackingAreaCode",
        "mac-lte.rar.rapid",
        "mac-lte.rar.temporary-crnti",
        "lte-rrc.rootSequenceIndex",
    ]
    wanted += ["mac-lte.rnti", "mac-lte.crc-status"]
    arguments = ["-T", "json", *(word for field in wanted for word in ("-e", field))]
    layers = [packet["_source"]["layers"] for packet in json.loads(tshark(path, tmp_path, *arguments))]
    assert layers[1]["lte-rrc.trackingAreaCode"][0].replace(":", "") == "0007"
    assert number(layers[2], "lte-rrc.rootSequenceIndex") == 128
    assert number(layers[3], "mac-lte.rar.rapid") == 43
    assert number(layers[3], "mac-lte.rar.temporary-crnti") == 70
    assert number(layers[4], "mac-lte.rnti") == 70
    assert number(layers[4], "mac-lte.crc-status") == 1


def number(layer: dict[str, list[str]], field: str) -> int:
    (text,) = layer[field]
    return int(text, 0)


def test_recorded_uplink_is_dissected(tmp_path: Path) -> None:
    path = tmp_path / "uplink.pcap"
    write_rows(path, rows("UL"))
    text = tshark(path, tmp_path)
    assert "RRCConnectionRequest" in text
    assert "RRCConnectionSetupComplete, Attach request" in text
    assert "Malformed" not in text


def test_paging_is_dissected(tmp_path: Path) -> None:
    path = tmp_path / "paging.pcap"
    identity = ("s-TMSI", {"mmec": (1, 8), "m-TMSI": (0xCAFE, 32)})
    record = {"ue-Identity": identity, "cn-Domain": "ps"}
    pdu = asn1.encode("PCCH", {"message": ("c1", ("paging", {"pagingRecordList": [record]}))})
    with MacPcap(path) as pcap:
        pcap.write(pdu, direction="DL", rnti_type=RntiType.P_RNTI, rnti=0xFFFE, sfn=5, subframe=9, timestamp_s=0.0)
    fields = ["-T", "fields", "-e", "_ws.col.Protocol", "-e", "lte-rrc.m_TMSI"]
    assert tshark(path, tmp_path, *fields).lower().replace(":", "").split("\t") == ["lte rrc pcch", "0000cafe\n"]


def test_failed_crc_is_shown_and_not_looked_into(tmp_path: Path) -> None:
    path = tmp_path / "failed.pcap"
    setup = [row for row in rows("DL") if row["rnti_type"] == "C_RNTI"][:1]
    write_rows(path, setup, crc_ok=False, retx=2)
    fields = ["-T", "fields", "-e", "mac-lte.crc-status", "-e", "mac-lte.retx-count", "-e", "_ws.col.Protocol"]
    assert tshark(path, tmp_path, *fields).split() == ["0", "2", "MAC-LTE"]


def test_other_protocols_by_dissector_name(tmp_path: Path) -> None:
    path = tmp_path / "nas.pcap"
    with ExportedPduPcap(path) as pcap:
        pcap.write("nas-eps", bytes.fromhex(NAS_ATTACH_COMPLETE), 1.5)
    assert "Attach complete" in tshark(path, tmp_path)


def test_bytes_of_a_file() -> None:
    file = io.BytesIO()
    with MacPcap(file) as pcap:
        pcap.write(
            b"\x00\x08\x00", direction="DL", rnti_type="NO_RNTI", rnti=0, sfn=1, subframe=3, timestamp_s=2.000001
        )
        pcap.write(
            b"\xaa",
            direction="UL",
            rnti_type="C_RNTI",
            rnti=70,
            sfn=1023,
            subframe=9,
            retx=1,
            crc_ok=False,
            timestamp_s=3,
        )
    data = file.getvalue()
    assert struct.unpack_from("<IHHiIII", data) == (0xA1B2C3D4, 2, 4, 0, 0, 262144, 252)
    tags = bytes.fromhex("000c0010") + b"mac-lte-framed\0\0" + bytes(4)
    first = tags + bytes.fromhex("010100" + "040013" + "0701" + "01" + "000800")
    assert struct.unpack_from("<IIII", data, 24) == (2, 1, len(first), len(first))
    assert data[40 : 40 + len(first)] == first
    second = tags + bytes.fromhex("010003" + "020046" + "030046" + "043ff9" + "0601" + "0700" + "01" + "aa")
    assert data[40 + len(first) + 16 :] == second
    assert not file.closed


def test_closed_by_the_context_and_again(tmp_path: Path) -> None:
    with MacPcap(tmp_path / "x.pcap") as pcap:
        pcap.flush()
    pcap.close()
    assert (tmp_path / "x.pcap").stat().st_size == 24


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"direction": "SL"}, "use DL or UL"),
        ({"rnti_type": "X_RNTI"}, "P_RNTI"),
        ({"rnti": 65536}, r"0\.\.65535"),
        ({"sfn": 1024}, r"0\.\.1023"),
        ({"subframe": 10}, r"0\.\.9"),
        ({"timestamp_s": -1.0}, "timestamp"),
        ({"pdu": bytes(1 << 18)}, "too long"),
    ],
)
def test_impossible_values_are_refused(change: dict[str, Any], reason: str) -> None:
    good = {
        "pdu": b"",
        "direction": "DL",
        "rnti_type": "C_RNTI",
        "rnti": 1,
        "sfn": 0,
        "subframe": 0,
        "timestamp_s": 0.0,
    }
    values = {**good, **change}
    with MacPcap(io.BytesIO()) as pcap, pytest.raises(ValueError, match=reason):
        pcap.write(values.pop("pdu"), **values)


def test_dissector_name_must_be_ascii() -> None:
    with ExportedPduPcap(io.BytesIO()) as pcap:
        for name in ("", "näs"):
            with pytest.raises(ValueError, match="ASCII"):
                pcap.write(name, b"", 0.0)
