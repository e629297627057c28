"""``make screenshots``: pictures of the console and the portal for the documentation, of a made-up night.

Everything is made up: the shop, the payment, the customer.
"""

import io
import json
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from PIL import Image
from playwright.sync_api import Page

from lambdas.delivery.http.routes import DOCS, TENANT_API
from lambdas.delivery_docs.site import Site
from tests.browsing import SHOWN, ConsoleVisit, launched
from tests.console_stack import Stack, running
from tests.lambdas.http_adapter import Gateway, serving
from tools import ROOT
from tools.build.docs_assets import copy_assets
from tools.local.stack import path_id

FOLDER = ROOT / "docs" / "pictures"
NOW = "2026-03-14T02:41:00Z"
COLORS = 128
WIDTH = 1120
KEY = "stripe:evt_1TBkQ2LkdIwHu7ixV8pWq3nz"
TRANSACTION = "pi_3TBkPvLkdIwHu7ix1gS0aYc4"


def at(time: str) -> str:
    """Return a time of that night."""
    return f"2026-03-14T{time}Z"


EVENT = {
    "provider": "stripe",
    "eventId": KEY.partition(":")[2],
    "eventType": "payment_intent.succeeded",
    "state": "ROUTED",
    "transactionId": TRANSACTION,
    "occurredAt": at("01:58:03"),
    "receivedAt": at("01:58:04.112"),
    "amount": 12990,
    "currency": "EUR",
    "amountUnit": "minor",
    "exponent": 2,
    "mode": "live",
    "account": "acct_1Q7eZvKYlo2CUI79",
    "correlationId": "4f6c1c1e-9a55-4c0e-8f0e-2d7f5f0b6a51",
    "scheme": "stripe",
}
TIMELINE = [
    ("routed", "02:36:41.310", {"replayId": "6f0f2a4e"}),
    ("recorded", "02:36:41.127", {}),
    ("archived", "02:36:41.093", {}),
    ("replayed", "02:36:40.655", {"replayId": "6f0f2a4e"}),
    ("dead-lettered", "02:13:09.774", {"reason": "PutObject: AccessDenied"}),
    ("received", "01:58:04.112", {}),
]
ONE = {
    "event": KEY,
    "records": [
        {
            **EVENT,
            "record": "-",
            "timeline": [{"step": step, "at": at(time), **more} for step, time, more in TIMELINE],
            "archive": {
                "key": f"raw/{KEY.replace(':', '/')}/9f2c",
                "offset": 0,
                "size": 3184,
                "sha256": "9f2c41d07b" * 6,
            },
        }
    ],
    "transaction": {
        "transactionId": TRANSACTION,
        "otherEvents": [{**EVENT, "eventId": "evt_1TBkPwLkdIwHu7ixQe0", "eventType": "payment_intent.created"}],
        "hasMore": False,
    },
}
ENDPOINT = "ep_01KM5R8N6M3T2V4W6X8Y0Z2A4C"
ATTEMPTS = [("02:36:43.018", 2, 200, "delivered", 212), ("02:36:41.902", 1, 503, "status 503", 1740)]
DELIVERED = {
    "eventId": "evt_01KM5S2Z7Q8R9T0V1W2X3Y4Z5A",
    "type": "payment_intent.succeeded",
    "createdAt": at("02:36:41.655"),
    "size": 3420,
    "sha256": "9f2c41d07b" * 6,
    "erasedAt": None,
    "attemptsComplete": True,
    "attempts": [
        {
            "eventId": "evt_01KM5S2Z7Q8R9T0V1W2X3Y4Z5A",
            "endpointId": ENDPOINT,
            "number": number,
            "at": at(time),
            "durationMs": milliseconds,
            "status": status,
            "outcome": outcome,
        }
        for time, number, status, outcome, milliseconds in ATTEMPTS
    ],
    "deliveries": [
        {
            "eventId": "evt_01KM5S2Z7Q8R9T0V1W2X3Y4Z5A",
            "endpointId": ENDPOINT,
            "eventType": "payment_intent.succeeded",
            "state": "DELIVERED",
            "reason": None,
            "attempts": 2,
            "nextAttemptAt": None,
            "createdAt": at("02:36:41.655"),
            "updatedAt": at("02:36:43.230"),
        }
    ],
}
COUNTS = [("stripe", "ROUTED", 1843), ("stripe", "DEAD_LETTERED", 3), ("github", "ROUTED", 122), ("github", "HELD", 2)]


class Night(Stack):
    """What the console is told of that night."""

    def __init__(self) -> None:
        super().__init__()
        self.tenants_event = ""
        self.answers = {
            "/internal/counts": {
                "from": at("01:41:00"),
                "to": NOW,
                "exact": True,
                "counts": [{"provider": name, "state": state, "events": count} for name, state, count in COUNTS],
            },
            f"/internal/events/{path_id(KEY)}": ONE,
            "/operator/deliveries": {"deliveries": [], "next": None},
        }
        self.aws = {
            "DescribeAlarms": {
                "MetricAlarms": [alarm("dead-lettered", "ALARM"), alarm("delivery", "OK", "webhook-delivery-alarms")]
                + [alarm(str(n), "OK") for n in range(39)]
            },
            "GetMetricData": oldest,
            "GetQueueAttributes": lambda asked: {
                "Attributes": {
                    "ApproximateNumberOfMessages": "0" if "dlq" in asked["QueueUrl"] else "14",
                    "ApproximateNumberOfMessagesNotVisible": "0" if "dlq" in asked["QueueUrl"] else "6",
                }
            },
        }

    def answer(self, path):
        """Return what a path answers."""
        if re.fullmatch(r"/operator/tenants/acme/events/[^/]+", path):
            # The event has one id for each replay: the first is as good as any.
            self.tenants_event = self.tenants_event or path
            return DELIVERED if path == self.tenants_event else (404, {"error": "not_found"})
        if urlsplit(path).path == "/internal/replay":
            count = {"matched": 3, "replayed": [], "notFound": [], "failed": {}, "next": None}
            return {"replayId": "6f0f2a4e", "dryRun": True, **count}
        return super().answer(path)


def alarm(name: str, state: str, topic: str = "webhook-alarms") -> dict:
    return {
        "AlarmName": f"webhook-{name}-prod",
        "StateValue": state,
        "AlarmDescription": "an event was given up; its message is kept for a replay",
        "StateUpdatedTimestamp": datetime(2026, 3, 14, 2, 13, 30, tzinfo=UTC),
        "AlarmActions": [f"arn:aws:sns:eu-central-1:1:{topic}-prod"],
    }


def oldest(asked: dict) -> dict:
    """Answer how old the oldest message of each queue is; of what is counted besides, nothing."""
    ages = [
        query["Id"]
        for query in asked["MetricDataQueries"]
        if "ApproximateAgeOfOldestMessage" in (told := json.dumps(query)) and "dlq" not in told
    ]
    times = [datetime(2026, 3, 14, 2, 40, tzinfo=UTC)]
    return {"MetricDataResults": [{"Id": id_, "Timestamps": times, "Values": [2.0]} for id_ in ages]}


def endpoint(url: str, description: str, event_types: list[str], **more: Any) -> dict:
    return {
        "endpointId": ENDPOINT,
        "url": url,
        "description": description,
        "eventTypes": event_types,
        "state": "ACTIVE",
        "stateReason": None,
        **more,
    }


DISABLED = "ep_01KM1D3F5G7H9J1K3M5N7P9Q1R"
CUSTOMERS = [
    endpoint("https://shop.example/hooks/payments", "orders", ["payment_intent.*", "charge.*"]),
    endpoint(
        "https://old.shop.example/webhooks",
        "the shop before",
        ["*"],
        endpointId=DISABLED,
        state="DISABLED",
        stateReason="answered 410",
    ),
]
LAST = {ENDPOINT: ATTEMPTS[:1], DISABLED: [("00:12:08.400", 1, 410, "status 410", 88)]}
FIRST_ANSWER = {
    "headers": [{"name": "Content-Type", "value": "text/plain"}, {"name": "Retry-After", "value": "1"}],
    "body": "database is restarting, come back in a moment",
    "encoding": "utf-8",
    "complete": True,
}


def of_customer(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer as the tenants' API does."""
    del context
    query = event["queryStringParameters"] or {}
    found: Any = {
        "/v1/token": {"tenantName": "Shop Example", "access": "portal", "expiresAt": at("03:40:00")},
        "/v1/endpoints": {"endpoints": CUSTOMERS},
        f"/v1/events/{DELIVERED['eventId']}": DELIVERED,
    }.get(event["path"])
    if event["path"] == "/v1/attempts":
        found = {
            "attempts": [{"at": at(time), "outcome": outcome} for time, _, _, outcome, _ in LAST[query["endpointId"]]]
        }
    return {"statusCode": 200, "body": json.dumps(found or {"answer": FIRST_ANSWER})}


@contextmanager
def portal() -> Iterator[str]:
    """Serve the portal in front of a made-up API."""
    anybody = {"policyDocument": {"Statement": [{"Resource": ["*"]}]}, "context": {}, "principalId": "acme"}
    with tempfile.TemporaryDirectory() as folder:
        site = Site(copy_assets(Path(folder)))

        def files(event: dict[str, Any], context: object) -> dict[str, Any]:
            del context
            name = (event["pathParameters"] or {}).get("name", "")
            answer = site.asset(name, {}, None) if name else site.page(event["path"], {})
            assert answer is not None
            return answer

        with serving(Gateway({DOCS: files, TENANT_API: of_customer}, lambda *_: anybody)) as base:
            yield base


def save(page: Page, name: str) -> None:
    """Write a picture of a page, on which nothing went wrong."""
    assert not (wrong := page.locator(".trouble").all_inner_texts()), f"{name}: {wrong}"
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB").quantize(COLORS, dither=Image.Dither.NONE)
    picture.save(FOLDER / f"{name}.png", optimize=True)
    print(f"picture: {name}.png, {(FOLDER / f'{name}.png').stat().st_size:,} bytes")
    page.close()


def main() -> None:
    """Write the pictures."""
    FOLDER.mkdir(exist_ok=True)
    with launched() as browser:
        with running(Night(), "prod") as console:
            for name, path, height in (
                ("console-overview", "/prod/", 850),
                ("console-event", f"/prod/events/{KEY}", 1120),
                ("console-replay", "/prod/replay?provider=stripe&from=2026-03-14T02:00:00Z&status=DEAD_LETTERED", 560),
            ):
                visit = ConsoleVisit(
                    browser, console, viewport={"width": WIDTH, "height": height}, color_scheme="light"
                )
                visit.page.clock.set_fixed_time(NOW)
                visit.page.goto(console.origin + path)
                visit.page.locator(SHOWN).wait_for()
                if "replay" in name:
                    visit.page.get_by_label("to, UTC").fill("2026-03-14T02:30:00")
                    visit.page.get_by_label("Reason").fill("processing may write to the archive again")
                    visit.page.get_by_role("button", name="Try").click()
                    visit.page.get_by_role("button", name="Replay now").wait_for()
                save(visit.page, name)
        with portal() as base:
            for name, shown, height in (
                ("portal-endpoints", "endpoints", 440),
                ("portal-event", f"events/{DELIVERED['eventId']}", 760),
            ):
                page = browser.new_page(viewport={"width": WIDTH, "height": height}, color_scheme="light")
                page.goto(f"{base}/portal?page={shown}#token=whp_made_up")
                page.locator(SHOWN).wait_for()
                if shown != "endpoints":
                    page.get_by_role("button", name="Show", exact=True).last.click()
                    page.get_by_label("Answer", exact=True).wait_for()
                save(page, name)


if __name__ == "__main__":
    main()
