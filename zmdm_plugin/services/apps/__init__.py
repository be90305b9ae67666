"""Apps on devices: what a version says, what a command carries, and what became of it there."""
