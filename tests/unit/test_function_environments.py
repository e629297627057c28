"""The typed models of what the stack passes to the delivery functions: what one writes, the function reads."""

import pytest

from lambdas.delivery_api.environment import ApiEnvironment
from lambdas.delivery_authorizer.environment import AuthorizerEnvironment
from lambdas.delivery_worker.environment import WorkerEnvironment

REQUIRED = {
    "endpoints_table": "c",
    "events_table": "e",
    "queue_url": "https://sqs.us-east-1.amazonaws.com/1/q",
    "queue_arn": "arn:aws:sqs:us-east-1:123456789012:q",
    "schedule_group": "g",
    "schedule_role_arn": "arn:aws:iam::123456789012:role/r",
}


@pytest.fixture
def passed(monkeypatch):
    """Return a function that sets variables, and no other of the worker's."""

    def set_all(variables):
        for name in WorkerEnvironment.names():
            monkeypatch.delenv(name, raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return set_all


@pytest.mark.parametrize(
    "changes",
    [{}, {"tenant_metrics": False, "attempt_timeout": 2.5, "dead_ttl_days": 3, "signing_keys_secret_arn": "arn"}],
)
def test_what_the_stack_writes_is_what_the_function_reads(passed, changes):
    written = WorkerEnvironment(**REQUIRED, **changes)
    passed(written.to_environment())

    assert WorkerEnvironment.from_environment() == written


def test_variables_have_the_names_and_values_that_the_stack_passes():
    written = WorkerEnvironment(**REQUIRED, attempt_timeout=15, tenant_metrics=False).to_environment()

    assert written["QUEUE_URL"] == REQUIRED["queue_url"]
    assert (written["ATTEMPT_TIMEOUT"], written["TENANT_METRICS"]) == ("15", "off")
    assert "SIGNING_KEYS_SECRET_ARN" not in written
    assert AuthorizerEnvironment.names() == {"TENANTS_TABLE"}


def test_what_is_left_out_has_its_default(passed):
    passed(WorkerEnvironment(**REQUIRED).to_environment() | {"DISABLE_AFTER_HOURS": ""})

    assert WorkerEnvironment.from_environment().disable_after_hours == 120.0
    assert ApiEnvironment.from_environment().max_event_bytes == 262_144


@pytest.mark.parametrize("name", sorted(REQUIRED))
def test_a_variable_that_is_not_set_is_named(passed, name):
    passed(WorkerEnvironment(**{**REQUIRED, name: ""}).to_environment())

    with pytest.raises(RuntimeError, match=f"environment variable {name.upper()} is not set"):
        WorkerEnvironment.from_environment()


def test_a_number_that_cannot_be_read_is_named(passed):
    passed(WorkerEnvironment(**REQUIRED).to_environment() | {"DEAD_TTL_DAYS": "two"})

    with pytest.raises(ValueError, match="DEAD_TTL_DAYS is 'two', expected a number"):
        WorkerEnvironment.from_environment()
