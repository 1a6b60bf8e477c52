"""Docker's frames, however they are cut, and the exchange with a function that reads and writes as it pleases."""

from __future__ import annotations

import socket
import struct
import threading
import time

from hypothesis import given
from hypothesis import strategies as st

from agent.adapters.streams import ERROR_LIMIT_BYTES, OUTPUT_LIMIT_BYTES, Output, Streams


def frame(stream: int, content: bytes) -> bytes:
    return struct.pack(">BxxxL", stream, len(content)) + content


@given(st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(max_size=50)), max_size=20), st.integers(1, 17))
def test_frames_may_be_cut_anywhere(frames: list[tuple[int, bytes]], step: int) -> None:
    """Output and errors are the same in whatever pieces they arrive."""
    wire = b"".join(frame(stream, content) for stream, content in frames)
    output = Output()
    for at in range(0, len(wire), step):
        output.feed(wire[at : at + step])
    assert output.text == b"".join(content for stream, content in frames if stream == 1).decode(errors="replace")
    assert output.error == b"".join(content for stream, content in frames if stream == 2).decode(errors="replace")


def test_of_output_the_beginning_is_kept_and_of_errors_the_end() -> None:
    """However much a function says, we keep a bounded part, and know how much there was."""
    output = Output()
    for _ in range(10):
        output.feed(frame(1, b"o" * 100_000) + frame(2, b"e" * 10_000))
    output.feed(frame(2, b"the point"))
    assert (len(output.text), output.size_bytes, output.is_cut) == (OUTPUT_LIMIT_BYTES, 1_000_000, True)
    assert len(output.error) == ERROR_LIMIT_BYTES
    assert output.error.endswith("the point")


def test_a_function_that_does_not_read_its_body_may_end() -> None:
    """Closing standard input early is a function's right, and no failure of ours."""
    ours, theirs = socket.socketpair()
    streams = Streams(ours, b"x" * 10_000_000)
    streams.write()
    theirs.sendall(frame(1, b"enough"))
    theirs.close()
    assert streams.exchange(time.monotonic() + 5, time.monotonic)
    assert streams.output.text in {"enough", ""}  # a reset may overtake what was said
    ours.close()


def test_a_body_is_followed_by_its_end() -> None:
    """A function that reads to the end of its input finds one, after the whole body."""
    ours, theirs = socket.socketpair()
    body = b"y" * 3_000_000
    read = bytearray()

    def function() -> None:
        while chunk := theirs.recv(100_000):
            read.extend(chunk)
        theirs.sendall(frame(1, b"done"))
        theirs.close()

    thread = threading.Thread(target=function)
    thread.start()
    streams = Streams(ours, body)
    assert streams.exchange(time.monotonic() + 5, time.monotonic)
    thread.join(5)
    assert bytes(read) == body
    assert streams.output.text == "done"
    ours.close()


def test_silence_ends_with_the_deadline() -> None:
    """A function that says nothing does not hold us."""
    ours, theirs = socket.socketpair()
    assert not Streams(ours, b"").exchange(time.monotonic() + 0.05, time.monotonic)
    theirs.close()
    ours.close()
