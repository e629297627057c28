"""A synthesized stack: its resources, and what they refer to."""

import copy
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

_REFERENCE = re.compile(r"\$\{(aws_\w+)\.([\w-]+)\.(\w+)\}")


class NotInStackError(Exception):
    """The stack lacks what a tool needs to read from it; the message says what."""


@dataclass(frozen=True, kw_only=True)
class Resource:
    """A resource of a stack.

    Attributes
    ----------
    type : str
        Terraform type.
    id : str
        Logical id.
    values : Mapping[str, Any]
        What the stack says about it.
    """

    type: str
    id: str
    values: Mapping[str, Any] = field(repr=False)

    @property
    def address(self) -> str:
        """The Terraform address."""
        return f"{self.type}.{self.id}"

    @property
    def label(self) -> str:
        """The logical id without the digest at its end."""
        return re.sub(r"_[0-9A-F]{8}$", "", self.id)

    def get(self, attribute: str, default: Any = None) -> Any:
        """Return what the stack says of an attribute; a block that Terraform JSON has in a list of one comes bare."""
        value = self.values.get(attribute)
        return default if value is None else value

    def block(self, attribute: str) -> Mapping[str, Any]:
        """Return a block that stands at most once, bare or in a list of one; empty where it is absent."""
        value = self.get(attribute, {})
        if isinstance(value, list):
            value = value[0] if value else {}
        return dict(value)

    def blocks(self, attribute: str) -> list[Mapping[str, Any]]:
        """Return a block that may be repeated."""
        value = self.get(attribute, [])
        return list(value) if isinstance(value, list) else [value]


@dataclass(frozen=True)
class Stack:
    """The Terraform JSON of one stack.

    Attributes
    ----------
    document : Mapping[str, Any]
        As ``cdktf synth`` writes it.
    """

    document: Mapping[str, Any] = field(repr=False)

    def resources(self) -> Iterator[Resource]:
        """Yield all resources."""
        for type_, instances in self.document.get("resource", {}).items():
            for id_, values in instances.items():
                kept = {name: value for name, value in values.items() if name != "//"}
                yield Resource(type=type_, id=id_, values=kept)

    def all(self, type_: str) -> list[Resource]:
        """Return the resources of a type."""
        return [resource for resource in self.resources() if resource.type == type_]

    def one(self, type_: str) -> Resource:
        """Return the only resource of a type.

        Raises
        ------
        NotInStackError
            When there is none, or there are several.
        """
        found = self.all(type_)
        if len(found) != 1:
            names = ", ".join(resource.label for resource in found) or "none"
            raise NotInStackError(f"one {type_} is expected in the stack; there are: {names}")
        return found[0]

    def referred(self, value: object) -> list[Resource]:
        """Return the resources that a text refers to, in order; those that the stack does not declare are left out."""
        return [
            Resource(type=type_, id=id_, values=values)
            for type_, id_, _ in _REFERENCE.findall(str(value))
            if (values := self.document.get("resource", {}).get(type_, {}).get(id_)) is not None
        ]

    def pointing_at(self, type_: str, attribute: str, target: Resource) -> list[Resource]:
        """Return the resources of a type whose attribute refers to a resource."""
        return [
            resource
            for resource in self.all(type_)
            if target.address in {found.address for found in self.referred(resource.get(attribute, ""))}
        ]

    def redrive_policy(self, queue: Resource) -> str:
        """Return the JSON that says where a queue's dead letters go; an empty object where nothing says it."""
        found = self.pointing_at("aws_sqs_queue_redrive_policy", "queue_url", queue)
        # A reference in it holds no quotation mark, so that it is JSON as it stands.
        return str(found[0].get("redrive_policy")) if found else "{}"

    def variables(self, function: Resource) -> dict[str, str]:
        """Return a function's environment variables, as the stack has them."""
        return dict(function.block("environment").get("variables", {}))

    def changed(self) -> "Editable":
        """Return a copy to make another stack of."""
        return Editable(copy.deepcopy(dict(self.document)))


@dataclass(frozen=True)
class Editable:
    """A copy of a stack's document, to be changed into that of another stack."""

    document: dict[str, Any]

    def values(self, resource: Resource) -> dict[str, Any]:
        """Return the values of a resource, to be changed in place."""
        values: dict[str, Any] = self.document["resource"][resource.type][resource.id]
        return values

    def add(self, type_: str, id_: str, values: Mapping[str, Any]) -> None:
        """Add a resource."""
        self.document["resource"].setdefault(type_, {})[id_] = dict(values)

    def remove(self, resource: Resource) -> None:
        """Remove a resource; what refers to it is the caller's to change."""
        del self.document["resource"][resource.type][resource.id]

    def stack(self) -> Stack:
        """Return the stack that was made."""
        return Stack(self.document)
