"""Finding what a provider has and the records lack, and handing it over."""
