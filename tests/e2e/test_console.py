"""``make console`` in a real browser, on the deployed stacks: what somebody does who is called at night."""

import json
import re
import time

import pytest
from playwright.sync_api import expect

from tests.browsing import ConsoleVisit, launched
from tests.console_stack import serving
from tests.copies import a_copy
from tests.e2e.faults import no_archive_grant
from tests.e2e.observe import await_state
from tests.e2e.smoking import as_one_who_may
from tools.console.answers import Answers
from tools.console.server import ConsoleServer
from tools.local.calls import wait_for
from tools.local.faulty_receiver import FaultyReceiver
from tools.local.stack import BOTH_QUEUES
from tools.senders import webhook

HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script>"
POLICIES = ("operator_policy_json", "payload_policy_json", "erase_policy_json")
PATIENCE_MS = 60_000


@pytest.fixture
def stack(bundles):
    del bundles
    with a_copy() as copy:
        # Functions start, and others use the machine.
        expect.set_options(timeout=PATIENCE_MS)
        yield copy
        expect.set_options(timeout=None)


def test_a_poisoned_payment_is_found_by_its_order_and_replayed_to_the_customer_with_nothing_but_the_console(
    stack, number
):
    # Given a payment that processing may not archive, with a script in its payload, and a customer who waits for it
    sent = webhook("generic", number, stack.secrets["generic"], int(time.time()), {"note": HOSTILE})
    key = json.loads(sent.body)["id"]
    policies = [*(stack.outputs[name] for name in POLICIES), stack.delivery.outputs["operator_policy_json"]]
    answers = Answers(as_one_who_may(stack, *policies))
    with FaultyReceiver() as receiver, launched() as browser, serving(ConsoleServer(answers)) as console:
        stack.delivery.make_tenant("acme").add_endpoint(receiver.url(), eventTypes=["order.*"])
        with no_archive_grant(stack, [key], provider="generic"):
            # There is no other message that this would be too short for.
            stack.shorten_retries(1, BOTH_QUEUES)
            assert stack.post(sent).status_code == 202
            await_state(stack, sent.transaction_id, "DEAD_LETTERED")
        stack.shorten_retries(30, BOTH_QUEUES)

        # When its order is searched, then the event tells why it was given up
        visit = ConsoleVisit(browser, console, "/local/dead-letters")
        page = visit.page
        page.keyboard.press("/")
        page.keyboard.type(sent.transaction_id)
        page.keyboard.press("Enter")
        expect(page.get_by_role("main")).to_contain_text("DEAD_LETTERED")
        page.get_by_role("row", name=re.compile("DEAD_LETTERED")).get_by_role("link").first.click()
        expect(page.get_by_role("definition").filter(has_text="PutObject: AccessDenied")).to_be_visible()
        page.get_by_role("button", name="Show the payload").click()
        expect(page.get_by_label("Payload", exact=True)).to_contain_text(HOSTILE)

        # When the cause is gone, then a dry run changes nothing
        page.get_by_role("link", name="Replay this event").click()
        page.get_by_label("Reason").fill("the grant is back")
        page.get_by_role("button", name="Try").click()
        expect(page.get_by_text("Events that a replay would send: 1.")).to_be_visible()
        assert stack.status(sent.transaction_id)["state"] == "DEAD_LETTERED"
        # and the replay shows how far it has come
        page.get_by_role("button", name="Replay now").click()
        row = page.get_by_role("row", name=re.compile(f"generic:{key}"))
        expect(row).to_contain_text("routed")
        row.get_by_role("link").click()

        # and the event's one timeline goes on to the customer's endpoint
        steps = page.locator(".timeline strong")

        def look():
            visit.wait()
            if "DELIVERED" in steps.all_text_contents():
                return True
            page.reload()
            return None

        wait_for("the delivery", look, 60)
        whole = [step for step in steps.all_text_contents() if not step.startswith("attempt")]
        # Of two halves, the last steps of one and the first of the other may change places.
        assert sorted(whole[1:4]) == ["accepted", "recorded", "routed"]
        assert [whole[0], *whole[4:]] == ["DELIVERED", "archived", "replayed", "dead-lettered", "received"]
        assert [json.loads(each.body)["data"]["note"] for each in receiver.received] == [HOSTILE]
        # No page complained. The next ones are left while they ask, and are refused.
        visit.assert_clean()

        # When the customer wants it once more, then a replay is counted, started and cancelled
        replay_and_cancel(page)
        # When the customer's data must go, then it is erased here, and who may not erase there is told so
        page.goto(f"{console.origin}/local/events/generic:{key}")
        erase(page, f"generic:{key}")

        # and the audit log has who did it, and why
        page.get_by_role("link", name="Audit log").click()
        expect(page.get_by_role("row", name=re.compile("the grant is back"))).to_contain_text("done")
        expect(page.get_by_role("row").filter(has_text="/internal/erase")).to_contain_text("done")
        assert visit.alerts == []
        # and what the other pages ask AWS for, an operator may do too
        assert [answers.answer(what, "").status for what in ("alarms", "queues", "deliveries", "providers")] == [
            200
        ] * 4


def replay_and_cancel(page):
    page.get_by_role("link", name="Tenants").click()
    page.get_by_role("link", name="acme").click()
    page.get_by_role("link", name="replays").click()
    page.get_by_label("What").select_option("DELIVERED")
    page.get_by_role("button", name="Try").click()
    expect(page.get_by_role("definition").filter(has_text=re.compile("^1$")).first).to_be_visible()
    page.get_by_role("button", name="Start a replay now").click()
    page.locator("summary", has_text="Cancel").click()
    page.get_by_role("button", name="Cancel now").click()
    expect(page.get_by_role("row", name=re.compile("CANCELLED"))).to_be_visible()


def erase(page, key):
    for name in ("Erase the payload", "Erase the payload of acme"):
        page.get_by_text(name, exact=True).click()
        page.get_by_role("form", name=name, exact=True).get_by_role("button", name="Try").click()
    expect(page.get_by_role("alert")).to_contain_text("The output erase_policy_json of the delivery stack")
    page.get_by_label(f"Type {key}").fill(key)
    page.get_by_role("button", name="Erase the payload now").click()
    expect(page.get_by_text("Erase the payload: done.")).to_be_visible()
    page.get_by_role("button", name="Show the payload").click()
    expect(page.get_by_role("alert").filter(has_text="it was erased at")).to_be_visible()
