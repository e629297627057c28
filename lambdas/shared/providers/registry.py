"""The registry: every provider that can be deployed. A new one is a module beside this one, and its name here."""

from collections.abc import Mapping
from types import MappingProxyType

from lambdas.shared.providers.adyen import ADYEN, ADYEN_PLATFORM
from lambdas.shared.providers.braintree import BRAINTREE
from lambdas.shared.providers.entry import Provider
from lambdas.shared.providers.generic import GENERIC, GENERIC_TIMESTAMPED
from lambdas.shared.providers.github import GITHUB
from lambdas.shared.providers.paypal import PAYPAL
from lambdas.shared.providers.shopify import SHOPIFY
from lambdas.shared.providers.square import SQUARE
from lambdas.shared.providers.standard_webhooks import STANDARD_WEBHOOKS, STANDARD_WEBHOOKS_ED25519
from lambdas.shared.providers.stripe import STRIPE

REGISTRY: Mapping[str, Provider] = MappingProxyType(
    {
        entry.name: entry
        for entry in (
            STRIPE,
            PAYPAL,
            ADYEN,
            ADYEN_PLATFORM,
            BRAINTREE,
            SHOPIFY,
            SQUARE,
            GITHUB,
            STANDARD_WEBHOOKS,
            STANDARD_WEBHOOKS_ED25519,
            GENERIC,
            GENERIC_TIMESTAMPED,
        )
    }
)
