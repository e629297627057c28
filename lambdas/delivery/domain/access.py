"""What a tenant's token is good for. Which kinds may use a route is said on the route, in `delivery.http.routes`."""

from enum import StrEnum


class Access(StrEnum):
    """The kind of a token, as it is stored and shown."""

    FULL = "full"
    """Everything. Tokens that say nothing are of this kind: there was no other in release 0.1.0."""
    READ = "read"
    PUBLISH = "publish"
    PORTAL = "portal"
    """Of a portal link: what a customer does in the portal."""
    PORTAL_READ = "portal-read"
    """Of a portal link that only shows."""


LINKED = frozenset({Access.PORTAL, Access.PORTAL_READ})
"""Kinds that portal links alone have."""
