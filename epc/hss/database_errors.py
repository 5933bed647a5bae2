"""What is wrong with a subscriber database, in a line that names it."""

from typing import Final

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

_ALLOWED: Final = "allowed are an SQLite file or a URL such as postgresql://host/name"


def problem(location: str, error: SQLAlchemyError | ModuleNotFoundError) -> str:
    """Why a database cannot be used.

    Args:
        location: as it was given; a password in it is not shown.
        error: what opening or using it raised.
    """
    name = _shown(location)
    if isinstance(error, ModuleNotFoundError):
        return f"database {name}: its driver {error.name} is not installed"
    if isinstance(error, NoSuchModuleError | ArgumentError):
        return f"database {name}: not known; {_ALLOWED}"
    text = str(error.orig if isinstance(error, DBAPIError) else error)
    return f"database {name}: {text.splitlines()[0] if text else type(error).__name__}"


def _shown(location: str) -> str:
    if "://" not in location:
        return location
    try:
        return make_url(location).render_as_string(hide_password=True)
    except (SQLAlchemyError, ValueError):
        return location
