"""``make events`` and ``make event``: what is asked for, over how many pages, and how it is shown."""

import argparse
import io
import json
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.credentials import Credentials
from rich.console import Console

from tools.commands import events, target_stack
from tools.commands.target_stack import NoTargetError, Target

EVENT = {
    "provider": "stripe",
    "eventId": "evt_[bold]1",
    "eventType": "charge.failed",
    "state": "DEAD_LETTERED",
    "transactionId": "pi_1",
    "receivedAt": "2026-01-01T00:00:00.000Z",
    "lastFailure": {"reason": "PutObject: SlowDown", "at": "2026-01-01T00:00:01.000Z"},
}
SHOWN = {
    "event": "stripe:evt_[bold]1",
    "records": [{**EVENT, "record": "-", "timeline": [{"step": "routed", "at": "2026", "busEventId": "b-1"}]}],
    "transaction": {"transactionId": "pi_1", "otherEvents": [EVENT], "hasMore": True},
}


class Asked:
    """A target that answers with pages."""

    def __init__(self, *pages):
        self.pages = list(pages)
        self.paths = []

    def ask(self, path):
        self.paths.append(path)
        return self.pages.pop(0)


@pytest.fixture
def run(monkeypatch, capsys):
    def run(target, *arguments, terminal=False):
        shown = io.StringIO()
        monkeypatch.setattr(events, "console", Console(file=shown, force_terminal=terminal, width=200, no_color=True))
        monkeypatch.setattr(Target, "chosen", lambda: target)
        monkeypatch.setattr("sys.argv", ["make events", *arguments])
        assert events.main() == 0
        return shown.getvalue() or capsys.readouterr().out

    return run


def query_of(path):
    return parse_qs(urlsplit(path).query, strict_parsing=True)


def test_what_is_asked_for_is_passed_on_and_pages_are_followed(run, monkeypatch):
    # Given pages of which one is empty
    monkeypatch.setattr(events.time, "time", lambda: 1_767_225_600.0)
    target = Asked({"events": [EVENT], "next": "a"}, {"events": [], "next": "b"}, {"events": [EVENT] * 3, "next": "c"})

    # When three events are asked for
    arguments = ["--provider", "stripe", "--type", "a b&c", "--state", "HELD", "--since", "2h", "--count", "3"]
    lines = run(target, "list", *arguments).splitlines()

    # Then each page is asked for with the same query and the cursor of the one before, and no more pages than needed
    wanted = {"provider": ["stripe"], "type": ["a b&c"], "state": ["HELD"], "from": ["2025-12-31T22:00:00.000Z"]}
    assert [query_of(path) for path in target.paths] == [wanted, {**wanted, "next": ["a"]}, {**wanted, "next": ["b"]}]
    assert [json.loads(line) for line in lines] == [EVENT] * 3


def test_a_terminal_gets_a_table_in_which_nothing_is_markup(run):
    shown = run(Asked({"events": [EVENT], "next": None}), "list", terminal=True)

    assert "evt_[bold]1" in shown
    assert "PutObject: SlowDown" in shown
    assert "1 events" in shown


def test_one_event_is_asked_for_by_its_id_and_shown_with_all_that_belongs_to_it(run):
    target = Asked(SHOWN)

    shown = run(target, "show", "stripe:evt/1", terminal=True)

    assert target.paths == ["/internal/events/~c3RyaXBlOmV2dC8x"]
    for text in ("stripe:evt_[bold]1", "busEventId b-1", "other events of pi_1, and more"):
        assert text in shown


def test_one_event_in_a_pipe_is_json(run):
    assert json.loads(run(Asked(SHOWN), "show", "stripe:evt_1")) == SHOWN


@pytest.mark.parametrize(("text", "seconds"), [("30m", 1_800), ("2h", 7_200), ("7d", 604_800)])
def test_a_time_is_read(text, seconds):
    assert events._seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "2", "h", "0h", "1.5h", "2 h", "2w", "٢h", "-1h"])
def test_a_time_that_is_none_is_refused_by_its_value(text):
    with pytest.raises(argparse.ArgumentTypeError, match=f"'{text}' is not a time such as 30m, 2h or 7d"):
        events._seconds(text)


@pytest.mark.parametrize(
    ("status", "body"),
    [(400, {"error": "limit: 0"}), (403, {"message": "User is not authorized"}), (404, {"error": "no such event"})],
)
def test_what_is_refused_is_told_as_the_api_says_it(monkeypatch, status, body):
    answer = SimpleNamespace(status_code=status, json=lambda: body)
    monkeypatch.setattr(target_stack, "call_signed", lambda *_, **__: answer)
    target = Target(
        settings=SimpleNamespace(region="us-east-1"),
        base_url="https://api",
        outputs={},
        client=None,
        verify=True,
        signing_secrets={},
        credentials=Credentials("key", "secret"),
    )

    with pytest.raises(NoTargetError, match=next(iter(body.values()))):
        target.ask("/internal/events")
