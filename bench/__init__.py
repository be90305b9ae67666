"""Load and scale, for anyone to run; never part of the tests."""
