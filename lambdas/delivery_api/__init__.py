"""The tenants' API: events in, what became of them, and the endpoints that get them."""
