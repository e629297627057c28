"""``make verify-statements``: what was changed, removed or put in another order is found, and what the records say."""

import json
import sys

import pytest

from lambdas.shared import times
from lambdas.statement.chain import days_of, write
from lambdas.statement.places import PROGRESS_KEY, key_of, page_key_of
from tests.lambdas.statement_support import BEGIN, DAY, HOUR, NAME, WHOLE_DAY, StatementWorld
from tools.commands import verify_statements
from tools.commands.target_stack import NoTargetError, Target

SECOND, THIRD = "2026-02-01", "2026-02-02"


@pytest.fixture
def days(monkeypatch):
    """Three days with statements: on the first one, three events, of which one was replayed on the next."""
    world = StatementWorld()
    world.listing(["evt_1", "evt_2"], account="acct_1", mode="live")
    world.record("evt_3", state="DEAD_LETTERED")
    world.run()
    world.record("evt_3")
    world.record("evt_4", BEGIN + WHOLE_DAY)
    for _ in range(2):
        world.clock.now += WHOLE_DAY
        world.run()
    monkeypatch.setattr("time.time", world.clock)
    monkeypatch.setattr(Target, "chosen", lambda: world.target)
    return world


@pytest.fixture
def verify(days, monkeypatch, capsys):
    """Return a function that runs the command, and returns its exit code and what it said."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["verify-statements", *arguments])
        monkeypatch.setattr(verify_statements.console, "width", 200)
        code = verify_statements.main()
        return code, capsys.readouterr().out

    return run


def change(world, day, changed):
    """Write a statement anew with something changed, as whoever may write to the bucket can; no version tells it."""
    said = json.loads(world.s3.objects[key_of(day)])
    changed(said)
    world.s3.versions[key_of(day)] = [write(said).encode()]


def test_a_chain_that_was_left_alone_is_right(days, verify):
    code, said = verify()
    assert code == 0, said
    assert "Statements of 2026-01-31 to 2026-02-02" in said
    assert days.chain()[-1].sha256 in said
    # as it is with the digest that was noted, of any day
    assert verify("--digest", days.chain()[0].sha256)[0] == 0


def test_states_that_changed_and_payloads_that_were_erased_are_no_difference(days, verify):
    days.record("evt_4", BEGIN + WHOLE_DAY, state="RECORDED")
    days.record("evt_3", erasedAt="2026-02-03T00:00:00.000Z")
    assert verify()[0] == 0


@pytest.mark.parametrize(
    "changed",
    [
        lambda said: said["providers"][0]["accounts"][0].update(received=1),
        lambda said: said["differences"].append({"provider": None, "what": "nothing"}),
        lambda said: said.update(notCovered=[]),
    ],
)
def test_a_changed_statement_is_found_by_the_next_one(days, verify, changed):
    change(days, DAY, changed)
    code, said = verify()
    assert code == 1
    assert f"the statement of {SECOND} is of one before it with the digest" in said


def test_a_removed_statement_is_found(days, verify):
    for key in (key_of(SECOND), page_key_of(SECOND)):
        del days.s3.versions[key]
    code, said = verify()
    assert code == 1
    assert f"the statement of {SECOND} is missing" in said


def test_a_first_statement_that_was_removed_is_found(days, verify):
    for key in (key_of(DAY), page_key_of(DAY)):
        del days.s3.versions[key]
    code, said = verify()
    assert code == 1
    assert f"the statement of {SECOND} is not the first one: {key_of(DAY)} is missing" in said


def test_statements_that_change_places_are_found(days, verify):
    first, second = days.s3.objects[key_of(DAY)], days.s3.objects[key_of(SECOND)]
    days.s3.versions[key_of(DAY)], days.s3.versions[key_of(SECOND)] = [second], [first]
    code, said = verify()
    assert code == 1
    assert f"{key_of(DAY)} is the statement of another day" in said


def test_statements_of_another_order_whose_days_were_changed_too_are_found(days, verify):
    first, second = (json.loads(days.s3.objects[key_of(day)]) for day in (DAY, SECOND))
    days.s3.versions[key_of(DAY)] = [write({**second, "day": DAY}).encode()]
    days.s3.versions[key_of(SECOND)] = [write({**first, "day": SECOND}).encode()]
    code, said = verify()
    assert code == 1
    assert f"the statement of {DAY} is not the first one" in said


def test_the_last_statements_that_were_removed_are_found(days, verify):
    for key in (key_of(THIRD), page_key_of(THIRD)):
        del days.s3.versions[key]
    days.clock.now += HOUR
    assert verify()[0] == 0
    # It may be late by a run, and not more.
    days.clock.now += HOUR
    code, said = verify()
    assert code == 1
    assert f"the statements of {THIRD} to {THIRD} are missing" in said


def test_a_chain_that_was_written_anew_as_a_whole_is_found_by_a_digest_that_was_noted_only(days, verify):
    noted = days.chain()[-1].sha256
    for key in list(days.s3.versions):
        del days.s3.versions[key]
    days.dynamodb._write(NAME, ("event acme:evt_4", "-"), None)
    days.clock.now -= 2 * WHOLE_DAY
    for _ in range(3):
        days.run()
        days.clock.now += WHOLE_DAY
    days.clock.now -= WHOLE_DAY
    assert verify()[0] == 0
    code, said = verify("--digest", noted)
    assert code == 1
    assert f"no statement has the digest {noted}" in said


def test_what_was_overwritten_or_removed_is_found_by_its_old_version(days, verify):
    days.s3.put_object(Key=PROGRESS_KEY, Body=b"{}")
    days.s3.put_object(Key=PROGRESS_KEY, Body=b"{}")
    assert verify()[0] == 0
    days.s3.put_object(Key=key_of(THIRD), Body=days.s3.objects[key_of(THIRD)])
    code, said = verify()
    assert code == 1
    assert f"{key_of(THIRD)} was overwritten or removed" in said


@pytest.mark.parametrize("day", [DAY, THIRD])
def test_a_changed_page_is_found(days, verify, day):
    days.s3.versions[page_key_of(day)] = [days.page(day).replace("No differences", "Differences").encode()]
    code, said = verify()
    assert code == 1
    assert f"the page {page_key_of(day)} is not the one that was written" in said


def test_a_missing_page_is_found(days, verify):
    del days.s3.versions[page_key_of(SECOND)]
    code, said = verify()
    assert code == 1
    assert f"the page {page_key_of(SECOND)} is missing" in said


def test_records_that_are_gone_or_are_another_account_s_are_found(days, verify):
    days.record("evt_3", account="acct_1")
    code, said = verify()
    assert code == 1
    assert f"{DAY}, acme: fewer records than was stated: 1 received of no account, no mode" in said
    assert verify("--since", SECOND)[0] == 0
    assert verify("--provider", "acme")[0] == 1


def test_an_event_that_was_routed_and_is_so_no_more_is_found(days, verify):
    days.record("evt_3", state="HELD")
    days.listing(["evt_1", "evt_2"], account="acct_1", mode="live", state="HELD")
    code, said = verify()
    assert code == 1
    assert f"{DAY}, acme: 2 events were routed, and 0 of them are now" in said


def routed(*hours):
    """Return a timeline with the times, hours after the beginning of the first day, at which an event was routed."""
    steps = [("received", 1), *(("routed", hour) for hour in hours)]
    return {"timeline": [{"step": step, "at": times.iso(BEGIN + hour * HOUR)} for step, hour in steps]}


@pytest.mark.parametrize(
    ("lost", "told"),
    [
        ({"state": "HELD", **routed(1)}, 1),
        # A backup from before it was routed, into which it was restored
        ({"state": "RECORDED", **routed()}, 1),
        # Replayed, and not routed again yet
        ({"state": "RECORDED", **routed(1, 50)}, None),
        ({**routed(1, 50)}, None),
    ],
)
def test_what_is_routed_since_hides_nothing_that_is_so_no_more(days, verify, lost, told):
    # Given a dead letter that was replayed, and one that came, after the day was closed
    days.record("evt_2", account="acct_1", mode="live", **routed(1))
    days.record("evt_3", **routed(40))
    days.record("evt_5", account="acct_1", mode="live", **routed(40))
    days.record("evt_1", account="acct_1", mode="live", **lost)
    code, said = verify()
    assert code == (0 if told is None else 1)
    assert (f"{DAY}, acme: 2 events were routed, and {told} of them are now" in said) == (told is not None)


def test_what_a_timeline_that_was_shortened_says_no_more_is_no_fault(days, verify):
    omitted = {"step": "omitted", "at": times.iso(BEGIN + HOUR), "entries": 300}
    for event_id in ("evt_1", "evt_2"):
        timeline = [omitted, *routed(60)["timeline"]]
        days.record(event_id, account="acct_1", mode="live", timeline=timeline)
    assert verify()[0] == 0


def test_what_was_recorded_since_is_told_and_the_next_statement_says_it(days, verify):
    days.record("evt_5", account="acct_1", mode="live")
    code, said = verify()
    assert code == 0
    (line,) = [line for line in said.splitlines() if "acme" in line]
    assert [part for part in line.replace("│", " ").split() if part != "acme"] == ["3", "4", "5", "1"]
    days.clock.now += WHOLE_DAY
    days.run()
    assert verify()[0] == 0
    days.dynamodb._write(NAME, ("event acme:evt_5", "-"), None)
    assert verify()[0] == 1


def test_what_came_when_no_statement_looked_any_more_is_found(days, verify):
    days.clock.now += WHOLE_DAY
    days.run()
    days.record("evt_5")
    code, said = verify()
    assert code == 1
    assert f"{DAY}, acme: 1 records that no statement has" in said


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--since", "yesterday"], "SINCE: 'yesterday' is not a day such as 2026-01-31"),
        (["--digest", "abc"], "DIGEST: 'abc' is not a SHA-256 digest"),
        (["--provider", "acmee"], "PROVIDER: no statement counts 'acmee' in this time"),
    ],
)
def test_arguments_that_are_none_are_refused(verify, arguments, told):
    with pytest.raises(NoTargetError, match=told.replace("(", r"\(")):
        verify(*arguments)


def test_without_a_statement_it_says_so(days, verify):
    days.s3.versions.clear()
    with pytest.raises(NoTargetError, match="there is no statement yet"):
        verify()


def test_an_object_with_the_name_of_no_day_is_no_statement():
    keys = [f"statements/{name}" for name in ("2026-02-28.json", "2026-02-30.json", "2026-02-27.html", "progress.json")]
    assert days_of(keys) == ["2026-02-28"]
