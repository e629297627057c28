"""Terraform expressions as text."""

import json
import re
from collections.abc import Mapping
from typing import Any


def quoted(text: str) -> str:
    """Return a text as a literal that contains no template.

    Source: https://developer.hashicorp.com/terraform/language/expressions/strings
    """
    return re.sub(r"([$%])\{", r"\1\1{", json.dumps(text, ensure_ascii=False))


def template(text: str) -> str:
    """Return a text as a literal whose references are evaluated."""
    return json.dumps(text, ensure_ascii=False)


def mapping(values: Mapping[str, Any]) -> str:
    """Return texts by name as a literal whose references are evaluated."""
    return "{" + ", ".join(f"{quoted(name)} = {template(value)}" for name, value in values.items()) + "}"


def expression(code: str) -> str:
    """Return an expression as a value of Terraform's JSON syntax."""
    return f"${{{code}}}"
