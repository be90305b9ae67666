"""Artifacts: what a channel should have, decided from blueprints, scopes and facts."""
