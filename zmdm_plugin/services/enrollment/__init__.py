"""How devices come in: enrollments, their sessions, profiles, the SCEP service, renewal."""
