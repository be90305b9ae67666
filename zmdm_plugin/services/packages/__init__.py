"""Packages of software that operators upload, and the links by which devices fetch them."""
