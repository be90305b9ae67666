"""gunicorn -c python:host_app.gunicorn_conf host_app.wsgi:app"""

from __future__ import annotations

import os

bind = os.environ.get("HOST_APP_BIND", "127.0.0.1:8080")
workers = int(os.environ.get("HOST_APP_WORKERS", "2"))
worker_class = "gthread"
threads = 8
graceful_timeout = 2
# SCEP by GET carries a whole CMS message in the request line.
limit_request_line = 0
# Mdm-Signature, and client certificates that a proxy passes on, are long headers.
limit_request_field_size = 65536
# Two gunicorns of one user would fight over its socket.
control_socket_disable = True
