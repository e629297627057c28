"""What the functions of the delivery half share, in layers. ``tests/unit/test_layers.py`` has what each may import.

``domain`` has the model and its rules, ``store`` the tables, ``queue`` the messages, ``sending`` the HTTP client
and signatures, ``services`` what the functions do with these, and ``http`` the routes and responses of the APIs.
"""
