"""The delivery part of ``make demo``: ten events of a tenant with three endpoints."""

import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from rich.console import Console
from rich.table import Table
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from lambdas.delivery_receiver.faults import Fault
from tools.local.calls import wait_for
from tools.local.delivery import LocalDelivery, TenantClient
from tools.local.faulty_receiver import FaultyReceiver, Received
from tools.local.stack import LocalStack
from tools.senders import webhook

EVENTS = 10
SETTLE_SECONDS = 120
TENANT, SUBSCRIBER = "northwind", "acme"
# A port on which nobody listens: https://www.iana.org/assignments/service-names-port-numbers (discard).
DEAD = "http://127.0.0.1:9/hook"
SUBSCRIBED_NUMBER = 777


def show_delivery(stack: LocalStack, delivery: LocalDelivery, console: Console) -> None:
    """Send ten events to three endpoints, an inbound webhook to a tenant, and show what each receiver got."""
    console.print(
        f"[bold]4. Delivery[/]: the tenant {TENANT} sends {EVENTS} events to three endpoints: good, flaky and dead"
    )
    with ExitStack() as running:
        good = running.enter_context(FaultyReceiver())
        flaky = running.enter_context(FaultyReceiver(decide=_every_third_first_attempt_fails()))
        tenant = delivery.make_tenant(TENANT)
        made = {
            "good": tenant.add_endpoint(good.url()),
            "flaky": tenant.add_endpoint(flaky.url()),
            "dead": tenant.add_endpoint(DEAD),
        }
        events = [tenant.send("invoice.paid", {"number": number}) for number in range(1, EVENTS + 1)]
        with console.status("   delivering") as status:
            found = [_settled(tenant, event_id, made, status) for event_id in events]
        console.print(_deliveries(found, made))
        _show_receivers(console, {"good": good, "flaky": flaky}, made)
        _show_subscription(stack, delivery, console, running)


def _every_third_first_attempt_fails() -> Callable[[Received], Fault]:
    """Return a behaviour whose failures are too few to open the circuit breaker."""
    seen: list[str] = []

    def decide(received: Received) -> Fault:
        event_id = received.headers["webhook-id"]
        if event_id in seen:
            return Fault()
        seen.append(event_id)
        return Fault(status=500 if len(seen) % 3 == 1 else 200)

    return decide


def _settled(tenant: TenantClient, event_id: str, made: dict[str, Any], status: Any) -> dict[str, Any]:
    """Return an event once the good and the flaky endpoint have it, and the dead one is waiting."""
    living = {made["good"]["endpointId"], made["flaky"]["endpointId"]}

    def look() -> dict[str, Any] | None:
        found = tenant.event(event_id)
        states = {each["endpointId"]: each for each in found["deliveries"]}
        done = {endpoint_id for endpoint_id, each in states.items() if each["state"] == "DELIVERED"}
        status.update(f"   {event_id}: {len(done)} of {len(made)} delivered ...")
        dead = states.get(made["dead"]["endpointId"])
        return found if living <= done and dead and dead.get("nextAttemptAt") else None

    return wait_for(f"{event_id} to be delivered", look, SETTLE_SECONDS)


def _deliveries(events: list[dict[str, Any]], made: dict[str, Any]) -> Table:
    table = Table("event", *made, title="State of each delivery (GET /v1/events/{eventId})", title_justify="left")
    for event in events:
        deliveries = {each["endpointId"]: each for each in event["deliveries"]}
        table.add_row(event["eventId"], *(_cell(deliveries[each["endpointId"]]) for each in made.values()))
    return table


def _cell(delivery: dict[str, Any]) -> str:
    attempts = f"{delivery['attempts']} attempt{'' if delivery['attempts'] == 1 else 's'}"
    if delivery["state"] == "DELIVERED":
        return f"[green]DELIVERED[/], {attempts}"
    why = f", {delivery['reason']}" if delivery.get("reason") else ""
    due = f", again {delivery['nextAttemptAt'][11:19]}" if delivery.get("nextAttemptAt") else ""
    return f"[yellow]{delivery['state']}[/], {attempts}{why}{due}"


def _show_receivers(console: Console, receivers: dict[str, FaultyReceiver], made: dict[str, Any]) -> None:
    for name, receiver in receivers.items():
        got = list(receiver.received)
        times = Counter(request.headers["webhook-id"] for request in got)
        verified = sum(_verifies(made[name]["secret"], request) for request in got)
        console.print(
            f"   {name}: {len(times)} events in {len(got)} requests, {verified} with a signature that the library "
            "standardwebhooks accepts"
        )


def _verifies(secret: str, request: Received) -> bool:
    try:
        Webhook(secret).verify(request.body, dict(request.headers))
    except WebhookVerificationError:
        return False
    return True


def _show_subscription(stack: LocalStack, delivery: LocalDelivery, console: Console, running: ExitStack) -> None:
    """Have an inbound webhook become an event of the tenant that the settings subscribe to Stripe's events."""
    receiver = running.enter_context(FaultyReceiver())
    tenant = delivery.make_tenant(SUBSCRIBER)
    made = tenant.add_endpoint(receiver.url())
    sent = webhook("stripe", SUBSCRIBED_NUMBER, stack.secrets["stripe"], int(time.time()))
    stack.post(sent).raise_for_status()
    with console.status(f"   an inbound Stripe webhook on its way to {SUBSCRIBER}"):
        request = wait_for(
            f"{SUBSCRIBER} to get the inbound event",
            lambda: next(iter(receiver.received), None),
            SETTLE_SECONDS,
        )
    console.print(
        f"   an inbound Stripe webhook became an event of {SUBSCRIBER}, by the setting delivery.subscriptions: "
        f"{len(request.body)} bytes,\n   signed with the secret of its endpoint"
        f"{'' if _verifies(made['secret'], request) else ' (NOT VERIFIED)'}"
    )
