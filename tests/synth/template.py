"""A synthesized stack, asked by what things are and what they are called instead of by logical ids."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

# What AWS knows a resource by, or the tag that its console shows as the name. Everything that is not listed here has no
# name of its own.
NAME_ATTRIBUTES = {
    "aws_api_gateway_api_key": "name",
    "aws_api_gateway_authorizer": "name",
    "aws_api_gateway_domain_name": "domain_name",
    "aws_api_gateway_request_validator": "name",
    "aws_api_gateway_rest_api": "name",
    "aws_api_gateway_usage_plan": "name",
    "aws_cloudwatch_dashboard": "dashboard_name",
    "aws_cloudwatch_event_archive": "name",
    "aws_cloudwatch_event_bus": "name",
    "aws_cloudwatch_event_rule": "name",
    "aws_cloudwatch_log_group": "name",
    "aws_cloudwatch_metric_alarm": "alarm_name",
    "aws_default_security_group": "tags.Name",
    "aws_dynamodb_table": "name",
    "aws_iam_role": "name",
    "aws_iam_role_policy": "name",
    "aws_lambda_function": "function_name",
    "aws_route_table": "tags.Name",
    "aws_s3_bucket": "bucket",
    "aws_scheduler_schedule_group": "name",
    "aws_secretsmanager_secret": "name",
    "aws_security_group": "name",
    "aws_sns_topic": "name",
    "aws_sqs_queue": "name",
    "aws_subnet": "tags.Name",
    "aws_vpc": "tags.Name",
    "aws_vpc_endpoint": "tags.Name",
}
# `${aws_sqs_queue.queues_main.arn}`, `${data.aws_caller_identity.account.account_id}`
_REFERENCE = re.compile(r"\$\{((?:data\.)?aws_\w+)\.([\w-]+)\.(\w+)\}")


class UndeclaredError(AssertionError):
    """Something refers to what the stack does not have."""


@dataclass(frozen=True, kw_only=True)
class Resource:
    """A resource or a data source.

    Attributes
    ----------
    type : str
        Terraform type; with ``data.`` before it for a data source.
    id : str
        Logical id.
    values : Mapping
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
    def name(self) -> str:
        """The name in AWS, with what is only known there in angle brackets; without one, the id without its hash."""
        name = self.given_name
        return _REFERENCE.sub(r"<\3>", name) if name else re.sub(r"_[0-9A-F]{8}$", "", self.id)

    @property
    def given_name(self) -> str | None:
        """The name that the stack gives it, or None."""
        attribute = NAME_ATTRIBUTES.get(self.type, "")
        values = self.values.get("tags", {}) if attribute.startswith("tags.") else self.values
        return values.get(attribute.removeprefix("tags."))

    @property
    def label(self) -> str:
        """Type and name."""
        return f"{self.type}[{self.name}]"

    def __getitem__(self, attribute: str) -> Any:
        return self.values[attribute]

    def get(self, attribute: str, default: Any = None) -> Any:
        return self.values.get(attribute, default)


@dataclass(frozen=True)
class Template:
    """The Terraform JSON of one stack."""

    document: Mapping[str, Any] = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        return cls(json.loads(text))

    @classmethod
    def read(cls, path: Path) -> Self:
        return cls.parse(path.read_text(encoding="utf-8"))

    def resources(self) -> Iterator[Resource]:
        """Yield all resources."""
        yield from self._declared("resource", "")

    def data(self) -> Iterator[Resource]:
        """Yield all data sources."""
        yield from self._declared("data", "data.")

    def _declared(self, kind: str, prefix: str) -> Iterator[Resource]:
        for type_, instances in self.document.get(kind, {}).items():
            for id_ in instances:
                yield self._at(prefix + type_, id_)

    def all(self, type_: str) -> list[Resource]:
        """Return the resources, or data sources, of a type."""
        declared = self.data() if type_.startswith("data.") else self.resources()
        return [resource for resource in declared if resource.type == type_]

    def by_name(self, type_: str) -> dict[str, Resource]:
        """Return the resources of a type by their names, of which no two may be the same."""
        found: dict[str, Resource] = {}
        for resource in self.all(type_):
            assert resource.name not in found, f"two resources are {resource.label}"
            found[resource.name] = resource
        return found

    def one(self, type_: str, name: str | None = None) -> Resource:
        """Return the resource of a name, or the only one of a type."""
        found = [resource for resource in self.all(type_) if name is None or resource.name == name]
        names = ", ".join(resource.name for resource in self.all(type_)) or "none"
        assert len(found) == 1, f"one {type_} {name or ''} expected; of this type there are: {names}"
        return found[0]

    def target(self, reference: str) -> Resource:
        """Return what a reference, with or without braces and attribute, points to."""
        match = re.fullmatch(r"(?:\$\{)?((?:data\.)?aws_\w+)\.([\w-]+)(?:\.\w+)?\}?", reference)
        assert match, f"{reference!r} is not a reference to one thing"
        return self._at(match[1], match[2])

    def _at(self, type_: str, id_: str) -> Resource:
        kind, plain = ("data", type_.removeprefix("data.")) if type_.startswith("data.") else ("resource", type_)
        values = self.document.get(kind, {}).get(plain, {}).get(id_)
        if values is None:
            raise UndeclaredError(f"{type_}.{id_} is referred to and not declared")
        return Resource(type=type_, id=id_, values={name: value for name, value in values.items() if name != "//"})

    def meaning(self, value: Any) -> Any:
        """Return a value in which each reference says the type and name of what it points to, and the attribute.

        >>> template.meaning("${aws_s3_bucket.storage_bucket.arn}/raw/*")
        'aws_s3_bucket[webhook-archive-<account_id>-dev].arn/raw/*'
        """
        if isinstance(value, str):
            return _REFERENCE.sub(lambda match: f"{self._at(match[1], match[2]).label}.{match[3]}", value)
        if isinstance(value, Mapping):
            return {name: self.meaning(item) for name, item in value.items()}
        if isinstance(value, list):
            return [self.meaning(item) for item in value]
        return value

    def pointing_at(self, type_: str, attribute: str, target: Resource) -> list[Resource]:
        """Return the resources of a type whose attribute refers to a resource."""
        return [
            resource
            for resource in self.all(type_)
            if _REFERENCE.fullmatch(str(resource.get(attribute, "")))
            and self.target(resource[attribute]).address == target.address
        ]

    def redrive(self, queue: Resource) -> dict[str, Any] | None:
        """Return the meaning of a queue's redrive policy, or None where it has none."""
        found = self.pointing_at("aws_sqs_queue_redrive_policy", "queue_url", queue)
        assert len(found) <= 1, f"{queue.label} has two redrive policies"
        return json.loads(self.meaning(found[0]["redrive_policy"])) if found else None

    def statements(self, policy: str) -> list[dict[str, Any]]:
        """Return the statements of the policy document that a reference to its ``json`` points to."""
        document = self.target(policy)
        assert document.type == "data.aws_iam_policy_document", f"{policy} is no policy document"
        assert set(document.values) == {"statement"}, f"{document.address} takes more than its statements"
        return [self.meaning(statement) for statement in document["statement"]]

    @property
    def environment(self) -> str:
        """The environment that the stack is tagged with."""
        return self.all("aws_dynamodb_table")[0]["tags"]["Environment"]

    def outputs(self) -> dict[str, Any]:
        """Return the outputs, with the meaning of their values."""
        return {name: self.meaning(output) for name, output in self.document.get("output", {}).items()}


def texts(value: Any) -> Iterator[str]:
    """Yield every text in a JSON value, keys included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield name
            yield from texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)
