"""The providers whose webhooks the system understands."""
