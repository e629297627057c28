"""The statements of every policy of a stack, wherever and however they are written."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from modules.terraform_json.document import Configuration, Resource, blocks, listed, texts

_DOCUMENT = "data.aws_iam_policy_document"
# Attributes that hold a policy, whatever the resource.
_POLICY_ATTRIBUTES = frozenset(
    {
        "access_policy",
        "assume_role_policy",
        "file_system_policy",
        "policy",
        "policy_document",
        "resource_policy",
    }
)
# Of a policy document: policies that it takes over.
_TAKEN_OVER = ("source_policy_documents", "override_policy_documents")


@dataclass(frozen=True, kw_only=True)
class PolicyStatement:
    """A statement of a policy.

    Attributes
    ----------
    path : str
        Path of the construct that holds it.
    sid : str
        Its sid, or nothing.
    allows : bool
        Whether it allows; otherwise it denies.
    actions, resources, principals : tuple[str, ...]
        As they are written; a principal without its type.
    negated : tuple[str, ...]
        Which of NotAction, NotResource and NotPrincipal it uses.
    conditions : tuple[tuple[str, str, tuple[str, ...]], ...]
        Operator, key, values.
    attached_to : frozenset[str]
        Types of the resources that use the policy.
    """

    path: str
    sid: str
    allows: bool
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    principals: tuple[str, ...]
    negated: tuple[str, ...]
    conditions: tuple[tuple[str, str, tuple[str, ...]], ...]
    attached_to: frozenset[str]

    @property
    def label(self) -> str:
        """What an error calls it."""
        return f"statement {self.sid}" if self.sid else "a statement without a sid"

    def is_only_of(self, types: frozenset[str]) -> bool:
        """Tell whether resources of these types use the policy, and no others."""
        return bool(self.attached_to) and self.attached_to <= types


@lru_cache(maxsize=1)
def statements(configuration: Configuration) -> tuple[PolicyStatement, ...]:
    """Return the statements of all policies: documents, used or not, and policies that are JSON text anywhere."""
    return tuple(found for resource in configuration.everything() for found in _written_in(configuration, resource))


def statements_of(configuration: Configuration, resource: Resource, attribute: str) -> list[PolicyStatement]:
    """Return the statements of the policy in a resource's attribute, as far as they can be read."""
    value = resource.get(attribute)
    found = _from_json(value, resource.path, frozenset({resource.type}))
    for target, _ in configuration.referred_to(value):
        if target.type == _DOCUMENT:
            found += _written_in(configuration, target)
    return found


def unreadable_policies(configuration: Configuration) -> Iterator[tuple[Resource, str]]:
    """Yield the resources with a policy that cannot be read, and the attribute that holds it."""
    for resource in configuration.everything():
        held = [(name, value) for name, value in _attributes(resource.values) if name in _POLICY_ATTRIBUTES]
        if resource.type == _DOCUMENT:
            held += [(name, each) for name in _TAKEN_OVER for each in listed(resource.get(name))]
            if "dynamic" in resource.values or isinstance(resource.get("statement"), str):
                yield resource, "statement"
        for name, value in held:
            if isinstance(value, str) and _parsed(value) is None and not _is_read_elsewhere(configuration, value):
                yield resource, name


def _attributes(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the attributes of a resource and of the blocks in it."""
    for block in blocks(value):
        for name, item in block.items():
            yield name, item
            yield from _attributes(item)


def _is_read_elsewhere(configuration: Configuration, value: str) -> bool:
    return any(
        target.type == _DOCUMENT or attribute in _POLICY_ATTRIBUTES
        for target, attribute in configuration.referred_to(value)
    )


def _written_in(configuration: Configuration, resource: Resource) -> list[PolicyStatement]:
    attached_to = frozenset({resource.type})
    found = []
    if resource.type == _DOCUMENT:
        attached_to = configuration.users(resource)
        found = [_from_block(block, resource.path, attached_to) for block in resource.blocks("statement")]
    for text in texts(resource.values):
        found += _from_json(text, resource.path, attached_to)
    return found


def _from_block(block: Mapping[str, Any], path: str, attached_to: frozenset[str]) -> PolicyStatement:
    return PolicyStatement(
        path=path,
        sid=str(block.get("sid") or ""),
        allows=(block.get("effect") or "Allow") != "Deny",
        actions=tuple(listed(block.get("actions"))),
        resources=tuple(listed(block.get("resources"))),
        principals=tuple(
            identifier
            for principals in blocks(block.get("principals"))
            for identifier in listed(principals.get("identifiers"))
        ),
        negated=tuple(name for name in ("not_actions", "not_resources", "not_principals") if block.get(name)),
        conditions=tuple(
            (str(each.get("test")), str(each.get("variable")), tuple(listed(each.get("values"))))
            for each in blocks(block.get("condition"))
        ),
        attached_to=attached_to,
    )


def _parsed(text: Any) -> dict[str, Any] | None:
    """Return the object that a text is the JSON of, keys in lower case at its top."""
    if not isinstance(text, str) or not text.lstrip().startswith("{"):
        return None
    try:
        document = json.loads(text)
    except ValueError:
        return None
    return {str(name).lower(): value for name, value in document.items()}


def _from_json(text: Any, path: str, attached_to: frozenset[str]) -> list[PolicyStatement]:
    document = _parsed(text) or {}
    return [_from_object(each, path, attached_to) for each in blocks(document.get("statement"))]


def _from_object(statement: Mapping[str, Any], path: str, attached_to: frozenset[str]) -> PolicyStatement:
    lower = {name.lower(): value for name, value in statement.items()}
    principal = lower.get("principal")
    named = principal.values() if isinstance(principal, Mapping) else [principal]
    return PolicyStatement(
        path=path,
        sid=str(lower.get("sid") or ""),
        allows=str(lower.get("effect", "Allow")) != "Deny",
        actions=tuple(listed(lower.get("action"))),
        resources=tuple(listed(lower.get("resource"))),
        principals=tuple(each for value in named for each in listed(value)),
        negated=tuple(name for name in ("NotAction", "NotResource", "NotPrincipal") if lower.get(name.lower())),
        conditions=tuple(
            # JSON may say false where a document says "false".
            (test, variable, tuple(value.lower() for value in listed(values)))
            for test, keys in (lower.get("condition") or {}).items()
            for variable, values in keys.items()
        ),
        attached_to=attached_to,
    )
