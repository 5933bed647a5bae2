"""Sphinx configuration: Markdown pages and the API from docstrings."""

import re
from importlib.metadata import version as installed_version
from typing import Any

project = "picocell"
author = "the picocell authors"
release = installed_version("picocell")
version = release

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
source_suffix = {".md": "myst-nb"}  # plain Markdown, but for pages whose head says that they are notebooks
exclude_patterns = ["_build"]

myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3

# Tutorials are executed by every build, and one that fails ends it.
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 300
nb_execution_show_tb = True
nb_merge_streams = True

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True, "exclude-members": "__init__,__new__"}
napoleon_use_ivar = True
napoleon_numpy_docstring = False

html_theme = "furo"
html_title = f"picocell {release}"


def _keep_bars(_app: Any, _what: str, _name: str, _object: Any, _options: Any, lines: list[str]) -> None:
    """Let docstrings write |h| for a magnitude: bars outside of ``literals`` are no substitution."""
    for index, line in enumerate(lines):
        parts = re.split(r"(``.*?``)", line)
        lines[index] = "".join(part if part.startswith("``") else part.replace("|", r"\|") for part in parts)


def setup(app: Any) -> None:
    """Sphinx calls this."""
    app.connect("autodoc-process-docstring", _keep_bars)
