"""What an environment can choose: sections, ranges, rules, presets, and the reader of ``cdktf.json``."""
