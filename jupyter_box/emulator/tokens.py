"""Who a caller is, and what a JWT assertion proves; tokens themselves are kept by the store."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jupyter_box.emulator.problems import GrantProblem

if TYPE_CHECKING:
    from sqlite3 import Row

    from jupyter_box.emulator.store import Store

ALL_SCOPES = (
    "root_readonly root_readwrite manage_managed_users manage_app_users manage_groups manage_webhook "
    "manage_enterprise_properties manage_data_retention enterprise_content"
)
# The SDKs put Box's own address into `aud`, whatever address they talk to
BOX_AUDIENCE = "https://api.box.com/oauth2/token"
LONGEST_ASSERTION = 60
# Times are checked below, by the drive's own clock
UNTIMED: Any = {
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
    "require": ["iss", "sub", "aud", "jti", "exp"],
}


@dataclass(frozen=True)
class Identity:
    """The user behind a token, its app, and what both may ask for; `scopes` None means all of the app's."""

    user: int
    enterprise: int | None
    app: str
    app_scopes: frozenset[str]
    scopes: frozenset[str] | None = None
    resource_type: str | None = None
    resource: int | None = None
    shared_link: str | None = None
    expires_at: float = 0.0


def identity_of(store: Store, token: Row) -> Identity:
    """Return who stands behind a row of `tokens`."""
    app = store.tokens.app(token["app"])
    user = store.people.get(token["user"])
    if app is None or user is None:
        raise GrantProblem("invalid_grant", "Grant credentials are invalid")
    return Identity(
        user=user["id"],
        enterprise=user["enterprise"],
        app=app["id"],
        app_scopes=frozenset(app["scopes"].split()),
        scopes=None if token["scopes"] is None else frozenset(token["scopes"].split()),
        resource_type=token["resource_type"],
        resource=token["resource"],
        shared_link=token["shared_link"],
        expires_at=token["expires_at"],
    )


def check_assertion(store: Store, app: Row, assertion: str, own_audience: str) -> dict[str, Any]:
    """Return the claims of a JWT whose signature, audience, lifetime and jti hold; raise Box's words otherwise."""
    import jwt

    if not app["public_key"]:
        raise GrantProblem("unauthorized_client", "The app has no public key for JWT")
    try:
        if app["key_id"] and jwt.get_unverified_header(assertion).get("kid") != app["key_id"]:
            raise GrantProblem("invalid_grant", "OAuth JWT signature verification failed: unknown 'kid'.")
        claims: dict[str, Any] = jwt.decode(
            assertion,
            app["public_key"],
            algorithms=["RS256", "RS384", "RS512"],
            audience=[BOX_AUDIENCE, own_audience],
            options=UNTIMED,
        )
    except jwt.MissingRequiredClaimError as error:
        raise GrantProblem("invalid_grant", f"Please check the '{error.claim}' claim.") from error
    except jwt.InvalidAudienceError as error:
        raise GrantProblem("invalid_grant", "Please check the 'aud' claim.") from error
    except jwt.PyJWTError as error:
        raise GrantProblem("invalid_grant", "OAuth JWT signature verification failed.") from error
    _check_claims(store, app, claims)
    return claims


def _check_claims(store: Store, app: Row, claims: dict[str, Any]) -> None:
    now = store.now()
    if claims["iss"] != app["id"]:
        raise GrantProblem("invalid_grant", "Please check the 'iss' claim.")
    if claims["exp"] <= now:
        raise GrantProblem(
            "invalid_grant",
            "Current date time must be before the expiration date time listed in the 'exp' claim.",
        )
    if claims["exp"] > now + LONGEST_ASSERTION:
        raise GrantProblem("invalid_grant", "Please check the 'exp' claim. It must be at most 60 seconds ahead.")
    jti = str(claims["jti"])
    if not 16 <= len(jti) <= 128 or not store.tokens.first_use(jti, float(claims["exp"])):
        raise GrantProblem("invalid_grant", "Please check the 'jti' claim. A unique 'jti' value is required.")


def jwt_config(app: Row, private_key: str, passphrase: str, enterprise: int) -> str:
    """Return the JSON that Box's developer console hands out for this app."""
    config = {
        "boxAppSettings": {
            "clientID": app["id"],
            "clientSecret": app["secret"],
            "appAuth": {"publicKeyID": app["key_id"], "privateKey": private_key, "passphrase": passphrase},
        },
        "enterpriseID": str(enterprise),
    }
    return json.dumps(config, indent=2) + "\n"


def new_key(passphrase: str) -> tuple[str, str]:
    """Make an RSA key pair; return the private key, encrypted as PKCS#8, and the public key, both as PEM."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(passphrase.encode()),
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()
