"""The standard stack as Terraform JSON, to be edited as a user's escape hatches and additions would, and guarded."""

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from modules.guards.guarding import Guards, arguments_of
from modules.rules.rule import Finding, Where
from modules.rules.table import RULES
from modules.synth import cdk
from modules.terraform_json.plan import read as read_plan
from modules.terraform_json.stack import read
from tests.unit.audit_stack import plan_of

BOTH = {rule.id: rule for rule in RULES if rule.where is Where.BOTH}
TAGS = {"Environment": "dev", "Service": "webhooks", "ManagedBy": "cdktf"}


@dataclass
class Edit:
    """The JSON of the stack webhooks-dev.

    Attributes
    ----------
    document : dict
        What the stack's ``to_terraform`` returns.
    arguments : Mapping
        Resource type to the arguments that it takes.
    """

    document: dict[str, Any] = field(repr=False)
    arguments: Mapping[str, frozenset[str]] = field(repr=False)

    @classmethod
    def of(cls, stack: cdk.TerraformStack) -> "Edit":
        """Return the JSON of a stack as it is synthesized, tags included."""
        cdk.Testing.synth(stack)
        document = stack.to_terraform()
        return cls(document, arguments_of(stack, document))

    def fresh(self) -> "Edit":
        return Edit(copy.deepcopy(self.document), self.arguments)

    def _declared(self):
        for kind, prefix in (("resource", ""), ("data", "data.")):
            for type_, instances in self.document[kind].items():
                for id_, values in instances.items():
                    yield f"{prefix}{type_}.{id_}", values

    def at(self, path: str) -> dict[str, Any]:
        """Return the values of the resource at a path below the stack, to be changed."""
        (values,) = (v for _, v in self._declared() if v["//"]["metadata"]["path"] == f"webhooks-dev/{path}")
        return values

    def ref(self, path: str, attribute: str = "arn") -> str:
        """Return a reference to an attribute of the resource at a path."""
        (address,) = (a for a, v in self._declared() if v["//"]["metadata"]["path"] == f"webhooks-dev/{path}")
        return f"${{{address}.{attribute}}}"

    def add(self, type_: str, id_: str, **values: Any) -> None:
        """Add a resource at ``webhooks-dev/<id>``, tagged where its type takes tags."""
        if "tags" in self.arguments.get(type_, ()):
            values = {"tags": dict(TAGS), **values}
        self._place("resource", type_, id_, values)

    def add_data(self, type_: str, id_: str, **values: Any) -> None:
        self._place("data", type_, id_, values)

    def remove(self, path: str) -> None:
        """Take out the resource at a path."""
        for kind in ("resource", "data"):
            for instances in self.document[kind].values():
                for id_, values in list(instances.items()):
                    if values["//"]["metadata"]["path"] == f"webhooks-dev/{path}":
                        del instances[id_]

    def _place(self, kind, type_, id_, values):
        metadata = {"//": {"metadata": {"path": f"webhooks-dev/{id_}", "uniqueId": id_}}}
        self.document[kind].setdefault(type_, {})[id_] = values | metadata

    def statement(self, path: str = "fleet/status/permissions", **changes: Any) -> None:
        """Add a harmless statement to a policy document, but for the changes; None takes an element out."""
        statement = {
            "sid": "Added",
            "effect": "Allow",
            "actions": ["dynamodb:Query"],
            "resources": [self.ref("storage/table")],
            **changes,
        }
        self.at(path)["statement"].append({name: value for name, value in statement.items() if value is not None})

    def inline_policy(self, *statements: Mapping[str, Any]) -> None:
        """Give a role a policy as literal JSON."""
        self.add(
            "aws_iam_role_policy",
            "literal",
            name="webhook-literal-dev",
            role=self.ref("fleet/status/role", "name"),
            policy=json.dumps({"Version": "2012-10-17", "Statement": list(statements)}),
        )

    def queue(self, id_: str, **values: Any) -> None:
        """Add an encrypted queue without anything else."""
        defaults = {"name": f"webhook-{id_}-dev", "sqs_managed_sse_enabled": True}
        self.add("aws_sqs_queue", id_, **defaults | values)

    def function(self, id_: str, **values: Any) -> None:
        """Add a function with a log group of its own."""
        name = f"webhook-{id_}-dev"
        defaults = {"function_name": name, "architectures": ["arm64"], "handler": "own.handler", "timeout": 30}
        self.add("aws_lambda_function", id_, **defaults | values)
        self.add("aws_cloudwatch_log_group", f"{id_}_logs", name=f"/aws/lambda/{name}", retention_in_days=7)

    def route(self, id_: str, function_path: str, resource_path: str = "api/status_resource", **values: Any) -> None:
        """Add a method of the API and its integration with a function."""
        place = {
            "rest_api_id": self.ref("api/api", "id"),
            "resource_id": self.ref(resource_path, "id"),
            "http_method": "PUT",
        }
        self.add("aws_api_gateway_method", id_, **{"authorization": "NONE", **place, **values})
        self.add(
            "aws_api_gateway_integration",
            f"{id_}_integration",
            **place | {"type": "AWS_PROXY", "uri": self.ref(function_path, "invoke_arn")},
        )

    def variables(self, function: str, **variables: str) -> None:
        """Add environment variables to a function of the fleet."""
        self.at(f"fleet/{function}/function")["environment"]["variables"].update(variables)

    def findings(self) -> list[tuple[str, str, str]]:
        """Return what the guards find: guard, path below the stack, problem."""
        stack = read(self.document, environment="dev", arguments=self.arguments)
        return [
            (finding.check, finding.address.removeprefix("webhooks-dev/"), finding.message)
            for finding in Guards("dev").findings(stack)
        ]

    def findings_on_a_plan(self) -> list[Finding]:
        """Return what the rules that run at synth and on a plan find on a plan of the stack."""
        written = {
            address: self._without_tags(address) | {name: value for name, value in values.items() if name != "//"}
            for address, values in self._declared()
            if str(values.get("count")) != "0"
        }
        plan = read_plan(plan_of(written))
        return [found for rule in BOTH.values() for found in rule.findings(plan)]

    def _without_tags(self, address: str) -> dict[str, None]:
        return {"tags": None} if "tags" in self.arguments.get(address.split(".", maxsplit=1)[0], ()) else {}

    def carriers(self, path: str) -> set[str]:
        """Return the addresses of what a plan names for the resource at a path: of a policy document, who has it."""
        (address,) = (a for a, v in self._declared() if v["//"]["metadata"]["path"] == f"webhooks-dev/{path}")
        users = {a for a, v in self._declared() if f"{address}.json" in json.dumps(v)}
        return users if users and address.startswith("data.") else {address}


def map_queue(edit: Edit, queue: str, function: str, **values: Any) -> None:
    """Have a function process a queue, with partial batch responses."""
    edit.add(
        "aws_lambda_event_source_mapping",
        f"{queue}_mapping",
        event_source_arn=edit.ref(queue),
        function_name=edit.ref(function),
        **{"function_response_types": ["ReportBatchItemFailures"], **values},
    )
