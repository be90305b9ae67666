"""A small Flask application of its own, with its users and tables, that has taken Zmdm in."""
