"""``POST /webhook/{provider}`` and ``POST /webhook``: verify, store durably, respond."""
