"""A synthesized stack that can be changed into another one."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from modules.terraform_json.document import Document, NotInStackError, Resource
from modules.terraform_json.stack import declared

__all__ = ["Editable", "NotInStackError", "Resource", "Stack"]


class Stack(Document):
    """The Terraform JSON of one stack.

    Parameters
    ----------
    document : Mapping[str, Any]
        As ``cdktf synth`` writes it.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        super().__init__(declared(document, {}))
        self.document = document

    def referred(self, value: object) -> list[Resource]:
        """Return the resources that a text refers to, in order; those that the stack does not declare are left out."""
        return [target for target, _ in self.referred_to(value) if not target.is_data]

    def redrive_policy(self, queue: Resource) -> str:
        """Return the JSON that says where a queue's dead letters go; an empty object where nothing says it."""
        found = self.pointing_at("aws_sqs_queue_redrive_policy", "queue_url", queue)
        # A reference in it holds no quotation mark, so that it is JSON as it stands.
        return str(found[0].get("redrive_policy")) if found else "{}"

    def variables(self, function: Resource) -> dict[str, str]:
        """Return a function's environment variables, as the stack has them."""
        return dict(function.get("environment.variables", {}))

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
