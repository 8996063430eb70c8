"""Who wrote a message: Ed25519 keys of the participants, and signed JSON; signed tensors are `wire`'s."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from jupyter_box.errors import BoxError, NotConfigured

DOMAIN = b"jupyter-box federated run 1\n"
SIGNATURE = "signature"


class Forged(BoxError):  # noqa: N818  a participant's word for it
    """A message is not by whom it claims to be, or was changed since."""

    code = "forged"


class Signer:
    """A private key; it never leaves this machine.

    Args:
        key: The Ed25519 key.
    """

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key

    @classmethod
    def at(cls, path: Path) -> Signer:
        """Return the signer whose key is in a file, which is made, readable to its owner alone, if it is not there.

        Raises:
            NotConfigured: The file holds no Ed25519 key.
        """
        if not path.exists():
            _write_new(path, Ed25519PrivateKey.generate())
        try:
            return cls(Ed25519PrivateKey.from_private_bytes(bytes.fromhex(path.read_text().strip())))
        except ValueError:
            raise NotConfigured(
                f"{path} holds no signing key.", hint="Remove the file and register under another name."
            ) from None

    @property
    def public(self) -> str:
        """The public key in hex: 64 digits."""
        return self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()

    def sign(self, data: bytes) -> str:
        """Return the signature of some bytes in hex: 128 digits."""
        return self._key.sign(DOMAIN + data).hex()

    def seal(self, body: Mapping[str, Any]) -> bytes:
        """Return a JSON document with our signature."""
        signed = {**body, SIGNATURE: self.sign(canonical(body))}
        return json.dumps(signed, indent=1, ensure_ascii=False).encode()


def check(public: str, data: bytes, signature: Any) -> None:
    """Check the signature of some bytes.

    Raises:
        Forged: It is not by that key.
    """
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public)).verify(bytes.fromhex(signature), DOMAIN + data)
    except (InvalidSignature, ValueError, TypeError):
        raise Forged("It is not signed with the key that was registered.") from None


def unseal(data: bytes, public: str) -> dict[str, Any]:
    """Return a signed JSON document without its signature.

    Raises:
        Forged: It is no signed JSON document, or not by that key.
    """
    body = parse(data)
    signature = body.pop(SIGNATURE, None)
    check(public, canonical(body), signature)
    return body


def parse(data: bytes) -> dict[str, Any]:
    """Return a JSON object, of whose writer nothing is known yet.

    Raises:
        Forged: It is none.
    """
    try:
        body = json.loads(data)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise Forged("It is no JSON document of a federated run.")
    return body


def canonical(body: Mapping[str, Any]) -> bytes:
    """Return the one form of a JSON document that is signed."""
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def _write_new(path: Path, key: Ed25519PrivateKey) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    raw = key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    partial = path.with_name(f"{path.name}.{os.getpid()}.part")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(raw.hex())
    partial.replace(path)
