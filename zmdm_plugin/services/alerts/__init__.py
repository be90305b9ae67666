"""Alerts: what people must hear of, found in the database or on the network, and told once.

Each family of conditions has a file: it loads values, few and set-based, and pure rules say what is
wrong with them. `watch` compares that with the alerts that are open and writes what changed, the
notices with it. Words, and what to do, stand in one table: kinds.py.
"""
