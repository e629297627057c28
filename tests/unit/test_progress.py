"""What a deployment says of itself while it runs."""

import io
import time

import pytest
from rich.console import Console

from tools.local import progress as module
from tools.local.progress import Progress, print_whole

LONG_NAME = "aws_lambda_permission.api_post_operator_tenants_tenantid_endpoints_endpointid_activate_permission"


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def planned(name, action="create"):
    return {"type": "planned_change", "change": {"action": action, "resource": {"addr": name}}}


def event(kind, name, action="create"):
    return {"type": kind, "hook": {"action": action, "resource": {"addr": name}}}


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def progress(clock):
    return Progress(Console(file=io.StringIO()), clock)


def test_it_says_what_is_done_before_there_is_a_plan(progress, clock):
    progress.begin("synthesizing")
    clock.now = 3.0

    assert progress.describe() == "synthesizing, 3 s"


def test_it_counts_over_all_stacks_and_names_what_is_waited_for_longest(progress, clock):
    one, other = progress.follow("inbound"), progress.follow("delivery")
    for follow in (one, other):
        for name in ("aws_sqs_queue.main", "aws_sns_topic.alarms"):
            follow(planned(name))
    one(event("apply_start", "aws_sqs_queue.main"))
    clock.now = 2.0
    other(event("apply_start", "aws_sqs_queue.main"))
    other(event("apply_start", "aws_sns_topic.alarms"))
    clock.now = 12.0
    other(event("apply_complete", "aws_sns_topic.alarms"))

    assert progress.describe() == "1 of 4 resources, 12 s for inbound: aws_sqs_queue.main"

    one(event("apply_complete", "aws_sqs_queue.main"))
    assert progress.describe() == "2 of 4 resources, 10 s for delivery: aws_sqs_queue.main"
    assert progress.longest == (12.0, "inbound: aws_sqs_queue.main")


def test_data_sources_and_what_stays_do_not_count(progress):
    follow = progress.follow("inbound")
    follow(planned("data.aws_caller_identity.account", "read"))
    follow(planned("aws_sqs_queue.kept", "noop"))
    follow(planned("aws_sqs_queue.main"))
    follow(event("apply_complete", "data.aws_caller_identity.account", "read"))

    assert progress.describe() == "0 of 1 resources"


def test_a_resource_that_is_replaced_is_done_once(progress):
    follow = progress.follow("inbound")
    follow(planned("aws_sqs_queue.main", "replace"))
    for action in ("delete", "create"):
        follow(event("apply_start", "aws_sqs_queue.main", action))
        follow(event("apply_complete", "aws_sqs_queue.main", action))

    assert (progress.done, progress.describe()) == (1, "1 of 1 resources")


def test_a_failed_resource_is_no_longer_waited_for_and_not_done(progress):
    follow = progress.follow("inbound")
    follow(planned("aws_sqs_queue.main"))
    follow(event("apply_start", "aws_sqs_queue.main"))
    follow(event("apply_errored", "aws_sqs_queue.main"))

    assert progress.describe() == "0 of 1 resources"


def test_what_makes_no_progress_is_named_as_stuck_once(progress, clock):
    follow = progress.follow("inbound")
    follow(planned("aws_sqs_queue.main"))
    follow(event("apply_start", "aws_sqs_queue.main"))
    clock.now = 89.9
    assert progress.newly_stuck() == []

    clock.now = 90.0
    assert progress.newly_stuck() == ["stuck: inbound: aws_sqs_queue.main has made no progress for 90 s"]
    clock.now = 180.0
    assert progress.newly_stuck() == []


def test_a_log_gets_whole_lines_now_and_then(monkeypatch):
    monkeypatch.setattr(module, "LOG_EVERY_SECONDS", 0)
    written = io.StringIO()
    progress = Progress(Console(file=written, width=40))
    follow = progress.follow("delivery")
    follow(planned(LONG_NAME))
    follow(event("apply_start", LONG_NAME))

    with progress.shown():
        deadline = time.monotonic() + 30
        while written.getvalue().count("\n") < 2 and time.monotonic() < deadline:
            time.sleep(0.05)

    first = written.getvalue().splitlines()[0]
    assert first.startswith("   0 of 1 resources, ")
    assert first.endswith(f" s for delivery: {LONG_NAME}")


def test_a_terminal_has_one_line_that_fits(monkeypatch):
    written = io.StringIO()
    progress = Progress(Console(file=written, width=40, force_terminal=True))
    follow = progress.follow("delivery")
    follow(planned(LONG_NAME))
    follow(event("apply_start", LONG_NAME))

    with progress.shown():
        deadline = time.monotonic() + 30
        while "0 of 1" not in written.getvalue() and time.monotonic() < deadline:
            time.sleep(0.05)

    assert "0 of 1 resources" in written.getvalue()
    assert LONG_NAME not in written.getvalue()
    assert "\n   0 of 1" not in written.getvalue()


def test_a_url_is_not_broken(monkeypatch):
    written = io.StringIO()
    url = "https://127.0.0.1:40000/restapis/0123456789/v1/_user_request_/" + "x" * 100

    print_whole(Console(file=written, width=40), f"   {url}")

    assert written.getvalue() == f"   {url}\n"
