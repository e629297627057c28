"""Lithic's list of events, for an API key of the program that sends the webhooks.

It has all types of events, whatever is subscribed to. An event's token is the ``webhook-id`` of its webhook, and its
payload is the webhook's body.
Source: https://docs.lithic.com/docs/events-api, https://docs.lithic.com/docs/rate-limits,
https://github.com/lithic-com/lithic-python/blob/main/src/lithic/resources/events/events.py,
https://github.com/lithic-com/lithic-python/blob/main/src/lithic/_client.py
"""

from functools import partial
from typing import Any
from urllib.parse import quote

from lambdas.reconcile.event_list import (
    DAY_SECONDS,
    EventList,
    Fetched,
    Page,
    Registration,
    all_entries,
    compact,
    id_in,
    last_id,
    objects_in,
    text_in,
    texts_in,
    time_in,
)
from lambdas.shared import times

# Documented as on or after the time, and as after it.
_BEFORE_SECONDS = 0.001


class LithicEvents(EventList):
    """Pages from the newest to the oldest; each begins behind the last event of the one before."""

    hosts = ("api.lithic.com", "sandbox.lithic.com")
    retention_seconds = 90 * DAY_SECONDS
    # Of the reads of a resource 30 a second are allowed, and 15 in the sandbox.
    per_second = 5.0
    key_doc = "an API key of the program that sends the webhooks; Lithic documents none that may only read"
    has_all_types = True
    registration_doc = "it must be a key of the program that sends the webhooks"

    def page(self, since: float, until: float, after: str | None) -> Page:
        """See `EventList.page`."""
        self.authorize()
        query = {"begin": times.iso(since - _BEFORE_SECONDS), "end": times.iso(until), "with_content": "true"}
        with self._listing(after):
            entries, following = self._entries("/v1/events", query, after)
        return Page(
            events=[_fetched(entry) for entry in entries if _has_payload(entry)],
            after=following,
            unreadable=[id_in(entry, "token") for entry in entries if not _has_payload(entry)],
        )

    def registrations(self) -> list[Registration]:
        """See `EventList.registrations`. One without types gets all."""
        self.authorize()
        return [
            Registration(
                id=id_in(one, "token"),
                url=text_in(one, "url"),
                enabled=one.get("disabled") is False,
                types=texts_in(one, "event_types") or ["*"],
            )
            for one in all_entries(partial(self._entries, "/v1/event_subscriptions", {}))
        ]

    def undelivered(self, since: float, until: float, *, alone: bool) -> int | None:
        """See `EventList.undelivered`. An event is tried again for days, so that a later attempt counts.

        Source: https://github.com/lithic-com/lithic-python/blob/main/src/lithic/resources/events/subscriptions.py
        """
        if not alone:
            return None
        query = {"begin": times.iso(since - _BEFORE_SECONDS), "end": times.iso(until), "status": "FAILED"}
        failed: set[str] = set()
        for one in self.registrations():
            if one.enabled:
                entries, _ = self._entries(f"/v1/event_subscriptions/{quote(one.id, safe='')}/attempts", query, None)
                failed.update(text_in(entry, "event_token") for entry in entries)
        return sum(not self._attempts(token, "SUCCESS") for token in sorted(failed))

    def authorize(self) -> None:
        """See `EventList.authorize`."""
        self._api.headers["Authorization"] = self._key

    def _attempts(self, event: str, status: str) -> list[dict[str, Any]]:
        return self._entries(f"/v1/events/{quote(event, safe='')}/attempts", {"status": status}, None)[0]

    def _entries(self, path: str, query: dict[str, str], after: str | None) -> tuple[list[dict[str, Any]], str | None]:
        """Return a page, and where the next one begins."""
        paged: dict[str, str | int] = {
            **query,
            "page_size": self.page_size,
            **({"starting_after": after} if after else {}),
        }
        document = self._api.get(path, paged).document
        entries = objects_in(document, "data")
        return entries, last_id(entries, "token", more=document.get("has_more"))


def _has_payload(entry: dict[str, Any]) -> bool:
    return isinstance(entry.get("payload"), dict) and bool(entry["payload"])


def _fetched(entry: dict[str, Any]) -> Fetched:
    """Return an event with the header of its webhook that names it."""
    return Fetched(
        body=compact({"event_type": entry.get("event_type"), **entry["payload"]}),
        headers={"content-type": "application/json", "webhook-id": text_in(entry, "token")},
        id=id_in(entry, "token"),
        at=time_in(entry, "created"),
    )
