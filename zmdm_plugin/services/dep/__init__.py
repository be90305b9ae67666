"""Automated Device Enrollment: the services at Apple, their devices, who gets which profile."""
