"""Protecting devices: FileVault and its keys, recovery passwords, the automatic administrator.

`values` what the planner's rule looks at, `situation` gathers it, `orders` prepares what the rule
wants to be sent, `outcomes` applies what devices answer, `tasks` keeps how each piece of work
stands. Configurations, which blueprints bring, are in `filevault_configs` and `recovery_configs`.
"""
