"""Short forms of device arguments: ``file:cell.sigmf-meta`` for ``driver=file,path=cell.sigmf-meta``."""

from typing import Final

FILE: Final = "file:"
"""Begins the short form of a recording."""


def expand_file(text: str) -> str:
    """Device arguments of a recording in full, where they are in the short form; others as they are.

    ``file:PATH`` may be followed by more arguments: ``file:cell.sigmf-meta,loop=true``.

    Raises:
        ValueError: no path.
    """
    stripped = text.strip()
    if not stripped.startswith(FILE):
        return text
    path = stripped.removeprefix(FILE)
    if not path.partition(",")[0].strip():
        raise ValueError(f"{text!r} has no path: file:PATH, such as file:cell.sigmf-meta")
    return f"driver=file,path={path}"
