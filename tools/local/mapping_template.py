"""API Gateway's mapping templates, rendered where AWS is not.

airspeed-ext renders Velocity as AWS does. API Gateway's own variables are added here, as far as this project's
templates use them. An unknown variable is an error here and nothing on AWS, so that a mistake shows.
Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import quote_plus

from airspeed import Template, TemplateError

_template = cache(Template)


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """What a template makes.

    Attributes
    ----------
    text : str
        The text.
    status : int | None
        The status by which it overrides that of an integration response.
    response_headers : Mapping[str, str]
        The headers that it gives the response.
    """

    text: str
    status: int | None
    response_headers: Mapping[str, str]


def render(template: str, *, body: str, headers: Mapping[str, str], context: Mapping[str, Any]) -> Rendered:
    """Render a template.

    Parameters
    ----------
    body : str
        The payload, as API Gateway's handling of its content leaves it.
    headers : Mapping[str, str]
        The request's headers, one value each.
    context : Mapping[str, Any]
        What ``$context`` has.

    Raises
    ------
    airspeed.TemplateError
        When the template is not well-formed, or uses a variable that is unknown here.
    """
    override: dict[str, Any] = {"header": {}}
    known = _Known(
        context=_Known(context, responseOverride=override), input=_Input(body, _Headers(headers)), util=_Util()
    )
    text = _template(template).merge(known)
    return Rendered(text=text, status=override.get("status"), response_headers=override["header"])


class _Known(dict[str, Any]):
    def __missing__(self, name: str) -> Any:
        raise TemplateError(f"{name} is unknown")


class _Object:
    def __getattr__(self, name: str) -> Any:
        raise TemplateError(f"{name} is unknown")


class _Input(_Object):
    def __init__(self, body: str, headers: "_Headers") -> None:
        # Of a request without a body, whatever its type: https://github.com/localstack/localstack/pull/12413
        self.body = body or "{}"
        self._headers = headers

    def params(self) -> Mapping[str, Any]:
        return _Known(header=self._headers)


class _Headers(_Object):
    """A map of Java's; in one of Python's, airspeed would take a header ``get`` for the method."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = headers

    def keySet(self) -> list["_Name"]:  # noqa: N802 (Java's name)
        return list(map(_Name, self._headers))

    def get(self, name: str) -> str:
        return self._headers[name]


class _Name(str):
    def toLowerCase(self) -> str:  # noqa: N802 (Java's name)
        return self.lower()


class _Util(_Object):
    def urlEncode(self, text: str) -> str:  # noqa: N802 (API Gateway's name)
        # As java.net.URLEncoder does it.
        return quote_plus(text, safe="*", errors="strict").replace("~", "%7E")

    def base64Decode(self, text: str) -> str:  # noqa: N802 (API Gateway's name)
        return base64.b64decode(text, validate=True).decode("utf-8")
