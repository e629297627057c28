"""Benchmarks: what something costs beside what it cannot avoid, measured side by side."""
