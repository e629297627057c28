"""The infrastructure: one construct file per service type, each with typed settings in and ``grant_*`` methods out."""
