"""The daily statement: what there was of each provider and account on a day, chained to the day before."""
