"""One message as a file: what goes in comes out bit for bit, and what was touched is refused before it is loaded."""

from __future__ import annotations

import json
import pickle
import struct

import pytest

pytest.importorskip("safetensors")

import numpy as np

from jupyter_box.federated import signing, wire
from jupyter_box.federated.signing import Forged, Signer


@pytest.fixture(scope="module")
def signer(tmp_path_factory):
    return Signer.at(tmp_path_factory.mktemp("keys") / "key")


def sealed(signer, **tensors):
    return wire.pack({"run": "1", "seq": 3}, tensors or {"a": np.arange(6.0)}, signer)


@pytest.mark.parametrize(
    "array",
    [
        np.array(3.5),
        np.zeros((0, 3), np.float32),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.arange(20)[::3],
        np.array([True, False]),
        np.array([1 + 2j], np.complex64),
        np.arange(4, dtype=np.float16),
        np.array([2**63], np.uint64),
        np.array([-0.0, 5e-324, np.nan, np.inf]),
    ],
    ids=["0-d", "empty", "Fortran", "strided", "bool", "complex", "half", "uint64", "special"],
)
def test_an_array_comes_back_bit_for_bit(signer, array):
    data = sealed(signer, a=array)
    wire.verify(data, signer.public)
    back = wire.load(data)["a"]
    assert (back.dtype, back.shape) == (array.dtype, array.shape)
    assert back.tobytes() == array.tobytes()


def test_equal_messages_have_equal_files_and_digests(signer):
    tensors = {f"layer-{number}": np.full(3, number) for number in range(20)}
    assert sealed(signer, **tensors) == sealed(signer, **tensors)
    assert wire.digest_of(sealed(signer)) == wire.draft({"run": "1", "seq": 3}, {"a": np.arange(6.0)}).digest


def test_a_file_is_plain_safetensors(signer, tmp_path):
    import safetensors.numpy

    (tmp_path / "model.safetensors").write_bytes(sealed(signer))
    assert np.array_equal(safetensors.numpy.load_file(tmp_path / "model.safetensors")["a"], np.arange(6.0))


def flipped(data, place):
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def reheaded(data, change):
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    change(header)
    text = json.dumps(header, separators=(",", ":")).encode()
    return struct.pack("<Q", len(text)) + text + data[8 + size :]


class Payload:
    def __reduce__(self):
        return pytest.fail, ("a pickle was run",)


@pytest.mark.parametrize(
    "touch",
    [
        lambda data: flipped(data, len(data) - 1),
        lambda data: flipped(data, data.index(b"seq") + 7),
        lambda data: flipped(data, data.index(b"signature") + 20),
        lambda data: data[:-1],
        lambda data: data + b"\0",
        lambda data: b"",
        lambda data: b"{}",
        lambda data: pickle.dumps({"a": Payload()}),
        lambda data: struct.pack("<Q", 1 << 60) + data[8:],
        lambda data: reheaded(data, lambda header: header["a"].update(shape=[3])),
        lambda data: reheaded(data, lambda header: header["a"].update(shape=[-1, -6])),
        lambda data: reheaded(data, lambda header: header["a"].update(dtype="X9")),
        lambda data: reheaded(data, lambda header: header.update(b=header["a"])),
        lambda data: reheaded(data, lambda header: header.pop("__metadata__")),
        lambda data: reheaded(data, lambda header: header["__metadata__"].update(jupyter_box="[" * 100_000)),
    ],
    ids=[
        "bit of a tensor", "bit of the message", "bit of the signature", "cut", "longer", "empty", "JSON", "pickle",
        "oversized header", "other shape", "negative shape", "unknown type", "overlap", "no message", "deep JSON",
    ],
)  # fmt: skip
def test_whatever_was_touched_is_refused(signer, touch):
    with pytest.raises(Forged):
        wire.verify(touch(sealed(signer)), signer.public)


def test_another_key_is_refused(signer, tmp_path):
    with pytest.raises(Forged):
        wire.verify(sealed(Signer.at(tmp_path / "other")), signer.public)


def test_signed_json_is_bound_to_every_value(signer):
    sealed = signer.seal({"run": "1", "loss": 0.1 + 0.2, "name": "Ä"})
    assert signing.unseal(sealed, signer.public) == {"run": "1", "loss": 0.1 + 0.2, "name": "Ä"}
    with pytest.raises(Forged):
        signing.unseal(sealed.replace("Ä".encode(), b"A"), signer.public)


def test_the_key_is_readable_to_its_owner_alone(tmp_path):
    Signer.at(tmp_path / "state" / "key")
    assert (tmp_path / "state" / "key").stat().st_mode & 0o077 == 0


def test_a_model_of_some_size_costs_less_than_a_kilobyte_more(signer):
    assert len(sealed(signer, model=np.zeros(1_000_000))) < 8_000_000 + 1024


def test_flower_records_come_back_equal(signer):
    pytest.importorskip("flwr")
    from flwr.app import Array, ArrayRecord, ConfigRecord, MetricRecord, RecordDict

    from jupyter_box.federated import records

    legacy = ArrayRecord({"0": Array("", (), "numpy.ndarray", Array(np.arange(3)).data)})
    foreign = ArrayRecord({"trees": Array("uint8", (3,), "xgboost", b"abc")})
    content = RecordDict(
        {
            "arrays": legacy,
            "more": foreign,
            "config": ConfigRecord({"key": b"\0\xff", "keys": [b"a", b"b"], "on": True, "text": "x", "whole": 1}),
            "metrics": MetricRecord({"loss": 0.1 + 0.2, "rows": 3, "each": [1.0, 2.0]}),
        }
    )
    tensors = {}

    def save(name, arrays):
        spec, parts = records.split(f"{name}/", arrays)
        tensors.update(parts)
        return {"arrays": spec}

    entries = json.loads(json.dumps(records.to_json(content, save)))
    back = records.from_json(entries, lambda value: records.join(value["arrays"], tensors))
    assert back == content
    assert list(back) == list(content)
    assert type(back["config"]["whole"]) is int
    assert back["config"]["on"] is True


def test_a_float_that_is_none_does_not_count():
    pytest.importorskip("flwr")
    from flwr.app import Array, ArrayRecord, MetricRecord, RecordDict

    from jupyter_box.federated import records

    def update(weights, rows):
        arrays = ArrayRecord({"weights": Array(np.array(weights))})
        return RecordDict({"arrays": arrays, "metrics": MetricRecord({"num-examples": rows})})

    assert records.fault_of(update([1.0], 3), is_train=True) == ""
    assert "weights" in records.fault_of(update([np.nan], 3), is_train=True)
    assert "num-examples" in records.fault_of(update([1.0], np.inf), is_train=False)
    assert "below zero" in records.fault_of(update([1.0], -3), is_train=False)
