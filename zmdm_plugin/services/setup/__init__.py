"""Setup Assistant, where a device waits until the server lets it go on.

`values` what the planner's rule looks at, `awaiting` who waits and is released, `accounts` what a
Mac is told about its accounts.
"""
