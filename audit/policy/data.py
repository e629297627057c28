"""Data: nothing that holds any is destroyed by accident, and a destroy leaves nothing behind."""

from collections.abc import Iterator

from modules.rules.rule import Found, Where, rule
from modules.terraform_json.document import Document
from modules.terraform_json.kinds import HOLDS_DATA

# What each attribute must be, so that "terraform destroy" removes the resource with what it holds.
_GOES_WITH_THE_STACK = {
    "aws_cloudwatch_log_group": ("skip_destroy", False),
    "aws_dynamodb_table": ("deletion_protection_enabled", False),
    "aws_lambda_function": ("skip_destroy", False),
    "aws_s3_bucket": ("force_destroy", True),
    "aws_secretsmanager_secret": ("recovery_window_in_days", 0),
}
_DEFAULTS = {"force_destroy": False, "recovery_window_in_days": 30}


@rule(
    "data-destroyed",
    "A plan destroys or replaces nothing that holds data",
    where=Where.PLAN,
    why="The records, the payloads, the messages or the signing keys in it would be gone.",
    source="https://developer.hashicorp.com/terraform/cli/commands/plan",
)
def nothing_with_data_is_destroyed(plan: Document) -> Iterator[Found]:
    """Yield resources with data that the plan deletes, replaces, or forgets."""
    for item in (*plan.resources(), *plan.leaving):
        if item.type not in HOLDS_DATA:
            continue
        if "delete" in item.actions:
            what = "replaced by an empty one" if "create" in item.actions else "destroyed"
            yield item, f"{item.label} would be {what}, with all that it holds"
        elif "forget" in item.actions:
            yield item, f"{item.label} would be left without anybody who manages it"


@rule(
    "destroy-complete",
    "A destroy leaves nothing behind",
    where=Where.PLAN,
    why="A name that a left bucket or a secret in its recovery window keeps cannot be used again.",
    source="DEL-1; https://docs.aws.amazon.com/secretsmanager/latest/userguide/manage_delete-secret.html",
)
def nothing_is_left_behind(plan: Document) -> Iterator[Found]:
    """Yield resources that a destroy would leave, or could not remove."""
    for item in plan.all(*_GOES_WITH_THE_STACK):
        attribute, wanted = _GOES_WITH_THE_STACK[item.type]
        value = item.get(attribute, _DEFAULTS.get(attribute, False))
        if value != wanted:
            yield item, f"{attribute} is {value}, not {wanted}"
