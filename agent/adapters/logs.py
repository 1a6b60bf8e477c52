"""The last lines of a container's log, both streams in the order in which the engine took them.

What does not fit into an answer is left out at the beginning. An engine that is away, a container that is gone and a log that
nobody keeps are told as the answer.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

from agent.adapters.docker_api import DockerApi, EngineAwayError
from agent.decide.effects import ReadLog
from agent.decide.inputs import CommandDone
from protocol.shapes import write

ANSWER_BYTES = 200 * 1024
"""As JSON; a packet holds 256 KiB, and the answer's other parts are small."""

_HEAD = struct.Struct(">BxxxL")
_NOBODY_KEEPS = "none"


def last_lines(api: DockerApi, asked: ReadLog) -> CommandDone:
    """Read them, or say why not."""
    try:
        found = api.call("GET", f"/containers/{asked.container}/json")
        if not found.ok:
            return CommandDone(asked.command, ok=False, message=f"its container is gone: {found.message}")
        if found.body["HostConfig"]["LogConfig"]["Type"] == _NOBODY_KEEPS:
            return CommandDone(asked.command, ok=False, message="its log is kept nowhere (`logging: {driver: none}`)")
        query = {"stdout": 1, "stderr": 1, "tail": asked.lines}
        chunks = api.chunks(f"/containers/{asked.container}/logs", query)
        pieces = chunks if found.body["Config"]["Tty"] else unframed(chunks)
        text = _fitting(pieces)
    except EngineAwayError as away:
        return CommandDone(asked.command, ok=False, message=str(away))
    return CommandDone(asked.command, ok=True, result=text)


def unframed(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """What was said, out of Docker's frames (stream, length, bytes) however they are cut."""
    rest = bytearray()
    for chunk in chunks:
        rest += chunk
        while len(rest) >= _HEAD.size:
            _, length = _HEAD.unpack_from(rest)
            if len(rest) < _HEAD.size + length:
                break
            yield bytes(rest[_HEAD.size : _HEAD.size + length])
            del rest[: _HEAD.size + length]


def _fitting(pieces: Iterable[bytes]) -> str:
    """The end of it that an answer holds, in whole lines."""
    kept, is_cut = bytearray(), False
    for piece in pieces:
        kept += piece
        is_cut = is_cut or len(kept) > ANSWER_BYTES
        del kept[:-ANSWER_BYTES]
    text = kept.decode(errors="replace")
    while len(write(text)) > ANSWER_BYTES:
        text, is_cut = text[len(text) // 4 + 1 :], True
    return text.partition("\n")[2] if is_cut and "\n" in text else text
