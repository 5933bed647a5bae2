"""The command ``picocell subscriber``: who may use the network."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from picocell.epc.hss.subscribers import Subscriber, SubscriberStore

app = typer.Typer(
    name="subscriber", help="Subscribers of the network: add, list, import, remove.", no_args_is_help=True
)

Database = Annotated[
    str,
    typer.Option("--db", metavar="DATABASE", help="SQLite file, or a URL such as postgresql://host/name."),
]
DEFAULT_DATABASE = "subscribers.db"


@app.command()
def add(
    imsi: Annotated[str, typer.Argument(help="6 to 15 digits.")],
    key: Annotated[str, typer.Option("--key", metavar="HEX", help="Subscriber key K, 32 hexadecimal digits.")],
    opc: Annotated[str | None, typer.Option("--opc", metavar="HEX", help="OPc (TOPc with tuak).")] = None,
    op: Annotated[str | None, typer.Option("--op", metavar="HEX", help="OP (TOP with tuak), instead of OPc.")] = None,
    algorithm: Annotated[str, typer.Option("--algorithm", help="milenage, tuak or xor.")] = "milenage",
    amf: Annotated[str, typer.Option("--amf", metavar="HEX")] = "8000",
    sqn: Annotated[str, typer.Option("--sqn", metavar="HEX", help="Sequence number used last.")] = "000000000000",
    apn: Annotated[list[str] | None, typer.Option("--apn", help="May be repeated; the first is the default.")] = None,
    qci: Annotated[int, typer.Option("--qci")] = 9,
    ambr_ul: Annotated[int, typer.Option("--ambr-ul", metavar="KBPS")] = 1_000_000,
    ambr_dl: Annotated[int, typer.Option("--ambr-dl", metavar="KBPS")] = 1_000_000,
    ip: Annotated[str | None, typer.Option("--ip", help="Static IPv4 address.")] = None,
    msisdn: Annotated[str | None, typer.Option("--msisdn")] = None,
    disabled: Annotated[bool, typer.Option("--disabled", help="Bar the subscriber.")] = False,
    name: Annotated[str, typer.Option("--name")] = "",
    database: Database = DEFAULT_DATABASE,
) -> None:
    """Add one subscriber."""
    from picocell.epc.hss.algorithms import OperatorKey
    from picocell.epc.hss.subscribers import Subscriber

    if (op is None) == (opc is None) and algorithm != "xor":
        raise _usage_error("give either --opc or --op")
    with _errors(database):
        subscriber = Subscriber(
            imsi=imsi,
            k=_hex("--key", key),
            operator_key=_hex("--op" if opc is None else "--opc", (op if opc is None else opc) or ""),
            operator_key_kind=OperatorKey.OPC if opc is not None else OperatorKey.OP,
            algorithm=_algorithm(algorithm),
            amf=_hex("--amf", amf),
            sqn=_sqn(sqn),
            apns=tuple(apn or ("internet",)),
            qci=qci,
            ambr_ul=ambr_ul,
            ambr_dl=ambr_dl,
            static_ip=ip,
            msisdn=msisdn,
            enabled=not disabled,
            name=name,
        )
        with _store(database) as store:
            store.add(subscriber)
    print(f"added IMSI {imsi}")


@app.command("list")
def list_(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    keys: Annotated[bool, typer.Option("--keys", help="With --json: keys, too.")] = False,
    database: Database = DEFAULT_DATABASE,
) -> None:
    """List all subscribers."""
    if keys and not as_json:
        raise _usage_error("--keys: allowed together with --json")
    with _errors(database), _store(_existing(database)) as store:
        rows = [_as_dict(subscriber, keys=keys) for subscriber in store.all()]
    if as_json:
        for row in rows:
            print(json.dumps(row))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("imsi", "name", "msisdn", "algorithm", "apns", "qci", "address", "", box=None, padding=(0, 2, 0, 0))
    table.columns[0].no_wrap = True
    for row in rows:
        address, bar = row["static_ip"] or "dynamic", "" if row["enabled"] else "disabled"
        cells = (row["imsi"], row["name"], row["msisdn"] or "", row["algorithm"])
        table.add_row(*cells, " ".join(row["apns"]), str(row["qci"]), address, bar)
    Console().print(table)
    print(f"{len(rows)} subscribers in {database}")


@app.command("import")
def import_(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="user_db.csv of ten columns.")],
    replace: Annotated[bool, typer.Option("--replace", help="Change subscribers that are there already.")] = False,
    apn: Annotated[list[str] | None, typer.Option("--apn", help="APNs of all of them; may be repeated.")] = None,
    database: Database = DEFAULT_DATABASE,
) -> None:
    """Import the subscribers of a user_db.csv file, all of them or none."""
    from picocell.epc.hss import user_db

    with _errors(database):
        subscribers = user_db.read(source, apn or ("internet",))
        with _store(database) as store:
            (store.replace if replace else store.add)(*subscribers)
    print(f"imported {len(subscribers)} subscribers from {source}")


@app.command()
def remove(imsi: Annotated[str, typer.Argument(help="6 to 15 digits.")], database: Database = DEFAULT_DATABASE) -> None:
    """Remove one subscriber."""
    with _errors(database), _store(_existing(database)) as store:
        store.remove(imsi)
    print(f"removed IMSI {imsi}")


@contextmanager
def _errors(database: str) -> Iterator[None]:
    """What the user can put right becomes one line."""
    from sqlalchemy.exc import SQLAlchemyError

    from picocell.epc.hss.database_errors import problem
    from picocell.epc.hss.subscribers import UnknownSubscriberError

    try:
        yield
    except UnknownSubscriberError as error:
        raise _usage_error(f"IMSI {error.args[0]} is not in the database {database}") from error
    except (SQLAlchemyError, ModuleNotFoundError) as error:
        raise _usage_error(problem(database, error)) from error
    except ValueError as error:
        raise _usage_error(str(error)) from error


@contextmanager
def _store(database: str) -> Iterator["SubscriberStore"]:
    from picocell.epc.hss.subscribers import SubscriberStore

    store = SubscriberStore(database)
    try:
        yield store
    finally:
        store.close()


def _usage_error(text: str) -> Exception:
    from picocell.cli import UsageError

    return UsageError(text)


def _hex(option: str, text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise ValueError(f"{option} {text!r}; allowed are hexadecimal digits, two a byte") from None


def _sqn(text: str) -> int:
    if len(text) > 12:
        raise ValueError(f"--sqn {text!r}; allowed are up to 12 hexadecimal digits")
    return int.from_bytes(_hex("--sqn", text.rjust(12, "0")), "big")


def _existing(database: str) -> str:
    """A database that is looked into is not made on the way.

    Raises:
        ValueError: there is no such file.
    """
    if "://" not in database and database != ":memory:" and not Path(database).exists():
        raise ValueError(f"database {database}: no such file; picocell subscriber add makes one")
    return database


def _algorithm(text: str) -> Any:
    from picocell.epc.hss.algorithms import Algorithm

    if text not in list(Algorithm):
        raise ValueError(f"--algorithm {text!r}; allowed are {', '.join(Algorithm)}")
    return Algorithm(text)


def _as_dict(subscriber: "Subscriber", *, keys: bool) -> dict[str, Any]:
    secret = {
        "k": subscriber.k.hex(),
        subscriber.operator_key_kind.value: subscriber.operator_key.hex(),
        "amf": subscriber.amf.hex(),
        "sqn": f"{subscriber.sqn:012x}",
    }
    return {
        "imsi": subscriber.imsi,
        "name": subscriber.name,
        "msisdn": subscriber.msisdn,
        "algorithm": subscriber.algorithm.value,
        "apns": list(subscriber.apns),
        "qci": subscriber.qci,
        "ambr_ul": subscriber.ambr_ul,
        "ambr_dl": subscriber.ambr_dl,
        "static_ip": subscriber.static_ip,
        "enabled": subscriber.enabled,
    } | (secret if keys else {})
