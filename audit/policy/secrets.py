"""Secrets: their values never pass through Terraform."""

import re
from collections.abc import Iterator, Mapping

from modules.rules.rule import Found, Where, rule
from modules.terraform_json.document import Document

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


@rule(
    "secret-in-plan",
    "No value of a secret is in the plan",
    where=Where.PLAN,
    why="What is in a plan is in the state, in the pipeline's log, and with everybody who reviews.",
    source="SIG-2; https://developer.hashicorp.com/terraform/language/state/sensitive-data",
)
def plan_holds_no_secret(plan: Document) -> Iterator[Found]:
    """Yield resources that carry a secret's value, and values that look like one. The value itself is not told."""
    for item in plan.resources():
        if item.type in _CARRIERS:
            yield item, f"a {item.kind.noun} passes its value through plan and state"
        for path, text in _texts(item.values):
            if _LOOKS_SECRET.search(text):
                yield item, f"{path} looks like a secret"


def _texts(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item, path)
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from _texts(item, f"{path}.{name}" if path else str(name))
