"""Declarations on a simulated device: what it holds, whether that works, and what it reports.

catalogue knows Apple's types and status items; support what one device takes of them; predicate and
references read declarations; downloads fetches what they point to; legacy, updates and credentials
apply them; judge says of each whether it is valid and active; values and report make status
reports; talk sends check-ins; engine is the order of it all.
"""
