"""The policy: one function for each rule. Every file here is read, so that a new one needs no other change."""
