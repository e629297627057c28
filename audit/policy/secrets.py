"""Secrets: their values never pass through Terraform."""

import re
from collections.abc import Iterator, Mapping

from tools.audit.model.functions import functions
from tools.audit.model.plan import REFERENCE, Plan, Violation
from tools.audit.rules import rule

# Each of these carries a secret's value through plan and state.
_CARRIERS = (
    "aws_iam_access_key",
    "aws_secretsmanager_secret_version",
    "aws_ssm_parameter",
    "random_password",
    "tls_private_key",
)
# What the secrets of providers and of AWS look like.
_LOOKS_SECRET = re.compile(
    r"whsec_[A-Za-z0-9+/=]{16,}|\b[rs]k_(?:live|test)_\w{16,}|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|\bgh[pousr]_\w{30,}|"
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----"
)
_NAMED_SECRET = re.compile(r"secret|token|password|passphrase|private_key|api_key|credential", re.IGNORECASE)
# A variable that says where a secret lies ends like this.
_POINTS = re.compile(r"_(ARN|ID|NAME|URL|TTL|SECONDS)$", re.IGNORECASE)


@rule(
    "secret-in-plan",
    "No value of a secret is in the plan",
    why="What is in a plan is in the state, in the pipeline's log, and with everybody who reviews.",
    source="SIG-2; https://developer.hashicorp.com/terraform/language/state/sensitive-data",
)
def plan_holds_no_secret(plan: Plan) -> Iterator[Violation]:
    """Yield resources that carry a secret's value, and values that look like one. The value itself is not told."""
    for item in plan.resources:
        if item.type in _CARRIERS:
            yield item.breaks(f"a {item.kind.noun} passes its value through plan and state")
        for path, text in _texts(item.values):
            if _LOOKS_SECRET.search(text):
                yield item.breaks(f"{path} looks like a secret")


@rule(
    "secret-in-variable",
    "No environment variable holds a secret",
    why="Whoever may read a function's configuration reads its variables; a secret belongs into Secrets Manager.",
    source="SIG-2; https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html",
)
def variables_hold_no_secret(plan: Plan) -> Iterator[Violation]:
    """Yield variables that are named like a secret and do not say where one lies."""
    for function in functions(plan):
        for name, value in function.variables.items():
            if _NAMED_SECRET.search(name) and not _POINTS.search(name) and not REFERENCE.search(str(value)):
                yield function.resource.breaks(f"the variable {name} is named like a secret")


def _texts(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item, path)
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from _texts(item, f"{path}.{name}" if path else str(name))
