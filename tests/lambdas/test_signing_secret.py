"""Setting and rotating a provider's secret, on the local AWS."""

import json

import pytest

from tools.signing_secret import finish, read_secrets, rotate
from tools.target import NoTargetError


@pytest.fixture
def manager(local_aws):
    return local_aws.client("secretsmanager")


@pytest.fixture
def arn(manager, request):
    return manager.create_secret(Name=f"secret-{request.node.name}")["ARN"]


def test_a_secret_that_was_never_filled_holds_none(manager, arn):
    assert tuple(read_secrets(manager, arn)) == ()


def test_the_first_secret_is_valid_alone(manager, arn):
    assert list(rotate(manager, arn, "first")) == ["first"]
    assert list(read_secrets(manager, arn)) == ["first"]


def test_a_new_secret_comes_first_and_the_one_before_it_stays_valid(manager, arn):
    rotate(manager, arn, "first")

    assert list(rotate(manager, arn, "second")) == ["second", "first"]
    # and the one before that does not
    assert list(rotate(manager, arn, "third")) == ["third", "second"]
    assert list(read_secrets(manager, arn)) == ["third", "second"]


def test_entering_the_newest_again_changes_nothing(manager, arn):
    rotate(manager, arn, "first")
    rotate(manager, arn, "second")

    assert list(rotate(manager, arn, "second")) == ["second", "first"]


def test_the_end_of_the_overlap_leaves_the_newest(manager, arn):
    rotate(manager, arn, "first")
    rotate(manager, arn, "second")

    assert list(finish(manager, arn)) == ["second"]
    assert list(read_secrets(manager, arn)) == ["second"]


def test_a_secret_that_was_put_as_plain_text_is_kept_through_a_rotation(manager, arn):
    manager.put_secret_value(SecretId=arn, SecretString="by-hand")

    assert list(rotate(manager, arn, "second")) == ["second", "by-hand"]
    assert json.loads(manager.get_secret_value(SecretId=arn)["SecretString"]) == {"secrets": ["second", "by-hand"]}


def test_there_is_no_overlap_to_end_without_a_secret(manager, arn):
    with pytest.raises(NoTargetError):
        finish(manager, arn)
