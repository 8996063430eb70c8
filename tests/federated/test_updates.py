"""What an update may be, what its participant hears of it, and that an app remembers only what has been sent."""

from __future__ import annotations

import io

import pytest

pytest.importorskip("flwr")

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, Message, MetricRecord, RecordDict

from jupyter_box.federated import apps, records, wire
from jupyter_box.federated.config import Participant, RunConfig
from jupyter_box.federated.making import create, new_run_id
from jupyter_box.federated.run import Run
from jupyter_box.federated.signing import Forged, Signer
from jupyter_box.federated.state import State
from jupyter_box.federated.working import Worker


def bfloat16(values):
    """Return an array as Flower has one of bfloat16: two bytes a number, of no type that numpy knows."""
    bits = (np.array(values, np.float32).view(np.uint32) >> 16).astype(np.uint16).view("V2")
    file = io.BytesIO()
    np.save(file, bits)
    return Array("bfloat16", bits.shape, "numpy.ndarray", file.getvalue())


def sent(content, signer):
    """Return a content after its way through a file, and the file."""
    tensors = {}

    def save(name, arrays):
        spec, parts = records.split(f"{name}/", arrays)
        tensors.update(parts)
        return {"arrays": spec}

    entries = records.to_json(content, save, tensors)
    data = wire.pack({"records": entries}, tensors, signer)
    arrived = wire.load(data)
    body = wire.verify(data, signer.public).body
    return records.from_json(body["records"], lambda spec: records.join(spec["arrays"], arrived), arrived), data


@pytest.fixture
def signer(tmp_path):
    return Signer.at(tmp_path / "key")


def test_a_bfloat16_travels_bit_for_bit_and_is_searched_for_what_is_no_number(signer):
    good = RecordDict({"arrays": ArrayRecord({"w": bfloat16([1.5, -3e38, 0.0])})})
    assert sent(good, signer)[0] == good
    assert records.fault_of(good, is_train=True) == ""
    for bad in (np.nan, np.inf, -np.inf):
        content = RecordDict({"arrays": ArrayRecord({"w": bfloat16([1.0, bad])})})
        assert records.fault_of(content, is_train=True) == "w holds NaN or infinite numbers"


def test_long_values_of_a_configuration_are_no_part_of_the_header(signer):
    masked = ConfigRecord({"masked_params": [bytes(20_000_000), b"short"], "key": b"\0" * 5000})
    content = RecordDict({"secure": masked})
    arrived, data = sent(content, signer)
    assert arrived == content
    assert wire.read_header(data).size < 1000
    assert len(data) < 20_000_000 + 5000 + 2000


def test_who_sends_what_cannot_count_hears_why(field_of_play):
    run = field_of_play
    run.init("--set", "min-nodes=1", "--set", "fraction-evaluate=0.0", clients=2, rounds=2)
    run.share()
    _, (good, bad) = run.server(), (run.client(0), run.client(1, config={"mistake": "poison"}))
    run.all_end_well()
    assert "Our update did not count: round 1: weights holds NaN or infinite numbers." in bad.text
    assert "did not count" not in good.text


def counting(message, context):
    """Be an app that remembers how often it was asked."""
    metrics = context.state.metric_records.setdefault("past", MetricRecord({"calls": 0}))
    metrics["calls"] += 1
    return Message(RecordDict({"metrics": MetricRecord({"calls": metrics["calls"]})}), reply_to=message)


def test_an_app_that_was_killed_before_its_answer_was_sent_is_asked_as_if_for_the_first_time(drive, tmp_path):
    config = RunConfig(run=new_run_id(), server_app="plant:server", client_app="plant:client")
    create(drive, "/Run", config, Signer.at(tmp_path / "server"))
    run, state = Run.open(drive, "/Run"), State(tmp_path / "a")
    me = Participant("a", "1", state.signer.public)
    apps.identify(run.config.run_number, me.node_id)
    kept = ""

    def calls(worker, seq):
        task = {"seq": seq, "kind": "train", "group": "", "contents": [[]], "to": {"a": {"id": f"{seq}", "content": 0}}}
        return wire.verify(worker.answer(task), me.public_key).body["records"][0][2]["calls"]

    for seq in (1, 2, 3):
        assert calls(Worker(run, me, state, {}, app=counting, kept=kept), seq) == seq
        worker = Worker(run, me, state, {}, app=counting, kept=kept)
        assert calls(worker, seq) == seq
        kept = worker.keep()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PK\x03\x04",
        b"\x93NUMPY\x01\x00\x05\x00{bad}",
        b"\x93NUMPY\x07\x00",
        b"\x93NUMPY\x01\x00v\x00" + b"{" * 118,
    ],
)
def test_what_is_no_npy_file_travels_as_it_is_and_harms_nobody(signer, data):
    content = RecordDict({"arrays": ArrayRecord({"w": Array("float64", (3,), "numpy.ndarray", data)})})
    assert sent(content, signer)[0] == content
    assert records.fault_of(content, is_train=True) == ""


def test_an_array_that_claims_to_be_huge_takes_no_memory(signer):
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "<f8", "fortran_order": False, "shape": (10**15,)})
    content = RecordDict({"arrays": ArrayRecord({"w": Array("float64", (10**15,), "numpy.ndarray", file.getvalue())})})
    assert sent(content, signer)[0] == content
    assert records.fault_of(content, is_train=True) == ""


@pytest.mark.parametrize(
    "entries", [None, 5, [5], [["w", "arrays"]], [["w", "no kind", {}]], [["w", "metrics", {"a": "x"}]]]
)
def test_records_that_are_none_are_forged(entries):
    with pytest.raises(Forged):
        records.from_json(entries, lambda spec: records.join(spec["arrays"], {}))
