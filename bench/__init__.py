"""Benchmarks: what something costs beside its alternatives, measured in one run."""
