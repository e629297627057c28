"""The page, the exit code, and what a tool printed; the tools themselves run in tests/plan."""

import json
from datetime import date

import pytest

from modules.rules.rule import Finding
from tests.unit.audit_stack import allow, good, plan_of
from tools.audit import __main__ as command_line
from tools.audit import audit as auditing
from tools.audit import checkov, page
from tools.audit.audit import audit
from tools.audit.exceptions import Excuse, Ledger
from tools.audit.planning import PlannedStack
from tools.audit.summary import accept, summarize
from tools.audit.toolbox import ToolError, run

REASON = "Because a reviewer weighed it and found it right."


@pytest.fixture
def tools(monkeypatch):
    """Replace checkov and the linter, which tests/plan runs for real: they need an environment of their own."""
    found: dict[str, list[Finding]] = {"checkov": [], "linter": []}
    monkeypatch.setattr(auditing.checkov, "check", lambda document: ("9 checks", found["checkov"]))
    monkeypatch.setattr(auditing.linter, "check", lambda plan: ("9 statements", found["linter"]))
    return found


@pytest.fixture
def audited(tools, tmp_path):
    """Return a function that audits a stack against an accepted one."""

    def run_audit(stack=None, excuses=(), accepted=None):
        accept(tmp_path, "dev", summarize(auditing.read(plan_of(accepted or good()))))
        return audit("dev", plan_of(stack or good()), Ledger.open(excuses, date(2030, 1, 1)), tmp_path)

    return run_audit


@pytest.fixture
def call(tools, tmp_path):
    """Return a function that runs the command line on a plan, and returns its exit code."""

    def run_command(stack, *more):
        plan = tmp_path / "dev.json"
        plan.write_text(json.dumps(plan_of(stack)) if stack else "{}", encoding="utf-8")
        (tmp_path / "exceptions.toml").touch()
        folders = ("accepted", "pages")
        options = [text for name in folders for text in (f"--{name}", str(tmp_path / name))]
        exceptions = ["--exceptions", str(tmp_path / "exceptions.toml")]
        return command_line.main(["--plan", str(plan), *options, *exceptions, *more])

    return run_command


def overreaching():
    stack = good()
    stack["data.aws_iam_policy_document.processing"]["statement"].append(allow("Everything", ["dynamodb:*"], ["*"]))
    return stack


def test_the_same_plan_makes_the_same_bytes(audited, tmp_path):
    pages = []
    for folder in ("first", "second"):
        page.write(audited(), tmp_path / folder)
        pages.append([(tmp_path / folder / f"dev.{form}").read_bytes() for form in ("md", "json")])

    assert pages[0] == pages[1]


def test_the_page_names_no_file_of_this_machine(audited, tmp_path):
    text = page.write(audited(), tmp_path / "pages").read_text(encoding="utf-8")

    assert str(tmp_path) not in text
    assert str(command_line.ROOT) not in text


def test_both_forms_say_the_same(audited):
    # Given an audit with a finding, an excused finding, and a change
    facts = page.facts(audited(overreaching()))

    # When
    text = page.markdown(facts)

    # Then
    assert facts["verdict"] == "findings"
    for finding in facts["findings"]:
        assert f"`{finding['address']}`" in text
        assert finding["check"] in text
    for entry in facts["entry_points"]:
        assert f"`{entry['call']}`" in text
    for alarm in facts["alarms"]:
        assert f"`{alarm['name']}`" in text


def test_new_statements_stand_before_all_other_changes(audited):
    stack = overreaching()
    stack["aws_sqs_queue.target"]["visibility_timeout_seconds"] = 600

    text = page.markdown(page.facts(audited(stack)))

    changes = text[text.index("## Changes against") :]
    assert 0 < changes.index("sid Everything") < changes.index("visibility_timeout_seconds")


def test_an_asterisk_of_a_policy_is_no_mark_of_markdown(audited):
    text = page.markdown(page.facts(audited(overreaching())))

    assert "(dynamodb:\\*) — sid Everything" in text


def test_an_excused_finding_stands_there_with_its_reason(audited, tools):
    tools["checkov"].append(Finding("CKV_1", "aws_s3_bucket.archive", "Ensure something"))

    audited_ = audited(excuses=[Excuse("CKV_1", "aws_s3_bucket.*", REASON)])

    assert audited_.open == ()
    assert page.facts(audited_)["excused"] == [
        {
            "check": "CKV_1",
            "message": "Ensure something",
            "reason": REASON,
            "addresses": ["aws_s3_bucket.archive"],
        }
    ]


def test_a_change_that_is_not_accepted_cannot_be_excused(audited):
    stack = good()
    stack["aws_sqs_queue.target"]["visibility_timeout_seconds"] = 600

    audited_ = audited(stack, [Excuse("unaccepted-change", "*", REASON)])

    assert [finding.check for finding in audited_.open] == ["unaccepted-change"]


def test_resources_are_listed_by_service(audited):
    services = page.facts(audited())["resources"]

    assert {"what": "queue", "name": "webhook-queue-dev.fifo", "address": "aws_sqs_queue.main", "action": "create"} in (
        services["SQS"]
    )
    assert [item["name"] for item in services["S3"] if item["what"] == "bucket"] == ["webhook-archive-<account>-dev"]


def test_a_plan_that_is_right_and_accepted_ends_with_0(call, tmp_path):
    assert call(good(), "--accept") == 0
    assert call(good()) == 0
    assert (tmp_path / "pages" / "dev.md").read_text(encoding="utf-8").startswith("# Audit of dev: clean")


def test_a_plan_that_nobody_accepted_ends_with_1(call):
    assert call(good()) == 1


def test_a_finding_ends_with_1_and_is_named(call, capsys):
    call(good(), "--accept")

    assert call(overreaching()) == 1
    printed = capsys.readouterr().out
    assert "aws_iam_role_policy.processing  wildcard-action" in printed
    assert "statement Everything allows dynamodb:*" in printed


def test_accepting_does_not_silence_findings(call):
    assert call(overreaching(), "--accept") == 1


def test_what_is_no_plan_ends_with_2(call, capsys):
    assert call(None) == 2
    assert "terraform show -json" in capsys.readouterr().out


def test_a_plan_that_is_not_there_ends_with_2(call):
    assert call(good(), "--plan", "no/such/plan.json") == 2


def test_one_stack_that_could_not_be_audited_ends_with_2_though_the_others_are_clean(call, monkeypatch, capsys):
    call(good(), "--accept")
    stacks = [PlannedStack("dev", lambda: plan_of(good())), PlannedStack("prod", dict)]
    monkeypatch.setattr(command_line, "_stacks", lambda planner, asked: iter(stacks))

    assert call(good()) == 2
    printed = capsys.readouterr().out
    assert "dev: clean" in printed
    assert "prod: could not be audited" in printed


def test_a_list_of_exceptions_that_cannot_be_used_ends_with_2(call, tmp_path):
    wrong = tmp_path / "wrong.toml"
    wrong.write_text('[[exception]]\ncheck = "C"\n', encoding="utf-8")

    assert call(good(), "--exceptions", str(wrong)) == 2


def test_an_exception_that_excuses_nothing_ends_with_1(call, tmp_path, capsys):
    unused = tmp_path / "unused.toml"
    unused.write_text(
        f'[[exception]]\ncheck = "C"\nresource = "*"\nreason = "{REASON}"\nstacks = ["dev"]\n', encoding="utf-8"
    )

    assert call(good(), "--accept", "--exceptions", str(unused)) == 1
    assert "exception-unused" in capsys.readouterr().out


def test_a_tool_that_did_not_run_ends_with_2(call, monkeypatch, capsys):
    def fail(document):
        raise ToolError("checkov is not installed: run 'make audit-setup' first")

    monkeypatch.setattr(auditing.checkov, "check", fail)

    assert call(good(), "--accept") == 2
    assert "make audit-setup" in capsys.readouterr().out


def test_a_tool_that_is_not_installed_says_how_to_install_it(tmp_path):
    with pytest.raises(ToolError, match="make audit-setup"):
        run("no-such-tool", [], folder=tmp_path)


FAILED = {"check_id": "CKV_1", "resource": "aws_s3_bucket.archive", "check_name": "Ensure something"}


def report(**summary):
    counts = {"passed": 1, "failed": 1, "parsing_errors": 0, "resource_count": 2}
    return json.dumps({"results": {"failed_checks": [FAILED], "skipped_checks": []}, "summary": counts | summary})


def test_what_checkov_found_is_read():
    looked_at, findings = checkov.read_report(report())

    assert looked_at == "2 checks on 2 resources"
    assert findings == [Finding("CKV_1", "aws_s3_bucket.archive", "Ensure something")]


def test_what_checkov_was_told_to_skip_is_a_finding():
    printed = json.loads(report())
    printed["results"] = {"failed_checks": [], "skipped_checks": [FAILED]}

    _, findings = checkov.read_report(json.dumps(printed))

    assert [(item.check, item.address) for item in findings] == [("CKV_1", "aws_s3_bucket.archive")]


@pytest.mark.parametrize(
    "printed", ["Usage: checkov", "[]", '{"passed": 0}', report(parsing_errors=1), report(passed=0)]
)
def test_a_checkov_that_read_nothing_is_no_clean_one(printed):
    with pytest.raises(ToolError):
        checkov.read_report(printed)
