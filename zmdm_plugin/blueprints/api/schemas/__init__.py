"""What the API says and takes, one file per resource."""
