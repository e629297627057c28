"""CDKTF: its bindings, loaded when they are used, and what runs when a stack is synthesized."""
