"""What gunicorn and `flask --app host_app.wsgi` load."""

from __future__ import annotations

from host_app.app import create_app

app = create_app()
