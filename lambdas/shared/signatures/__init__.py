"""Signature schemes: each proves, in constant time, that a provider signed exactly these bytes."""
