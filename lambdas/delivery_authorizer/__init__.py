"""The Lambda authorizer of the tenants' API: a bearer token in, a tenant and a policy out."""
