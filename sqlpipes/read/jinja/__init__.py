"""SQL files with Jinja -> templates that know their lines. Importing this does not import jinja2."""

from sqlpipes.read.jinja.macros import Macros, load_macros
from sqlpipes.read.jinja.template import JinjaTemplate, make_template

__all__ = ["JinjaTemplate", "Macros", "load_macros", "make_template"]
