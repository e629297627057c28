"""Which entries have a list of events."""

from collections.abc import Mapping

from lambdas.reconcile.event_list import EventList
from lambdas.reconcile.lists.github import GitHubDeliveries
from lambdas.reconcile.lists.gocardless import GoCardlessEvents
from lambdas.reconcile.lists.lithic import LithicEvents
from lambdas.reconcile.lists.paddle import PaddleEvents
from lambdas.reconcile.lists.paypal import PayPalEvents
from lambdas.reconcile.lists.square import SquareEvents
from lambdas.reconcile.lists.stripe import StripeEvents

LISTS: Mapping[str, type[EventList]] = {
    "stripe": StripeEvents,
    "paypal": PayPalEvents,
    "square": SquareEvents,
    "github": GitHubDeliveries,
    "gocardless": GoCardlessEvents,
    "lithic": LithicEvents,
    "paddle": PaddleEvents,
}
