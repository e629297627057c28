"""Mistakes with roles that are handed to services."""

import json

from tests.synth.mistakes.book import Book

book = Book()
SCHEDULER = {"Service": "scheduler.amazonaws.com"}
THIS_ACCOUNT = {"StringEquals": {"aws:SourceAccount": "${data.aws_caller_identity.account.account_id}"}}


def role(edit, *, trust=None, actions=("sqs:SendMessage",)):
    """Add a role of Scheduler that may do something with the main queue."""
    assume = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": SCHEDULER}
    assume |= {"Condition": THIS_ACCOUNT} if trust is None else trust
    allowed = {"Sid": "Send", "Effect": "Allow", "Action": list(actions), "Resource": edit.ref("queues/main")}
    edit.add("aws_iam_role", "scheduler", name="webhook-scheduler-dev", assume_role_policy=policy(assume))
    edit.add(
        "aws_iam_role_policy",
        "scheduler_policy",
        name="webhook-scheduler-dev",
        role=edit.ref("scheduler", "name"),
        policy=policy(allowed),
    )


def policy(statement):
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@book.mistake("scheduler-role", "scheduler", "for schedules of any account")
def scheduler_role_for_any_account(edit):
    role(edit, trust={})


@book.mistake("scheduler-role", "scheduler", "statement Send allows Scheduler lambda:InvokeFunction")
def scheduler_role_that_may_more_than_send(edit):
    role(edit, actions=("sqs:SendMessage", "lambda:InvokeFunction"))


@book.mistake("passed-role", "fleet/status/permissions", "statement Added allows iam:PassRole to any service")
def role_passed_to_any_service(edit):
    edit.statement(actions=["iam:PassRole"], resources=[edit.ref("fleet/status/role")])


@book.right
def scheduler_role_that_only_sends(edit):
    role(edit)


@book.right
def role_passed_to_one_service(edit):
    edit.statement(
        actions=["iam:PassRole"],
        resources=[edit.ref("fleet/status/role")],
        condition=[{"test": "StringEquals", "variable": "iam:PassedToService", "values": ["scheduler.amazonaws.com"]}],
    )
