"""As much of API Gateway's mapping templates as this project's own use, to render them where AWS is not.

An unknown name, method or directive is an error here, and nothing or itself with AWS: a template that needs more shows.
Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html,
https://velocity.apache.org/engine/2.3/user-guide.html
"""

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any
from urllib.parse import quote_plus

_DIRECTIVE = re.compile(r"#(?:(foreach|if|set)\(|\{?(else|end)\}?)")
_FOREACH = re.compile(r"\$(\w+) in (.+)")
_SET = re.compile(r"\$([\w.]+)(?:\['([\w-]+)'\])? = (.+)")
_NAME = re.compile(r"\.?(\w+)")


class TemplateError(ValueError):
    """The template uses what is not known here."""


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
    response_headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class _Scope:
    body: str
    headers: Mapping[str, str]
    context: dict[str, Any]
    variables: dict[str, Any] = field(default_factory=dict)

    def root(self, name: str) -> Any:
        if name in self.variables:
            return self.variables[name]
        known = {"context": self.context, "input": _Input(self), "util": _Util()}
        if name not in known:
            raise TemplateError(f"${name} is unknown")
        return known[name]


class _Input:
    def __init__(self, scope: _Scope) -> None:
        # Of a request without a body, whatever its type: https://github.com/localstack/localstack/pull/12413
        self.body = scope.body or "{}"
        self._headers = scope.headers

    def params(self) -> Mapping[str, Any]:
        return {"header": self._headers}


class _Util:
    def urlEncode(self, text: str) -> str:  # noqa: N802 (API Gateway's name)
        # As java.net.URLEncoder does it.
        return quote_plus(text, safe="*", errors="strict").replace("~", "%7E")

    def base64Decode(self, text: str) -> str:  # noqa: N802 (API Gateway's name)
        return base64.b64decode(text, validate=True).decode("utf-8")


# Methods of Java's texts and maps.
_METHODS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "contains": lambda text, part: part in text,
        "get": lambda map_, name: map_[name],
        "keySet": list,
        "matches": lambda text, pattern: re.fullmatch(pattern, text) is not None,
        "toLowerCase": str.lower,
    }
)


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
    TemplateError
        When the template uses more than is known here.
    """
    scope = _Scope(body=body, headers=headers, context={**context, "responseOverride": {"header": {}}})
    text, end, rest = _block(template, 0, scope, live=True)
    if end or rest != len(template):
        raise TemplateError(f"#{end} without a beginning")
    override = scope.context["responseOverride"]
    return Rendered(text=text, status=override.get("status"), response_headers=override["header"])


def _block(text: str, at: int, scope: _Scope, *, live: bool) -> tuple[str, str, int]:
    """Render up to what ends a block; return what was rendered, what ended it, and where the rest begins."""
    made = ""
    while at < len(text):
        if found := _DIRECTIVE.match(text, at):
            if found[2]:
                return made, found[2], found.end()
            close = _closing(text, found.end())
            inner, at = text[found.end() : close], close + 1
            if found[1] == "set":
                if live:
                    _assign(inner, scope)
                continue
            part, at = (_loop if found[1] == "foreach" else _choice)(inner, text, at, scope, live)
            made += part
        elif text[at] == "$" and live:
            value, at = _reference(text, at, scope)
            made += str(value)
        else:
            made += text[at] if live else ""
            at += 1
    return made, "", at


def _loop(inner: str, text: str, at: int, scope: _Scope, live: bool) -> tuple[str, int]:
    match = _FOREACH.fullmatch(inner)
    if match is None:
        raise TemplateError(f"#foreach({inner})")
    made = ""
    for item in _value(match[2], scope) if live else ():
        scope.variables[match[1]] = item
        made += _block(text, at, scope, live=True)[0]
    return made, _block(text, at, scope, live=False)[2]


def _choice(inner: str, text: str, at: int, scope: _Scope, live: bool) -> tuple[str, int]:
    holds = live and bool(_value(inner, scope))
    made, end, at = _block(text, at, scope, live=holds)
    if end == "else":
        other, end, at = _block(text, at, scope, live=live and not holds)
        made += other
    if end != "end":
        raise TemplateError("#if without #end")
    return made, at


def _assign(inner: str, scope: _Scope) -> None:
    match = _SET.fullmatch(inner)
    if match is None:
        raise TemplateError(f"#set({inner})")
    root, *path = match[1].split(".")
    if match[2]:
        path.append(match[2])
    target = scope.variables if not path else scope.root(root)
    for name in path[:-1]:
        target = target[name]
    target[path[-1] if path else root] = _value(match[3], scope)


def _value(expression: str, scope: _Scope) -> Any:
    text = expression.strip()
    if text.startswith("!"):
        return not _value(text[1:], scope)
    if text.isdigit():
        return int(text)
    if text[:1] in ("'", '"') and text[-1] == text[0]:
        return text[1:-1]
    value, end = _reference(text, 0, scope)
    if end != len(text):
        raise TemplateError(f"{text!r} is no expression")
    return value


def _reference(text: str, at: int, scope: _Scope) -> tuple[Any, int]:
    found = _NAME.match(text, at + 1)
    if found is None or found[0].startswith("."):
        raise TemplateError(f"$ without a name: {text[at : at + 20]!r}")
    value, at = scope.root(found[1]), found.end()
    while text.startswith(".", at) and (found := _NAME.match(text, at)):
        name, at = found[1], found.end()
        if not text.startswith("(", at):
            value = value[name] if isinstance(value, Mapping) else getattr(value, name)
            continue
        close = _closing(text, at + 1)
        inner, at = text[at + 1 : close], close + 1
        given = [_value(inner, scope)] if inner else []
        own = getattr(value, name, None) if isinstance(value, _Input | _Util) else None
        if own is None and name not in _METHODS:
            raise TemplateError(f"{name}() is unknown")
        value = own(*given) if own else _METHODS[name](value, *given)
    return value, at


def _closing(text: str, at: int) -> int:
    """Return where a bracket is closed that was opened before a place; texts in quotation marks are passed over."""
    depth, quoted = 1, ""
    for place in range(at, len(text)):
        character = text[place]
        if quoted:
            quoted = "" if character == quoted else quoted
        elif character in ("'", '"'):
            quoted = character
        elif character in "()":
            depth += 1 if character == "(" else -1
            if not depth:
                return place
    raise TemplateError("a bracket is not closed")
