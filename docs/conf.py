"""How Sphinx makes pages of this folder: `make docs`."""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from ipymultichat import __version__
from ipymultichat.cli import COMMANDS

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "ipymultichat"
version = release = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.doctest"]
html_theme = "furo"
html_title = f"ipymultichat {__version__}"
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
autodoc_typehints = (
    "none"  # the signature of a call is in its source and in `help`; here its arguments are told in words
)
autodoc_member_order = "bysource"
napoleon_use_ivar = True
toc_object_entries_show_parents = "hide"
suppress_warnings = ["misc.highlighting_failure"]  # HAProxy's language is unknown to the highlighter
nitpick_ignore_regex = [
    ("py:class", r"datetime\.datetime|collections\.abc\.Mapping"),  # described by Python
    ("py:class", r"ipymultichat\.model\.(message\.UnknownContent|identity\.Secret)"),  # not public
    ("py:class", r"[a-z_]+"),  # several fields on one line of a docstring: Sphinx takes all but the last for types
]


class CommandHelp(SphinxDirective):
    """`{command} NAME`: what `ipymultichat NAME --help` prints."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return it as a block."""
        commands = argparse.ArgumentParser(prog="ipymultichat").add_subparsers()
        for module in COMMANDS:
            module.add_parser(commands)
        shown = commands.choices[self.arguments[0]].format_help()
        return [nodes.literal_block(shown, shown, language="text")]


def plain_docstring(_app: Sphinx, what: str, _name: str, _obj: object, _options: object, lines: list[str]) -> None:
    """Write `code` as reStructuredText has it; the sentence of a property does not begin with its type."""
    lines[:] = [re.sub(r"(?<!`)`([^`]+)`(?!`)", r"``\1``", line) for line in lines]
    lines[:] = [re.sub(r"``(?=\w)(?<=[\w)]``)", r"``\\ ", line) for line in lines]  # the s of `Question`s
    if what in ("property", "attribute"):
        lines.insert(0, "\\")  # nothing, on a line that has no colon


def setup(app: Sphinx) -> None:
    """Add what is defined here."""
    app.connect("autodoc-process-docstring", plain_docstring, priority=400)  # before napoleon reads it
    app.add_directive("command", CommandHelp)
