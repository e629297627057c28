"""Paddle's list of events, for an API key that may read notifications, events among them, and notification settings.

It has all types of events, whatever is subscribed to, from the newest id to the oldest, and cannot be asked for a time:
each window is read from the newest event on. An id begins with the time at which it was made.
Source: https://developer.paddle.com/api-reference/events/list-events,
https://developer.paddle.com/changelog/2024/event-notification-retention-changes,
https://developer.paddle.com/api-reference/about/rate-limiting,
https://developer.paddle.com/changelog/2025/api-key-improvements,
https://developer.paddle.com/api-reference/notification-settings/list-notification-settings,
https://github.com/PaddleHQ/paddle-python-sdk/blob/main/paddle_billing/Environment.py
"""

from collections.abc import Iterator, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

from lambdas.inbound.providers.fields import LIVE, TEST
from lambdas.reconcile.event_list import (
    DAY_SECONDS,
    EventList,
    NotAListError,
    Page,
    Registration,
    all_entries,
    id_in,
    last_id,
    objects_in,
    shown,
    text_in,
    time_in,
)
from lambdas.shared import times


def event_of(notification: Mapping[str, Any]) -> str:
    """Return the id of the event that a notification is about."""
    payload = notification.get("payload")
    return text_in(payload, "event_id") if isinstance(payload, dict) else ""


class PaddleEvents(EventList):
    """Pages from the newest to the oldest; each begins behind the last event of the one before."""

    hosts = ("api.paddle.com", "sandbox-api.paddle.com")
    retention_seconds = 90 * DAY_SECONDS
    page_size = 200
    # 240 a minute are allowed.
    per_second = 2.0
    key_pattern = "pdl_(live|sdbx)_apikey_[0-9A-Za-z]{26}_[0-9A-Za-z]{22}_[0-9A-Za-z]{3}"
    key_modes = MappingProxyType({"pdl_live_": LIVE, "pdl_sdbx_": TEST})
    key_doc = (
        "an API key, pdl_..._apikey_..., that may read notifications and notification settings and nothing else; an "
        "older key, of 50 characters, may do everything"
    )
    has_all_types = True
    registration_doc = "give it the permission notification_setting.read"

    def page(self, since: float, until: float, after: str | None) -> Page:
        """See `EventList.page`."""
        self.authorize()
        with self._listing(after):
            entries, following = self._entries("/events", "event_id", after)
        ids = [id_ for entry in entries if (id_ := text_in(entry, "event_id"))]
        if ids != sorted(ids, reverse=True):
            # In another order, the first page would seem to be the last one.
            raise NotAListError("events that are not from the newest id to the oldest")
        found = [shown(entry, "event_id", at=time_in(entry, "occurred_at")) for entry in entries]
        dated = [one.at for one in found if one.at is not None]
        return Page(
            events=[one for one in found if one.at is not None and since <= one.at < until],
            # Not by a single event, of which the time may be a little before that of its id.
            after=None if dated and max(dated) < since else following,
            unreadable=[one.id for one in found if one.at is None],
        )

    def registrations(self) -> list[Registration]:
        """See `EventList.registrations`. What Paddle answers has the signing secrets, which are not looked at."""
        self.authorize()
        return [
            Registration(
                id=id_in(one, "id"),
                url=text_in(one, "destination"),
                # Besides real events there are simulated ones.
                enabled=one.get("active") is True and one.get("traffic_source") != "simulation",
                types=[text_in(kind, "name") for kind in objects_in(one, "subscribed_events", optional=True)],
            )
            for one in all_entries(partial(self._entries, "/notification-settings", "id"))
        ]

    def undelivered(self, since: float, until: float, *, alone: bool) -> int | None:
        """See `EventList.undelivered`. One that was replayed has another notification, which counts instead.

        Source: https://developer.paddle.com/api-reference/notifications/list-notifications
        """
        if not alone:
            return None
        query = {"status": "failed,needs_retry", "from": times.iso(since), "to": times.iso(until)}
        entries, _ = self._entries("/notifications", "id", None, query)
        return len({event_of(entry) for entry in entries if entry.get("replayed_at") is None})

    def notifications(self, registration: str, status: str) -> Iterator[dict[str, Any]]:
        """Return the notifications to a registration in some states, from the newest to the oldest."""
        query = {"notification_setting_id": registration, "status": status}
        return all_entries(partial(self._entries, "/notifications", "id", asked=query))

    def authorize(self) -> None:
        """See `EventList.authorize`."""
        super().authorize()
        self._api.headers["Paddle-Version"] = "1"

    def _entries(
        self, path: str, id_: str, after: str | None, asked: Mapping[str, str] = {}
    ) -> tuple[list[dict[str, Any]], str | None]:
        """Return a page, and where the next one begins."""
        query: dict[str, str | int] = {
            **asked,
            "order_by": "id[DESC]",
            "per_page": self.page_size,
            **({"after": after} if after else {}),
        }
        document = self._api.get(path, query).document
        entries = objects_in(document, "data")
        meta = document.get("meta")
        pagination = meta.get("pagination") if isinstance(meta, dict) else None
        more = pagination.get("has_more") if isinstance(pagination, dict) else None
        return entries, last_id(entries, id_, more=more)
