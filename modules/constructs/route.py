"""A method of the API."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from modules.settings.formats import HEADER
from modules.settings.validation import SettingsError, Validated, setting

_PART = "/([A-Za-z0-9._:-]+|{[A-Za-z0-9_]+})"
# Lambda takes 100 characters for the id of a permission, which is `ApiGateway-` and the route's own.
# https://docs.aws.amazon.com/lambda/latest/api/API_AddPermission.html
_MAX_ID = 89


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
        pattern=rf"({_PART})+|({_PART})*/{{[A-Za-z0-9_]+\+}}",
        words="parts after slashes: letters, digits and any of . _ : -, or a name in braces; the last may end in +",
    )
    authorization: str = setting(
        "NONE",
        choices=("NONE", "AWS_IAM", "CUSTOM"),
        doc="`NONE` where the function verifies a signature itself, `AWS_IAM` for operators, `CUSTOM` for what the "
        "API's Lambda authorizer lets through.",
    )
    required_headers: Sequence[str] = setting(
        (), doc="Headers without which API Gateway refuses the request before any function runs.", rule=HEADER
    )

    def __post_init__(self) -> None:
        """Check each part, and the path's names and length."""
        super().__post_init__()
        # A function gets one value for each name.
        names = re.findall(r"{\w+", self.path)
        for name in names:
            if names.count(name) > 1:
                raise SettingsError(f"path: {self.path!r} names {name}}} twice; allowed: each name once")
        if (beyond := len(self.id) - _MAX_ID) > 0:
            raise SettingsError(
                f"path: {self.path!r} has {len(self.path)} characters; allowed with {self.method}: "
                f"{len(self.path) - beyond}"
            )

    @property
    def id(self) -> str:
        """The route's construct id."""
        return re.sub(r"\W+", "_", f"{self.method}{self.path}").strip("_").lower()

    @property
    def any_path(self) -> str:
        """The path with ``*`` for each parameter, as ARNs have it."""
        return re.sub(r"{\w+\+?}", "*", self.path)
