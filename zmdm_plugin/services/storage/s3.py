"""Files in an S3-compatible service; needs boto3 (`pip install 'zmdm-plugin[s3]'`).

Loaded by name from `backends`, only where the settings name a bucket.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import boto3
from boto3.exceptions import Boto3Error
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from zmdm_plugin.config import Settings
from zmdm_plugin.services.storage.failures import StorageFailed

P = ParamSpec("P")
R = TypeVar("R")

_PIECE = 256 * 1024
_PART = 16 * 1024 * 1024
_MISSING = frozenset({"404", "NoSuchKey", "NotFound"})
_LONGEST_LINK = 7 * 24 * 3600


def storage(settings: Settings) -> S3Storage:
    """A storage with the bucket and the credentials that the settings name."""
    client = boto3.client(
        "s3",
        endpoint_url=settings.storage_s3_endpoint or None,
        region_name=settings.storage_s3_region or None,
        aws_access_key_id=settings.storage_s3_access_key or None,
        aws_secret_access_key=settings.storage_s3_secret_key or None,
        config=Config(
            connect_timeout=5,
            read_timeout=30,
            retries={"max_attempts": 3, "mode": "standard"},
            signature_version="s3v4",
            s3={"addressing_style": "path" if settings.storage_s3_endpoint else "auto"},
            # Other services than Amazon's do not all know the newer checksums.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )
    return S3Storage(
        client,
        settings.storage_s3_bucket,
        prefix=settings.storage_s3_prefix,
        redirects=settings.storage_redirect,
    )


def _outages(act: Callable[P, R]) -> Callable[P, R]:
    """Whatever boto3 raises becomes StorageFailed, in words without credentials."""

    @wraps(act)
    def acting(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return act(*args, **kwargs)
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "an error")
            raise StorageFailed(f"the storage answered {code}") from None
        except (BotoCoreError, Boto3Error) as error:
            raise StorageFailed(f"the storage cannot be reached ({type(error).__name__})") from None

    return acting


class S3Storage:
    """One object for each file, `prefix` and hash."""

    def __init__(self, client: Any, bucket: str, *, prefix: str, redirects: bool) -> None:
        self._client, self._bucket, self._prefix = client, bucket, prefix
        self._redirects = redirects
        self.label = f"the bucket {bucket}"

    @_outages
    def put(self, sha256: str, source: Path) -> None:
        """In parts, a few at a time; the local file goes once the object is there."""
        transfer = TransferConfig(multipart_threshold=_PART, multipart_chunksize=_PART)
        self._client.upload_file(str(source), self._bucket, self._key(sha256), Config=transfer)
        source.unlink(missing_ok=True)

    @_outages
    def read(self, sha256: str, start: int, length: int) -> Iterator[bytes]:
        """The service is asked at once, for this range alone."""
        try:
            found = self._client.get_object(
                Bucket=self._bucket,
                Key=self._key(sha256),
                Range=f"bytes={start}-{start + length - 1}",
            )
        except ClientError as error:
            if _is_missing(error):
                raise FileNotFoundError(sha256) from None
            raise
        pieces: Iterator[bytes] = found["Body"].iter_chunks(_PIECE)
        return pieces

    @_outages
    def size(self, sha256: str) -> int | None:
        try:
            found = self._client.head_object(Bucket=self._bucket, Key=self._key(sha256))
        except ClientError as error:
            if _is_missing(error):
                return None
            raise
        return int(found["ContentLength"])

    @_outages
    def delete(self, sha256: str) -> None:
        self._client.delete_object(Bucket=self._bucket, Key=self._key(sha256))

    @_outages
    def link(self, sha256: str, *, seconds: int, content_type: str) -> str | None:
        """A pre-signed one, if devices shall be sent there."""
        if not self._redirects:
            return None
        asked = {
            "Bucket": self._bucket,
            "Key": self._key(sha256),
            "ResponseContentType": content_type,
        }
        made: str = self._client.generate_presigned_url(
            "get_object", Params=asked, ExpiresIn=min(seconds, _LONGEST_LINK)
        )
        return made

    def _key(self, sha256: str) -> str:
        return f"{self._prefix}{sha256}"


def _is_missing(error: ClientError) -> bool:
    return error.response.get("Error", {}).get("Code") in _MISSING
