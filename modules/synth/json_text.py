"""JSON that refers to resources, as a text."""

import json
from typing import Any


def json_text(value: Any) -> str:
    """Return a value as compact JSON that ends with a newline.

    ``cdktf synth --hcl`` leaves the quotes of a text as they are if the text refers to a resource, so that one of a
    single line is no HCL. It writes a text of several lines as a heredoc, in which a quote is a quote.
    """
    return json.dumps(value, separators=(",", ":")) + "\n"
