"""The operators' endpoints: tenants, tokens, sending again, erasure, signing keys."""
