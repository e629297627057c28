"""Rules on what an event says about money: the patterns as EventBridge would evaluate them, and who gets what."""

import itertools
import json
import operator

import pytest

DETAIL = {"provider": "stripe", "eventType": "charge.succeeded", "mode": "live", "account": "acct_1", "amount": 5000}
LARGE = {"mode": ["live"], "amount": [{"numeric": [">=", 5000]}]}


COMPARISONS = {">=": operator.ge, "<": operator.lt}


def takes(wanted, value):
    """Tell whether one of the alternatives of a pattern takes a value; None stands for a member that is absent."""
    if not isinstance(wanted, dict):
        return value == wanted
    [(kind, given)] = wanted.items()
    if kind == "exists":
        return (value is not None) is given
    if kind == "prefix":
        return isinstance(value, str) and value.startswith(given)
    if kind == "anything-but":
        return value is not None and value not in given
    assert kind == "numeric"
    return type(value) is int and all(COMPARISONS[of](value, than) for of, than in itertools.batched(given, 2))


def matches(rule, detail, source="webhooks.stripe"):
    """Tell whether a rule matches.

    Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
    """
    pattern = json.loads(rule["event_pattern"])
    one_of = pattern["detail"].get("$or", [pattern["detail"]])
    return source in pattern["source"] and any(
        all(any(takes(wanted, detail.get(name)) for wanted in values) for name, values in members.items())
        for members in one_of
    )


@pytest.fixture(scope="module")
def matching(synthesize):
    given = {"ledger": {"provider": "stripe", "match": LARGE}, "all": "stripe"}
    return synthesize("dev", {"routing": {"subscribers": given}})


def test_a_subscriber_that_matches_has_a_rule_of_its_own(matching):
    rule = matching.one("aws_cloudwatch_event_rule", "webhook-match-ledger-dev")
    targets = {one["target_id"]: matching.target(one["rule"]) for one in matching.all("aws_cloudwatch_event_target")}

    assert json.loads(rule["event_pattern"]) == {"source": ["webhooks.stripe"], "detail": LARGE}
    assert targets["ledger"].address == rule.address
    assert targets["all"]["name"] == "webhook-events-stripe-dev"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"amount": 4999}, False),
        ({"amount": "5000"}, False),
        ({"mode": "test"}, False),
        ({"mode": None}, False),
    ],
)
def test_it_gets_what_matches_and_nothing_else(matching, changes, expected):
    rule = matching.one("aws_cloudwatch_event_rule", "webhook-match-ledger-dev")

    assert matches(rule, DETAIL | changes) is expected


@pytest.fixture(scope="module")
def by_account(synthesize_delivery):
    return synthesize_delivery(subscriptions={"stripe": {"acct_1": "acme", "acct_2": ["globex", "acme"]}})


def test_each_account_has_its_tenants(by_account):
    found = {}
    for target in by_account.all("aws_cloudwatch_event_target"):
        if target["target_id"] in {"acme", "globex"}:
            rule = by_account.target(target["rule"])
            [account] = json.loads(rule["event_pattern"])["detail"]["account"]
            found.setdefault(account, set()).add(target["target_id"])

    assert found == {"acct_1": {"acme"}, "acct_2": {"globex", "acme"}}


@pytest.mark.parametrize(
    ("account", "rules"), [("acct_1", 1), ("acct_2", 1), ("acct_3", 0), ("ACCT_1", 0), ("acct_", 0), (None, 0)]
)
def test_an_event_of_no_listed_account_goes_nowhere_and_is_counted(by_account, account, rules):
    detail = {name: value for name, value in {**DETAIL, "account": account}.items() if value is not None}
    found = [one for one in by_account.all("aws_cloudwatch_event_rule") if one["name"].startswith("webhook-account-")]
    unlisted = by_account.one("aws_cloudwatch_event_rule", "webhook-other-stripe-dev")

    assert [matches(rule, detail) for rule in found].count(True) == rules
    assert matches(unlisted, detail) is (rules == 0)
    assert not matches(unlisted, detail, source="webhooks.github")
    # No target has it, and an alarm watches it.
    assert [
        one for one in by_account.all("aws_cloudwatch_event_target") if by_account.target(one["rule"]) == unlisted
    ] == []
    alarm = by_account.one("aws_cloudwatch_metric_alarm", "webhook-delivery-unlisted-account-stripe-dev")
    assert (alarm["namespace"], alarm["metric_name"], alarm["statistic"]) == ("AWS/Events", "MatchedEvents", "Sum")
    assert alarm["threshold"] == 0


@pytest.mark.parametrize(("unsigned", "listed"), [("account", False), ("account,mode", False), ("mode", True)])
def test_an_account_that_nobody_signed_chooses_no_tenant(by_account, unsigned, listed):
    detail = {**DETAIL, "unsigned": unsigned}
    found = [one for one in by_account.all("aws_cloudwatch_event_rule") if one["name"].startswith("webhook-account-")]

    assert any(matches(rule, detail) for rule in found) is listed
    assert matches(by_account.one("aws_cloudwatch_event_rule", "webhook-other-stripe-dev"), detail) is not listed


def test_both_queues_take_events_from_the_rule_of_each_account(by_account):
    rules = [one for one in by_account.all("aws_cloudwatch_event_rule") if one["name"].startswith("webhook-account-")]
    policies = json.dumps(by_account.document["data"]["aws_iam_policy_document"])

    assert len(rules) == 2
    assert all(policies.count(f"${{{rule.address}.arn}}") == 2 for rule in rules)
