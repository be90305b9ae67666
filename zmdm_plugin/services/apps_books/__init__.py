"""Apps & Books: locations and their tokens, assets, licences, what Apple tells us."""
