"""What MiniStack's PartiQL lacks of DynamoDB's, `list_append` and permissions by statement; and other permissions.

MiniStack asks for the actions ``dynamodb:BatchExecuteStatement`` and ``dynamodb:ExecuteStatement``, which IAM does not
have. DynamoDB asks for ``dynamodb:PartiQLInsert`` and its like, on the table or index of each statement, and answers
for each; here one statement that is not allowed has the whole call refused.
Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-iam.html,
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.update.html

A batch that DynamoDB refuses as a whole, MiniStack runs: reads beside writes, two statements of one item, a statement
of more than 8,192 characters. Here it is refused, with words of our own.
Source: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchExecuteStatement.html,
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchStatementRequest.html

Neither does IAM have an action for SQS's batches: ``sqs:SendMessage`` allows ``SendMessageBatch`` as well.
Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-api-permissions-reference.html

EventBridge asks for the actions on a rule's targets on the rule, which MiniStack does on the bus.
Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneventbridge.html
"""

import json
import re
from typing import Any

from ministack.core import iam_actions
from ministack.services import dynamodb

_STATEMENT = re.compile(
    r"""\s*(?:(?P<insert>INSERT\s+INTO)|(?P<update>UPDATE)|(?P<delete>DELETE\s+FROM)|(?P<select>SELECT\s.*?\sFROM))"""
    r"""\s+"?(?P<table>[A-Za-z0-9_.-]+)"?(?:\."(?P<index>[A-Za-z0-9_.-]+)")?""",
    re.IGNORECASE | re.DOTALL,
)
_MAX_STATEMENT_CHARS = 8_192
_SQS_BATCHES = frozenset({"sqs:SendMessageBatch", "sqs:DeleteMessageBatch", "sqs:ChangeMessageVisibilityBatch"})
_call = dynamodb._pq_call
_transaction_checks = iam_actions.dynamodb_transaction_checks
_run_batch = dynamodb._batch_execute_statement
_iam_action = iam_actions.extract_iam_action
_buses = iam_actions.eventbridge_resource_arns


def teach_partiql() -> None:
    """Have MiniStack in this process append to lists, and check what each statement of a batch does."""
    dynamodb._pq_call = _call_with_append
    dynamodb._batch_execute_statement = _run_strictly
    iam_actions.dynamodb_transaction_checks = _checks_with_batches
    iam_actions.extract_iam_action = _action_without_batch
    iam_actions.eventbridge_resource_arns = _rule_or_buses


def _call_with_append(name: str, values: list[Any], nodes: Any) -> Any:
    if name != "list_append":
        return _call(name, values, nodes)
    if not all(isinstance(value, dict) and "L" in value for value in values) or len(values) != 2:
        raise ValueError("An operand in the update expression has an incorrect data type")
    return {"L": values[0]["L"] + values[1]["L"]}


def _run_strictly(request: dict[str, Any]) -> Any:
    statements = request.get("Statements") or []
    problem = None
    if any(len(one["Statement"]) > _MAX_STATEMENT_CHARS for one in statements):
        problem = f"a statement has more than {_MAX_STATEMENT_CHARS} characters"
    else:
        try:
            parsed = [dynamodb._parse_partiql(one["Statement"], one.get("Parameters", [])) for one in statements]
        except ValueError:
            # Each such statement has an error of its own.
            parsed = []
        if len({one["op"] == "SELECT" for one in parsed}) > 1:
            problem = "reads and writes in one batch"
        items = [_item_of(one) for one in parsed]
        if any(item in items[:number] for number, item in enumerate(items)):
            problem = "two statements of one item in one batch"
    return dynamodb.error_response_json("ValidationException", problem, 400) if problem else _run_batch(request)


def _item_of(parsed: dict[str, Any]) -> tuple[Any, ...]:
    table = dynamodb._tables.get(parsed["table"], {})
    values = parsed.get("item") or {name: value for name, sign, value in parsed["conditions"] if sign == "="}
    return parsed["table"], values.get(table.get("pk_name")), values.get(table.get("sk_name"))


def _action_without_batch(*arguments: Any, **more: Any) -> Any:
    action = _iam_action(*arguments, **more)
    return action.removesuffix("Batch") if action in _SQS_BATCHES else action


def _rule_or_buses(body: bytes, region: str, account_id: str) -> list[str]:
    buses: list[str] = _buses(body, region, account_id)
    asked = json.loads(body or b"{}")
    if buses or not asked.get("Rule"):
        return buses
    return [f"arn:aws:events:{region}:{account_id}:rule/{asked.get('EventBusName', 'default')}/{asked['Rule']}"]


def _checks_with_batches(action: str, body: bytes, region: str, account_id: str) -> list[tuple[str, str]]:
    if action not in ("dynamodb:BatchExecuteStatement", "dynamodb:ExecuteStatement"):
        checks: list[tuple[str, str]] = _transaction_checks(action, body, region, account_id)
        return checks
    found = []
    request = json.loads(body)
    for statement in request.get("Statements", [request]):
        match = _STATEMENT.match(statement["Statement"])
        if match is None:
            # Nobody is allowed what cannot be read.
            return [("dynamodb:PartiQLUnreadable", "*")]
        (verb,) = [name for name in ("insert", "update", "delete", "select") if match[name]]
        arn = iam_actions._dynamodb_table_arn(match["table"], region, account_id)
        arn = f"{arn}/index/{match['index']}" if match["index"] else arn
        found.append((f"dynamodb:PartiQL{verb.capitalize()}", arn))
    return sorted(set(found))
