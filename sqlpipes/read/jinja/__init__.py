"""SQL files with Jinja -> templates that know their lines. Importing this does not import jinja2."""

from sqlpipes.read.jinja.macros import Macros, load_macros
from sqlpipes.read.jinja.template import JinjaTemplate, make_template

__all__ = ["JinjaTemplate", "Macros", "is_template", "load_macros", "make_template"]


def is_template(text: str) -> bool:
    """Whether a text has anything for Jinja to do.

    >>> is_template("select {{ x }}"), is_template("select {'a': 1}")
    (True, False)
    """
    return "{{" in text or "{%" in text or "{#" in text
