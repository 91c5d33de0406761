"""Fill in a report's template: one HTML file that needs nothing else."""

from functools import cache
from pathlib import Path

import jinja2


def render_page(template: Path, **values: object) -> str:
    """Fill `values` into `template`, which extends page.html and may import macros.html; markup in values is text.

    Raises:
        jinja2.UndefinedError: the template names a value that is not given.
    """
    return _environment(template.parent).get_template(template.name).render(values)


@cache
def _environment(folder: Path) -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader([folder, Path(__file__).parent]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
    )
