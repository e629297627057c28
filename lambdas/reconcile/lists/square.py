"""Square's search of events, for an application's own access token.

It finds what happened since the application enabled searching (``PUT /v2/events/enable``), of all types.
Source: https://developer.squareup.com/reference/square/events-api/SearchEvents,
https://developer.squareup.com/docs/events-api/overview
"""

from typing import Any

from lambdas.reconcile.event_list import DAY_SECONDS, EventList, Page, objects_in, shown
from lambdas.shared import times


class SquareEvents(EventList):
    """Pages with a cursor that belongs to the query."""

    hosts = ("connect.squareup.com", "connect.squareupsandbox.com")
    retention_seconds = 28 * DAY_SECONDS
    # Square publishes no limit.
    per_second = 5.0
    key_doc = "the application's own access token; Square takes no token of a narrower scope here"
    has_all_types = True

    def page(self, since: float, until: float, after: str | None) -> Page:
        """See `EventList.page`."""
        self._api.headers["Authorization"] = f"Bearer {self._key}"
        search: dict[str, Any] = {
            "limit": self.page_size,
            "query": {"filter": {"created_at": {"start_at": times.iso(since), "end_at": times.iso(until)}}},
            **({"cursor": after} if after else {}),
        }
        with self._listing(after):
            document = self._api.post("/v2/events", search).document
        return Page(
            events=[shown(event, "event_id") for event in objects_in(document, "events", optional=True)],
            after=document.get("cursor") or None,
        )
