"""The stack's template, as it lies beside this file."""

from pathlib import Path

TEMPLATE = Path(__file__).with_name("template.yaml")
# Of CreateChangeSet's TemplateBody, bytes; a longer one would have to lie in a bucket, which the stack itself makes.
LARGEST_BYTES = 51_200


def template_body() -> str:
    """The template's text."""
    return TEMPLATE.read_text(encoding="utf-8")
