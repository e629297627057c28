"""The IAM linter, parliament, on every policy of a plan: unknown actions, actions that fit none of their resources."""

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modules.rules.rule import Finding
from modules.terraform_json.document import REFERENCE, Document
from modules.terraform_json.kinds import kind_of
from modules.terraform_json.statements import Policy, PolicyKind, PolicyStatement, policies
from tools.audit.toolbox import ToolError, run

_SCRIPT = Path(__file__).with_name("lint_policies.py")
# Wrong on purpose: a linter that does not say so did not look.
_CANARY = "canary"
_WRONG = {
    "Version": "2012-10-17",
    "Statement": [{"Sid": "Wrong", "Effect": "Allow", "Action": ["s3:NoSuchAction"], "Resource": ["*"]}],
}
_PLACE = {"region": "us-east-1", "account": "123456789012"}
_DATA = {"account_id": "123456789012", "partition": "aws", "region": "us-east-1", "name": "us-east-1"}


class UnknownArnError(Exception):
    """A statement names a resource of a type whose ARNs are not known here."""


def check(plan: Document) -> tuple[str, list[Finding]]:
    """Return how many statements the linter looked at, and what it found.

    Raises
    ------
    ToolError
        When the linter does not answer, or overlooks what is wrong on purpose.
    """
    documents: dict[str, Any] = {_CANARY: _WRONG}
    findings = []
    looked_at = 0
    for number, policy in enumerate(policies(plan)):
        try:
            documents[f"{number} {policy.carrier.address}"] = _document(plan, policy)
            looked_at += len(policy.statements)
        except UnknownArnError as error:
            message = f"no form of ARN is known for {error}: add it to modules/terraform_json/kinds.py"
            findings.append(Finding("IAM_UNKNOWN_ARN", policy.carrier.address, message))
    return f"{looked_at} statements of {len(documents) - 1} policies", sorted({*findings, *_lint(documents)})


def _lint(documents: Mapping[str, Any]) -> list[Finding]:
    with tempfile.TemporaryDirectory() as folder:
        printed = run("python", [str(_SCRIPT)], folder=Path(folder), text=json.dumps(documents))
    try:
        said = json.loads(printed)
    except ValueError as error:
        raise ToolError(f"the IAM linter printed no report: {printed[:500]}") from error
    if not any(item["policy"] == _CANARY for item in said):
        raise ToolError("the IAM linter found no mistake in a policy that has one on purpose")
    return [
        Finding(
            f"IAM_{item['issue']}", item["policy"].partition(" ")[2], f"{item['title']}: {item['detail']}".rstrip(": ")
        )
        for item in said
        if item["policy"] != _CANARY
    ]


def _document(plan: Document, policy: Policy) -> dict[str, Any]:
    """Return a policy as IAM takes it, with ARNs as they would be in some account."""
    return {"Version": "2012-10-17", "Statement": [_statement(plan, policy, item) for item in policy.statements]}


def _statement(plan: Document, policy: Policy, statement: PolicyStatement) -> dict[str, Any]:
    document: dict[str, Any] = {"Effect": statement.effect}
    # The id of a function's permission is no sid: it may have hyphens.
    if statement.sid and policy.carrier.type != "aws_lambda_permission":
        document["Sid"] = statement.sid
    # A trust policy has no resource: it is about the role that carries it.
    resources = statement.resources or (f"${{{policy.owner.address}.arn}}",)
    parts: dict[str, Any] = {
        "actions": ("Action", list(statement.actions)),
        "resources": ("Resource", [arn(plan, text) for text in resources]),
    }
    for part, (word, values) in parts.items():
        document[f"Not{word}" if part in statement.all_but else word] = values
    if policy.kind in (PolicyKind.TRUST, PolicyKind.RESOURCE):
        word = "NotPrincipal" if "principals" in statement.all_but else "Principal"
        document[word] = _principal(plan, statement)
    for item in statement.conditions:
        values = [arn(plan, value) for value in item.values]
        # parliament reads no list with a single truth value in it.
        document.setdefault("Condition", {}).setdefault(item.test, {})[item.key] = (
            values[0] if len(values) == 1 else values
        )
    return document


def _principal(plan: Document, statement: PolicyStatement) -> Any:
    if any(kind == "*" for kind, _ in statement.principals):
        return "*"
    return {
        kind: [arn(plan, name) for other, name in statement.principals if other == kind]
        for kind in sorted({kind for kind, _ in statement.principals})
    }


def arn(plan: Document, text: str) -> str:
    """Return a text with an ARN, or another plausible value, for each reference.

    Raises
    ------
    UnknownArnError
        When the form of an ARN is not known.
    """

    def fill(address: str, attribute: str) -> str:
        item = plan.at(address)
        if item is None or item.is_data:
            return _DATA.get(attribute, "x")
        if not attribute.endswith("arn"):
            return "x"
        form = kind_of(item.type).arn
        if not form:
            raise UnknownArnError(item.type)
        return "arn:aws:" + form.format(name=arn(plan, item.name), **_PLACE)

    return REFERENCE.sub(lambda found: fill(found[1], found[2] or ""), text)
