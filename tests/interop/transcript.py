"""What both sessions of client.py share: steps, the tap on the wire, and what is normalised."""

import base64
import hashlib
import json
import os
import re
import sys
import threading
import time
from contextlib import asynccontextmanager

import anyio
from mcp import MCPError
from pydantic import BaseModel

STEP_SECONDS = 20
SESSION_SECONDS = 60
# How long the SDK lets a server end by itself before it kills it.
GRACE_SECONDS = 2

# Text that is different in every run. Everything else is compared as it came.
CHANGING = [
    # server-everything stamps its dynamic resources with the wall clock
    (re.compile(r"created at [^\n]*"), "created at TIME"),
    # ids of tasks, and ids of elicitations the server makes up
    (re.compile(r"\b[0-9a-f]{32}\b"), "TASK"),
    (re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "UUID"),
    # createdAt, lastUpdatedAt, and the answers of mcp-server-time
    (re.compile(r"\b(Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day\b"), "DAY"),
    (re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?"), "DATE"),
]
# For what must come back as it was.
AS_IT_IS = "TRANSCRIPT_AS_IT_IS" in os.environ
# A text longer than this is compared by its hash, to keep a transcript readable.
LONG = 4000


def normalise(value):
    if isinstance(value, str):
        for pattern, name in CHANGING if not AS_IT_IS else []:
            value = pattern.sub(name, value)
        if len(value) > LONG:
            return {"chars": len(value), "sha256": hashlib.sha256(value.encode()).hexdigest()}
        return value
    if isinstance(value, list):
        return [normalise(item) for item in value]
    if isinstance(value, dict):
        # the base64 form of a resource stamped with the wall clock
        if not AS_IT_IS and "created at" in (text := decoded(value.get("blob"))):
            value = {**value, "blob": "base64:" + text}
        return {key: normalise(item) for key, item in value.items()}
    return value


def decoded(blob):
    try:
        return base64.b64decode(blob, validate=True).decode()
    except (TypeError, ValueError):
        return ""


def plain(value):
    """An SDK object as the JSON it stands for."""
    if isinstance(value, BaseModel):
        return value.model_dump(by_alias=True, mode="json", exclude_none=True)
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


async def outcome(call):
    """An answer, or the protocol error that came in its place."""
    try:
        return plain(await call)
    except MCPError as error:
        return {"error": plain(error.error)}


class Wire:
    """Every message the server sent, in order: what an SDK makes of an answer is not all of it."""

    def __init__(self):
        self.messages = []
        self.arrived = anyio.Event()

    def saw(self, message):
        self.messages.append(message)
        self.arrived.set()

    async def wait_for(self, accept):
        """The first message of this step that `accept` takes."""
        seen = 0
        while True:
            self.arrived = anyio.Event()
            for message in self.messages[seen:]:
                seen += 1
                if accept(message):
                    return message
            await self.arrived.wait()

    @asynccontextmanager
    async def connect(self, transport):
        async with transport as (read, write), anyio.create_task_group() as tasks:
            forward, tapped = anyio.create_memory_object_stream(0)

            async def tap():
                async with forward:
                    async for item in read:
                        self.saw(raw(item))
                        try:
                            await forward.send(item)
                        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
                            return  # the session has ended

            tasks.start_soon(tap)
            yield tapped, write
            tasks.cancel_scope.cancel()


def raw(item):
    if isinstance(item, Exception):
        raise RuntimeError(f"the server sent something that is no message: {item}")
    return item.message.model_dump(by_alias=True, mode="json", exclude_unset=True)


def method(name):
    return lambda message: message.get("method") == name


def comparable(message):
    """A message without what a proxy may choose for itself: the ids of requests the server makes."""
    if "method" in message:
        message = {key: value for key, value in message.items() if key != "id"}
    return {key: value for key, value in message.items() if key != "jsonrpc"}


class Transcript:
    def __init__(self, wire):
        self.wire = wire
        self.name = "start"
        watchdog = threading.Timer(SESSION_SECONDS, self.hung)
        watchdog.daemon = True
        watchdog.start()

    def hung(self):
        self.failed(f"the session took more than {SESSION_SECONDS} s")
        os._exit(2)

    def failed(self, why):
        print(f"FAILED at step '{self.name}': {why}", file=sys.stderr, flush=True)

    async def step(self, name, run, sort=False, hide=None):
        """Runs one step and prints its answer beside the messages that arrived meanwhile.

        `sort` is for calls made at once, whose answers may come in any order; `hide` replaces
        what cannot be compared, in the answer and in the messages alike.
        """
        self.name = name
        with anyio.move_on_after(STEP_SECONDS) as limit:
            answer = await run()
        if limit.cancelled_caught:
            raise TimeoutError(f"no end after {STEP_SECONDS} s")
        messages = [comparable(message) for message in self.wire.messages]
        self.wire.messages = []
        line = normalise({"step": name, "answer": plain(answer), "messages": messages})
        if hide:
            line = hide(line)
        if sort:
            line["messages"].sort(key=lambda message: message["id"])
        self.show(line)

    def show(self, line):
        print(json.dumps(line, sort_keys=not AS_IT_IS, ensure_ascii=False), flush=True)

    def closing(self):
        self.name = "close"
        self.since = time.monotonic()

    def closed(self):
        if time.monotonic() - self.since >= GRACE_SECONDS:
            raise RuntimeError("the server did not end when its input did")
        self.show({"step": "close", "answer": "ended by itself"})
