"""Functions: what they run as, and whether they are traced."""

from collections.abc import Iterator

from modules.rules.rule import Found, Where, rule
from modules.terraform_json.document import Document


@rule(
    "function-role",
    "Every function has a role of its own",
    where=Where.PLAN,
    why="A shared role gives each function what any of them needs.",
    source="FN-1; https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html",
)
def has_a_role_of_its_own(plan: Document) -> Iterator[Found]:
    """Yield functions with a role that is not of this stack, or is another function's too."""
    roles = {each: plan.find(each.get("role"), "aws_iam_role") for each in plan.all("aws_lambda_function")}
    for function, role in roles.items():
        if role is None:
            yield function, "runs as a role that is not of this stack, so that nobody reviews it here"
        elif list(roles.values()).count(role) > 1:
            yield function, f"shares {role.label} with another function"


@rule(
    "function-tracing",
    "Every function is traced",
    where=Where.PLAN,
    why="A webhook is followed from the request to the last function by its trace.",
    source="FN-2; https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html",
)
def is_traced(plan: Document) -> Iterator[Found]:
    """Yield functions without active tracing."""
    for function in plan.all("aws_lambda_function"):
        mode = function.get("tracing_config.mode", "PassThrough")
        if mode != "Active":
            yield function, f"tracing is {mode}, not Active"
