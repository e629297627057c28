"""The delivery queue and its messages."""
