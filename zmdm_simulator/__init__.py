"""Apple and its devices, played over the real wire formats.

It shares no code with the server: a codec used on both sides would hide its own bugs.
"""
