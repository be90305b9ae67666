"""Which applications are installed where: told by lists and by status reports, and searched."""
