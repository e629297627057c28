"""Reconciliation with the provider's list of events: what is missing comes once, whatever breaks."""

import http.client
import io
import json
import sys
import time
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace

import pytest
import stripe

from lambdas.inbound.archive import REPORT_PREFIX, Archive
from lambdas.inbound.envelope import Envelope
from lambdas.inbound.event import read_events
from lambdas.inbound.providers.registry import REGISTRY
from lambdas.inbound.queue import MainQueue
from lambdas.inbound.record_queries import RecordQueries
from lambdas.inbound.records import Records
from lambdas.reconcile.api import ApiError
from lambdas.reconcile.event_list import NotAListError
from lambdas.reconcile.lists.stripe import StripeEvents
from lambdas.reconcile.logic import SETTLE_SECONDS, Reconciled, Reconciliation
from lambdas.reconcile.progress import OvertakenError, Progress, ProgressStore
from lambdas.shared import times
from lambdas.shared.request import WebhookRequest
from lambdas.shared.signatures.scheme import key_id
from modules.settings.environments import build_settings
from tests.lambdas.events_apis import StripeApi, stripe_endpoint
from tests.lambdas.support import NOW, Clock, CrashError, aws_error, envelope, lambda_context, message, new_secret
from tests.lambdas.test_upgrade import BY_NAME
from tools.commands import reconcile
from tools.commands.target_stack import NoTargetError, Target

HOUR = 3_600.0
DAY = 86_400.0
RETENTION = 2 * DAY
FIRST = NOW - HOUR


def stripe_event(number, created=FIRST, kind="charge.succeeded"):
    return {
        "id": f"evt_{number}",
        "object": "event",
        "api_version": "2024-06-20",
        "created": int(created),
        "livemode": True,
        "type": kind,
        "data": {"object": {"id": f"ch_{number}", "object": "charge", "amount": 100 + number, "currency": "eur"}},
    }


@pytest.fixture
def api(world):
    with StripeApi(world.clock).serve() as api:
        yield api


def received(world, event, name="stripe"):
    """Return the message of an event's webhook, in the words of the endpoint's API version."""
    body = json.dumps({**event, "api_version": "2020-08-27"}).encode()
    request = WebhookRequest(body=body, headers={}, received_at=world.clock())
    (read,) = read_events(name, REGISTRY["stripe"], request)
    return message(envelope(read, body=body, received_at=times.iso(world.clock())))


def invocation(world, api, *, clients=None, **changes):
    """Return a run of the function, as a new invocation begins it."""
    clients = clients or world.clients
    missing = []
    reconciliation = Reconciliation(
        records=Records(clients.dynamodb, world.name),
        queries=RecordQueries(clients.dynamodb, world.name),
        progress=ProgressStore(clients.dynamodb, world.name),
        queue=MainQueue(clients.sqs, world.queue_url, "provider"),
        archive=Archive(clients.s3, world.name),
        clock=world.clock,
        on_missing=lambda name, events: missing.extend(event.key for event in events),
    )
    one = Reconciled(
        name="stripe",
        provider=REGISTRY["stripe"],
        events=StripeEvents(api.client(StripeEvents, Clock(0.0)), api.key),
        api_key=api.key,
        overlap=2 * HOUR,
        **changes,
    )

    def run(seconds=900.0, **arguments):
        return reconciliation.run(one, seconds if callable(seconds) else lambda: seconds, **arguments)

    run.missing = missing
    return run


def reports(world):
    return [json.loads(content) for _, content in world.objects(REPORT_PREFIX)]


def test_the_api_of_these_tests_is_one_that_stripes_own_client_reads(api):
    api.events = [stripe_event(number, FIRST + number) for number in range(250)]
    client = stripe.StripeClient(api.key, base_addresses={"api": f"http://127.0.0.1:{api.port}"})
    created = {"gte": int(FIRST + 10), "lt": int(FIRST + 240)}
    listed = [one.id for one in client.v1.events.list({"created": created, "limit": 100}).auto_paging_iter()]
    assert listed == [f"evt_{number}" for number in reversed(range(10, 240))]


def test_what_is_missing_is_routed_once_and_marked_and_its_late_webhook_is_a_duplicate(world, api):
    # Given 250 events, of which no webhook of every tenth came, and of a block
    api.events = [stripe_event(number, FIRST + number) for number in range(250)]
    hidden = {number for number in range(250) if number % 10 == 3 or 100 <= number < 130}
    world.process([received(world, one) for number, one in enumerate(api.events) if number not in hidden])
    world.routed()

    # When the function runs, and processing takes what it handed over
    report = invocation(world, api)()
    handed_over = world.queued()
    assert not world.process(handed_over).failures

    # Then all are recorded and routed once, and the missing ones say so
    assert world.routed_counts() == {f"evt_{number}": 1 for number in range(250)}
    marked = {one["eventId"] for one in world.all_records() if one.get("recovered")}
    assert marked == {f"evt_{number}" for number in hidden}
    assert {one["detail"]["eventId"] for one in world.routed() if one["detail"].get("recovered")} == marked
    assert (report["listed"], report["present"], report["recovered"]) == (250, 250 - len(hidden), len(hidden))
    assert set(report["recoveredIds"]) == marked
    assert report["complete"]
    assert reports(world) == [report]

    # And when their webhooks come after all, they are duplicates
    late = world.process([received(world, api.events[number]) for number in hidden])
    assert (len(late.duplicates), len(late.conflicts)) == (len(hidden), 0)
    assert set(world.routed_counts().values()) == {1}

    # And the next run, whose window overlaps, finds nothing
    world.clock.now += HOUR
    again = invocation(world, api)()
    assert (again["listed"], again["recovered"]) == (250, 0)
    assert world.queued() == []


def test_the_evidence_says_from_where_when_and_with_which_key(world, api):
    api.events = [stripe_event(1)]
    invocation(world, api)()
    (one,) = world.queued()
    found = Envelope.from_message(one.body)
    assert found.recovered
    assert json.loads(found.body) == api.events[0]
    evidence = found.evidence.to_document()
    assert evidence["fetchedFrom"] == "api.stripe.com"
    assert evidence["keyId"] == key_id(api.key)
    assert api.key not in one.body
    assert (evidence["receivedAt"], evidence["verdict"], evidence["headers"]) == (NOW, "fetched", {})


def test_windows_overlap_and_reach_as_far_back_as_the_last_one_that_was_closed(world, api):
    first = invocation(world, api)()
    assert (first["since"], first["until"]) == (
        times.iso(NOW - SETTLE_SECONDS - 2 * HOUR),
        times.iso(NOW - SETTLE_SECONDS),
    )
    world.clock.now += 3 * DAY
    second = invocation(world, api)()
    assert second["since"] == times.iso(NOW - SETTLE_SECONDS - 2 * HOUR)
    assert second["until"] == times.iso(NOW + 3 * DAY - SETTLE_SECONDS)


def test_a_catch_up_goes_back_as_far_as_the_provider_does(world, api):
    api.events = [stripe_event(1, NOW - 40 * DAY), stripe_event(2, NOW - 29 * DAY), stripe_event(3)]
    invocation(world, api)()
    assert [Envelope.from_message(one.body).event.event_id for one in world.queued()] == ["evt_3"]
    report = invocation(world, api)(since=NOW - 60 * DAY)
    assert report["since"] == times.iso(NOW - 30 * DAY + HOUR)
    assert "evt_2" in report["recoveredIds"]
    assert "evt_1" not in report["recoveredIds"]


def test_a_dry_run_looks_at_the_time_that_is_asked_for_and_at_no_other(world, api):
    # Given a window that ended long ago, and another that is open from there on and lost something
    invocation(world, api)()
    world.clock.now += 31 * DAY
    api.events = [stripe_event(1, world.clock.now - 10 * DAY), stripe_event(2, world.clock.now - HOUR)]
    for _ in range(2):
        report = invocation(world, api)(dry_run=True, since=world.clock.now - 2 * HOUR)
        assert report["since"] == times.iso(world.clock.now - 2 * HOUR)
        assert (report["recoveredIds"], report["problems"]) == (["evt_2"], [])
        assert not invocation(world, api)(lambda: 10.0)["complete"]


def test_each_event_is_counted_once_for_its_day_and_account_however_windows_overlap(world, api, monkeypatch):
    # Given a list that shows a little more than it is asked for
    page = StripeEvents.page
    monkeypatch.setattr(StripeEvents, "page", lambda of, since, until, after: page(of, since - 9, until + 9, after))
    # with events of two days and two accounts, some at the very edges of windows
    accounts = ("acct_1", "acct_2", None)
    for number in range(150):
        of = {"account": account} if (account := accounts[number % 3]) else {}
        api.events.append({**stripe_event(number, NOW - SETTLE_SECONDS - HOUR + number * 300), **of})
    api.most = 7

    # When hourly windows overlap, one is a dry run, one a catch-up, one ends early and one begins again
    invocation(world, api)()
    for run in range(1, 14):
        world.clock.now += HOUR
        left = iter([900.0, 900.0, 10.0])
        if run == 3:
            invocation(world, api)(dry_run=True)
        elif run == 6:
            invocation(world, api)(since=NOW - HOUR)
        elif run in {8, 10}:
            assert not invocation(world, api)(lambda left=left: next(left))["complete"]
        elif run == 11:
            cursor = ProgressStore(world.clients.dynamodb, world.name).read("stripe").after
            api.events = [one for one in api.events if one["id"] != cursor]
            assert invocation(world, api)()["complete"]
        else:
            invocation(world, api)()

    # Then the closed windows together have each event once
    closed = [one for one in reports(world) if not one["dryRun"]]
    counted = Counter()
    for report in closed:
        for one in report["byDay"]:
            counted[one["day"], one["account"], one["mode"]] += one["events"]
    until = max(one["until"] for one in closed)
    has = [one for one in api.events if times.iso(one["created"]) < until]
    assert counted == Counter((times.iso(one["created"])[:10], one.get("account"), "live") for one in has)
    assert {day for day, *_ in counted} == {"2026-09-21", "2026-09-22"}
    assert sum(one["listed"] for one in closed) > 2 * len(has)


def test_the_accounts_that_are_counted_are_bounded(world, api):
    api.events = [{**stripe_event(number), "account": f"acct_{number:03}"} for number in range(230)]
    report = invocation(world, api)()
    assert (len(report["byDay"]), report["byDayNotNamed"]) == (200, 30)


@pytest.fixture
def short_list(monkeypatch):
    """Stripe's list, as if it went back two days: each hour of it is looked at for records."""
    monkeypatch.setattr(StripeEvents, "retention_seconds", int(RETENTION))


def test_what_the_list_no_longer_had_is_told(world, api, short_list):
    api.events = [stripe_event(1)]
    first = invocation(world, api)()
    assert first["problems"] == []
    world.clock.now += RETENTION + DAY
    report = invocation(world, api)()
    assert report["since"] == times.iso(world.clock.now - RETENTION + HOUR)
    assert report["problems"] == [
        f"from {times.iso(NOW - SETTLE_SECONDS - 2 * HOUR)} to {report['since']} the list had ended already"
    ]
    # And it is told in the run that goes on, whatever became of the first.
    assert reports(world)[-1] == report
    world.clock.now += HOUR
    assert invocation(world, api)()["problems"] == []


def test_what_an_open_window_lost_in_a_long_outage_is_told(world, api, short_list):
    # Given a window that is open after its first page
    api.events = [stripe_event(number, FIRST + number) for number in range(250)]
    left = iter([900.0, 10.0])
    first = invocation(world, api)(lambda: next(left))
    assert first["problems"] == []

    # When no run is made for longer than the list goes back
    world.clock.now += RETENTION + DAY
    api.events = []

    # Then the run that closes it says so, and so does one that goes further back and replaces it
    told = f"from {first['since']} to {first['until']} the list had ended already"
    assert invocation(world, api)(dry_run=True)["problems"] == [
        f"from {first['since']} to {times.iso(world.clock.now - RETENTION + HOUR)} the list had ended already"
    ]
    assert invocation(world, api)()["problems"] == [told]


def test_what_is_lost_is_told_when_another_window_replaces_the_one_that_lost_it(world, api, short_list):
    api.events = [stripe_event(1)]
    invocation(world, api)()
    world.clock.now += RETENTION + DAY
    api.faults = [(500, {}, {})] * 4
    with pytest.raises(ApiError):
        invocation(world, api)()
    world.clock.now += DAY
    report = invocation(world, api)(dry_run=True)
    assert report["problems"] == [
        f"from {times.iso(NOW - SETTLE_SECONDS - 2 * HOUR)} to {report['since']} the list had ended already"
    ]


def test_a_list_that_was_read_to_its_end_lost_nothing(world, api, short_list):
    api.events = [stripe_event(1)]
    run = invocation(world, api, clients=replace(world.clients, s3=Dying(world.clients.s3, [1])))
    world.process([received(world, api.events[0])])
    with pytest.raises(CrashError):
        run()
    world.clock.now += RETENTION + DAY
    assert invocation(world, api)()["problems"] == []


def test_a_catch_up_that_is_asked_for_again_is_gone_on_with(world, api, short_list):
    """Also one that goes further back than the list, of which the end moves on."""
    api.events = [stripe_event(number, FIRST + number) for number in range(250)]
    left = iter([900.0, 900.0, 10.0])
    first = invocation(world, api)(lambda: next(left), since=NOW - 2 * RETENTION)
    assert (first["listed"], first["complete"]) == (200, False)
    told = f"from {times.iso(NOW - 2 * RETENTION)} to {first['since']} the list had ended already"
    assert first["problems"] == [told]
    world.clock.now += 60
    again = invocation(world, api)(since=NOW - 2 * RETENTION)
    assert (again["openedAt"], again["listed"], again["problems"]) == (first["openedAt"], 250, [told])
    assert len(api.calls) == 3


def test_runs_that_are_never_enough_are_told(world, api):
    api.events = [stripe_event(number, FIRST + number) for number in range(250)]

    def one_page():
        left = iter([900.0, 10.0])
        return invocation(world, api)(lambda: next(left))

    assert one_page()["problems"] == []
    world.clock.now += 25 * HOUR
    assert one_page()["problems"] == ["the list is longer than the runs are enough for"]
    assert invocation(world, api)()["problems"] == []


def test_what_has_just_happened_is_left_to_its_webhook(world, api):
    api.events = [stripe_event(1, NOW - 10)]
    assert invocation(world, api)()["listed"] == 0


def test_a_run_whose_time_ends_is_gone_on_with(world, api):
    api.events = [stripe_event(number, FIRST + number) for number in range(250)]
    left = iter([900.0, 900.0, 10.0])
    first = invocation(world, api)(lambda: next(left))
    assert (first["complete"], first["listed"]) == (False, 200)
    assert reports(world) == []
    world.clock.now += HOUR
    second = invocation(world, api)()
    assert (second["complete"], second["listed"], second["openedAt"]) == (True, 250, first["openedAt"])
    assert len(api.calls) == 3
    assert not world.process(world.queued()).failures
    assert world.routed_counts() == {f"evt_{number}": 1 for number in range(250)}


def test_a_dry_run_tells_and_changes_nothing(world, api):
    api.events = [stripe_event(1), stripe_event(2)]
    world.process([received(world, api.events[0])])
    before = world.snapshot()
    report = invocation(world, api)(dry_run=True)
    assert (report["dryRun"], report["recoveredIds"]) == (True, ["evt_2"])
    assert world.queued() == []
    assert reports(world) == [report]
    assert world.snapshot()["records"] == before["records"]
    # And the real one does all of it.
    assert invocation(world, api)()["recoveredIds"] == ["evt_2"]


def test_a_record_of_version_0_1_0_is_a_record(world, api):
    first = BY_NAME["stripe"]
    first.record(world)
    api.events = [{**json.loads(first.request.body), "created": int(FIRST)}, stripe_event(2)]
    assert invocation(world, api)()["recoveredIds"] == ["evt_2"]


def test_only_the_types_that_are_wanted_are_handed_over(world, api):
    api.events = [stripe_event(1), stripe_event(2, kind="charge.refunded"), stripe_event(3, kind="payout.paid")]
    report = invocation(world, api, types=["charge.*"])()
    assert set(report["recoveredIds"]) == {"evt_1", "evt_2"}
    assert (report["listed"], report["unwanted"]) == (3, 1)


def test_an_entry_without_an_id_is_counted_and_fails_no_other(world, api):
    api.events = [stripe_event(1), {**stripe_event(2), "id": "not an id\n"}]
    report = invocation(world, api)()
    assert (report["recoveredIds"], report["unreadable"]) == (["evt_1"], 1)
    assert report["unreadableIds"] == ["not an id\n"]
    assert report["problems"] == [
        "1 entries of the list cannot be read, are not of the key's mode, or are not what was signed"
    ]


def test_missing_events_are_told_before_they_are_handed_over(world, api):
    """A process that dies in between has told of them, and the next one tells of them again."""
    api.events = [stripe_event(1)]
    run = invocation(world, api, clients=replace(world.clients, sqs=Dying(world.clients.sqs, [1])))
    with pytest.raises(CrashError):
        run()
    assert run.missing == ["stripe:evt_1"]


# --- what breaks ------------------------------------------------------------------------------------------------------


class Dying:
    """A client whose process dies at the n-th step of all clients: before a call, or after it."""

    def __init__(self, client, steps):
        self._client, self._steps = client, steps

    def __getattr__(self, name):
        def call(**arguments):
            self._step()
            answer = getattr(self._client, name)(**arguments)
            self._step()
            return answer

        return call

    def _step(self):
        self._steps[0] -= 1
        if self._steps[0] == 0:
            raise CrashError("killed")


def dying(world, steps):
    wrapped = {name: Dying(getattr(world.clients, name), steps) for name in ("dynamodb", "sqs", "s3")}
    return replace(world.clients, **wrapped)


STEPS = 24
"""Of the run below: each call is two."""


def two_pages(world, api):
    api.most = 10
    api.events = [stripe_event(number, FIRST + number) for number in range(13)]
    world.process([received(world, one) for number, one in enumerate(api.events) if number not in (0, 5, 11)])


def test_a_run_has_so_many_steps(world, api):
    two_pages(world, api)
    steps = [STEPS + 1]
    invocation(world, api, clients=dying(world, steps))()
    assert steps == [1]


@pytest.mark.parametrize("processing_is", ["prompt", "behind"])
@pytest.mark.parametrize("at", range(1, STEPS + 1))
def test_killed_at_any_step_nothing_is_missed_or_doubled(world, api, at, processing_is):
    two_pages(world, api)
    with pytest.raises(CrashError):
        invocation(world, api, clients=dying(world, [at]))()
    if processing_is == "prompt":
        assert not world.process(world.queued()).failures
    report = invocation(world, api)()
    assert not world.process(world.queued()).failures
    assert world.routed_counts() == {f"evt_{number}": 1 for number in range(13)}
    assert {one["eventId"] for one in world.all_records() if one.get("recovered")} == {"evt_0", "evt_5", "evt_11"}
    (kept,) = reports(world)
    assert (kept["listed"], kept["recovered"]) == (13, 3)
    assert report["openedAt"] == kept["openedAt"] or report["recovered"] == 0


def test_a_catch_up_that_fails_at_its_first_page_is_gone_on_with(world, api):
    api.events = [stripe_event(1, NOW - 20 * DAY)]
    invocation(world, api)()
    api.faults = [(500, {}, {})] * 4
    with pytest.raises(ApiError):
        invocation(world, api)(since=NOW - 25 * DAY)
    world.clock.now += HOUR
    assert invocation(world, api)()["recoveredIds"] == ["evt_1"]


def test_an_answer_that_is_lost_is_asked_for_again(world, api):
    api.events = [stripe_event(number, FIRST + number) for number in range(150)]
    api.faults = [None, "fine", None]
    assert invocation(world, api)()["listed"] == 150
    assert len(api.calls) == 4


@pytest.mark.parametrize(
    ("fault", "calls"),
    [(None, 4), ((500, {}, {}), 4), ((429, {}, {}), 4), ((429, {}, {"Retry-After": "3600"}), 1)],
)
def test_a_provider_that_does_not_answer_ends_the_run_and_the_next_one_goes_on(world, api, fault, calls):
    api.events = [stripe_event(number, FIRST + number) for number in range(150)]
    api.faults = ["fine"] + [fault] * 4
    with pytest.raises(ApiError, match=r"api\.stripe\.com"):
        invocation(world, api)()
    assert len(api.calls) == 1 + calls
    api.faults = []
    assert invocation(world, api)()["listed"] == 150
    assert len(world.queued()) == 150


def test_as_long_as_the_provider_asks_for_it_is_not_called(api):
    api.clock = clock = Clock(0.0)
    api.faults = [(429, {}, {"Retry-After": "7"})]
    StripeEvents(api.client(StripeEvents, clock), api.key).page(FIRST, NOW, None)
    assert [when for when, _ in api.calls] == [0.0, 7.0]


def test_a_key_that_is_refused_is_not_tried_again(world, api):
    api.faults = [(401, {}, {})]
    with pytest.raises(ApiError, match="status 401"):
        invocation(world, api)()
    assert len(api.calls) == 1


def test_a_cursor_that_the_provider_no_longer_knows_begins_the_window_again(world, api):
    api.events = [stripe_event(number, FIRST + number) for number in range(250)]
    left = iter([900.0, 10.0])
    invocation(world, api)(lambda: next(left))
    del api.events[150]
    report = invocation(world, api)()
    assert report["complete"]
    # And what was listed before is not counted twice.
    assert (report["listed"], report["recovered"], len(report["recoveredIds"])) == (249, 249, 249)
    assert not world.process(world.queued()).failures
    assert world.routed_counts() == {f"evt_{number}": 1 for number in range(250)}


@pytest.mark.parametrize("headers", [{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "99"}, {"Retry-After": "60"}])
@pytest.mark.parametrize("status", [403, 429])
def test_a_rate_limit_ends_the_run_and_is_called_so(world, api, status, headers):
    """As GitHub says it: https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api"""
    api.faults = [(status, {}, headers)]
    with pytest.raises(ApiError, match=f"rate limit, status {status}"):
        invocation(world, api)()
    assert len(api.calls) == 1


def test_a_refusal_that_asks_for_a_short_wait_is_waited_for(api):
    api.clock = clock = Clock(0.0)
    api.faults = [(403, {}, {"Retry-After": "7"})]
    StripeEvents(api.client(StripeEvents, clock), api.key).page(FIRST, NOW, None)
    assert [when for when, _ in api.calls] == [0.0, 7.0]


WRONG_LIST = (
    "the list has none of the webhooks that were recorded, and nothing is handed over: is the key of the account that "
    "sends them?"
)


def others(number):
    return [stripe_event(1_000 + one, NOW + one) for one in range(number)]


@pytest.mark.parametrize(
    ("foreign", "quiet"),
    [
        ([], 0),
        (others(1), 0),
        (others(250), 12 * HOUR),
        ([{**one, "type": "payout.paid"} for one in others(250)], 0),
    ],
    ids=["empty", "one", "many, and the window is quiet", "unwanted"],
)
def test_a_list_without_any_recorded_webhook_is_told_and_nothing_of_it_is_handed_over(world, api, foreign, quiet):
    # Given webhooks, of which one did not come, and the list of another account
    has = [stripe_event(number, NOW - quiet + number) for number in range(50)]
    world.clock.now = NOW - quiet
    world.process([received(world, one) for one in has[1:]])
    world.clock.now = NOW + HOUR
    api.events = foreign

    # Then two runs, and a dry one, say so and do nothing
    for dry_run in (False, True, False):
        report = invocation(world, api, types=["charge.*"])(dry_run=dry_run)
        assert (report["problems"], report["complete"], report["wrongList"]) == ([WRONG_LIST], False, True)
        assert (report["listed"], report["recovered"], report["recoveredIds"]) == (0, 0, [])
        world.clock.now += HOUR
    assert (world.queued(), reports(world)) == ([], [])

    # And with the right key, all since the first of them is compared
    api.events = has
    report = invocation(world, api, types=["charge.*"])(since=NOW - quiet - 1)
    assert (report["recoveredIds"], report["problems"], report["complete"]) == (["evt_0"], [], True)


def test_a_webhook_that_came_late_is_of_no_list_of_this_time(world, api):
    world.process([received(world, stripe_event(1, NOW - 20 * DAY))])
    world.clock.now += HOUR
    assert invocation(world, api)()["problems"] == []


@pytest.mark.parametrize("received_first", [1, 20, 120])
def test_an_outage_of_the_newest_pages_is_recovered_with_a_key_of_which_nothing_is_known(world, api, received_first):
    api.events = [stripe_event(number, FIRST + number) for number in range(250)]
    world.process([received(world, one) for one in api.events[:received_first]])
    world.clock.now += HOUR
    report = invocation(world, api)()
    assert (report["recovered"], report["problems"]) == (250 - received_first, [])


def test_what_was_recovered_from_a_wrong_list_does_not_make_it_the_right_one(world, api):
    """Before any webhook came, nobody could know that it is wrong."""
    api.events = others(3)
    world.clock.now += HOUR
    assert invocation(world, api)()["recovered"] == 3
    world.process([*world.queued(), received(world, stripe_event(1, NOW + HOUR))])
    world.clock.now += HOUR
    api.events += [stripe_event(2_000, NOW + HOUR)]
    assert invocation(world, api)()["problems"] == [WRONG_LIST]


def test_a_webhook_that_no_list_has_keeps_nothing_back_for_good(world, api):
    # Given a sample that was sent by hand, and an event of which no webhook came
    world.process([received(world, stripe_event(1))])
    world.clock.now += HOUR
    api.events = [stripe_event(2)]
    assert invocation(world, api)()["problems"] == [WRONG_LIST]

    # When the first webhook of the list comes, all of the time before it is compared
    api.events.append(stripe_event(3, NOW + HOUR))
    world.process([received(world, api.events[1])])
    world.clock.now += HOUR
    report = invocation(world, api)()
    assert (report["recoveredIds"], report["problems"]) == (["evt_2"], [])

    # And from then on a sample keeps nothing back, even alone in its window
    world.process(world.queued())
    for number in (4, 6):
        world.clock.now += DAY
        world.process([received(world, stripe_event(number, world.clock.now))])
        api.events.append(stripe_event(number + 1, world.clock.now + 1))
        world.clock.now += HOUR
        report = invocation(world, api)()
        world.process(world.queued())
        assert (report["recoveredIds"], report["problems"]) == ([f"evt_{number + 1}"], [])


def test_an_empty_list_of_many_months_is_compared_in_time(world, api, monkeypatch):
    """As GoCardless has it: records are looked for in the newest days."""
    monkeypatch.setattr(StripeEvents, "retention_seconds", 540 * int(DAY))
    asked = []

    class Counting(Dying):
        def _step(self):
            asked.append(1)

        def query(self, **_):
            self._step()
            return {"Items": []}

    clients = replace(world.clients, dynamodb=Counting(world.clients.dynamodb, []))
    assert invocation(world, api, clients=clients)(since=NOW - 540 * DAY)["complete"]
    assert len(asked) < 1_000


@pytest.mark.parametrize("answer", [{}, {"data": None}, []])
def test_an_answer_without_a_list_is_none(world, api, answer):
    api.faults = [(200, answer, {})]
    with pytest.raises(NotAListError):
        invocation(world, api)()


def test_events_of_the_other_mode_than_the_keys_are_not_handed_over(world, api):
    api.events = [stripe_event(1), {**stripe_event(2), "livemode": False}, {**stripe_event(3), "livemode": None}]
    report = invocation(world, api)()
    assert report["recoveredIds"] == ["evt_1"]
    assert sorted(report["unreadableIds"]) == ["evt_2", "evt_3"]
    assert report["problems"]


def test_the_ids_that_are_kept_of_what_cannot_be_read_are_bounded(world, api):
    api.events = [{**stripe_event(number), "id": f"{number} " + "x" * 900} for number in range(90)]
    report = invocation(world, api)()
    assert (report["unreadable"], len(report["unreadableIds"])) == (90, 50)
    assert {len(one) for one in report["unreadableIds"]} == {256}


def test_the_providers_rate_is_kept(world, api):
    clock = Clock(0.0)
    api.clock = clock
    api.events = [stripe_event(number, FIRST + number / 10) for number in range(3_000)]
    events = StripeEvents(api.client(StripeEvents, clock), api.key)
    after = None
    while True:
        page = events.page(FIRST, NOW, after)
        if (after := page.after) is None:
            break
    at = [when for when, _ in api.calls]
    assert len(at) == 30
    assert min(later - earlier for earlier, later in pairwise(at)) >= 0.1 - 1e-9


def test_two_runs_at_once_hand_over_duplicates_at_worst_and_one_ends(world, api):
    api.events = [stripe_event(number, FIRST + number) for number in range(150)]
    first, second, pages = invocation(world, api), invocation(world, api), iter(range(9))

    def left():
        # The second one begins, and ends, while the first is between two pages.
        if next(pages) == 1:
            assert second()["complete"]
        return 900.0

    with pytest.raises(OvertakenError):
        first(left)
    assert not world.process(world.queued()).failures
    assert world.routed_counts() == {f"evt_{number}": 1 for number in range(150)}
    (kept,) = reports(world)
    assert (kept["listed"], kept["recovered"]) == (150, 150)


def test_the_first_run_is_overtaken_too(world):
    stores = [ProgressStore(world.clients.dynamodb, world.name) for _ in range(2)]
    for store in stores:
        assert store.read("stripe") is None
    progress = Progress(opened_at=times.iso(NOW), since=NOW - HOUR, until=NOW)
    stores[0].write("stripe", progress)
    with pytest.raises(OvertakenError):
        stores[1].write("stripe", progress)


class AnsweringTwice:
    """A client whose SDK sends a write again, because the answer to the first one was lost."""

    def __init__(self, client):
        self._client = client

    def __getattr__(self, name):
        return getattr(self._client, name)

    def put_item(self, **arguments):
        self._client.put_item(**arguments)
        return self._client.put_item(**arguments)


def test_a_write_of_the_progress_that_the_sdk_repeats_overtakes_nobody(world, api):
    api.events = [stripe_event(number, FIRST + number) for number in range(150)]
    clients = replace(world.clients, dynamodb=AnsweringTwice(world.clients.dynamodb))
    assert invocation(world, api, clients=clients)()["complete"]


def test_when_the_queue_takes_nothing_the_page_is_done_again(world, api):
    class Refusing:
        def send_message(self, **_):
            raise aws_error("ServiceUnavailable", "SendMessage")

    api.events = [stripe_event(1)]
    with pytest.raises(Exception, match="ServiceUnavailable"):
        invocation(world, api, clients=replace(world.clients, sqs=Refusing()))()
    assert invocation(world, api)()["recoveredIds"] == ["evt_1"]


# --- the function -----------------------------------------------------------------------------------------------------


@pytest.fixture
def function(world, api, clients, cold_start):
    """Return the function with Stripe deployed as ``shop``; its connections lead to the API of the test."""
    secret = new_secret(clients, api.key)
    shop = {"entry": "stripe", "apiSecretArn": secret, "every": 3_600, "overlap": 7_200, "types": ["charge.*"]}
    api.registrations = [stripe_endpoint("https://example.com/v1/webhook/shop")]
    module = cold_start(
        "reconcile",
        PROVIDERS=json.dumps({"shop": shop}),
        BASE_URL="https://example.com/v1",
        QUEUE_URL=world.queue_url,
        MESSAGE_GROUP_BY="provider",
        TABLE_NAME=world.name,
        BUCKET_NAME=world.name,
    )
    module.connect = lambda host: http.client.HTTPConnection("127.0.0.1", api.port, timeout=10)
    module.secret = secret
    return module


def test_the_function_tells_and_counts_what_it_recovers_and_never_its_key_or_a_payload(world, api, function, capfd):
    api.events = [{**stripe_event(number, time.time() - 600), "card": "4242424242424242"} for number in range(3)]
    report = function.handler({"provider": "shop"}, lambda_context(900))
    assert (report["recovered"], report["complete"]) == (3, True)
    assert {Envelope.from_message(one.body).event.key for one in world.queued()} == {
        f"shop:evt_{number}" for number in range(3)
    }
    said = capfd.readouterr().out
    assert '"WindowsClosed":[1.0]' in said.replace(" ", "")
    counted = [json.loads(line) for line in said.splitlines() if '"Recovered"' in line]
    assert [(one["Recovered"], one["provider"]) for one in counted] == [([3.0], "shop")]
    assert api.key not in said
    assert "4242424242424242" not in said


@pytest.mark.parametrize(
    ("key", "why"), [("rk_wrong", "api.stripe.com: status 401"), (None, "secret_missing")], ids=["wrong", "none"]
)
def test_the_function_tells_and_counts_why_it_cannot_reconcile(clients, function, capfd, key, why):
    if key:
        clients.secretsmanager.put_secret_value(SecretId=function.secret, SecretString=key)
    else:
        clients.secretsmanager.delete_secret(SecretId=function.secret, ForceDeleteWithoutRecovery=True)
    assert function.handler({"provider": "shop"}, lambda_context(900))["error"] == why
    said = capfd.readouterr().out
    assert '"ReconciliationFailures":[1.0]' in said.replace(" ", "")
    assert "rk_wrong" not in said


def test_a_key_of_another_mode_than_the_deployments_is_not_used(api, function):
    function._deployed["shop"]["options"] = {"mode": "test"}
    told = "the API key is of live mode, and what is deployed of test mode"
    assert function.handler({"provider": "shop"}, lambda_context(900))["error"] == told
    assert api.calls == []
    function._deployed["shop"]["options"] = {"mode": "live"}
    assert function.handler({"provider": "shop"}, lambda_context(900))["complete"]


def test_the_function_tells_and_counts_what_it_cannot_read(api, function, capfd):
    api.events = [{**stripe_event(1, time.time() - 600), "id": "not an id\n"}]
    assert function.handler({"provider": "shop"}, lambda_context(900))["complete"]
    said = capfd.readouterr().out
    assert "not all of it is reconciled" in said
    assert '["not an id\\n"]' in said
    assert '"ReconciliationFailures":[1.0]' in said.replace(" ", "")


def test_a_run_that_is_overtaken_is_no_failure(function, capfd):
    def overtaken(*_, **__):
        raise function.OvertakenError("another run of this provider goes on")

    function._reconciliation = SimpleNamespace(run=overtaken)
    assert (
        function.handler({"provider": "shop"}, lambda_context(900))["error"] == "another run of this provider goes on"
    )
    said = capfd.readouterr().out
    assert "another run of this provider goes on" in said
    assert "ReconciliationFailures" not in said


def test_the_function_catches_up_and_runs_dry(world, api, function, capfd):
    api.events = [stripe_event(1, time.time() - 20 * DAY)]
    since = times.iso(time.time() - 25 * DAY)
    assert function.handler({"provider": "shop", "since": since, "dryRun": True}, lambda_context(900))["recovered"] == 1
    said = capfd.readouterr().out
    assert '"Recovered"' not in said
    assert "WindowsClosed" not in said
    assert world.queued() == []
    assert function.handler({"provider": "shop", "since": since}, lambda_context(900))["recovered"] == 1
    assert len(world.queued()) == 1


# --- the command ------------------------------------------------------------------------------------------------------


@pytest.fixture
def command(function, monkeypatch, capsys):
    """Return a function that runs ``make reconcile`` against the function, with a page for each run."""

    def invoke(*, FunctionName, Payload):  # noqa: N803 (names of boto3)
        assert FunctionName == "webhook-reconcile-dev"
        left = iter([900.0, 10.0])
        context = lambda_context()
        context.get_remaining_time_in_millis = lambda: next(left, 10.0) * 1000
        return {"Payload": io.BytesIO(json.dumps(function.handler(json.loads(Payload), context)).encode())}

    def run(*arguments, provider="shop"):
        values = {"providers": {"shop": "stripe", "acme": "generic"}}
        settings = build_settings("dev", {**values, "reconciliation": {"shop": {"every": "1h", "types": ["*"]}}})
        target = SimpleNamespace(
            settings=settings,
            client=lambda service, config: SimpleNamespace(invoke=invoke),
            entry_of=settings.providers.__getitem__,
        )
        monkeypatch.setattr(Target, "chosen", lambda: target)
        monkeypatch.setattr(sys, "argv", ["reconcile", provider, *arguments])
        code = reconcile.main()
        return code, capsys.readouterr().out

    return run


def test_the_command_goes_on_until_the_window_is_closed(world, api, command):
    api.events = [stripe_event(number, time.time() - 20 * DAY + number) for number in range(250)]
    code, said = command("--since", times.iso(time.time() - 25 * DAY))
    assert code == 0
    assert len(world.queued()) == 250
    assert "evt_249" in said


def test_the_command_takes_digits_for_no_time(command):
    with pytest.raises(NoTargetError, match="SINCE: '20261201' is not an RFC 3339 time"):
        command("--since", "20261201")


def test_the_command_ends_when_the_list_is_of_another_account(world, api, command):
    world.clock.now = time.time() - 600
    world.process([received(world, stripe_event(1, world.clock.now), name="shop")])
    api.events = [stripe_event(2, world.clock.now)]
    code, said = command()
    assert code == 1
    assert WRONG_LIST in " ".join(said.split())
    assert "Only the first" not in said
    assert world.queued() == []


def test_the_command_says_of_a_dry_run_that_ended_early(api, command):
    api.events = [stripe_event(number, time.time() - 600 - number) for number in range(250)]
    code, said = command("--dry-run")
    assert "Only the first 100 entries of the list were compared" in said
    assert code == 1


def test_the_command_fails_when_there_are_problems(api, command):
    api.events = [stripe_event(1, time.time() - 600), {**stripe_event(2, time.time() - 600), "id": "not an id\n"}]
    code, said = command()
    assert "cannot be read" in said
    assert code == 1


def test_the_command_fails_when_the_registration_is_not_right(api, command):
    api.registrations = []
    code, said = command()
    assert "none of 0 registrations sends to" in said
    assert code == 1


def test_the_command_refuses_what_it_cannot_do(command, api):
    with pytest.raises(NoTargetError, match=r"PROVIDER: 'acme' is not in the setting reconciliation"):
        command(provider="acme")
    with pytest.raises(NoTargetError, match=r"SINCE: 'yesterday' is not an RFC 3339 time"):
        command("--since", "yesterday")
    api.faults = [(401, {}, {})] * 2
    with pytest.raises(NoTargetError, match=r"shop: api\.stripe\.com: status 401"):
        command()
