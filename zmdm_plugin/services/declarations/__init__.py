"""Declarative management: what a channel is offered, what it fetches, and what it reports."""
