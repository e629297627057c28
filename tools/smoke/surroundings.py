"""What is looked at without sending anything that is accepted: alarms, logs, and what API Gateway answers itself."""

from modules.constructs.bundling import FUNCTIONS
from modules.constructs.naming import PREFIX, Names
from tools.commands.target_stack import Target
from tools.local.stack import post_webhook
from tools.senders import SentWebhook
from tools.smoke.look import WrongError

# Alarms that are on from a first deployment until something came, or ran.
_UNTIL_SOMETHING_CAME = tuple(f"{PREFIX}-{id_}-" for id_ in ("silent", "not-reconciled", "statement-missing"))
# More than a message of SQS has room for.
_TOO_LARGE = b" " * 300_000


def check_alarms(target: Target) -> str:
    """Check that no alarm that notifies the stack's topic is on; what silence turns on is not the stack's fault."""
    pages = target.client("cloudwatch").get_paginator("describe_alarms").paginate(AlarmNamePrefix=f"{PREFIX}-")
    states = {
        alarm["AlarmName"]: alarm["StateValue"]
        for page in pages
        for alarm in page["MetricAlarms"]
        if target.outputs["alarm_topic_arn"] in alarm.get("AlarmActions", ())
        and not alarm["AlarmName"].startswith(_UNTIL_SOMETHING_CAME)
    }
    on = sorted(name for name, state in states.items() if state == "ALARM")
    if on or not states:
        raise WrongError(", ".join(on) or "there is no alarm")
    unknown = sum(state == "INSUFFICIENT_DATA" for state in states.values())
    return f"{len(states)} alarms, {unknown} of them without data yet"


def check_log_retention(target: Target) -> str:
    """Check that the log groups of functions and API are kept for as long as is set."""
    days, names = target.settings.functions.log_retention, Names(target.settings.environment)
    host, _, stage = target.outputs["endpoint_url"].partition("//")[2].partition("/")
    functions = {f"/aws/lambda/{names(function.replace('_', '-'))}" for function in FUNCTIONS}
    wanted = {*functions, f"/aws/apigateway/{names('api')}"}
    wanted.add(f"API-Gateway-Execution-Logs_{host.partition('.')[0]}/{stage}")
    found: dict[str, int | None] = {}
    for prefix in sorted({name[: name.rindex("/") + 1] for name in wanted}):
        pages = target.client("logs").get_paginator("describe_log_groups").paginate(logGroupNamePrefix=prefix)
        found |= {group["logGroupName"]: group.get("retentionInDays") for page in pages for group in page["logGroups"]}
    missing = [f"{name} is not there" for name in wanted if name not in found]
    wrong = [f"{name}: {found[name] or 'for ever'}" for name in wanted if name in found and found[name] != days]
    if missing or wrong:
        raise WrongError(", ".join(sorted(missing + wrong)))
    return f"{len(wanted)} log groups, {days} days"


def check_too_large(target: Target) -> None:
    """Check what API Gateway makes of an error of SQS; nothing of it reaches a queue."""
    name = next(iter(target.settings.providers))
    headers = {"Content-Type": "application/json"}
    sent = SentWebhook(provider=name, path=f"/webhook/{name}", body=_TOO_LARGE, headers=headers, transaction_id="")
    answer = post_webhook(target.base_url, target.outputs, target.verify, sent)
    if answer.status_code != 413:
        raise WrongError(f"answered {answer.status_code} instead of 413")
