"""The model of delivery and its rules, without AWS."""
