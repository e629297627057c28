"""XML without its dangers: no document type, hence no entities, and limited depth."""

from typing import Any, NoReturn
from xml.parsers import expat

from lambdas.shared.errors import MalformedWebhookError

MAX_DEPTH = 32


class _RefusedError(ValueError):
    """The document contains what no notification needs."""


class _Element:
    """An open element.

    Attributes
    ----------
    children : list[tuple[str, Any]]
        Names and values of the closed elements in it.
    text : list[str]
        Its character data.
    """

    def __init__(self, name: str, attributes: dict[str, str]) -> None:
        self.name = name
        self.attributes = attributes
        self.children: list[tuple[str, Any]] = []
        self.text: list[str] = []

    def value(self) -> Any:
        if self.attributes.get("type") == "array":
            return [value for _, value in self.children]
        if not self.children:
            return None if self.attributes.get("nil") == "true" else "".join(self.text)
        values: dict[str, list[Any]] = {}
        for name, value in self.children:
            values.setdefault(name, []).append(value)
        return {name: several if len(several) > 1 else several[0] for name, several in values.items()}


def parse_element(document: bytes, root: str) -> Any:
    """Parse an XML document in UTF-8 and return the value of its root element.

    Text stays text. An element with elements in it is a mapping. One with ``type="array"`` is a list, and so are
    several elements with the same name. ``nil="true"`` is None.

    Expat fetches no external entities and limits internal ones. Both need a document type, which is refused before it
    is read.
    Source: https://docs.python.org/3/library/pyexpat.html and https://libexpat.github.io/doc/api/latest/#billion-laughs

    Parameters
    ----------
    root : str
        The name that the root element must have.

    Raises
    ------
    MalformedWebhookError
        When it is not well-formed, is nested deeper than `MAX_DEPTH`, has a document type, or has another root.
    """
    top = _Element("", {})
    open_elements = [top]

    def start(name: str, attributes: dict[str, str]) -> None:
        if len(open_elements) > MAX_DEPTH:
            raise _RefusedError("too deep")
        open_elements.append(_Element(name, attributes))

    def end(name: str) -> None:
        open_elements[-2].children.append((name, open_elements.pop().value()))

    def characters(text: str) -> None:
        open_elements[-1].text.append(text)

    def refuse(*_: object) -> NoReturn:
        raise _RefusedError("document type")

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = characters
    parser.StartDoctypeDeclHandler = refuse
    try:
        # The document is decoded here, so Expat ignores its declared encoding; but it would read NUL as half of UTF-16.
        text = document.decode("utf-8")
        if "\0" in text:
            raise _RefusedError("NUL")
        parser.Parse(text, True)
    except (expat.ExpatError, ValueError) as error:
        raise MalformedWebhookError("body_not_xml") from error
    ((name, value),) = top.children
    if name != root:
        raise MalformedWebhookError("unexpected_xml_root")
    return value
