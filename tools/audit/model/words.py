"""IAM statements, entry points and network paths as sentences: ``function status-dev may query table records-dev``."""

import re
from collections.abc import Callable, Iterable, Sequence

from modules.terraform_json.document import REFERENCE, Document, Resource
from modules.terraform_json.statements import ManagedPolicy, Policy, PolicyCondition, PolicyKind, PolicyStatement
from tools.audit.model.network import Path
from tools.audit.model.routes import PlannedRoute

_THIS_ACCOUNT = re.compile(r"\$\{(?:module\.[^{}]*\.)?data\.aws_caller_identity\.[\w-]+\.account_id\}")
# An action as what is done to the resource that follows it. One that is not here is named as it is.
VERBS = {
    "dynamodb:BatchGetItem": "read items of",
    "dynamodb:GetItem": "read items of",
    "dynamodb:PartiQLInsert": "insert items into",
    "dynamodb:PartiQLUpdate": "update by statement items of",
    "dynamodb:PutItem": "put items into",
    "dynamodb:Query": "query",
    "dynamodb:UpdateItem": "update items of",
    "ec2:AssignPrivateIpAddresses": "assign addresses to network interfaces in",
    "ec2:CreateNetworkInterface": "create network interfaces in",
    "ec2:DeleteNetworkInterface": "delete network interfaces in",
    "ec2:DescribeNetworkInterfaces": "list network interfaces in",
    "ec2:DescribeSubnets": "list subnets in",
    "ec2:UnassignPrivateIpAddresses": "take addresses from network interfaces in",
    "events:PutEvents": "publish events to",
    "execute-api:Invoke": "call",
    "lambda:InvokeFunction": "invoke",
    "logs:CreateLogStream": "create",
    "logs:DescribeLogStreams": "list",
    "logs:PutLogEvents": "write to",
    "s3:GetObject": "read",
    "s3:PutObject": "write",
    "secretsmanager:GetSecretValue": "read the value of",
    "sns:Publish": "publish to",
    "sqs:DeleteMessage": "delete messages from",
    "sqs:GetQueueAttributes": "read the attributes of",
    "sqs:ReceiveMessage": "receive messages from",
    "sqs:SendMessage": "send messages to",
    "sts:AssumeRole": "become",
    "xray:PutTelemetryRecords": "write X-Ray telemetry about",
    "xray:PutTraceSegments": "write X-Ray traces about",
}


def principal_of(plan: Document, policy: Policy) -> str:
    """Return whom a policy of a role speaks of: the function that runs as it, where there is exactly one."""
    functions = [
        item for item in plan.all("aws_lambda_function") if plan.find(item.get("role"), "aws_iam_role") is policy.owner
    ]
    return functions[0].label if len(functions) == 1 else policy.owner.label


def sentence(plan: Document, policy: Policy, statement: PolicyStatement) -> str:
    """Return a statement in words, with its actions and its sid behind."""
    who = _who(plan, policy, statement)
    verbs = _enumerate(list(dict.fromkeys(_verb(action) for action in statement.actions)))
    if "actions" in statement.all_but:
        verbs = f"do everything but {verbs} with"
    what = _enumerate([_resource(plan, text) for text in statement.resources])
    if policy.kind is PolicyKind.TRUST or not what:
        what = policy.owner.label
    if "resources" in statement.all_but:
        what = f"everything but {what}"
    may = "may" if statement.allows else "may not"
    if who == "anybody" and not statement.allows:
        who, may = "nobody", "may"
    conditions = "".join(f", {_condition(plan, statement, item)}" for item in statement.conditions)
    sid = f" — sid {statement.sid}" if statement.sid else " — without a sid"
    return f"{who} {may} {verbs} {what}{conditions} ({', '.join(statement.actions)}){sid}"


def managed_sentence(plan: Document, policy: ManagedPolicy) -> str:
    """Return in words that somebody holds a policy that the plan does not hold."""
    return f"{policy.owner.label} holds the managed policy {policy.name} (`{plan.plain(policy.arn)}`)"


def entry_point(route: PlannedRoute) -> str:
    """Return a route and what guards it in one sentence."""
    return f"{route.method} {route.path}: {'; '.join(guards(route))}"


def guards(route: PlannedRoute) -> list[str]:
    """Return in words everything that stands between a caller and the function of a route."""
    found = []
    if route.throttle:
        found.append(f"throttle of {route.throttle.rate:g} requests/s, burst {route.throttle.burst:g}")
    if route.api_key:
        found.append("API key of a usage plan, which limits and authenticates nobody")
    if route.required:
        found.append(f"API Gateway refuses it without {_enumerate(route.required)}")
    if route.authorization == "AWS_IAM":
        found.append("IAM signature of a principal that may call it")
    elif route.authorizer:
        found.append(f"{route.authorizer.label} ({route.authorization})")
    elif not route.public:
        found.append(f"authorization {route.authorization}")
    if route.answers_itself:
        found.append("API Gateway answers by itself, with nothing behind it")
    elif route.verified and route.function:
        providers = _enumerate([item.provider for item in route.verifications])
        found.append(f"{route.function.label} verifies the signature with the secret of {providers}")
    elif route.public:
        found.append("NOTHING that tells who calls")
    return found


def _who(plan: Document, policy: Policy, statement: PolicyStatement) -> str:
    if policy.kind is PolicyKind.IDENTITY:
        return principal_of(plan, policy)
    if policy.kind is PolicyKind.OFFERED and not statement.principals:
        return "whoever is given this policy"
    names = _enumerate([_principal(plan, kind, name) for kind, name in statement.principals], "or") or "nobody"
    return f"everybody but {names}" if "principals" in statement.all_but else names


def _principal(plan: Document, kind: str, name: str) -> str:
    if name == "*":
        return "anybody"
    return name if kind == "Service" else plan.plain(name)


def _verb(action: str) -> str:
    if action == "*":
        return "do anything (`*`) with"
    if action.endswith(":*"):
        return f"do anything (`{action}`) with"
    return VERBS.get(action, f"do {action} with")


def _resource(plan: Document, text: str) -> str:
    """Return in words what a statement is about."""
    if text == "*":
        return "anything (`*`)"
    found = REFERENCE.match(text)
    target = plan.find(text) if found else None
    if not found or target is None or target.is_data or text.count("${") > 1:
        return f"`{plan.plain(text)}`"
    label = f"{target.kind.noun} {plan.plain(target.name)}"
    return _PARTS.get(target.type, _part)(target, label, text[found.end() :])


def _part(target: Resource, label: str, rest: str) -> str:
    del target
    return f"`{rest}` of {label}" if rest else label


def _of_bucket(target: Resource, label: str, rest: str) -> str:
    if not rest:
        return label
    if rest == "/*":
        return f"objects in {label}"
    if found := re.fullmatch(r"/([^*]+/)\*", rest):
        return f"objects below {found[1]} in {label}"
    return _part(target, label, rest)


def _of_table(target: Resource, label: str, rest: str) -> str:
    found = re.fullmatch(r"/index/(.+)", rest)
    return f"index {found[1]} of {label}" if found else _part(target, label, rest)


def _of_log_group(target: Resource, label: str, rest: str) -> str:
    return f"log streams of {label}" if rest == ":*" else _part(target, label, rest)


def _of_api(target: Resource, label: str, rest: str) -> str:
    found = re.fullmatch(r"/([^/]+)/([^/]+)(/.*)", rest)
    if not found:
        return _part(target, label, rest)
    stage = "any stage" if found[1] == "*" else f"stage {found[1]}"
    return f"{found[2]} {found[3]} of {label}, {stage}"


_PARTS: dict[str, Callable[[Resource, str, str], str]] = {
    "aws_s3_bucket": _of_bucket,
    "aws_dynamodb_table": _of_table,
    "aws_cloudwatch_log_group": _of_log_group,
    "aws_api_gateway_rest_api": _of_api,
}


def _condition(plan: Document, statement: PolicyStatement, condition: PolicyCondition) -> str:
    if condition.is_on("aws:SecureTransport") and (condition.test, condition.values) == ("Bool", ("false",)):
        return "when the request does not come over TLS"
    only = "only " if statement.allows else ""
    values = _enumerate([_resource(plan, value) for value in condition.values], "or")
    if condition.is_on("aws:SourceAccount") and condition.binds:
        here = all(_THIS_ACCOUNT.fullmatch(value) for value in condition.values)
        return f"{only}on behalf of {'this account' if here else f'the account {values}'}"
    if condition.is_on("aws:SourceArn") and condition.binds:
        return f"{only}on behalf of {values}"
    if condition.is_on("aws:PrincipalArn") and condition.binds:
        return f"{only}as {values}"
    return f"{only}where {condition.key} {condition.test} {values}"


def network_path(path: Path) -> str:
    """Return in words what a rule of a security group lets through."""
    protocol, first, last = path.ports
    what = "everything" if protocol == "-1" else f"{protocol} {first}" + (f" to {last}" if last != first else "")
    group = path.group.label if path.group else path.resource.label
    direction = "in from" if path.inward else "out to"
    return f"{group} lets {what} {direction} {_enumerate(path.peers) or 'nobody'}"


def _enumerate(items: Sequence[str] | Iterable[str], last: str = "and") -> str:
    texts = list(items)
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} {last} {texts[-1]}" if texts else ""
