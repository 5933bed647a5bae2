"""Subscribers that a core would know, read without changing anything."""

from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from picocell.epc.config import EpcConfig
from picocell.epc.hss import user_db
from picocell.epc.hss.subscribers import Subscriber, SubscriberStore


def known_subscribers(config: EpcConfig) -> tuple[dict[str, Subscriber], str]:
    """Subscribers by IMSI, and what could not be read, empty where everything could.

    Those in the database come first, as in the core: a configuration adds only those that it has not.
    """
    found, problem = _in_database(config.hss.database)
    if config.hss.import_csv is not None:
        try:
            for one in user_db.read(config.hss.import_csv):
                found.setdefault(one.imsi, one)
        except (OSError, ValueError) as error:
            problem = f"hss.import_csv: {error}"
    for entry in config.hss.subscribers:
        found.setdefault(entry.imsi, entry.subscriber())
    return found, problem


def _in_database(location: str) -> tuple[dict[str, Subscriber], str]:
    if location == ":memory:":
        return {}, ""
    if "://" not in location:
        if not Path(location).is_file():
            return {}, ""  # which the core will make
        location = f"sqlite:///file:{Path(location).absolute()}?mode=ro&uri=true"
    elif not location.startswith("sqlite"):
        return {}, f"hss.database: {location.partition('://')[0]} is not looked into"
    try:
        store = SubscriberStore(location)
        try:
            return {one.imsi: one for one in store.all()}, ""
        finally:
            store.close()
    except (SQLAlchemyError, ValueError) as error:
        return {}, f"hss.database cannot be read: {str(error).splitlines()[0]}"
