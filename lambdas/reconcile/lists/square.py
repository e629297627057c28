"""Square's search of events, for an application's own access token.

It finds what happened since the application enabled searching (``PUT /v2/events/enable``), of all types.
Source: https://developer.squareup.com/reference/square/events-api/SearchEvents,
https://developer.squareup.com/docs/events-api/overview,
https://developer.squareup.com/docs/webhooks/webhook-subscriptions-api
"""

from dataclasses import replace
from typing import Any

from lambdas.reconcile.event_list import (
    DAY_SECONDS,
    EventList,
    Page,
    Registration,
    all_entries,
    cursor_in,
    id_in,
    objects_in,
    shown,
    text_in,
    texts_in,
    time_in,
)
from lambdas.shared import times


class SquareEvents(EventList):
    """Pages with a cursor that belongs to the query."""

    hosts = ("connect.squareup.com", "connect.squareupsandbox.com")
    retention_seconds = 28 * DAY_SECONDS
    # Square publishes no limit.
    per_second = 5.0
    key_doc = "the application's own access token; Square takes no token of a narrower scope here"
    has_all_types = True
    registration_doc = "it must be the application's own token, not one that a seller granted"

    def page(self, since: float, until: float, after: str | None) -> Page:
        """See `EventList.page`."""
        self.authorize()
        search: dict[str, Any] = {
            "limit": self.page_size,
            "query": {"filter": {"created_at": {"start_at": times.iso(since), "end_at": times.iso(until)}}},
            **({"cursor": after} if after else {}),
        }
        with self._listing(after):
            document = self._api.post("/v2/events", search).document
        # The environment is in a header of the webhook, and in nothing of the event.
        environment = "Production" if self.host == self.hosts[0] else "Sandbox"
        headers = {"content-type": "application/json", "square-environment": environment}
        return Page(
            events=[
                replace(shown(event, "event_id", at=time_in(event, "created_at")), headers=headers)
                for event in objects_in(document, "events", optional=True)
            ],
            after=cursor_in(document, "cursor"),
        )

    def registrations(self) -> list[Registration]:
        """See `EventList.registrations`. What Square answers may have signing keys, which are not looked at."""
        self.authorize()
        return [
            Registration(
                id=id_in(one, "id"),
                url=text_in(one, "notification_url"),
                enabled=one.get("enabled") is True,
                types=texts_in(one, "event_types"),
            )
            for one in all_entries(self._subscriptions)
        ]

    def _subscriptions(self, after: str | None) -> tuple[list[dict[str, Any]], str | None]:
        query: dict[str, str | int] = {"include_disabled": "true", "limit": 100, **({"cursor": after} if after else {})}
        document = self._api.get("/v2/webhooks/subscriptions", query).document
        return objects_in(document, "subscriptions", optional=True), cursor_in(document, "cursor")
