"""The tables of delivery: keys, items, and conditional writes."""
