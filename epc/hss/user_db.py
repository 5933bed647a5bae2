"""Reads subscribers from ``user_db.csv`` files, ten columns a line:

    name,auth,imsi,key,op_type,op/opc,amf,sqn,qci,ip_alloc
    ue1,mil,001010123456780,00112233445566778899aabbccddeeff,opc,63bfa50ee6523365ff14c1f45f88737d,8000,000000001234,9,dynamic

Lines that start with ``#`` and empty lines are skipped; key, op/opc, amf and sqn are hexadecimal.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from picocell.epc.hss.algorithms import Algorithm, OperatorKey
from picocell.epc.hss.subscribers import Subscriber, check_static_ip

COLUMNS: Final = ("name", "auth", "imsi", "key", "op_type", "op/opc", "amf", "sqn", "qci", "ip_alloc")

_ALGORITHMS: Final = {"mil": Algorithm.MILENAGE, "xor": Algorithm.XOR}


class UserDbError(ValueError):
    """A file, line and column that cannot be read, and why."""


def read(path: Path, apns: Sequence[str] = ("internet",)) -> list[Subscriber]:
    """All subscribers of a file; ``apns`` are those of each, since the file names none.

    Raises:
        UserDbError: a line that cannot be read; nothing of the file is to be used then.
        OSError: the file cannot be opened.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserDbError(f"{path}: not UTF-8 text (byte {error.start})") from None
    found: list[Subscriber] = []
    lines: dict[str, int] = {}
    addresses: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        subscriber = _row(path, number, line, tuple(apns))
        for what, value, seen, column in (
            ("IMSI", subscriber.imsi, lines, "imsi"),
            ("address", subscriber.static_ip, addresses, "ip_alloc"),
        ):
            if value is not None and value in seen:
                raise _error(path, number, column, f"{what} {value} is that of line {seen[value]} already")
            if value is not None:
                seen[value] = number
        found.append(subscriber)
    return found


def _row(path: Path, number: int, line: str, apns: tuple[str, ...]) -> Subscriber:
    cells = [cell.strip() for cell in line.split(",")]
    if len(cells) != len(COLUMNS):
        columns = ",".join(COLUMNS)
        raise UserDbError(f"{path}, line {number}: {len(cells)} columns; allowed are the {len(COLUMNS)} of {columns}")
    values: dict[str, Any] = {}
    is_xor = cells[1].lower() == "xor"
    readers = _readers(is_xor)
    for column, cell in zip(COLUMNS, cells, strict=True):
        try:
            values[column] = readers[column](cell)
        except ValueError as error:
            raise _error(path, number, column, str(error)) from None
    try:
        return Subscriber(
            name=values["name"],
            algorithm=values["auth"],
            imsi=values["imsi"],
            k=values["key"],
            operator_key_kind=values["op_type"],
            operator_key=values["op/opc"],
            amf=values["amf"],
            sqn=values["sqn"],
            qci=values["qci"],
            static_ip=values["ip_alloc"],
            apns=apns,
        )
    except ValueError as error:
        raise UserDbError(f"{path}, line {number}: {error}") from None


def _readers(is_xor: bool) -> dict[str, Callable[[str], Any]]:
    return {
        "name": str,
        "auth": _algorithm,
        "imsi": _imsi,
        "key": lambda cell: _hex(cell, 16),
        "op_type": _op_type,
        "op/opc": lambda cell: b"" if is_xor and not cell else _hex(cell, 16),
        "amf": lambda cell: _hex(cell, 2),
        "sqn": lambda cell: int.from_bytes(_hex(cell, 6), "big"),
        "qci": _qci,
        "ip_alloc": _address,
    }


def _error(path: Path, number: int, column: str, text: str) -> UserDbError:
    return UserDbError(f"{path}, line {number}, column {COLUMNS.index(column) + 1} ({column}): {text}")


def _algorithm(cell: str) -> Algorithm:
    if cell.lower() not in _ALGORITHMS:
        raise ValueError(f"{cell!r}; allowed are mil (Milenage) and xor (the test algorithm)")
    return _ALGORITHMS[cell.lower()]


def _op_type(cell: str) -> OperatorKey:
    if cell.lower() not in list(OperatorKey):
        raise ValueError(f"{cell!r}; allowed are op and opc")
    return OperatorKey(cell.lower())


def _imsi(cell: str) -> str:
    if not (cell.isascii() and cell.isdigit() and 6 <= len(cell) <= 15):
        raise ValueError(f"{cell!r}; allowed are 6 to 15 digits")
    return cell


def _hex(cell: str, size: int) -> bytes:
    try:
        data = bytes.fromhex(cell)
    except ValueError:
        data = b""
    if len(data) != size or len(cell) != 2 * size:
        raise ValueError(f"{cell!r}; allowed are {2 * size} hexadecimal digits")
    return data


def _qci(cell: str) -> int:
    if not (cell.isascii() and cell.isdigit() and 1 <= int(cell) <= 254):
        raise ValueError(f"{cell!r}; allowed are 1 to 254")
    return int(cell)


def _address(cell: str) -> str | None:
    if cell.lower() == "dynamic":
        return None
    try:
        check_static_ip(cell)
    except ValueError as error:
        raise ValueError(f"{error}; allowed are dynamic or an IPv4 address") from None
    return cell
