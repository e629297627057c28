"""A synthesized stack, asked by what things are and what they are called instead of by logical ids."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

from modules.terraform_json.document import REFERENCE, Document, Resource
from modules.terraform_json.stack import declared

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
    "aws_secretsmanager_secret": "name",
    "aws_security_group": "name",
    "aws_sns_topic": "name",
    "aws_sqs_queue": "name",
    "aws_subnet": "tags.Name",
    "aws_vpc": "tags.Name",
    "aws_vpc_endpoint": "tags.Name",
}


class UndeclaredError(AssertionError):
    """Something refers to what the stack does not have."""


class Named(Resource):
    """A resource or a data source, called by its type and its name."""

    @property
    def name(self) -> str:
        """The name in AWS, with what is only known there in angle brackets; without one, the id without its hash."""
        name = self.given_name
        return REFERENCE.sub(r"<\2>", name) if name else re.sub(r"_[0-9A-F]{8}$", "", self.id)

    @property
    def given_name(self) -> str | None:
        """The name that the stack gives it, or None."""
        return self.get(NAME_ATTRIBUTES.get(self.type, ""))

    @property
    def label(self) -> str:
        """Type and name."""
        return f"{self.type}[{self.name}]"


class Template(Document):
    """The Terraform JSON of one stack."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        super().__init__(Named(**vars(each)) for each in declared(document, {}))
        self.document = document
        self.environment = next((each.environment for each in self.all("aws_dynamodb_table")), "")

    @classmethod
    def parse(cls, text: str) -> Self:
        return cls(json.loads(text))

    @classmethod
    def read(cls, path: Path) -> Self:
        return cls.parse(path.read_text(encoding="utf-8"))

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
        match = re.fullmatch(r"(?:\$\{)?((?:data\.)?aws_\w+\.[\w-]+)(?:\.\w+)?\}?", reference)
        assert match, f"{reference!r} is not a reference to one thing"
        return self._at(match[1])

    def _at(self, address: str) -> Resource:
        if (found := self.at(address)) is None:
            raise UndeclaredError(f"{address} is referred to and not declared")
        return found

    def meaning(self, value: Any) -> Any:
        """Return a value in which each reference says the type and name of what it points to, and the attribute.

        >>> template.meaning("${aws_s3_bucket.storage_bucket.arn}/raw/*")
        'aws_s3_bucket[webhook-archive-<account_id>-dev].arn/raw/*'
        """
        if isinstance(value, str):
            return REFERENCE.sub(self._said, value)
        if isinstance(value, Mapping):
            return {name: self.meaning(item) for name, item in value.items()}
        if isinstance(value, list):
            return [self.meaning(item) for item in value]
        return value

    def _said(self, match: re.Match[str]) -> str:
        of_aws = match[1].removeprefix("data.").startswith("aws_") and match[2]
        return f"{self._at(match[1]).label}.{match[2]}" if of_aws else match[0]

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
