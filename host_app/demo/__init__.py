"""`make demo`: the host, its helpers, Apple played and a fleet of devices, under one supervisor."""
