"""Flower's records as JSON and arrays, and back, bit for bit; what the file around them looks like is `wire`'s."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, MetricRecord, RecordDict

from .signing import Forged
from .wire import NATIVE, as_bytes

Arrays = dict[str, np.ndarray[Any, Any]]
Json = dict[str, Any]
SaveArrays = Callable[[str, ArrayRecord], Json]
LoadArrays = Callable[[Json], ArrayRecord]
Shapes = dict[str, tuple[str, list[int], str, list[int]]]
LONG = 1024  # bytes of a value of a configuration that are better an array than text
_NUMPY = "numpy.ndarray"
_BFLOAT16 = "bfloat16"  # numpy keeps it as two bytes of no type
_EXPONENT = 0x7F80  # all ones in a bfloat16 that is NaN or infinite
_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
_EXAMPLES = ("num-examples", "num_examples")  # Flower's names for an update's weight, new and old


def to_json(records: RecordDict, save: SaveArrays, tensors: Arrays | None = None) -> list[list[Any]]:
    """Return records as JSON in their order.

    Args:
        records: The content of a message.
        save: Puts the arrays of one record elsewhere, and returns what leads to them.
        tensors: Gets the long values of configurations, such as the masked updates of secure aggregation; without it
            they are text.
    """
    return [[name, *_record_to_json(name, record, save, tensors)] for name, record in records.items()]


def from_json(entries: Any, load: LoadArrays, tensors: Arrays | None = None) -> RecordDict:
    """Return the records of `to_json`.

    Args:
        entries: Its result, or what a stranger offers as one.
        load: Returns the arrays that the value of `save` leads to.
        tensors: Has the long values of configurations.

    Raises:
        Forged: It is no such list.
    """
    records = RecordDict()
    try:
        for name, kind, value in entries:
            records[name] = load(value) if kind == "arrays" else _KINDS[kind](_values(value, tensors or {}))
    except (KeyError, TypeError, ValueError) as error:
        raise Forged(f"Its records cannot be read: {error}.") from None
    return records


def split(prefix: str, record: ArrayRecord) -> tuple[list[list[Any]], Arrays]:
    """Return the arrays of a record by tensor name, and the list that puts them together again.

    Args:
        prefix: Begins the names of the tensors.
        record: The arrays.
    """
    spec, tensors = [], {}
    for key, array in record.items():
        name = f"{prefix}{key}"
        form, tensors[name] = _tensor(array)
        spec.append([key, name, form, array.dtype, list(array.shape), array.stype])
    return spec, tensors


def join(spec: Iterable[list[Any]], tensors: Mapping[str, np.ndarray[Any, Any]]) -> ArrayRecord:
    """Return the record that `split` took apart.

    Raises:
        Forged: A tensor is missing.
    """
    arrays = ArrayRecord()
    try:
        for key, name, form, dtype, shape, stype in spec:
            data = _npy(tensors[name]) if form == "native" else tensors[name].tobytes()
            arrays[key] = Array(dtype, tuple(shape), stype, data)
    except (KeyError, TypeError, ValueError):
        raise Forged("Its arrays cannot be put together.") from None
    return arrays


def shapes(spec: Iterable[list[Any]], tensors: Mapping[str, tuple[str, tuple[int, ...]]]) -> Shapes:
    """Return type and shape of each array by name, as the record and as the file has them.

    Args:
        spec: The list of `split`.
        tensors: What the header of the file says of its tensors.

    Raises:
        Forged: The list is none, or names a tensor that is not there.
    """
    try:
        return {key: (dtype, shape, *_listed(tensors[name])) for key, name, _, dtype, shape, _ in spec}
    except (KeyError, TypeError, ValueError):
        raise Forged("Its arrays cannot be put together.") from None


def _listed(tensor: tuple[str, tuple[int, ...]]) -> tuple[str, list[int]]:
    return tensor[0], list(tensor[1])


def metrics_of(records: RecordDict) -> Json:
    """Return all metrics of a message by name, as JSON values."""
    return {name: value for record in records.metric_records.values() for name, value in record.items()}


def fault_of(records: RecordDict, *, is_train: bool) -> str:
    """Return why an update must not count: a number of it is none, or a weight below zero; empty if it may.

    Args:
        records: The content of a reply.
        is_train: Whether it is an update; of other replies only the weights matter.
    """
    for record in records.array_records.values():
        for key, array in record.items():
            if is_train and not _is_finite(array):
                return f"{key} holds NaN or infinite numbers"
    for name, value in metrics_of(records).items():
        numbers = value if isinstance(value, list) else [value]
        if (is_train or name in _EXAMPLES) and not all(map(math.isfinite, numbers)):
            return f"the metric {name} is NaN or infinite"
        if name in _EXAMPLES and min(numbers, default=0) < 0:
            return "its number of examples is below zero"
    return ""


def _record_to_json(name: str, record: Any, save: SaveArrays, tensors: Arrays | None) -> list[Any]:
    if isinstance(record, ArrayRecord):
        return ["arrays", save(name, record)]
    kind = "metrics" if isinstance(record, MetricRecord) else "config"
    return [kind, {key: _plain(value, tensors) for key, value in record.items()}]


_KINDS: dict[str, Callable[[Json], Any]] = {"metrics": MetricRecord, "config": ConfigRecord}


def _plain(value: Any, tensors: Arrays | None) -> Any:
    if isinstance(value, bytes):
        return _bytes(value, tensors)
    if isinstance(value, np.generic):
        return value.item()
    return [_plain(part, tensors) for part in value] if isinstance(value, list | tuple) else value


def _bytes(value: bytes, tensors: Arrays | None) -> Json:
    if tensors is None or len(value) < LONG:
        return {"base64": base64.b64encode(value).decode()}
    name = f"{len(tensors)}"  # those of arrays have a slash
    tensors[name] = as_bytes(value)
    return {"tensor": name}


def _values(values: Json, tensors: Arrays) -> Json:
    return {key: _value(value, tensors) for key, value in values.items()}


def _value(value: Any, tensors: Arrays) -> Any:
    if isinstance(value, dict):
        return tensors[value["tensor"]].tobytes() if "tensor" in value else _from_base64(value["base64"])
    return [_value(part, tensors) for part in value] if isinstance(value, list) else value


def _from_base64(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _tensor(array: Array) -> tuple[str, np.ndarray[Any, Any]]:
    value = _numpy(array.data) if array.stype == _NUMPY else None
    if value is not None and value.dtype in NATIVE and value.dtype.isnative:
        return "native", value
    return "bytes", as_bytes(array.data)


def _numpy(data: bytes) -> np.ndarray[Any, Any] | None:
    """Return the array of an npy file, or None if it is none: no memory is taken for what it only claims to have."""
    file = io.BytesIO(data)
    try:
        read_header = _HEADERS[np.lib.format.read_magic(file)]
        shape, is_fortran, dtype = read_header(file)
        flat: np.ndarray[Any, Any] = np.frombuffer(data, dtype, math.prod(shape), file.tell())
    except Exception:  # noqa: BLE001  numpy reads a header with Python's own parser, and raises whatever that does
        return None
    return flat.reshape(shape, order="F" if is_fortran else "C")


def _npy(value: np.ndarray[Any, Any]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, value, allow_pickle=False)
    return buffer.getvalue()


def _is_finite(array: Array) -> bool:
    form, value = _tensor(array)
    if form == "bytes":
        return array.dtype != _BFLOAT16 or array.stype != _NUMPY or _is_finite_bfloat16(array)
    return value.dtype.kind not in "fc" or bool(np.isfinite(value).all())


def _is_finite_bfloat16(array: Array) -> bool:
    numbers = _numpy(array.data)
    if numbers is None or numbers.dtype.itemsize != np.dtype(np.uint16).itemsize:
        raise Forged("Its arrays cannot be put together.")
    return bool(((numbers.view(np.uint16) & _EXPONENT) != _EXPONENT).all())
