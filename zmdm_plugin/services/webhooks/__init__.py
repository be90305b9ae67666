"""Events reach other programs: who wants which, an outbox, and the sending of it."""
