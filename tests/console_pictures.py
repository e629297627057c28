"""``make screenshots``: pictures of the console for the documentation, of a made-up night.

Everything is made up: the shop, the payment, the customer.
"""

import io
import re
from datetime import UTC, datetime
from urllib.parse import urlsplit

from PIL import Image

from tests.browsing import SHOWN, ConsoleVisit, launched
from tests.console_stack import Stack, running
from tools import ROOT
from tools.local.stack import path_id

FOLDER = ROOT / "docs" / "pictures"
NOW = "2026-03-14T02:41:00Z"
COLORS = 128
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
    "sha256": "0",
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
        }
        self.aws = {
            "DescribeAlarms": {
                "MetricAlarms": [alarm("dead-lettered", "ALARM"), *(alarm(str(n), "OK") for n in range(40))]
            },
            "GetMetricData": {"MetricDataResults": []},
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


def alarm(name: str, state: str) -> dict:
    return {
        "AlarmName": f"webhook-{name}-prod",
        "StateValue": state,
        "AlarmDescription": "an event was given up; its message is kept for a replay",
        "StateUpdatedTimestamp": datetime(2026, 3, 14, 2, 13, 30, tzinfo=UTC),
        "AlarmActions": ["arn:aws:sns:eu-central-1:123456789012:webhook-alarms-prod"],
    }


def main() -> None:
    """Write the pictures."""
    FOLDER.mkdir(exist_ok=True)
    with launched() as browser, running(Night(), "prod") as console:
        for name, path, height in (
            ("console-overview", "/prod/", 760),
            ("console-event", f"/prod/events/{KEY}", 1120),
            ("console-replay", "/prod/replay?provider=stripe&from=2026-03-14T02:00:00Z&status=DEAD_LETTERED", 560),
        ):
            visit = ConsoleVisit(browser, console, viewport={"width": 1120, "height": height}, color_scheme="light")
            visit.page.clock.set_fixed_time(NOW)
            visit.page.goto(console.origin + path)
            visit.page.locator(SHOWN).wait_for()
            if "replay" in name:
                visit.page.get_by_label("to, UTC").fill("2026-03-14T02:30:00")
                visit.page.get_by_label("Reason").fill("processing may write to the archive again")
                visit.page.get_by_role("button", name="Try").click()
                visit.page.get_by_role("button", name="Replay now").wait_for()
            picture = (
                Image.open(io.BytesIO(visit.page.screenshot()))
                .convert("RGB")
                .quantize(COLORS, dither=Image.Dither.NONE)
            )
            picture.save(FOLDER / f"{name}.png", optimize=True)
            print(f"picture: {name}.png, {(FOLDER / f'{name}.png').stat().st_size:,} bytes")
            visit.page.close()


if __name__ == "__main__":
    main()
