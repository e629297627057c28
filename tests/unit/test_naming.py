"""Names of resources: recognizable, of one environment, and within what AWS allows."""

from dataclasses import FrozenInstanceError

import pytest

from modules.constructs.naming import Names

LONGEST_ENVIRONMENT = "e" * 16
LONGEST_PROVIDER = "p" * 32


@pytest.mark.parametrize(
    ("environment", "resource", "name"),
    [
        ("dev", "queue", "webhook-queue-dev"),
        ("dev", "dead-letter", "webhook-dead-letter-dev"),
        ("eu-prod-1", "records", "webhook-records-eu-prod-1"),
    ],
)
def test_a_name_begins_with_the_system_and_ends_with_the_environment(environment, resource, name):
    assert Names(environment)(resource) == name


# The longest that AWS takes, for the longest names that settings allow.
@pytest.mark.parametrize(
    ("what", "resource", "limit"),
    [
        # https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html
        ("function", "dead-letter", 64),
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
        ("role", "dead-letter", 64),
        # https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html
        ("rule", f"events-{LONGEST_PROVIDER}", 64),
        # https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_CreateArchive.html
        ("archive", "events", 48),
        # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html
        ("queue", "queue", 80),
        # https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html
        ("secret", f"secret-{LONGEST_PROVIDER}", 512),
    ],
)
def test_the_longest_name_is_within_what_aws_allows(what, resource, limit):
    name = Names(LONGEST_ENVIRONMENT)(resource)

    assert len(name) <= limit, f"{what} {name}: {len(name)} characters"


def test_names_belong_to_one_environment_for_good():
    names = Names("dev")

    with pytest.raises(FrozenInstanceError):
        names.environment = "prod"


# Both environments could live in one account, and Terraform would refuse the second at apply, or fight the first.
@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("dev", "secret", "stripe"), ("prod", "secret", "stripe")),
        (("dev", "secret", "stripe"), ("eu-dev", "secret", "stripe")),
        (("dev", "secret", "stripe-eu"), ("eu-dev", "secret", "stripe")),
        (("dev", "events", "generic-timestamped"), ("timestamped-dev", "events", "generic")),
    ],
)
def test_resources_of_two_environments_have_two_names(one, other):
    names = {Names(environment)(resource, qualifier=part) for environment, resource, part in (one, other)}

    assert len(names) == 2, f"{one} and {other} share {names}"
