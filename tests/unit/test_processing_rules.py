"""Who may finish an event: every state, owner, lease and kind of message, each with its decision; and what is held."""

from dataclasses import replace
from decimal import Decimal
from itertools import product

import pytest

from lambdas.inbound.envelope import Envelope, Replay
from lambdas.inbound.event import WebhookEvent
from lambdas.inbound.record_items import State
from lambdas.processing.rules import Decision, decide, is_held

NOW_MS = 1_614_265_330_000
LEASES = {"alive": NOW_MS + 1, "ends now": NOW_MS, "expired": NOW_MS - 1}
OWNERS = {"same": "message-1", "other": "message-2"}
LAST_REPLAY = "replay-1"
REPLAYS = {"plain": None, "same replay": LAST_REPLAY, "new replay": "replay-2"}


def envelope(replay_id=None):
    return Envelope(
        event=WebhookEvent(
            provider="stripe", event_id="evt_1", event_type="a", transaction_id="pi_1", occurred_at=None
        ),
        received_at="2021-02-25T15:02:10.000Z",
        correlation_id="c",
        content_type="application/json",
        scheme="stripe-v1",
        body=b"{}",
        replay=replay_id and Replay(replay_id=replay_id, requested_at="2021-02-25T15:02:10.000Z"),
    )


def record(state, owner="message-1", lease_until=NOW_MS + 1, **fields):
    # A number comes out of DynamoDB as a Decimal.
    timeline = [{"step": "held", "replayId": LAST_REPLAY}] if state == "HELD" else []
    known = {"state": state, "owner": owner, "leaseUntil": Decimal(lease_until), "replayId": LAST_REPLAY}
    return {**known, "timeline": timeline, **fields}


D, T, B = Decision.DUPLICATE, Decision.TAKE_OVER, Decision.BUSY
#                                      plain  same replay  new replay
DECISIONS = {
    # Another invocation is publishing. Its message is delivered again when the lease has ended; another message of the
    # same event has nothing to do, unless an operator asked for it.
    ("RECORDED", "same", "alive"):     (B,    B,           B),
    ("RECORDED", "same", "ends now"):  (B,    B,           B),
    ("RECORDED", "same", "expired"):   (T,    T,           T),
    ("RECORDED", "other", "alive"):    (D,    B,           B),
    ("RECORDED", "other", "ends now"): (D,    B,           B),
    ("RECORDED", "other", "expired"):  (T,    T,           T),
    # Done, whoever did it; only a replay that was not carried out yet publishes it again.
    ("ROUTED", "same", "alive"):       (D,    D,           T),
    ("ROUTED", "same", "ends now"):    (D,    D,           T),
    ("ROUTED", "same", "expired"):     (D,    D,           T),
    ("ROUTED", "other", "alive"):      (D,    D,           T),
    ("ROUTED", "other", "ends now"):   (D,    D,           T),
    ("ROUTED", "other", "expired"):    (D,    D,           T),
    # Not routed because of its mode; only a replay looks at that again.
    ("HELD", "same", "alive"):         (D,    D,           T),
    ("HELD", "same", "ends now"):      (D,    D,           T),
    ("HELD", "same", "expired"):       (D,    D,           T),
    ("HELD", "other", "alive"):        (D,    D,           T),
    ("HELD", "other", "ends now"):     (D,    D,           T),
    ("HELD", "other", "expired"):      (D,    D,           T),
    # Given up, so that nobody else is left to finish it.
    ("DEAD_LETTERED", "same", "alive"):     (T, T, T),
    ("DEAD_LETTERED", "same", "ends now"):  (T, T, T),
    ("DEAD_LETTERED", "same", "expired"):   (T, T, T),
    ("DEAD_LETTERED", "other", "alive"):    (T, T, T),
    ("DEAD_LETTERED", "other", "ends now"): (T, T, T),
    ("DEAD_LETTERED", "other", "expired"):  (T, T, T),
}  # fmt: skip


@pytest.mark.parametrize(
    ("state", "owner", "lease", "message", "decision"),
    [(*key, message, row[column]) for key, row in DECISIONS.items() for column, message in enumerate(REPLAYS)],
)
def test_a_message_meets_a_record(state, owner, lease, message, decision):
    found = record(state, owner=OWNERS[owner], lease_until=LEASES[lease])

    assert decide(found, envelope(REPLAYS[message]), "message-1", NOW_MS) is decision


def test_the_table_above_leaves_nothing_out():
    # A dead letter that was found to be in conflict is no record of an event.
    assert set(DECISIONS) == set(product([one for one in State if one is not State.CONFLICTING], OWNERS, LEASES))
    assert decide({"state": "CONFLICTING"}, envelope("replay-1"), "message-1", NOW_MS) is Decision.DUPLICATE


def test_an_event_that_was_never_replayed_is_replayed():
    found = record(State.ROUTED)
    del found["replayId"]

    assert decide(found, envelope("replay-1"), "message-1", NOW_MS) is Decision.TAKE_OVER


@pytest.mark.parametrize("state", [one for one in State if one is not State.CONFLICTING])
def test_a_replay_that_was_carried_out_before_the_last_one_is_done(state):
    routed = {"step": "routed", "at": "2021-02-25T15:02:10.000Z", "replayId": "replay-0"}
    found = record(state, lease_until=NOW_MS - 1, timeline=[{"step": "replayed", "replayId": "replay-2"}, routed])

    assert decide(found, envelope("replay-0"), "message-1", NOW_MS) is Decision.DUPLICATE
    assert decide(found, envelope("replay-2"), "message-1", NOW_MS) is Decision.TAKE_OVER


def test_a_lease_that_a_failure_released_is_free_at_once():
    assert decide(record(State.RECORDED, lease_until=0), envelope(), "message-1", NOW_MS) is Decision.TAKE_OVER
    assert decide(record(State.RECORDED, lease_until=0), envelope(), "message-2", NOW_MS) is Decision.TAKE_OVER


def test_a_dead_lettered_record_needs_neither_owner_nor_lease():
    # The dead letter handler creates one where processing never got as far as the table.
    assert decide({"state": "DEAD_LETTERED"}, envelope(), "message-1", NOW_MS) is Decision.TAKE_OVER


@pytest.mark.parametrize("state", ["", "routed", "ARCHIVED", None])
def test_a_state_of_another_version_is_not_guessed_at(state):
    # Its message fails and is delivered again, instead of being dropped as a duplicate or published a second time.
    with pytest.raises(ValueError, match="is not a valid State"):
        decide(record(state), envelope(), "message-1", NOW_MS)


# Mode, what is unsigned, whether any mode is asked for, and whether it is held where only live events are routed.
MODES = [
    ("live", None, False, False),
    ("live", "account", False, False),
    ("live", "mode", False, True),
    ("live", "account,mode", False, True),
    ("test", None, False, True),
    ("test", "mode", False, True),
    (None, None, False, True),
    ("test", None, True, False),
    (None, None, True, False),
]


@pytest.mark.parametrize(("mode", "unsigned", "any_mode", "held"), MODES)
def test_what_is_not_known_to_be_live_is_held(mode, unsigned, any_mode, held):
    given = envelope()
    of = replace(given, event=replace(given.event, mode=mode, unsigned=unsigned), any_mode=any_mode)

    assert is_held(of, {"stripe": "live"}) is held
    assert not is_held(of, {"other": "live"})
    assert not is_held(of, {})
