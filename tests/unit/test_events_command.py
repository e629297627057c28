"""``make events`` and ``make event``: what is asked for, over how many pages, and how it is shown."""

import argparse
import io
import json
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from botocore.credentials import Credentials
from rich.console import Console

from lambdas.delivery.domain.retention import Retention
from lambdas.delivery.queue.messages import BusEvent
from lambdas.delivery_worker.bus_events import tenant_event
from tools.commands import events, target_stack
from tools.commands.target_stack import NoTargetError, NotThereError, Target

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

    settings = SimpleNamespace(delivery=None, providers={"stripe": "stripe"})

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


@pytest.mark.parametrize(
    ("arguments", "pages", "said"),
    [
        ((), [1], ["received in the last 24 hours; SINCE=7d goes further back"]),
        (("--since", "2h"), [1], []),
        (("--list", "dead-letters"), [1], []),
        (("--transactionId", "pi_1"), [1], []),
        (("--since", "2h", "--provider", "strype"), [0], ["'strype' is not deployed; deployed: stripe"]),
        (("--since", "2h", "--count", "2"), [2, 0], ["there may be more than 2; COUNT=20 shows more"]),
        (("--since", "2h", "--count", "2"), [3], ["there may be more than 2; COUNT=20 shows more"]),
        (("--since", "2h", "--count", "2"), [2], []),
    ],
)
def test_what_a_list_leaves_out_is_said_beside_it(run, monkeypatch, arguments, pages, said):
    told = []
    monkeypatch.setattr(events, "_note", told.append)
    lasts = [False] * (len(pages) - 1) + [True]
    answers = [
        {"events": [EVENT] * size, "next": None if last else "a"} for size, last in zip(pages, lasts, strict=True)
    ]

    run(Asked(*answers), "list", *arguments)

    assert told == said


@pytest.mark.parametrize("count", ["0", "-1", "1.5", "x"])
def test_a_count_that_is_none_is_refused_by_its_value(run, capsys, count):
    with pytest.raises(SystemExit):
        run(Asked(), "list", f"--count={count}")
    assert f"'{count}' is not a whole number from 1 on" in capsys.readouterr().err


DELIVERY = {
    "tenantId": "acme",
    "eventId": "evt_D",
    "endpointId": "ep_1",
    "eventType": "invoice.paid",
    "state": "DLQ",
    "reason": "gave [bold]up",
    "attempts": 5,
    "nextAttemptAt": None,
    "createdAt": "2026-01-01T00:00:00.000Z",
    "updatedAt": "2026-01-01T00:16:00.000Z",
}


def test_deliveries_are_asked_of_the_delivery_stack_over_its_pages(run):
    # Given pages of which one is empty
    pages = [{"deliveries": [], "next": "a"}, {"deliveries": [DELIVERY] * 3, "next": "b"}]
    asked = []

    class Delivering(Joined):
        def ask(self, path, base_url=None):
            asked.append((base_url, urlsplit(path).path, query_of(path)))
            return pages[len(asked) - 1]

    # When two are asked for
    arguments = ["--tenantId", "acme", "--state", "DLQ", "--endpointId", "ep_1", "--type", "a b", "--count", "2"]
    lines = run(Delivering({}), "deliveries", *arguments).splitlines()

    # Then the next page is asked for with the cursor of the one before, and no more than needed
    wanted = {"tenantId": ["acme"], "state": ["DLQ"], "endpointId": ["ep_1"], "type": ["a b"]}
    assert asked == [
        ("https://delivery", "/operator/deliveries", wanted),
        ("https://delivery", "/operator/deliveries", {**wanted, "cursor": ["a"]}),
    ]
    assert [json.loads(line) for line in lines] == [DELIVERY] * 2


def test_a_terminal_gets_a_table_of_deliveries(run):
    class Delivering(Joined):
        def ask(self, path, base_url=None):
            return {"deliveries": [DELIVERY], "next": None}

    shown = run(Delivering({}), "deliveries", terminal=True)

    for text in ("acme", "evt_D", "ep_1", "DLQ", "gave [bold]up", "1 deliveries"):
        assert text in shown


def test_deliveries_without_a_delivery_stack_are_refused(run):
    target = Asked()
    target.delivery_url = lambda: None

    with pytest.raises(NoTargetError, match="there is no delivery stack"):
        run(target, "deliveries")


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
    assert json.loads(run(Asked(SHOWN), "show", "stripe:evt_1")) == {**SHOWN, "deliveryEvents": []}


# --- with the delivery stack beside it ------------------------------------------------------------------------------

OCCURRED = "2026-01-01T00:00:00Z"
REPLAYED = {"step": "routed", "at": "2026-01-02", "replayId": "r-1"}
RECORD = {**EVENT, "account": "acct_1", "occurredAt": OCCURRED, "record": "-", "timeline": [REPLAYED]}


class Joined(Asked):
    """A target with a delivery stack, whose tenants by account are `TENANTS`."""

    settings = SimpleNamespace(
        delivery=SimpleNamespace(
            tenants_of={
                "stripe": {None: ("acme",), "acct_1": ("globex",), "acct_2": ("other",)},
                "adyen": {None: ("x",)},
            }
        )
    )

    def __init__(self, known, refused=None):
        super().__init__({**SHOWN, "records": [RECORD]})
        self.known = known
        self.refused = refused

    def delivery_url(self):
        return "https://delivery"

    def ask(self, path, base_url=None):
        if base_url is None:
            return super().ask(path)
        assert base_url == "https://delivery"
        self.paths.append(path)
        if self.refused:
            raise self.refused
        if path not in self.known:
            raise NotThereError("not_found")
        return self.known[path]


def path_of(tenant, replay):
    # As the worker makes it of what is on the bus.
    bus_event = {
        "source": "webhooks.stripe",
        "detail-type": "charge.failed",
        "detail": {
            "provider": "stripe",
            "eventId": EVENT["eventId"],
            "occurredAt": OCCURRED,
            **({"replay": {"replayId": replay}} if replay else {}),
        },
    }
    message = BusEvent(tenant_id=tenant, event=bus_event, detail="{}", hops=0)
    made, _, _ = tenant_event(message, 1_790_000_000.0, Retention(), None)
    return f"/operator/tenants/{tenant}/events/{made.event_id}"


BECAME = {
    "eventId": "evt_T",
    "createdAt": "2026-01-03",
    "attempts": [
        {"endpointId": "ep_1", "number": 1, "at": "2026-01-04", "durationMs": 5, "outcome": "status 500", "status": 500}
    ],
    "deliveries": [
        {"endpointId": "ep_1", "state": "DLQ", "reason": "gave up", "nextAttemptAt": None, "updatedAt": "2026-01-05"}
    ],
}


def test_what_became_of_an_event_is_asked_of_the_tenants_that_get_it_for_each_time_it_was_published(run):
    # Given an event of an account, which was published and replayed
    target = Joined({path_of("globex", "r-1"): BECAME})

    # When it is shown
    shown = json.loads(run(target, "show", "stripe:evt_1"))

    # Then each tenant that gets events of the account was asked, and what there is was found
    assert set(target.paths[1:]) == {path_of(tenant, replay) for tenant in ("acme", "globex") for replay in ("", "r-1")}
    assert shown["deliveryEvents"] == [{"tenantId": "globex", **BECAME}]


def test_one_timeline_goes_from_receipt_to_the_last_attempt(run):
    lines = run(Joined({path_of("acme", ""): BECAME}), "show", "stripe:evt_1", terminal=True).splitlines()

    whens = [line.split()[1] for line in lines if line.startswith("│ 2026-01-0") and "charge.failed" not in line]
    assert whens == ["2026-01-05", "2026-01-04", "2026-01-03", "2026-01-02"]
    (last,) = [line for line in lines if "2026-01-04" in line]
    assert [part.strip() for part in last.strip("│").split("│")] == [
        "2026-01-04",
        "acme",
        "attempt 1",
        "ep_1, status 500, 5 ms",
    ]


@pytest.mark.parametrize(
    ("refused", "said"),
    [
        (NoTargetError("not authorized"), "not authorized"),
        (requests.HTTPError("secret", response=SimpleNamespace(status_code=429)), "the API answered 429"),
        (requests.ReadTimeout("secret"), "the API cannot be asked: ReadTimeout"),
        (requests.JSONDecodeError("secret", "<html>", 0), "the API cannot be asked: JSONDecodeError"),
    ],
    ids=["refused", "throttled", "too slow", "no JSON"],
)
def test_where_deliveries_cannot_be_read_the_inbound_half_is_seen(run, capsys, refused, said):
    shown = run(Joined({}, refused), "show", "stripe:evt_1", terminal=True)

    assert "replayId r-1" in shown
    assert capsys.readouterr().err == f"what became of it in delivery is not shown: {said}\n"


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

    with pytest.raises(NoTargetError, match=next(iter(body.values()))):
        asking().ask("/internal/events")


def asking():
    return Target(
        settings=SimpleNamespace(region="us-east-1"),
        base_url="https://api",
        outputs={},
        client=None,
        verify=True,
        signing_secrets={},
        credentials=Credentials("key", "secret"),
    )


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (requests.ConnectionError("secret"), "error: the API cannot be asked: ConnectionError"),
        (503, "error: the API answered 503"),
        (403, "error: the API answered 403"),
    ],
    ids=["away", "busy", "not JSON"],
)
def test_an_api_that_does_not_answer_as_it_should_is_a_message(monkeypatch, fault, said):
    def answer(*_, **__):
        if isinstance(fault, Exception):
            raise fault
        found = requests.Response()
        found.status_code, found._content = fault, b"<html>"
        return found

    monkeypatch.setattr(target_stack, "call_signed", answer)
    with pytest.raises(SystemExit) as ended:
        target_stack.run(lambda: asking().ask("/internal/events"))
    assert str(ended.value) == said
