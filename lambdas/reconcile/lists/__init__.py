"""Providers' own lists of events, one module for each."""
