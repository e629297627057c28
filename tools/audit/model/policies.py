"""Every IAM statement of a plan: of roles, of resources, and of the policies that the stack only hands out."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from typing import Any

from tools.audit.model.plan import REFERENCE, Plan, Resource

ATTACHMENTS = ("aws_iam_role_policy_attachment", "aws_iam_user_policy_attachment", "aws_iam_group_policy_attachment")
# Where a type keeps the policy of whom, and the attribute that says of whom.
_IDENTITY = {
    "aws_iam_role_policy": ("policy", "role"),
    "aws_iam_user_policy": ("policy", "user"),
    "aws_iam_group_policy": ("policy", "group"),
    "aws_iam_policy": ("policy", ""),
}
_OWNER = {
    "aws_sqs_queue_policy": "queue_url",
    "aws_s3_bucket_policy": "bucket",
    "aws_sns_topic_policy": "arn",
    "aws_secretsmanager_secret_policy": "secret_arn",
    "aws_api_gateway_rest_api_policy": "rest_api_id",
    "aws_cloudwatch_event_bus_policy": "event_bus_name",
    "aws_dynamodb_resource_policy": "resource_arn",
    "aws_vpc_endpoint_policy": "vpc_endpoint_id",
    "aws_kms_key_policy": "key_id",
    "aws_cloudwatch_log_resource_policy": "",
}
# Resources that carry a policy of their own. Others have an attribute "policy" with another meaning.
_CARRIES = (
    "aws_api_gateway_rest_api",
    "aws_ecr_repository_policy",
    "aws_kms_key",
    "aws_s3_bucket",
    "aws_secretsmanager_secret",
    "aws_sns_topic",
    "aws_sqs_queue",
    "aws_vpc_endpoint",
)


_BINDING_TESTS = ("StringEquals", "StringEqualsIgnoreCase", "StringLike", "ArnEquals", "ArnLike")


class PolicyKind(Enum):
    """Whose policy it is."""

    IDENTITY = "what a role may do"
    TRUST = "who may become a role"
    RESOURCE = "who may use a resource"
    OFFERED = "handed out, attached to nobody here"


@dataclass(frozen=True)
class Condition:
    """A condition of a statement: an operator such as ``StringEquals``, a key, and the values allowed."""

    test: str
    key: str
    values: tuple[str, ...]

    @property
    def binds(self) -> bool:
        """Whether it lets through only requests with one of some values: no negation, no ``…IfExists``, no `*`."""
        return self.test in _BINDING_TESTS and not any(value.strip("*") == "" for value in self.values)

    @property
    def binds_if_named(self) -> bool:
        """Whether it does so for requests that name a value at all."""
        return self.test.removesuffix("IfExists") in _BINDING_TESTS and "*" not in {
            v.strip("*") or "*" for v in self.values
        }

    def is_on(self, key: str) -> bool:
        """Tell whether it is on a key, whose case does not matter to AWS."""
        return self.key.lower() == key.lower()


@dataclass(frozen=True)
class Statement:
    """A statement of a policy.

    Attributes
    ----------
    principals : tuple[tuple[str, str], ...]
        Kind (``Service``, ``AWS``, ``*``) and identifier; empty in the policy of a role.
    all_but : frozenset[str]
        Which of ``principals``, ``actions``, ``resources`` mean everything but what they list.
    """

    sid: str
    effect: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    principals: tuple[tuple[str, str], ...] = ()
    conditions: tuple[Condition, ...] = ()
    all_but: frozenset[str] = frozenset()

    @property
    def allows(self) -> bool:
        """Whether it allows; otherwise it denies."""
        return self.effect == "Allow"

    def bound_by(self, *keys: str) -> bool:
        """Tell whether a condition holds it to certain values of one of these keys."""
        return any(item.binds and item.is_on(key) for item in self.conditions for key in keys)

    def bound_if_named_by(self, *keys: str) -> bool:
        """Tell whether a condition holds it to certain values of one of these keys, where a request names one."""
        return any(item.binds_if_named and item.is_on(key) for item in self.conditions for key in keys)


@dataclass(frozen=True, eq=False)
class Policy:
    """A policy of the plan.

    Attributes
    ----------
    kind : PolicyKind
        Whose policy it is.
    carrier : Resource
        The resource that Terraform writes it with.
    owner : Resource
        Whom or what it is about: the role, the queue; the carrier where the plan does not say.
    statements : Sequence[Statement]
        Its statements; none when it cannot be read.
    readable : bool
        False when the plan does not tell what will be in it.
    """

    kind: PolicyKind
    carrier: Resource
    owner: Resource
    statements: Sequence[Statement] = field(repr=False)
    readable: bool = True


@dataclass(frozen=True, eq=False)
class ManagedPolicy:
    """A policy that AWS, or another stack, keeps and that the plan attaches.

    Attributes
    ----------
    attachment : Resource
        What attaches it.
    owner : Resource
        To whom.
    name : str
        Its name, without path.
    arn : str
        Its ARN.
    """

    attachment: Resource
    owner: Resource
    name: str
    arn: str


@lru_cache(maxsize=4)
def policies(plan: Plan) -> Sequence[Policy]:
    """Return every policy, in the order of the addresses of what carries it."""
    found = [*_attached(plan), *_permissions(plan)]
    used = {document.address for policy in found for document in _documents_of(plan, policy.carrier)}
    for document in plan.documents():
        if document.address not in used:
            found.append(Policy(PolicyKind.OFFERED, document, document, _statements_of_document(plan, document)))
    return sorted(found, key=lambda policy: (policy.carrier.address, policy.kind.value))


def managed_policies(plan: Plan) -> list[ManagedPolicy]:
    """Return the attachments of policies that the plan does not hold itself."""
    attached = [(item, item.get("policy_arn", ""), item.get("role") or item.get("user")) for item in _attachments(plan)]
    for role in plan.all("aws_iam_role"):
        attached += [(role, arn, role.name) for arn in role.written.get("managed_policy_arns", [])]
    return [
        ManagedPolicy(item, plan.target(owner, "aws_iam_role") or item, arn.split("/")[-1], arn)
        for item, arn, owner in attached
        if plan.target(arn, "aws_iam_policy") is None
    ]


def _attachments(plan: Plan) -> list[Resource]:
    return plan.all(*ATTACHMENTS)


def _attached(plan: Plan) -> Iterator[Policy]:
    # Of a deployed role or queue, Terraform also reads the policies that other resources of the plan wrote there: what
    # counts is what the source itself writes.
    for item in plan.resources:
        if item.type in _IDENTITY:
            attribute, owner = _IDENTITY[item.type]
            yield _policy(plan, PolicyKind.IDENTITY, item, attribute, _holder(plan, item, owner))
        elif item.type == "aws_iam_role":
            yield _policy(plan, PolicyKind.TRUST, item, "assume_role_policy", item)
            for inline in item.written.get("inline_policy", []):
                if inline.get("policy"):
                    yield _from_text(plan, PolicyKind.IDENTITY, item, item, inline["policy"])
        elif item.type in _OWNER:
            attribute = "policy_document" if item.type == "aws_cloudwatch_log_resource_policy" else "policy"
            owned = plan.target(item.get(_OWNER[item.type]))
            yield _policy(plan, PolicyKind.RESOURCE, item, attribute, owned or item)
        elif item.type in _CARRIES and item.written.get("policy"):
            yield _policy(plan, PolicyKind.RESOURCE, item, "policy", item)


def _holder(plan: Plan, item: Resource, attribute: str) -> Resource:
    if attribute:
        return plan.target(item.get(attribute), "aws_iam_role", "aws_iam_user", "aws_iam_group") or item
    for attachment in _attachments(plan):
        if plan.target(attachment.get("policy_arn"), "aws_iam_policy") is item:
            return plan.target(attachment.get("role"), "aws_iam_role") or attachment
    return item


def _permissions(plan: Plan) -> Iterator[Policy]:
    """Yield a function's permissions to be invoked, which are statements of its resource policy."""
    for item in plan.all("aws_lambda_permission"):
        principal = str(item.get("principal", ""))
        kind = "Service" if principal.endswith((".amazonaws.com", ".amazonaws.com.cn")) else "AWS"
        limits = (("source_arn", "ArnLike", "aws:SourceArn"), ("source_account", "StringEquals", "aws:SourceAccount"))
        function = plan.target(item.get("function_name"), "aws_lambda_function") or item
        statement = Statement(
            sid=str(item.get("statement_id", "")),
            effect="Allow",
            actions=(str(item.get("action", "")),),
            resources=(f"${{{function.address}.arn}}",),
            principals=((kind, principal),),
            conditions=tuple(
                Condition(test, key, (str(item.get(attribute)),))
                for attribute, test, key in limits
                if item.get(attribute)
            ),
        )
        yield Policy(PolicyKind.RESOURCE, item, function, [statement])


def _policy(plan: Plan, kind: PolicyKind, carrier: Resource, attribute: str, owner: Resource) -> Policy:
    return _from_text(plan, kind, carrier, owner, carrier.get(attribute))


def _from_text(plan: Plan, kind: PolicyKind, carrier: Resource, owner: Resource, text: Any) -> Policy:
    whole = isinstance(text, str) and REFERENCE.fullmatch(text)
    document = plan.target(text) if whole else None
    if document and document in plan.documents():
        return Policy(kind, carrier, owner, _statements_of_document(plan, document))
    try:
        return Policy(kind, carrier, owner, _statements_of_json(text))
    except (TypeError, ValueError, KeyError, AttributeError):
        return Policy(kind, carrier, owner, [], readable=False)


def _documents_of(plan: Plan, carrier: Resource) -> list[Resource]:
    """Return the data sources from which a resource takes its policies, and those that these take over."""
    texts = [json.dumps(carrier.values, default=str)]
    found: list[Resource] = []
    while texts:
        for document in plan.targets(texts.pop()):
            if document.type == "aws_iam_policy_document" and document not in found:
                found.append(document)
                texts.append(json.dumps(document.values, default=str))
    return found


def _statements_of_document(plan: Plan, document: Resource) -> list[Statement]:
    found = []
    for attribute in ("source_policy_documents", "override_policy_documents"):
        for text in document.get(attribute, []):
            source = plan.target(text)
            found += _statements_of_document(plan, source) if source else _statements_of_json(text)
    return found + [_statement_of_block(block) for block in document.blocks("statement")]


def _statement_of_block(block: Mapping[str, Any]) -> Statement:
    parts = {part: block.get(part) or block.get(f"not_{part}") or [] for part in ("actions", "resources", "principals")}
    return Statement(
        sid=block.get("sid") or "",
        effect=block.get("effect") or "Allow",
        actions=_texts(parts["actions"]),
        resources=_texts(parts["resources"]),
        principals=tuple(
            sorted((item["type"], identifier) for item in parts["principals"] for identifier in item["identifiers"])
        ),
        conditions=tuple(
            Condition(item["test"], item["variable"], _texts(item["values"])) for item in block.get("condition") or []
        ),
        all_but=frozenset(part for part in parts if not block.get(part) and block.get(f"not_{part}")),
    )


def _statements_of_json(text: str) -> list[Statement]:
    return [_statement_of_json(item) for item in _list(json.loads(text)["Statement"])]


def _statement_of_json(item: Mapping[str, Any]) -> Statement:
    words = {"actions": "Action", "resources": "Resource", "principals": "Principal"}
    given = {part: item.get(word, item.get(f"Not{word}")) for part, word in words.items()}
    principal = given["principals"] or {}
    principals = {"*": ["*"]} if principal == "*" else {kind: _list(names) for kind, names in principal.items()}
    return Statement(
        sid=item.get("Sid", ""),
        effect=item["Effect"],
        actions=_texts(given["actions"] or []),
        resources=_texts(given["resources"] or []),
        principals=tuple(sorted((kind, name) for kind, names in principals.items() for name in names)),
        conditions=tuple(
            Condition(test, key, _texts(values))
            for test, keys in item.get("Condition", {}).items()
            for key, values in keys.items()
        ),
        all_but=frozenset(part for part, word in words.items() if f"Not{word}" in item),
    )


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(sorted(str(item) for item in _list(value)))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
