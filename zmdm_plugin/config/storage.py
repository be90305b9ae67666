"""Settings of where large files are kept."""

from __future__ import annotations

from dataclasses import dataclass

from zmdm_plugin.config.parsers import bucket, flag, key, number, optional_base_url, text


@dataclass(frozen=True, kw_only=True)
class Storage:
    """A folder of this server, or a bucket of an S3-compatible service."""

    storage_folder: str = key(
        text,
        "Folder for packages; all web processes and workers must share it. Empty: "
        "`zmdm-storage` in the application's instance folder. With a bucket, uploads pass through.",
        default="",
    )
    storage_s3_bucket: str = key(
        bucket,
        "Keep packages in this bucket instead (needs `pip install 'zmdm-plugin[s3]'`).",
        default="",
    )
    storage_s3_endpoint: str = key(
        optional_base_url, "Address of an S3-compatible service; empty: Amazon's.", default=""
    )
    storage_s3_region: str = key(text, "Region of the bucket; empty: boto3's own.", default="")
    storage_s3_access_key: str = key(
        text, "Access key; empty: what boto3 finds by itself.", default="", secret=True
    )
    storage_s3_secret_key: str = key(text, "Secret of that access key.", default="", secret=True)
    storage_s3_prefix: str = key(text, "Before the name of each object.", default="")
    storage_redirect: bool = key(
        flag,
        "Send devices to the bucket by pre-signed links, rather than serve files from here.",
        default=True,
    )
    package_max_size: int = key(
        number(1024, 64 * 1024**3), "Bytes, at most, of a package.", default=16 * 1024**3
    )
    package_link_hours: int = key(
        number(1, 24 * 7),
        "Hours that a link to a package in a command holds; later the command is made anew.",
        default=24,
    )
