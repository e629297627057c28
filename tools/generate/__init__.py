"""Files that are generated and committed: tables of the documents, the OpenAPI document, golden files."""
