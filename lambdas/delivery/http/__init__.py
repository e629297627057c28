"""The HTTP side of the delivery APIs: routes, bodies, schemas, and errors as problem documents."""
