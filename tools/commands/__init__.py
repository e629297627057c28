"""The commands of a user: demo, up, send, receiver, secret, verify-archive."""
