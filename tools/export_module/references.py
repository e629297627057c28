"""From two synthesized documents to one, in which every difference is a reference to the input that made it."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from tools.export_module.errors import ModuleError

# Numbers and words, one by one, so that `more than 10 %` and `${aws_sqs_queue.main.arn}/10` keep what is around them.
_TOKENS = re.compile(r"\d+|[^\W\d_]+|.", re.DOTALL)


def replace_texts(value: Any, references: Mapping[str, str]) -> Any:
    """Return a document with references in place of texts, wherever they occur in a text.

    Raises
    ------
    ModuleError
        When one is part of a name of an attribute or block, where Terraform takes no reference.
    """
    if isinstance(value, str):
        for text, reference in references.items():
            value = value.replace(text, reference)
        return value
    if isinstance(value, Mapping):
        for name in value:
            if any(text in name for text in references):
                raise ModuleError(f"{name}: a name contains an input")
        return {name: replace_texts(item, references) for name, item in value.items()}
    if isinstance(value, list):
        return [replace_texts(item, references) for item in value]
    return value


def unify(one: Any, other: Any, references: Mapping[tuple[str, str], str]) -> Any:
    """Return the document that two documents are, but for the values of inputs.

    Parameters
    ----------
    references : Mapping[tuple[str, str], str]
        An input's value in one document and in the other, to the reference that takes its place.

    Raises
    ------
    ModuleError
        When the documents differ in anything else, with every such place: a value was computed from an input.
    """
    problems: list[str] = []
    unified = _unify(one, other, references, "", problems)
    if problems:
        raise ModuleError("computed from an input, so that no reference can take its place:\n" + "\n".join(problems))
    return unified


def _unify(one: Any, other: Any, references: Mapping[tuple[str, str], str], where: str, problems: list[str]) -> Any:
    if isinstance(one, Mapping) and isinstance(other, Mapping) and one.keys() == other.keys():
        return {
            name: _unify(item, other[name], references, f"{where}.{name}".lstrip("."), problems)
            for name, item in one.items()
        }
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        items = enumerate(zip(one, other, strict=True))
        return [_unify(*pair, references, f"{where}[{at}]", problems) for at, pair in items]
    if isinstance(one, str) and isinstance(other, str):
        # The choices of one setting may be of one word and of two.
        whole = (one, other) in references
        tokens = ([one], [other]) if whole else (_TOKENS.findall(one), _TOKENS.findall(other))
        if len(tokens[0]) == len(tokens[1]):
            pairs = list(zip(*tokens, strict=True))
            if all(a == b or (a, b) in references for a, b in pairs):
                return "".join(a if a == b else references[a, b] for a, b in pairs)
    elif one == other and type(one) is type(other):
        return one
    elif type(one) is int and type(other) is int and (str(one), str(other)) in references:
        return references[str(one), str(other)]
    problems.append(f"  {where}: {one!r:.80} in one synth, {other!r:.80} in the other")
    return one


def fill(value: Any, values: Mapping[str, Any]) -> Any:
    """Return a document with values in place of references, all as texts."""
    if isinstance(value, str):
        for reference, given in values.items():
            value = value.replace(reference, str(given))
        return value
    if isinstance(value, Mapping):
        return {name: fill(item, values) for name, item in value.items()}
    if isinstance(value, list):
        return [fill(item, values) for item in value]
    return value if value is None or isinstance(value, bool) else str(value)


def used(value: Any) -> set[str]:
    """Return the names of the variables, and of the local values computed from them, that a document refers to."""
    return {name for text in _texts(value) for name in re.findall(r"\b(?:var|local)\.(\w+)", text)}


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
