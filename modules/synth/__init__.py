"""CDKTF: its bindings, loaded when they are used, and what runs when a stack is synthesized."""

from modules.synth.bindings import load

# Here, because Python runs a package before any module in it: no order of imports can load the whole of the bindings.
load()
