"""The providers that can be deployed."""
