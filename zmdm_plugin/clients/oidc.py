"""OpenID Connect, the part of a client: discovery, PKCE, the code's exchange, the token's proof.

https://openid.net/specs/openid-connect-core-1_0.html#CodeFlowAuth
https://openid.net/specs/openid-connect-discovery-1_0.html
https://www.rfc-editor.org/rfc/rfc7636
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import quote_plus, urlsplit

import httpx
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import errors as jose
from joserfc import jwt
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from zmdm_plugin.clients.outbound import TIMEOUT
from zmdm_plugin.errors import ZmdmError

ALGORITHMS: tuple[str, ...] = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
)
ALGORITHMS += ("EdDSA", "Ed25519")
"""Signatures with a key that the provider alone has; never `none`, never our own secret."""
DISCOVERY = "/.well-known/openid-configuration"
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_TRIES = 2
_BASIC, _POST = "client_secret_basic", "client_secret_post"
_ACCEPT = {"Accept": "application/json"}
_LONGEST_URL = 2000


class OidcFailed(ZmdmError):
    """The provider did not do what the specification asks for; in words."""

    status = 503


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """What the provider knows us by."""

    issuer: str
    client_id: str
    client_secret: str | None = field(repr=False)
    redirect_uri: str
    scopes: tuple[str, ...]
    leeway: int
    """Seconds that the clocks may differ."""
    transport: Callable[[], httpx.BaseTransport]
    timeout: float = TIMEOUT


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """What the provider says of itself."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None
    algorithms: tuple[str, ...]
    token_auth_method: str


def discover(client: Client) -> Metadata:
    """Ask the provider where things are; OidcFailed."""
    found = _get(client, client.issuer.rstrip("/") + DISCOVERY, "the provider's configuration")
    if found.get("issuer") != client.issuer:
        raise OidcFailed(
            f"the provider calls itself {str(found.get('issuer'))[:200]}, and the realm names "
            f"{client.issuer}; they must be the same to the letter"
        )
    offered = _texts(found, "id_token_signing_alg_values_supported") or ["RS256"]
    algorithms = tuple(name for name in ALGORITHMS if name in offered)
    if not algorithms:
        raise OidcFailed(f"the provider signs with none of {', '.join(ALGORITHMS)}")
    return Metadata(
        authorization_endpoint=endpoint(found, "authorization_endpoint"),
        token_endpoint=endpoint(found, "token_endpoint"),
        jwks_uri=endpoint(found, "jwks_uri"),
        userinfo_endpoint=(
            endpoint(found, "userinfo_endpoint") if found.get("userinfo_endpoint") else None
        ),
        algorithms=algorithms,
        token_auth_method=_auth_method(found),
    )


def authorization_url(
    client: Client, metadata: Metadata, *, state: str, nonce: str, verifier: str
) -> str:
    """Where the browser goes to sign in."""
    url = prepare_grant_uri(
        metadata.authorization_endpoint,
        client.client_id,
        "code",
        redirect_uri=client.redirect_uri,
        scope=" ".join(client.scopes),
        state=state,
        nonce=nonce,
        code_challenge=create_s256_code_challenge(verifier),
        code_challenge_method="S256",
    )
    return str(url)


class Proven(NamedTuple):
    """Who signed in, and what opens the rest that the provider knows of them."""

    claims: dict[str, Any]
    access_token: str | None


def exchange(client: Client, metadata: Metadata, *, code: str, verifier: str, nonce: str) -> Proven:
    """The claims of whoever signed in, proven; OidcFailed says what was wrong with the answer.

    A code is good for one try, so that only a connection that never came about is tried again.
    """
    token = _token(client, metadata, code=code, verifier=verifier)
    given = token.get("id_token")
    if not isinstance(given, str):
        raise OidcFailed("the provider's answer has no ID token; is the scope openid allowed?")
    access_token = token.get("access_token")
    if not isinstance(access_token, str):
        access_token = None
    claims = _proven(
        client,
        given,
        _get(client, metadata.jwks_uri, "the provider's keys"),
        algorithms=metadata.algorithms,
        nonce=nonce,
        access_token=access_token,
    )
    return Proven(claims, access_token)


def with_userinfo(
    client: Client, metadata: Metadata, proven: Proven, wanted: set[str]
) -> dict[str, Any]:
    """The claims; and if some that are wanted are not in the token, those that userinfo has."""
    claims, token = proven
    if not (wanted - claims.keys()) or metadata.userinfo_endpoint is None or token is None:
        return claims
    headers = {"Authorization": f"Bearer {token}"}
    found = _get(client, metadata.userinfo_endpoint, "the provider's userinfo", headers=headers)
    if found.get("sub") != claims.get("sub"):
        raise OidcFailed("the provider's userinfo is about somebody else (sub)")
    return {**found, **claims}


def count_keys(client: Client, metadata: Metadata) -> int:
    """How many keys the provider signs with; OidcFailed if they cannot be read."""
    found = _get(client, metadata.jwks_uri, "the provider's keys")
    try:
        return len(KeySet.import_key_set(found).keys)  # type: ignore[arg-type]
    except (jose.JoseError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise OidcFailed("the provider's keys cannot be read") from error


def endpoint(found: Mapping[str, Any], name: str) -> str:
    """An address out of the provider's configuration: https, or a machine that is this one."""
    value = found.get(name)
    if not isinstance(value, str) or len(value) > _LONGEST_URL:
        raise OidcFailed(f"the provider's configuration has no {name}")
    if not is_safe(value):
        raise OidcFailed(f"the {name} of the provider is no https address: {value[:200]}")
    return value


def is_safe(url: str) -> bool:
    """Whether it is https; http counts on the machine itself alone."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    return bool(host) and (
        parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK)
    )


def _token(client: Client, metadata: Metadata, *, code: str, verifier: str) -> Mapping[str, Any]:
    """The answer to the code; tried again only if the connection never came about."""
    what = "the exchange of the code"
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": client.redirect_uri,
        "code_verifier": verifier,
        "client_id": client.client_id,
    }
    auth: Any = httpx.USE_CLIENT_DEFAULT
    if client.client_secret is not None and metadata.token_auth_method == _POST:
        form["client_secret"] = client.client_secret
    elif client.client_secret is not None:
        names = (quote_plus(client.client_id), quote_plus(client.client_secret))
        auth = httpx.BasicAuth(*names)  # https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1
    for attempt in range(_TRIES):
        try:
            with _http(client) as http:
                answer = http.post(metadata.token_endpoint, data=form, auth=auth, headers=_ACCEPT)
            break
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            if attempt + 1 == _TRIES:
                raise OidcFailed(f"{what}: {reason(error)}") from error
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise OidcFailed(f"{what}: {reason(error)}") from error
    return _token_of(answer, what)


def _token_of(answer: httpx.Response, what: str) -> Mapping[str, Any]:
    """An error of OAuth is told by its name: an administrator can look it up."""
    if answer.status_code in (400, 401):
        try:
            found = answer.json()
        except (ValueError, RecursionError):
            found = None
        if isinstance(found, dict) and found.get("error"):
            said = f"{found['error']} {found.get('error_description') or ''}".strip()
            raise OidcFailed(f"{what} was refused: {_line(said)}")
    return _json_object(answer, what)


def _http(client: Client) -> httpx.Client:
    return httpx.Client(
        transport=client.transport(), timeout=client.timeout, follow_redirects=False
    )


def _proven(
    client: Client,
    token: str,
    keys: Mapping[str, Any],
    *,
    algorithms: tuple[str, ...],
    nonce: str,
    access_token: str | None,
) -> dict[str, Any]:
    """The claims of an ID token: signed by the provider, for us, for this sign-in, in time."""
    try:
        registry = JWSRegistry(algorithms=list(algorithms), strict_check_header=False)
        read = jwt.decode(token, key=KeySet.import_key_set(dict(keys)), registry=registry)  # type: ignore[arg-type]
        claims = CodeIDToken(
            read.claims,
            read.header,
            {
                "iss": {"essential": True, "values": [client.issuer]},
                "aud": {"essential": True, "values": [client.client_id]},
                "sub": {"essential": True},
            },
            {"nonce": nonce, "client_id": client.client_id, "access_token": access_token},
        )
        claims.validate(now=int(time.time()), leeway=client.leeway)
    except jose.ExpiredTokenError as error:
        raise OidcFailed("the ID token has expired; compare the clocks of both servers") from error
    except jose.ClaimError as error:
        raise OidcFailed(f"the ID token is not for this sign-in ({_line(str(error))})") from error
    except jose.JoseError as error:
        raise OidcFailed(f"the ID token is not proven ({_line(str(error))})") from error
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise OidcFailed("the ID token or the provider's keys cannot be read") from error
    return dict(claims)


def _get(
    client: Client, url: str, what: str, *, headers: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """A JSON object; a connection that failed or an outage of the provider is tried once more."""
    for attempt in range(_TRIES):
        last = attempt + 1 == _TRIES
        try:
            with _http(client) as http:
                answer = http.get(url, headers={**_ACCEPT, **(headers or {})})
        except httpx.TransportError as error:
            if last or isinstance(error, httpx.ReadTimeout | httpx.ReadError):
                raise OidcFailed(f"{what}: {reason(error)}") from error
            continue
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise OidcFailed(f"{what}: {reason(error)}") from error
        if answer.status_code >= 500 and not last:
            continue
        return _json_object(answer, what)
    raise AssertionError("unreachable")


def _json_object(answer: httpx.Response, what: str) -> dict[str, Any]:
    if answer.status_code != 200:
        raise OidcFailed(f"{what} was answered {answer.status_code}")
    try:
        found = answer.json()
    except (ValueError, RecursionError) as error:
        raise OidcFailed(f"{what}: the answer is no JSON") from error
    if not isinstance(found, dict):
        raise OidcFailed(f"{what}: the answer is no JSON object")
    return found


def reason(error: Exception) -> str:
    """Why a request got no answer."""
    if isinstance(error, httpx.TimeoutException):
        return "the provider did not answer in time"
    text = _line(str(error))
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return f"the provider's certificate is not trusted here ({text})"
    return f"the provider cannot be reached ({text or type(error).__name__})"


def _auth_method(found: Mapping[str, Any]) -> str:
    offered = _texts(found, "token_endpoint_auth_methods_supported")
    return _POST if _POST in offered and _BASIC not in offered else _BASIC


def _texts(found: Mapping[str, Any], name: str) -> list[str]:
    value = found.get(name)
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _line(text: str) -> str:
    return "".join(one for one in text if one.isprintable())[:200]
