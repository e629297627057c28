"""Every IAM statement of a stack: of roles, of resources, and of the policies that it only hands out."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from typing import Any

from modules.terraform_json.document import REFERENCE, Document, Resource, blocks, listed

DOCUMENT = "data.aws_iam_policy_document"
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
_HOLDERS = ("aws_iam_role", "aws_iam_user", "aws_iam_group")
# Policies of roles, users and groups, and the attribute that says of whom.
_IDENTITY = {"aws_iam_role_policy": "role", "aws_iam_user_policy": "user", "aws_iam_group_policy": "group"}
# Policies of other resources: the attribute that says of which, and its type.
_OWNER = {
    "aws_sqs_queue_policy": ("queue_url", "aws_sqs_queue"),
    "aws_s3_bucket_policy": ("bucket", "aws_s3_bucket"),
    "aws_sns_topic_policy": ("arn", "aws_sns_topic"),
    "aws_secretsmanager_secret_policy": ("secret_arn", "aws_secretsmanager_secret"),
    "aws_api_gateway_rest_api_policy": ("rest_api_id", "aws_api_gateway_rest_api"),
    "aws_cloudwatch_event_bus_policy": ("event_bus_name", "aws_cloudwatch_event_bus"),
    "aws_dynamodb_resource_policy": ("resource_arn", "aws_dynamodb_table"),
    "aws_vpc_endpoint_policy": ("vpc_endpoint_id", "aws_vpc_endpoint"),
    "aws_kms_key_policy": ("key_id", "aws_kms_key"),
}
# What cannot be without its policy.
_MUST_SAY = {
    "aws_cloudwatch_log_resource_policy": "policy_document",
    "aws_iam_policy": "policy",
    "aws_iam_role": "assume_role_policy",
} | dict.fromkeys((*_IDENTITY, *_OWNER), "policy")
_BINDING_TESTS = ("StringEquals", "StringEqualsIgnoreCase", "StringLike", "ArnEquals", "ArnLike")
_PARTS = {"actions": "action", "resources": "resource", "principals": "principal"}


class PolicyKind(Enum):
    """Whose policy it is."""

    IDENTITY = "what a role may do"
    TRUST = "who may become a role"
    RESOURCE = "who may use a resource"
    OFFERED = "handed out, attached to nobody here"


@dataclass(frozen=True)
class PolicyCondition:
    """A condition of a statement: an operator such as ``StringEquals``, a key, and the values allowed."""

    test: str
    key: str
    values: tuple[str, ...]

    @property
    def binds(self) -> bool:
        """Whether it lets through only requests with one of some values: no negation, no ``…IfExists``, no `*`."""
        return self.test in _BINDING_TESTS and all(value.strip("*") for value in self.values)

    @property
    def binds_if_named(self) -> bool:
        """Whether it does so for requests that name a value at all."""
        return self.test.removesuffix("IfExists") in _BINDING_TESTS and all(value.strip("*") for value in self.values)

    def is_on(self, key: str) -> bool:
        """Tell whether it is on a key, whose case does not matter to AWS."""
        return self.key.lower() == key.lower()


@dataclass(frozen=True)
class PolicyStatement:
    """A statement of a policy.

    Attributes
    ----------
    sid : str
        Its sid, or nothing.
    effect : str
        ``Allow`` or ``Deny``.
    actions, resources : tuple[str, ...]
        In the order of the alphabet.
    principals : tuple[tuple[str, str], ...]
        Kind (``Service``, ``AWS``, ``*``) and identifier; empty in the policy of a role.
    conditions : tuple[PolicyCondition, ...]
        Its conditions.
    all_but : frozenset[str]
        Which of ``principals``, ``actions``, ``resources`` mean everything but what they list.
    held_by : Resource
        The policy document or the resource that has its text.
    """

    sid: str
    effect: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    principals: tuple[tuple[str, str], ...]
    conditions: tuple[PolicyCondition, ...]
    all_but: frozenset[str]
    held_by: Resource

    @property
    def allows(self) -> bool:
        """Whether it allows; otherwise it denies."""
        return self.effect != "Deny"

    @property
    def label(self) -> str:
        """What a finding calls it."""
        return f"statement {self.sid}" if self.sid else "a statement without a sid"

    def conditions_on(self, *keys: str) -> list[PolicyCondition]:
        """Return the conditions on one of some keys."""
        return [each for each in self.conditions if any(each.is_on(key) for key in keys)]

    def bound_by(self, *keys: str) -> bool:
        """Tell whether a condition holds it to certain values of one of these keys."""
        return any(each.binds for each in self.conditions_on(*keys))

    def bound_if_named_by(self, *keys: str) -> bool:
        """Tell whether a condition holds it to certain values of one of these keys, where a request names one."""
        return any(each.binds_if_named for each in self.conditions_on(*keys))


@dataclass(frozen=True, eq=False)
class Policy:
    """A policy of a stack.

    Attributes
    ----------
    kind : PolicyKind
        Whose policy it is.
    carrier : Resource
        The resource that Terraform writes it with.
    owner : Resource
        Whom or what it is about: the role, the queue; the carrier where the stack does not say.
    statements : Sequence[PolicyStatement]
        Its statements, as far as they can be read.
    unreadable : Sequence[tuple[Resource, str]]
        What of it cannot be read: resource and attribute.
    """

    kind: PolicyKind
    carrier: Resource
    owner: Resource
    statements: Sequence[PolicyStatement] = field(repr=False)
    unreadable: Sequence[tuple[Resource, str]] = ()


@dataclass(frozen=True, eq=False)
class ManagedPolicy:
    """A policy that AWS, or another stack, keeps and that this one attaches.

    Attributes
    ----------
    attachment : Resource
        What attaches it.
    owner : Resource
        To whom.
    arn : str
        Its ARN.
    """

    attachment: Resource
    owner: Resource
    arn: str

    @property
    def name(self) -> str:
        """Its name, without path."""
        return self.arn.rpartition("/")[2]


@lru_cache(maxsize=4)
def policies(document: Document) -> Sequence[Policy]:
    """Return every policy, in the order of the addresses of what carries it."""
    found = [*_carried(document), *_permissions(document)]
    read = {statement.held_by for policy in found for statement in policy.statements}
    for each in document.all(DOCUMENT):
        if each not in read:
            policy = Policy(PolicyKind.OFFERED, each, each, *_of_document(document, each))
            if policy.statements or policy.unreadable:
                found.append(policy)
    return sorted(found, key=lambda policy: (policy.carrier.address, policy.kind.value))


def place_of(document: Document, policy: Policy, holder: Resource) -> Resource:
    """Return where a finding about a policy belongs.

    That is what holds its text, where it is to be fixed. On a plan it is what carries the policy, since a reviewer asks
    there who may do it, and one text may be given to several.
    """
    return policy.carrier if document.is_plan else holder


def allowing(document: Document) -> Iterator[tuple[Resource, Policy, PolicyStatement]]:
    """Yield each statement that allows something, with where a finding about it belongs, and its policy."""
    for policy in policies(document):
        for statement in policy.statements:
            if statement.allows:
                yield place_of(document, policy, statement.held_by), policy, statement


def managed_policies(document: Document) -> list[ManagedPolicy]:
    """Return the attachments of policies that the stack does not hold itself."""
    found = []
    for resource in document.resources():
        if resource.type.startswith("aws_iam_"):
            arns = (
                arn
                for name in ("policy_arn", "policy_arns", "managed_policy_arns")
                for arn in listed(resource.get(name))
            )
            owner = document.find(resource.get("role") or resource.get("user"), *_HOLDERS) or resource
            found += [
                ManagedPolicy(resource, owner, arn) for arn in arns if document.find(arn, "aws_iam_policy") is None
            ]
    return found


def _carried(document: Document) -> Iterator[Policy]:
    for carrier in document.resources():
        said = [(name, value) for name, value in _attributes(carrier.values) if _is_policy(name, value)]
        if (must := _MUST_SAY.get(carrier.type)) and must not in dict(said):
            said.append((must, None))
        for name, value in said:
            kind, owner = _whose(document, carrier, name)
            yield Policy(kind, carrier, owner, *_read(document, carrier, name, value))


def _attributes(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the attributes of a resource and of the blocks in it."""
    for block in blocks(value):
        for name, item in block.items():
            yield name, item
            yield from _attributes(item)


def _is_policy(name: str, value: Any) -> bool:
    """Tell whether a value is a policy, since it is the JSON of one or stands where one belongs."""
    return isinstance(value, str) and (name in _POLICY_ATTRIBUTES or "statement" in (_parsed(value) or {}))


def _whose(document: Document, carrier: Resource, attribute: str) -> tuple[PolicyKind, Resource]:
    if carrier.type in _IDENTITY:
        return PolicyKind.IDENTITY, document.find(carrier.get(_IDENTITY[carrier.type]), *_HOLDERS) or carrier
    if carrier.type == "aws_iam_policy":
        return PolicyKind.IDENTITY, _attached_to(document, carrier)
    if carrier.type == "aws_iam_role":
        return PolicyKind.TRUST if attribute == "assume_role_policy" else PolicyKind.IDENTITY, carrier
    owned, type_ = _OWNER.get(carrier.type, ("", ""))
    return PolicyKind.RESOURCE, document.find(carrier.get(owned), type_) or carrier


def _attached_to(document: Document, policy: Resource) -> Resource:
    for attachment in document.resources():
        if (
            attachment.type.endswith("_policy_attachment")
            and document.find(attachment.get("policy_arn"), policy.type) is policy
        ):
            return document.find(attachment.get("role"), "aws_iam_role") or attachment
    return policy


def _permissions(document: Document) -> Iterator[Policy]:
    """Yield a function's permissions to be invoked, which are statements of its resource policy."""
    for item in document.all("aws_lambda_permission"):
        principal = str(item.get("principal", ""))
        kind = "Service" if principal.endswith((".amazonaws.com", ".amazonaws.com.cn")) else "AWS"
        limits = (("source_arn", "ArnLike", "aws:SourceArn"), ("source_account", "StringEquals", "aws:SourceAccount"))
        function = document.find(item.get("function_name"), "aws_lambda_function") or item
        statement = PolicyStatement(
            sid=str(item.get("statement_id", "")),
            effect="Allow",
            actions=(str(item.get("action", "")),),
            resources=(f"${{{function.address}.arn}}",),
            principals=((kind, principal),),
            conditions=tuple(
                PolicyCondition(test, key, (str(item.get(attribute)),))
                for attribute, test, key in limits
                if item.get(attribute)
            ),
            all_but=frozenset(),
            held_by=item,
        )
        yield Policy(PolicyKind.RESOURCE, item, function, [statement])


# What was read of a policy, and what cannot be read.
_Read = tuple[list[PolicyStatement], list[tuple[Resource, str]]]


def _read(document: Document, holder: Resource, attribute: str, value: Any, depth: int = 5) -> _Read:
    """Follow references ``depth`` times; a circle, which Terraform refuses, cannot be read."""
    whole = REFERENCE.fullmatch(value) if isinstance(value, str) and depth else None
    target = document.at(whole[1]) if whole else None
    if target and target.type == DOCUMENT:
        return _of_document(document, target, depth - 1)
    if whole and target and whole[2] in _POLICY_ATTRIBUTES:
        return _read(document, target, whole[2], target.get(whole[2]), depth - 1)
    parsed = _parsed(value)
    if parsed is None:
        return [], [(holder, attribute)]
    return [_from_json(each, holder) for each in blocks(parsed.get("statement"))], []


def _of_document(document: Document, holder: Resource, depth: int = 5) -> _Read:
    found: list[PolicyStatement] = []
    unreadable: list[tuple[Resource, str]] = []
    for attribute in _TAKEN_OVER:
        for text in listed(holder.get(attribute)):
            statements, not_read = _read(document, holder, attribute, text, depth)
            found += statements
            unreadable += not_read
    if "dynamic" in holder.values or isinstance(holder.get("statement"), str):
        unreadable.append((holder, "statement"))
    return found + [_from_block(block, holder) for block in holder.blocks("statement")], unreadable


def _from_block(block: Mapping[str, Any], holder: Resource) -> PolicyStatement:
    given = {part: block.get(part) or block.get(f"not_{part}") for part in _PARTS}
    return PolicyStatement(
        sid=str(block.get("sid") or ""),
        effect=block.get("effect") or "Allow",
        actions=_texts(given["actions"]),
        resources=_texts(given["resources"]),
        principals=tuple(
            sorted(
                (str(each.get("type")), identifier)
                for each in blocks(given["principals"])
                for identifier in listed(each.get("identifiers"))
            )
        ),
        conditions=tuple(
            PolicyCondition(str(each.get("test")), str(each.get("variable")), _texts(each.get("values")))
            for each in blocks(block.get("condition"))
        ),
        all_but=frozenset(part for part in _PARTS if not block.get(part) and block.get(f"not_{part}")),
        held_by=holder,
    )


def _parsed(text: Any) -> dict[str, Any] | None:
    """Return the object that a text is the JSON of, keys in lower case at its top."""
    if not isinstance(text, str) or not text.lstrip().startswith("{"):
        return None
    try:
        return _lower(json.loads(text))
    except ValueError:
        return None


def _lower(value: Mapping[str, Any]) -> dict[str, Any]:
    return {name.lower(): item for name, item in value.items()}


def _from_json(item: Mapping[str, Any], holder: Resource) -> PolicyStatement:
    statement = _lower(item)
    given = {part: statement.get(word, statement.get(f"not{word}")) for part, word in _PARTS.items()}
    principals = given["principals"]
    named = principals if isinstance(principals, Mapping) else {"*": principals}
    return PolicyStatement(
        sid=str(statement.get("sid") or ""),
        effect=str(statement.get("effect", "Allow")),
        actions=_texts(given["actions"]),
        resources=_texts(given["resources"]),
        principals=tuple(sorted((kind, name) for kind, names in named.items() for name in listed(names))),
        conditions=tuple(
            PolicyCondition(test, key, _texts(values))
            for test, keys in (statement.get("condition") or {}).items()
            for key, values in keys.items()
        ),
        all_but=frozenset(part for part, word in _PARTS.items() if statement.get(f"not{word}")),
        held_by=holder,
    )


def _texts(value: Any) -> tuple[str, ...]:
    """Return texts in the order of the alphabet. JSON may say false where a policy document says "false"."""
    items = value if isinstance(value, list) else [] if value is None else [value]
    return tuple(sorted(str(item).lower() if isinstance(item, bool) else str(item) for item in items))
