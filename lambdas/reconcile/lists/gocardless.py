"""GoCardless's list of events, for a read-only access token.

Events are stored for all webhooks, and a webhook endpoint gets all of the organisation's, so that the list has what was
sent, under the same ids. The API has no list of endpoints.
Source: https://developer.gocardless.com/api-reference/#events-list-events,
https://developer.gocardless.com/api-reference/#api-usage-cursor-pagination,
https://github.com/gocardless/gocardless-pro-python/blob/master/gocardless_pro/services/events_service.py,
https://github.com/gocardless/gocardless-pro-python/blob/master/gocardless_pro/client.py
"""

from lambdas.reconcile.event_list import (
    DAY_SECONDS,
    EventList,
    Fetched,
    NotAListError,
    Page,
    Registration,
    compact,
    cursor_in,
    id_in,
    objects_in,
    time_in,
)
from lambdas.shared import times


class GoCardlessEvents(EventList):
    """Pages with the cursor of the next one, null in the last."""

    hosts = ("api.gocardless.com", "api-sandbox.gocardless.com")
    # 18 months
    retention_seconds = 540 * DAY_SECONDS
    # 1,000 a minute are allowed.
    per_second = 5.0
    key_doc = "a read-only access token of the organisation that the webhook endpoint belongs to"
    shows_registrations = False

    def page(self, since: float, until: float, after: str | None) -> Page:
        """See `EventList.page`."""
        self.authorize()
        query: dict[str, str | int] = {
            "limit": self.page_size,
            "created_at[gte]": times.iso(since),
            "created_at[lt]": times.iso(until),
            **({"after": after} if after else {}),
        }
        with self._listing(after):
            document = self._api.get("/events", query).document
        events = objects_in(document, "events")
        meta = document.get("meta")
        cursors = meta.get("cursors") if isinstance(meta, dict) else None
        if not isinstance(cursors, dict) or "after" not in cursors:
            raise NotAListError("a page without meta.cursors.after")
        # A webhook has an array of them.
        return Page(
            events=[
                Fetched(body=compact({"events": [event]}), id=id_in(event, "id"), at=time_in(event, "created_at"))
                for event in events
            ],
            after=cursor_in(cursors, "after"),
        )

    def registrations(self) -> list[Registration]:
        """See `EventList.registrations`: none."""
        return []

    def authorize(self) -> None:
        """See `EventList.authorize`."""
        super().authorize()
        self._api.headers["GoCardless-Version"] = "2015-07-06"
