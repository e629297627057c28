"""``make smoke`` on the deployed stack, by a user with its policy: what it finds, and that it leaves nothing."""

import os
import signal

import pytest

from tests.e2e.observe import await_routed, records
from tests.e2e.smoking import left_by_smoke, run_smoke
from tools.smoke import __main__ as smoke
from tools.smoke.trial import MARK

# One that signs with a private key, one that nobody can sign for, and one without a secret.
PAIR, NOBODY, EMPTY = "standard-webhooks-ed25519", "paypal", "acme"


def marked(stack):
    transactions = {each.get("transaction", {"S": ""})["S"] for each in records(stack)}
    return {transaction for transaction in transactions if transaction.startswith(MARK)}


def printed(capsys):
    return " ".join(capsys.readouterr().out.split())


def test_a_deployed_stack_is_in_order_and_its_consumers_can_tell_the_test(stack, downstream, monkeypatch, capsys):
    before = marked(stack)

    code = run_smoke(stack, monkeypatch, "stripe", "adyen", PAIR, NOBODY, EMPTY)

    page = printed(capsys)
    assert code == 0, page
    for provider in ("stripe", "adyen"):
        assert f"│ {provider} │ ok │ ok │ ok │ ok │ ok │ ok │" in page
    assert f"{PAIR} (answer, status, archive, evidence, bus): the stack has only a public key" in page
    assert f"{NOBODY} (forged, answer, status, archive, evidence, bus): only PayPal can sign" in page
    assert f"{EMPTY} (forged, answer, status, archive, evidence, bus): it has no secret yet" in page
    assert [secret for secret in stack.secrets.values() if secret in page] == []
    # Two records, none of them of what was forged, and each marked for whoever gets it from the bus
    new = marked(stack) - before
    assert len(new) == 2
    routed = {event["detail"]["transactionId"] for event in await_routed(downstream, new)}
    assert new <= routed
    assert left_by_smoke(stack) == []


def test_what_is_not_as_it_must_be_is_told(stack, monkeypatch, capsys):
    alarm, group = "webhook-dead-lettered-local", "/aws/lambda/webhook-status-local"
    cloudwatch, logs = stack.aws.client("cloudwatch"), stack.aws.client("logs")
    cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="the test")
    logs.put_retention_policy(logGroupName=group, retentionInDays=30)
    try:
        code = run_smoke(stack, monkeypatch, "stripe", without="UseRuleOfItsOwn")
    finally:
        cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="OK", StateReason="the test")
        logs.put_retention_policy(logGroupName=group, retentionInDays=7)

    page = printed(capsys)
    assert code == 1
    assert f"FAILED no alarm is on: {alarm}" in page
    assert f"FAILED logs are kept as set: {group}: 30" in page
    assert "a rule with a queue: PutRule: AccessDeniedException; the output smoke_policy_json allows it" in page
    assert "│ stripe │ ok │ ok │ ok │ ok │ ok │ - │" in page
    assert left_by_smoke(stack) == []


def test_an_interrupted_run_leaves_nothing(stack, monkeypatch):
    seen = []

    def interrupt(*_):
        seen.extend(left_by_smoke(stack))
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(smoke, "follow", interrupt)

    with pytest.raises(SystemExit, match="smoke stopped by SIGTERM"):
        run_smoke(stack, monkeypatch, "stripe")

    assert len(seen) == 2
    assert left_by_smoke(stack) == []
