"""Stripe's list of events, for a restricted key that may read events.

It has all types of events, whatever the endpoint is subscribed to, and of the key's own account only. An event is
rendered in the account's API version at the time of its creation, not in that of the endpoint.
Source: https://docs.stripe.com/api/events/list, https://docs.stripe.com/api/pagination,
https://docs.stripe.com/rate-limits
"""

import math

from lambdas.reconcile.event_list import DAY_SECONDS, EventList, NotAListError, Page, id_in, objects_in, shown


class StripeEvents(EventList):
    """Pages from the newest to the oldest; each begins behind the last event of the one before."""

    hosts = ("api.stripe.com", "api.stripe.com")
    retention_seconds = 30 * DAY_SECONDS
    # 25 a second are allowed of one operation.
    per_second = 10.0
    key_pattern = "rk_(live|test)_[0-9A-Za-z_]{1,256}"
    key_doc = "a restricted key, rk_..., that may read events and nothing else; a secret key, sk_..., can move money"
    has_all_types = True

    def page(self, since: float, until: float, after: str | None) -> Page:
        """See `EventList.page`."""
        self._api.headers["Authorization"] = f"Bearer {self._key}"
        query: dict[str, str | int] = {
            "limit": self.page_size,
            "created[gte]": math.floor(since),
            "created[lt]": math.ceil(until),
            **({"starting_after": after} if after else {}),
        }
        with self._listing(after):
            document = self._api.get("/v1/events", query).document
        events = objects_in(document, "data")
        more = document.get("has_more") is True and events
        if more and not isinstance(events[-1].get("id"), str):
            raise NotAListError("a page of which the last event has no id")
        # A key is of one mode, and so is everything that it may see.
        is_live = self._key.startswith(("rk_live_", "sk_live_"))
        return Page(
            events=[shown(event) for event in events if event.get("livemode") is is_live],
            after=events[-1]["id"] if more else None,
            unreadable=[id_in(event, "id") for event in events if event.get("livemode") is not is_live],
        )
