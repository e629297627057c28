"""Constructs by service type that both stacks use, each with typed settings in and ``grant_*`` methods out."""
