"""Stripe's list of events, for a restricted key that may read events.

It has all types of events, whatever the endpoint is subscribed to, and of the key's own account only. An event is
rendered in the account's API version at the time of its creation, not in that of the endpoint.
Source: https://docs.stripe.com/api/events/list, https://docs.stripe.com/api/pagination,
https://docs.stripe.com/rate-limits, https://docs.stripe.com/api/webhook_endpoints/object
"""

import math
from types import MappingProxyType

from lambdas.inbound.providers.fields import LIVE, TEST
from lambdas.reconcile.event_list import (
    DAY_SECONDS,
    EventList,
    Page,
    Registration,
    id_in,
    last_id,
    objects_in,
    shown,
    text_in,
    texts_in,
)
from lambdas.shared import times


class StripeEvents(EventList):
    """Pages from the newest to the oldest; each begins behind the last event of the one before."""

    hosts = ("api.stripe.com", "api.stripe.com")
    retention_seconds = 30 * DAY_SECONDS
    # 25 a second are allowed of one operation.
    per_second = 10.0
    key_pattern = "rk_(live|test)_[0-9A-Za-z_]{1,256}"
    key_modes = MappingProxyType({"rk_live_": LIVE, "rk_test_": TEST, "sk_live_": LIVE, "sk_test_": TEST})
    key_doc = (
        "a restricted key, rk_..., that may read events and webhook endpoints and nothing else; a secret key, sk_..., "
        "can move money"
    )
    has_all_types = True
    registration_doc = "give it the permission Webhook Endpoints: Read"

    def page(self, since: float, until: float, after: str | None) -> Page:
        """See `EventList.page`."""
        self.authorize()
        query: dict[str, str | int] = {
            "limit": self.page_size,
            "created[gte]": math.floor(since),
            "created[lt]": math.ceil(until),
            **({"starting_after": after} if after else {}),
        }
        with self._listing(after):
            document = self._api.get("/v1/events", query).document
        events = objects_in(document, "data")
        # A key is of one mode, and so is everything that it may see.
        is_live = self.mode_of(self._key) == LIVE
        return Page(
            events=[
                shown(event, at=times.parse(str(event.get("created"))))
                for event in events
                if event.get("livemode") is is_live
            ],
            after=last_id(events, "id", more=document.get("has_more")),
            unreadable=[id_in(event, "id") for event in events if event.get("livemode") is not is_live],
        )

    def registrations(self) -> list[Registration]:
        """See `EventList.registrations`. An account has 16 at most; one that fails for days is disabled by Stripe.

        Source: https://docs.stripe.com/webhooks#disable, https://docs.stripe.com/api/webhook_endpoints/list
        """
        self.authorize()
        return [
            Registration(
                id=id_in(one, "id"),
                url=text_in(one, "url"),
                enabled=one.get("status") == "enabled",
                types=texts_in(one, "enabled_events"),
            )
            for one in objects_in(self._api.get("/v1/webhook_endpoints", {"limit": 100}).document, "data")
        ]

    def undelivered(self, since: float, until: float, *, alone: bool) -> int | None:
        """See `EventList.undelivered`. Stripe does not tell to which of several endpoints an event was not delivered.

        Source: https://docs.stripe.com/api/events/list#list_events-delivery_success
        """
        if not alone:
            return None
        query: dict[str, str | int] = {
            "limit": self.page_size,
            "delivery_success": "false",
            "created[gte]": math.floor(since),
            "created[lt]": math.ceil(until),
        }
        return len(objects_in(self._api.get("/v1/events", query).document, "data"))
