"""The inbound stack and the constructs that only it uses."""
