"""A method of the API."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from modules.settings.validation import Validated, setting


@dataclass(frozen=True, kw_only=True)
class Route(Validated):
    """A method of the API.

    Raises
    ------
    SettingsError
        When API Gateway takes no such method.
    """

    method: str = setting(doc="HTTP method.", choices=("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"))
    path: str = setting(
        doc="Path from the root, with parameters in braces.",
        pattern=r"(/([A-Za-z0-9._:-]+|{[A-Za-z0-9_]+\+?}))+",
        words="parts of letters, digits and any of . _ : -, or of a name in braces, each after a slash",
    )
    authorization: str = setting(
        "NONE",
        choices=("NONE", "AWS_IAM", "CUSTOM"),
        doc="`NONE` where the function verifies a signature itself, `AWS_IAM` for operators, `CUSTOM` for what the "
        "API's Lambda authorizer lets through.",
    )
    required_headers: Sequence[str] = setting(
        (), doc="Headers without which API Gateway refuses the request before any function runs."
    )

    @property
    def id(self) -> str:
        """The route's construct id."""
        return re.sub(r"\W+", "_", f"{self.method}{self.path}").strip("_").lower()

    @property
    def any_path(self) -> str:
        """The path with ``*`` for each parameter, as ARNs have it."""
        return re.sub(r"{\w+\+?}", "*", self.path)
