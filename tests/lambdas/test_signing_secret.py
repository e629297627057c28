"""Setting and rotating a provider's secret, on the local AWS."""

import json

import pytest

from tools.commands.secret import KEEP, REPLACE, finish, read_secrets, rotate
from tools.commands.target_stack import NoTargetError


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
    assert list(read_secrets(manager, arn)) == ["second", "first"]


def test_a_second_rotation_does_not_drop_what_the_sender_may_still_use(manager, arn):
    rotate(manager, arn, "first")
    rotate(manager, arn, "second")

    with pytest.raises(NoTargetError, match=r"2 secrets are valid.*FINISH=1.*KEEP=1.*REPLACE=1"):
        rotate(manager, arn, "third")
    assert list(read_secrets(manager, arn)) == ["second", "first"]

    # and after the overlap's end it is a rotation as any other
    finish(manager, arn)
    assert list(rotate(manager, arn, "third")) == ["third", "second"]


def test_an_overlap_can_be_told_to_take_one_more(manager, arn):
    for secret in ("first", "second"):
        rotate(manager, arn, secret)

    assert list(rotate(manager, arn, "third", KEEP)) == ["third", "second", "first"]
    assert list(rotate(manager, arn, "fourth", KEEP)) == ["fourth", "third", "second", "first"]


def test_a_mistake_is_replaced_and_what_the_sender_uses_stays(manager, arn):
    rotate(manager, arn, "first")
    rotate(manager, arn, "mistyped")

    assert list(rotate(manager, arn, "second", REPLACE)) == ["second", "first"]


@pytest.mark.parametrize(
    ("wish", "valid"), [(None, ["first", "second"]), (KEEP, ["first", "second"]), (REPLACE, ["first"])]
)
def test_a_rotation_is_taken_back_by_entering_the_older_secret(manager, arn, wish, valid):
    rotate(manager, arn, "first")
    rotate(manager, arn, "second")

    assert list(rotate(manager, arn, "first", wish)) == valid


@pytest.mark.parametrize("wish", [KEEP, REPLACE])
def test_without_an_overlap_a_rotation_is_a_rotation_whatever_is_said(manager, arn, wish):
    rotate(manager, arn, "first")

    assert list(rotate(manager, arn, "second", wish)) == ["second", "first"]


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
