"""Coverage-guided fuzzing of what strangers reach first: header parsers and event extractors."""
