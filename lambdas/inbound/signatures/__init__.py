"""The signature schemes that only the inbound half uses."""
