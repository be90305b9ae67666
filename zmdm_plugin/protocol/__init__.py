"""Wire formats, pure: bytes to frozen values and back, without I/O, framework or clock."""
