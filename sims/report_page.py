"""What HTML reports are made of: one page that loads nothing, tables, and a line about what made it."""

import platform
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from html import escape
from pathlib import Path

import numpy as np

from picocell.kernels import isa
from picocell.sims.report_style import STYLE
from picocell.sims.results import package_version


def write_page(path: Path, title: str, parts: Iterable[str]) -> None:
    """Write a page.

    Args:
        path: HTML file.
        title: of the page.
        parts: its body, HTML already; empty ones are left out.

    Raises:
        OSError: it cannot be written.
    """
    head = f'<meta charset="utf-8"><title>{escape(title)}</title>'
    view = '<meta name="viewport" content="width=device-width, initial-scale=1">'
    body = "\n".join(part for part in parts if part)
    html = f'<!doctype html>\n<html lang="en">\n<head>\n{head}\n{view}\n<style>\n{STYLE}</style>\n</head>'
    path.write_text(f"{html}\n<body>\n{body}\n</body>\n</html>\n", encoding="utf-8")


def made(when: datetime | None = None) -> str:
    """A paragraph: when, and with which versions on what machine.

    Args:
        when: now if None.
    """
    text = (
        f"{(when or datetime.now(UTC)).strftime('%Y-%m-%d %H:%M UTC')}, picocell {package_version()}, "
        f"Python {platform.python_version()}, NumPy {np.__version__}, "
        f"kernels for {isa.LEVELS[isa.chosen()]}, {platform.system()} on {platform.machine()}"
    )
    return f'<p class="made">{escape(text)}</p>'


def paragraph(text: str) -> str:
    """A paragraph of plain text; nothing of none."""
    return f"<p>{escape(text)}</p>" if text else ""


def table(head: Sequence[str], rows: Iterable[Sequence[str]], names: int = 1) -> str:
    """A table; texts are HTML already.

    Args:
        head: names of the columns.
        rows: their cells.
        names: how many columns hold text; the others hold numbers.
    """

    def cells(tag: str, row: Sequence[str]) -> str:
        return "".join(f"<{tag}{' class=t' if i < names else ''}>{text}</{tag}>" for i, text in enumerate(row))

    body = "\n".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    whole = f"<table>\n<thead><tr>{cells('th', head)}</tr></thead>\n<tbody>\n{body}\n</tbody></table>"
    return f'<div class="wide">{whole}</div>'
