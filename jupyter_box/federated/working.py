"""A participant at work: it answers one instruction with its ClientApp, and keeps what the app remembers."""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from typing import Any

from flwr.app import ArrayRecord, Context, Error, Message, Metadata, RecordDict
from flwr.common.serde import context_from_proto, context_to_proto
from flwr.proto.message_pb2 import Context as ContextProto

from . import apps, records, wire
from .config import Participant
from .exchange import from_reference
from .run import Run
from .signing import Forged
from .state import State

log = logging.getLogger("jupyter_box.federated")

SLOTS = ("context.0", "context.1")
KEPT_MODELS = 2  # the one that is trained and the one that is evaluated
FOR_EVER = 1e9  # seconds that a message is valid; how long one waits is the server's business


class Worker:
    """Runs a ClientApp.

    Args:
        run: The run.
        me: The participant.
        state: Where the app's context is kept.
        node_config: What the app reads as `context.node_config`.
        app: The ClientApp.
        kept: The name of the app's context of before, as `keep` gave it.
    """

    def __init__(
        self, run: Run, me: Participant, state: State, node_config: dict[str, Any], *, app: Any, kept: str = ""
    ) -> None:
        self._run, self._me, self._state, self._node_config, self._app = run, me, state, node_config, app
        self._kept = kept
        self._new: bytes | None = None
        self._signer = state.signer
        self._models: OrderedDict[str, Any] = OrderedDict()

    def answer(self, task: dict[str, Any]) -> bytes:
        """Return the signed file that answers an instruction.

        Raises:
            Forged: A model in it is not the server's.
        """
        mine = task["to"][self._me.name]
        content = records.from_json(task["contents"][mine["content"]], self._arrays)
        reply = self._call(Message(content=content, metadata=self._metadata(task, mine)))
        body = {"run": self._run.config.run, "seq": task["seq"], "from": self._me.name, "to": str(mine["id"])}
        if reply.has_error():
            error = {"code": reply.error.code, "reason": reply.error.reason}
            return wire.pack({**body, "error": error}, {}, self._signer)
        tensors: records.Arrays = {}
        entries = records.to_json(reply.content, lambda name, arrays: _take_apart(name, arrays, tensors), tensors)
        return wire.pack({**body, "records": entries}, tensors, self._signer)

    def keep(self) -> str:
        """Keep what the app remembers, now that its answer is sent; returns the name, which the state is to have."""
        if self._new is not None:
            # the one of before stays until the state names this one
            self._kept = SLOTS[self._kept == SLOTS[0]]
            self._state.save_bytes(self._kept, self._new)
        return self._kept

    def _metadata(self, task: dict[str, Any], mine: dict[str, Any]) -> Metadata:
        return Metadata(
            run_id=self._run.config.run_number,
            message_id=str(mine["id"]),
            src_node_id=apps.SERVER_NODE,
            dst_node_id=self._me.node_id,
            reply_to_message_id="",
            group_id=str(task["group"]),
            created_at=time.time(),
            ttl=FOR_EVER,
            message_type=str(task["kind"]),
        )

    def _call(self, message: Message) -> Message:
        context, self._new = self._context(), None
        try:
            reply = self._app(message=message, context=context)
        except Exception as error:
            log.exception("The ClientApp failed; the server is told so.")
            return Message(Error(apps.FAILED, f"{self._me.name}: {type(error).__name__}: {error}"), reply_to=message)
        self._new = context_to_proto(context).SerializeToString()
        return reply

    def _context(self) -> Context:
        kept = self._state.load_bytes(self._kept) if self._kept else None
        if kept is not None:
            return context_from_proto(ContextProto.FromString(kept))
        config = self._run.config
        return Context(config.run_number, self._me.node_id, self._node_config, RecordDict(), dict(config.run_config))

    def _arrays(self, value: dict[str, Any]) -> ArrayRecord:
        """Return a model that the server sent, from memory where it is one of before."""
        digest = value["digest"]
        if digest not in self._models:
            self._models[digest] = self._read(value)
            while len(self._models) > KEPT_MODELS:
                self._models.popitem(last=False)
        return ArrayRecord(OrderedDict(self._models[digest]))  # the app may change its own

    def _read(self, value: dict[str, Any]) -> ArrayRecord:
        data = self._run.store.read(from_reference(value["file"]))
        header = wire.verify(data, self._run.config.server_key)
        if header.digest != value["digest"]:
            raise Forged("The server's model is not the one that its instruction names.")
        return records.join(header.body["arrays"], wire.load(data))


def _take_apart(name: str, arrays: ArrayRecord, tensors: records.Arrays) -> dict[str, Any]:
    spec, parts = records.split(f"{name}/", arrays)
    tensors.update(parts)
    return {"arrays": spec}
