"""Realms: where people are known, how they prove who they are, and what became of it."""
