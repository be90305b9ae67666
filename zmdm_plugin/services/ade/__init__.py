"""Automated Device Enrollment: its settings, their profile at Apple, devices in Setup Assistant."""
