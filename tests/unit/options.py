"""Options with which each registry entry can be deployed."""

from tools.senders import SENDERS

OPTIONS = {name: dict(sender.options) for name, sender in SENDERS.items()} | {"paypal": {"webhook_id": "1AB23456CD789"}}
