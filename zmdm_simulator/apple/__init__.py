"""Apple, played: the push service with its certificates, for tests, load and the demo."""
