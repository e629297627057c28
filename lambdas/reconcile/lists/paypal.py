"""PayPal's list of event notifications, for an app's client id and secret, joined with a colon.

The list has what was sent to the webhooks of that app alone: with another app's credentials it is empty.

Source: https://developer.paypal.com/api/webhooks/v1/webhooks-events-list,
https://developer.paypal.com/api/rest/authentication/, https://developer.paypal.com/api/rest/webhooks/events-dashboard,
https://developer.paypal.com/docs/api/webhooks/v1/#webhooks_get
"""

import base64
from urllib.parse import urlsplit

from lambdas.reconcile.api import ApiError
from lambdas.reconcile.event_list import (
    DAY_SECONDS,
    EventList,
    NotAListError,
    Page,
    Registration,
    objects_in,
    shown,
    text_in,
    time_in,
)
from lambdas.shared import times


class PayPalEvents(EventList):
    """Pages with a link to the next one."""

    hosts = ("api-m.paypal.com", "api-m.sandbox.paypal.com")
    retention_seconds = 30 * DAY_SECONDS
    # PayPal publishes no limit.
    per_second = 2.0
    key_pattern = "[!-9;-~]{8,256}:[!-~]{8,256}"
    key_doc = "client id and secret of the app that the webhook webhook_id belongs to, joined with a colon"
    registration_doc = "the credentials must be those of the app that owns webhook_id"

    def page(self, since: float, until: float, after: str | None) -> Page:
        """See `EventList.page`."""
        self.authorize()
        query: dict[str, str | int] = {
            "page_size": self.page_size,
            "start_time": times.iso(since),
            "end_time": times.iso(until),
        }
        path = "/v1/notifications/webhooks-events"
        with self._listing(after):
            document = (self._api.get(after) if after else self._api.get(path, query)).document
        events = objects_in(document, "events")
        links = objects_in(document, "links", optional=True)
        following = [link.get("href") for link in links if link.get("rel") == "next"]
        # Of the link only the path: the token goes to no other host.
        # Nothing says whether an empty page has one, so that such a page is the last.
        address = urlsplit(str(following[0])) if following and events else None
        if address is not None and not address.path.startswith(path):
            raise NotAListError("the link to the next page leads elsewhere")
        return Page(
            events=[shown(event, at=time_in(event, "create_time")) for event in events],
            after=f"{address.path}?{address.query}" if address else None,
        )

    def registrations(self) -> list[Registration]:
        """See `EventList.registrations`: the one of ``webhook_id``, or none if it is gone. PayPal disables types."""
        self.authorize()
        try:
            webhook = self._api.get(f"/v1/notifications/webhooks/{self._hook}").document
        except ApiError as error:
            if error.status != 404:
                raise
            return []
        types = [one for one in objects_in(webhook, "event_types") if one.get("status") != "DISABLED"]
        return [
            Registration(
                id=self._hook,
                url=text_in(webhook, "url"),
                enabled=bool(types),
                types=[text_in(one, "name") for one in types],
            )
        ]

    def authorize(self) -> None:
        """See `EventList.authorize`."""
        if "Authorization" not in self._api.headers:
            self._api.headers["Authorization"] = f"Bearer {self._token()}"

    def _token(self) -> str:
        credentials = base64.b64encode(self._key.encode()).decode("ascii")
        answer = self._api.post_form(
            "/v1/oauth2/token", {"grant_type": "client_credentials"}, {"Authorization": f"Basic {credentials}"}
        )
        token = answer.document.get("access_token") if isinstance(answer.document, dict) else None
        if not isinstance(token, str):
            raise NotAListError("no access token")
        return token
