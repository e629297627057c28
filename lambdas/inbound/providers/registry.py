"""The registry of all providers. To add one, write a module in this folder, and add a line here."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from types import MappingProxyType

from lambdas.inbound.providers.entry import Provider

# Name of an entry to its module in this folder, and its name there.
_PLACES = MappingProxyType(
    {
        "stripe": ("stripe", "STRIPE"),
        "paypal": ("paypal", "PAYPAL"),
        "adyen": ("adyen", "ADYEN"),
        "adyen-platform": ("adyen", "ADYEN_PLATFORM"),
        "braintree": ("braintree", "BRAINTREE"),
        "shopify": ("shopify", "SHOPIFY"),
        "square": ("square", "SQUARE"),
        "checkout-com": ("checkout_com", "CHECKOUT_COM"),
        "gocardless": ("gocardless", "GOCARDLESS"),
        "mollie": ("mollie", "MOLLIE"),
        "razorpay": ("razorpay", "RAZORPAY"),
        "paddle": ("paddle", "PADDLE"),
        "klarna": ("klarna", "KLARNA"),
        "wise": ("wise", "WISE"),
        "marqeta": ("marqeta", "MARQETA"),
        "lithic": ("lithic", "LITHIC"),
        "paystack": ("paystack", "PAYSTACK"),
        "coinbase-commerce": ("coinbase_commerce", "COINBASE_COMMERCE"),
        "github": ("github", "GITHUB"),
        "standard-webhooks": ("standard_webhooks", "STANDARD_WEBHOOKS"),
        "standard-webhooks-ed25519": ("standard_webhooks", "STANDARD_WEBHOOKS_ED25519"),
        "generic": ("generic", "GENERIC"),
        "generic-timestamped": ("generic", "GENERIC_TIMESTAMPED"),
    }
)


class _Registry(Mapping[str, Provider]):
    """Name to entry. An entry is imported when it is used, so that a function imports deployed ones only."""

    def __getitem__(self, name: str) -> Provider:
        module, entry = _PLACES[name]
        provider: Provider = getattr(import_module(f"{__package__}.{module}"), entry)
        return provider

    def __iter__(self) -> Iterator[str]:
        return iter(_PLACES)

    def __len__(self) -> int:
        return len(_PLACES)


REGISTRY: Mapping[str, Provider] = _Registry()
