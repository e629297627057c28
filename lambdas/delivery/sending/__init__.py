"""Sending a request to an endpoint: its URL, address, headers, signatures and the HTTP client."""
