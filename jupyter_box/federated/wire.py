"""One message as one file: a signed safetensors file, whose header is checked before a tensor of it is loaded."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError

from .signing import SIGNATURE, Forged, Signer, check

NAME = "jupyter_box"
MAX_HEADER = 8 << 20  # bytes; a header of a thousand tensors has a hundred thousand
_BLANK = "0" * 128
_SEAL = re.compile(rb'\\"' + SIGNATURE.encode() + rb'\\":\\"([0-9a-f]{128})\\"')
_SIZES = {
    "BOOL": 1, "U8": 1, "I8": 1, "U16": 2, "I16": 2, "F16": 2, "BF16": 2, "U32": 4, "I32": 4, "F32": 4,
    "U64": 8, "I64": 8, "F64": 8, "C64": 8,
}  # fmt: skip
# what safetensors keeps as it is; all else travels as bytes
NATIVE = frozenset(np.dtype(name) for name in (*"?BbHhIiQqefdF",))


@dataclass(frozen=True)
class Header:
    """What a file says of itself before its tensors are read.

    Attributes:
        body: The message without its tensors.
        tensors: Type and shape of each tensor, as safetensors names them.
        size: Bytes of the header, its length field included.
        total: Bytes that the whole file must have.
        signature: By whom it claims to be, in hex.
        digest: The SHA-256 of the file without its signature, in hex, once it is verified: equal for equal messages,
            whoever signed them.
    """

    body: dict[str, Any]
    tensors: dict[str, tuple[str, tuple[int, ...]]]
    size: int
    total: int
    signature: str
    digest: str = ""


@dataclass(frozen=True)
class Draft:
    """A message as a file that nobody has signed yet.

    Attributes:
        data: The file, with a blank where the signature belongs.
        size: Bytes of its header, the length field included.
        digest: Its SHA-256 in hex.
    """

    data: bytes
    size: int
    digest: str

    @property
    def tensors(self) -> dict[str, tuple[str, tuple[int, ...]]]:
        """Type and shape of each tensor, as safetensors names them."""
        return read_header(self.data).tensors

    def sign(self, signer: Signer) -> bytes:
        """Return the signed file."""
        place = _SEAL.search(self.data, 0, self.size)
        assert place is not None
        signature = signer.sign(bytes.fromhex(self.digest)).encode()
        return b"".join((self.data[: place.start(1)], signature, memoryview(self.data)[place.end(1) :]))


def draft(body: Mapping[str, Any], tensors: Mapping[str, np.ndarray[Any, Any]]) -> Draft:
    """Return a message as a file to be signed.

    Args:
        body: JSON values.
        tensors: The arrays by name; types that safetensors has.
    """
    blank = json.dumps({**body, SIGNATURE: _BLANK}, separators=(",", ":"), ensure_ascii=True)
    # the library takes an array's memory as it lies
    rows = {name: np.asarray(value, order="C") for name, value in tensors.items()}
    data: bytes = safetensors.numpy.save(rows, metadata={NAME: blank})
    size = 8 + int.from_bytes(data[:8], "little")
    return Draft(data, size, _digest(data[:size], data))


def pack(body: Mapping[str, Any], tensors: Mapping[str, np.ndarray[Any, Any]], signer: Signer) -> bytes:
    """Return a message as a file.

    Args:
        body: JSON values.
        tensors: The arrays by name; types that safetensors has.
        signer: Who writes it.
    """
    return draft(body, tensors).sign(signer)


def read_header(data: bytes) -> Header:
    """Return the header of a file of which at least the beginning is there.

    Raises:
        Forged: It is no message of ours: a pickle, a cut or an empty file, a header that is too large or at odds with
            itself.
    """
    size = 8 + int.from_bytes(data[:8], "little")
    if len(data) < 8 or size > MAX_HEADER or len(data) < size:
        raise Forged("It is no safetensors file, or has lost its end.")
    try:
        return _header(data[8:size], size)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise Forged("Its header is not that of a federated run's message.") from None


def verify(data: bytes, public: str) -> Header:
    """Return the header of a whole file with its digest, after length and signature were checked.

    Args:
        data: The file.
        public: The key that it must be signed with.

    Raises:
        Forged: It is damaged, or not by that key.
    """
    header = read_header(data)
    if len(data) != header.total:
        raise Forged("It has lost its end, or has something after it.")
    digest = digest_of(data, header.size)
    check(public, bytes.fromhex(digest), header.signature)
    return replace(header, digest=digest)


def load(data: bytes) -> dict[str, np.ndarray[Any, Any]]:
    """Return the arrays of a file that was verified.

    Raises:
        Forged: They cannot be read.
    """
    try:
        loaded: dict[str, np.ndarray[Any, Any]] = safetensors.numpy.load(data)
    except (SafetensorError, ValueError, KeyError):
        raise Forged("Its tensors cannot be read.") from None
    return loaded


def digest_of(data: bytes, size: int | None = None) -> str:
    """Return the SHA-256 of a file without its signature, in hex.

    Args:
        data: The file.
        size: Bytes of its header, where it is known.
    """
    head = data[: size or 8 + int.from_bytes(data[:8], "little")]
    if len(_SEAL.findall(head)) != 1:
        raise Forged("It has no signature, or several.")
    return _digest(_SEAL.sub(lambda found: found[0].replace(found[1], _BLANK.encode()), head), data)


def as_bytes(data: bytes) -> np.ndarray[Any, Any]:
    """Return bytes as an array, for what is no array of a type that safetensors has."""
    array: np.ndarray[Any, Any] = np.frombuffer(data, dtype=np.uint8)
    return array


def _digest(head: bytes, data: bytes) -> str:
    digest = hashlib.sha256(head)
    digest.update(memoryview(data)[len(head) :])
    return digest.hexdigest()


def _header(text: bytes, size: int) -> Header:
    entries = json.loads(text)
    body = json.loads(entries.pop("__metadata__")[NAME])
    signature = body.pop(SIGNATURE)
    tensors, end = {}, 0
    for name, entry in sorted(entries.items(), key=lambda pair: pair[1]["data_offsets"]):
        shape = tuple(entry["shape"])
        start, stop = entry["data_offsets"]
        if start != end or stop - start != _length(entry["dtype"], shape):
            raise ValueError(name)
        tensors[name], end = (entry["dtype"], shape), stop
    return Header(body, tensors, size, size + end, signature)


def _length(dtype: str, shape: tuple[int, ...]) -> int:
    length = _SIZES[dtype]
    for axis in shape:
        if not isinstance(axis, int) or axis < 0:
            raise ValueError(shape)
        length *= axis
    return length
