"""``make listen`` on the deployed stack, with a receiver that verifies with Stripe's own library."""

import signal
import time
from pathlib import Path

import pytest
import stripe

from tests.e2e.faults import send_at_once
from tests.e2e.listening import Listening
from tests.e2e.observe import await_state
from tests.e2e.smoking import left_by
from tools.local.calls import wait_for
from tools.local.faulty_receiver import FaultyReceiver
from tools.senders import webhook

FIRST_NUMBER = 700_000
WHILE_OFF = 50


def sent(stack, number, age=0):
    return webhook("stripe", number, stack.secrets["stripe"], int(time.time()) - age)


def receiver_of(stack, tolerance):
    """Return a receiver that answers 401 to whatever Stripe's library does not verify."""

    def refuse(received):
        try:
            stripe.Webhook.construct_event(
                received.body, received.headers["stripe-signature"], stack.secrets["stripe"], tolerance=tolerance
            )
        except (stripe.SignatureVerificationError, ValueError) as error:
            return type(error).__name__
        return None

    return FaultyReceiver(refuse=refuse)


def await_received(receiver, webhooks):
    """Wait until webhooks have come, and return the requests with their bodies."""
    bodies = [each.body for each in webhooks]
    wait_for(
        f"{len(bodies)} webhooks",
        lambda: True if set(bodies) <= {each.body for each in receiver.received} else None,
        120,
    )
    return [each for each in receiver.received if each.body in bodies]


def test_what_came_while_it_was_off_and_what_comes_verifies_with_stripes_library(stack, tmp_path: Path):
    # Given 50 events that nobody listened to, signed a while ago, some of which share an object of the archive
    before = [sent(stack, FIRST_NUMBER + number, age=10) for number in range(WHILE_OFF)]
    send_at_once(stack, before[:5])
    assert {stack.post(each).status_code for each in before[5:]} == {202}
    routed = [await_state(stack, each.transaction_id, "ROUTED") for each in before]
    assert routed[0]["events"][0]["archive"]["key"] == routed[4]["events"][0]["archive"]["key"]

    with receiver_of(stack, tolerance=3_600) as receiver:
        listening = Listening.start(stack, tmp_path, receiver.url(), "--since", "1h")
        received = await_received(receiver, before)
        listening.await_printed("listening")
        live = sent(stack, FIRST_NUMBER + WHILE_OFF)
        assert stack.post(live).status_code == 202
        await_received(receiver, [live])
        listening.await_printed("evt_1Demo700050")
        code = listening.end()

    # Then each came once, in order, with the bytes and the header that Stripe sent, and nothing is told of them
    assert [each.body for each in received] == [each.body for each in before]
    assert [each.headers["stripe-signature"] for each in received] == [
        each.headers["Stripe-Signature"] for each in before
    ]
    assert {each.headers["content-type"] for each in received} == {"application/json"}
    printed = listening.printed()
    assert code == 1
    assert "listen stopped by SIGINT" in printed
    assert f"{len(receiver.received)} forwarded, 0 of them not answered with 2xx" in printed
    assert printed.count("  200         payment_intent.succeeded  evt_1Demo7000") == WHILE_OFF + 1
    told = (stack.secrets["stripe"], "pi_3Demo7000", received[0].headers["stripe-signature"][:20])
    assert [each for each in told if each in printed] == []
    assert left_by(stack, "listen") == []


def test_what_is_too_old_for_the_receiver_is_refused_there_and_may_be_sent_again_with_a_larger_tolerance(
    stack, tmp_path: Path
):
    old = sent(stack, FIRST_NUMBER + 100, age=10)
    assert stack.post(old).status_code == 202
    await_state(stack, old.transaction_id, "ROUTED")

    codes = []
    for tolerance in (1, 3_600):
        with receiver_of(stack, tolerance) as receiver:
            listening = Listening.start(stack, tmp_path, receiver.url(), "--since", "1h")
            listening.await_printed("evt_1Demo700100")
            listening.end()
        (line,) = [each for each in listening.printed().splitlines() if "evt_1Demo700100" in each]
        codes.append(line.split(maxsplit=1)[1])

    assert codes == [
        "401         payment_intent.succeeded  evt_1Demo700100  not sent again",
        "200         payment_intent.succeeded  evt_1Demo700100",
    ]


def test_what_a_killed_one_left_is_removed_at_the_next_start_and_what_a_live_one_has_is_not(stack, tmp_path: Path):
    mine, theirs = tmp_path / "mine", tmp_path / "theirs"
    mine.mkdir()
    theirs.mkdir()
    with receiver_of(stack, tolerance=300) as receiver, receiver_of(stack, tolerance=300) as another:
        killed = Listening.start(stack, mine, receiver.url())
        killed.await_printed("listening")
        live = Listening.start(stack, theirs, another.url())
        live.await_printed("listening")
        killed.end(signal.SIGKILL)
        assert sorted(name.rpartition("/")[2] for name in left_by(stack, "listen")) == [
            *["webhook-listen-1-local"] * 2,
            *["webhook-listen-2-local"] * 2,
        ]

        # When the first one's checkout starts another
        next_one = Listening.start(stack, mine, receiver.url())
        next_one.await_printed("listening")

        # Then only the live ones' are there, and both get what comes
        assert "removed what a killed listener had left: webhook-listen-1-local" in next_one.printed()
        assert sorted({name.rpartition("/")[2] for name in left_by(stack, "listen")}) == [
            "webhook-listen-2-local",
            "webhook-listen-3-local",
        ]
        event = sent(stack, FIRST_NUMBER + 200)
        assert stack.post(event).status_code == 202
        for each in (receiver, another):
            await_received(each, [event])
        for each in (next_one, live):
            each.end(signal.SIGTERM)
    assert left_by(stack, "listen") == []


@pytest.mark.parametrize("filters", [("--types", "charge.*"), ("--mode", "live")])
def test_what_is_not_asked_for_does_not_come(stack, tmp_path: Path, filters):
    number = FIRST_NUMBER + (300 if "--types" in filters else 400)
    with receiver_of(stack, tolerance=300) as receiver:
        listening = Listening.start(stack, tmp_path, receiver.url(), *filters)
        listening.await_printed("listening")
        wanted = webhook(
            "stripe",
            number + 1,
            stack.secrets["stripe"],
            int(time.time()),
            {"type": "charge.captured", "livemode": True},
        )
        for each in (sent(stack, number), wanted):
            assert stack.post(each).status_code == 202
            await_state(stack, each.transaction_id, "ROUTED")
        await_received(receiver, [wanted])
        listening.end()

    assert [each.body for each in receiver.received] == [wanted.body]
