"""Where large files are kept: a folder of this server, or an S3-compatible service.

Files go by the SHA-256 of their content, so that the same one is kept once. `files` has the rows
and the tidying, `incoming` takes uploads, `backends` says which storage the settings name.
"""
