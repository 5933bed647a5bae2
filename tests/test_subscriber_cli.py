"""The command ``picocell subscriber`` and the files that it reads."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from picocell.cli import UsageError
from picocell.epc.hss import user_db
from picocell.epc.hss.algorithms import Algorithm, OperatorKey
from picocell.epc.hss.subscribers import SubscriberStore
from picocell.subscriber_cli import app

K = "00112233445566778899aabbccddeeff"
OPC = "63bfa50ee6523365ff14c1f45f88737d"
GOOD = f"""# a comment
ue1,mil,001010123456780,{K},opc,{OPC},9001,000000001234,7,dynamic

 ue2 , xor , 001010123456781 , {K} , opc , {OPC} , 8000 , 0000000000ff , 9 , 172.16.0.9
ue3,MIL,001010123456782,{K},OP,{OPC},8000,000000000000,9,Dynamic
"""


def invoke(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_add_list_and_remove(tmp_path: Path) -> None:
    database = str(tmp_path / "s.db")
    invoke("add", "001010123456780", "--key", K, "--opc", OPC, "--apn", "internet", "--apn", "ims", "--db", database)
    row = json.loads(invoke("list", "--json", "--db", database))
    assert row["imsi"] == "001010123456780"
    assert row["apns"] == ["internet", "ims"]
    assert K not in invoke("list", "--json", "--db", database)
    assert K in invoke("list", "--json", "--keys", "--db", database)
    assert "001010123456780" in invoke("list", "--db", database)
    with pytest.raises(UsageError, match="in the database already"):
        invoke("add", "001010123456780", "--key", K, "--opc", OPC, "--db", database)
    invoke("remove", "001010123456780", "--db", database)
    with pytest.raises(UsageError, match="not in the database"):
        invoke("remove", "001010123456780", "--db", database)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("--key", K), "either --opc or --op"),
        (("--key", "zz", "--opc", OPC), "hexadecimal"),
        (("--key", K, "--opc", "00"), "OPc|16"),
        (("--key", K, "--opc", OPC, "--algorithm", "md5"), "milenage, tuak, xor"),
        (("--key", K, "--opc", OPC, "--qci", "0"), "1 to 254"),
        (("--key", K, "--opc", OPC, "--db", "nothing://x/y"), "database"),
        (("--key", K, "--opc", OPC, "--db", "/no/such/folder/s.db"), "database"),
    ],
)
def test_wrong_options_are_named(arguments: tuple[str, ...], text: str, tmp_path: Path) -> None:
    extra = () if "--db" in arguments else ("--db", str(tmp_path / "s.db"))
    with pytest.raises(UsageError, match=text):
        invoke("add", "001010123456780", *arguments, *extra)


def test_import_reads_ten_columns(tmp_path: Path) -> None:
    path, database = tmp_path / "user_db.csv", str(tmp_path / "s.db")
    path.write_text(GOOD, encoding="utf-8")
    assert "3 subscribers" in invoke("import", str(path), "--apn", "web", "--db", database)
    first, second, third = SubscriberStore(database).all()
    assert (first.name, first.algorithm, first.sqn, first.qci, first.amf.hex()) == (
        "ue1",
        Algorithm.MILENAGE,
        0x1234,
        7,
        "9001",
    )
    assert (second.algorithm, second.static_ip) == (Algorithm.XOR, "172.16.0.9")
    assert (third.operator_key_kind, third.apns) == (OperatorKey.OP, ("web",))
    with pytest.raises(UsageError, match="already"):
        invoke("import", str(path), "--db", database)
    invoke("import", str(path), "--replace", "--db", database)
    assert len(SubscriberStore(database)) == 3


@pytest.mark.parametrize(
    ("column", "cell", "allowed"),
    [
        (1, "md5", "mil"),
        (2, "12345", "6 to 15 digits"),
        (3, K[:-1], "32 hexadecimal"),
        (3, K[:-1] + "g", "32 hexadecimal"),
        (4, "topc", "op and opc"),
        (5, "", "32 hexadecimal"),
        (6, "800", "4 hexadecimal"),
        (7, "1234", "12 hexadecimal"),
        (8, "0", "1 to 254"),
        (8, "x", "1 to 254"),
        (9, "172.16.0", "dynamic or an IPv4"),
        (9, "0.0.0.0", "dynamic or an IPv4"),
    ],
)
def test_a_bad_cell_is_named_and_nothing_is_imported(column: int, cell: str, allowed: str, tmp_path: Path) -> None:
    path, database = tmp_path / "user_db.csv", str(tmp_path / "s.db")
    lines = GOOD.splitlines()
    cells = lines[4].split(",")
    cells[column] = cell
    path.write_text("\n".join([*lines[:4], ",".join(cells)]), encoding="utf-8")
    with pytest.raises(UsageError) as error:
        invoke("import", str(path), "--db", database)
    text = str(error.value)
    assert f"{path}, line 5, column {column + 1} ({user_db.COLUMNS[column]}): " in text
    assert allowed in text
    assert len(SubscriberStore(database)) == 0


@pytest.mark.parametrize("line", ["a,b", "a," * 10, GOOD.splitlines()[1].replace("780", "781")])
def test_wrong_columns_and_doubles(line: str, tmp_path: Path) -> None:
    path = tmp_path / "user_db.csv"
    path.write_text(GOOD + line, encoding="utf-8")
    with pytest.raises(user_db.UserDbError, match="line 6"):
        user_db.read(path)


def test_no_text_and_no_file(tmp_path: Path) -> None:
    path = tmp_path / "user_db.csv"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(user_db.UserDbError, match="UTF-8"):
        user_db.read(path)
    with pytest.raises(FileNotFoundError):
        user_db.read(tmp_path / "none")
