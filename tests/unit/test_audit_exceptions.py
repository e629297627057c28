"""The reviewed list of exceptions: what it takes, what it refuses, and that it cannot rot."""

from datetime import date
from pathlib import Path

import pytest

from modules.rules.rule import Finding
from modules.settings.presets import PRESETS
from tools.audit.exceptions import ExceptionsError, Ledger, read_exceptions

LIST = Path(__file__).resolve().parents[2] / "audit" / "exceptions.toml"
TODAY = date(2030, 1, 31)
REASON = "Because a reviewer weighed it and found it right."
ENTRY = f'[[exception]]\ncheck = "C_1"\nresource = "aws_s3_bucket.*"\nreason = "{REASON}"\n'
FOUND = Finding("C_1", "aws_s3_bucket.archive", "is not so")


@pytest.fixture
def ledger(tmp_path):
    def write(text: str = ENTRY) -> Ledger:
        path = tmp_path / "exceptions.toml"
        path.write_text(text, encoding="utf-8")
        return Ledger.open(read_exceptions(path), TODAY)

    return write


def test_a_finding_that_is_on_the_list_is_excused_with_its_reason(ledger):
    assert ledger().apply([FOUND], "standard") == (FOUND.excuse(REASON),)


@pytest.mark.parametrize(
    "other",
    [
        Finding("C_2", "aws_s3_bucket.archive", "is not so"),
        Finding("C_1", "aws_sqs_queue.main", "is not so"),
        Finding("C_1", "module.a.aws_sqs_queue.aws_s3_bucket.x", "is not so"),
    ],
)
def test_another_finding_is_not_excused(ledger, other):
    assert ledger().apply([other], "standard") == (other,)


def test_an_exception_may_use_an_id_that_the_rule_had(ledger):
    found = Finding("new-id", FOUND.address, FOUND.message, also=("C_1",))

    assert ledger().apply([found], "standard")[0].excused == REASON


def test_a_stack_in_a_module_has_the_same_exceptions(ledger):
    found = Finding("C_1", 'module.webhooks["eu"].aws_s3_bucket.archive', "is not so")

    assert ledger().apply([found], "standard")[0].excused == REASON


def test_an_exception_for_some_stacks_holds_there_alone(ledger):
    some = ledger(ENTRY + 'stacks = ["burst"]\n')

    assert some.apply([FOUND], "burst")[0].excused == REASON
    assert some.apply([FOUND], "standard")[0].excused == ""


def test_an_exception_for_one_saying_excuses_no_other(ledger):
    some = ledger(ENTRY + 'says = "is not *"\n')

    assert some.apply([FOUND], "standard")[0].excused == REASON
    assert some.apply([Finding("C_1", FOUND.address, "is open")], "standard")[0].excused == ""


def test_an_exception_holds_on_its_last_day_and_not_after(ledger):
    assert ledger(ENTRY + "until = 2030-01-31\n").apply([FOUND], "standard")[0].excused == REASON
    assert ledger(ENTRY + "until = 2030-01-30\n").apply([FOUND], "standard")[0].excused == ""


def test_an_exception_that_ended_is_a_finding(ledger):
    ended = ledger(ENTRY + "until = 2030-01-30\n")
    ended.apply([FOUND], "standard")

    complaints = ended.complaints("standard", ["standard"], ["standard"])

    assert [(item.check, item.address) for item in complaints] == [("exception-ended", "C_1 aws_s3_bucket.*")]


def test_an_exception_that_no_preset_needs_is_a_finding_in_each(ledger):
    unused = ledger()

    for stack in PRESETS:
        complaints = unused.complaints(stack, list(PRESETS), list(PRESETS))
        assert [(item.check, item.address) for item in complaints] == [("exception-unused", "C_1 aws_s3_bucket.*")]


def test_an_exception_that_one_preset_needs_is_none(ledger):
    used = ledger()
    used.apply([FOUND], "burst")

    assert used.complaints("standard", list(PRESETS), list(PRESETS)) == []


def test_an_exception_is_not_called_unused_when_not_every_preset_was_audited(ledger):
    assert ledger().complaints("standard", ["standard"], ["standard", "burst"]) == []


def test_an_exception_for_one_stack_is_unused_when_that_one_does_not_need_it(ledger):
    unused = ledger(ENTRY + 'stacks = ["prod"]\n')

    assert [item.check for item in unused.complaints("prod", ["prod"], list(PRESETS))] == ["exception-unused"]
    assert unused.complaints("standard", list(PRESETS), list(PRESETS)) == []


def test_an_exception_for_deployed_stacks_is_not_called_unused_for_a_preset_which_never_is(ledger):
    assert ledger(ENTRY + "deployed = true\n").complaints("standard", list(PRESETS), list(PRESETS)) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[[exception]]\ncheck = "C"\nresource = "r"\n', "reason is missing"),
        ('[[exception]]\ncheck = "C"\nresource = "r"\nreason = "   "\n', "reason is missing"),
        ('[[exception]]\ncheck = "C"\nresource = "r"\nreason = "not needed"\n', "too short for a reason"),
        (f'[[exception]]\nresource = "r"\nreason = "{REASON}"\n', "check is missing"),
        (f'[[exception]]\ncheck = "C"\nreason = "{REASON}"\n', "resource is missing"),
        (ENTRY + 'until = "soon"\n', "until"),
        (ENTRY + 'stacks = "burst"\n', "stacks"),
        (ENTRY + "says = 1\n", "says"),
        (ENTRY + 'deployed = "yes"\n', "deployed"),
        (ENTRY + "untill = 2030-01-31\n", "untill"),
        ("[exceptions]\n", "exceptions"),
        (ENTRY + ENTRY, "twice"),
        ("[[exception]\n", "exceptions.toml"),
    ],
)
def test_a_list_that_cannot_be_used_says_why(ledger, text, says):
    with pytest.raises(ExceptionsError, match=says):
        ledger(text)


def test_a_list_that_is_not_there_is_no_empty_list(tmp_path):
    with pytest.raises(ExceptionsError):
        read_exceptions(tmp_path / "exceptions.toml")


def test_the_projects_own_list_can_be_read():
    assert {item.check for item in read_exceptions(LIST)} >= {"CKV_AWS_145", "role-trust"}
