"""Declarative device management: what a channel is offered, and what it reports."""
