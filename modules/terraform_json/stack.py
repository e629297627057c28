"""Reads the Terraform JSON that a synth writes."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from modules.terraform_json.document import Document, Resource, blocks


def read(
    document: Mapping[str, Any],
    *,
    environment: str = "",
    arguments: Mapping[str, frozenset[str]] | None = None,
    beside: Sequence[Document] = (),
) -> Document:
    """Read a stack.

    Parameters
    ----------
    document : Mapping[str, Any]
        What ``cdktf synth`` writes, or the stack's ``to_terraform`` returns.
    environment : str
        Environment suffix.
    arguments : Mapping[str, frozenset[str]] | None
        Resource type to the arguments that the provider takes for it.
    beside : Sequence[Document]
        Other stacks of the same app.
    """
    configured = {
        ".".join(filter(None, (provider, each.get("alias")))): each
        for provider, several in document.get("provider", {}).items()
        for each in blocks(several)
    }
    return Document(declared(document, arguments or {}), environment=environment, configured=configured, beside=beside)


def declared(document: Mapping[str, Any], arguments: Mapping[str, frozenset[str]]) -> Iterator[Resource]:
    """Yield the resources and data sources of a stack."""
    for kind, prefix in (("resource", ""), ("data", "data.")):
        for type_, instances in document.get(kind, {}).items():
            taken = frozenset[str]() if prefix else arguments.get(type_, frozenset())
            for id_, values in instances.items():
                if not _is_nowhere(values):
                    yield _resource(f"{prefix}{type_}", id_, values, taken)


def _is_nowhere(values: Mapping[str, Any]) -> bool:
    """Tell whether an escape hatch has none made of a resource, so that it guards nothing either."""
    return str(values.get("count")) == "0" or values.get("for_each") in ({}, [])


def _resource(type_: str, id_: str, values: Mapping[str, Any], arguments: frozenset[str]) -> Resource:
    address = f"{type_}.{id_}"
    path = values.get("//", {}).get("metadata", {}).get("path", address)
    kept = {name: value for name, value in values.items() if name != "//"}
    return Resource(address=address, type=type_, path=path, values=kept, written=kept, arguments=arguments)
