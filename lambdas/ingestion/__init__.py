"""``POST /webhook/{provider}`` and ``POST /webhook``: verify, make durable, answer."""
