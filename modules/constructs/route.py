"""A method of the API."""

import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Route:
    """A method of the API.

    Attributes
    ----------
    method : str
        HTTP method.
    path : str
        Path from the root, with parameters in braces.
    authorization : str
        ``NONE`` where the function verifies a signature itself, ``AWS_IAM`` for operators, ``CUSTOM`` for what the
        API's Lambda authorizer lets through.
    required_headers : Sequence[str]
        Headers without which API Gateway refuses the request before any function runs.
    """

    method: str
    path: str
    authorization: str = "NONE"
    required_headers: Sequence[str] = ()

    @property
    def id(self) -> str:
        """The route's construct id."""
        return re.sub(r"\W+", "_", f"{self.method}{self.path}").strip("_").lower()

    @property
    def any_path(self) -> str:
        """The path with ``*`` for each parameter, as ARNs have it."""
        return re.sub(r"{\w+\+?}", "*", self.path)
