"""Signature schemes: each verifies, in constant time, that a provider signed exactly these bytes."""
