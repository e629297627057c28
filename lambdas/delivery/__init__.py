"""What the functions of the delivery half share, in layers: each imports only those that are named before it.

``domain`` has the model and its rules, ``store`` the tables, ``queue`` the messages, ``sending`` the HTTP client
and signatures, ``services`` what the functions do with these, and ``http`` the routes and answers of the APIs.
"""
