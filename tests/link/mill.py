"""A mill of crashes: a writer and a receiver, killed over and over again at random moments, on real files and real sockets.

Run as a process of its own (it forks, so it has no threads): `python -m tests.link.mill DIRECTORY KILLS SEED`. Each round
forks a receiver and a writer from this warm parent, joins them by a socket pair, and kills the writer with SIGKILL; in
half of the rounds it kills the receiver too. The last round runs to its end. Prints one JSON line to judge.
"""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import random
import select
import signal
import socket
import sqlite3
import sys
import time
import traceback
from pathlib import Path

from link.courier import WINDOW, Courier
from link.intake import Intake
from link.outbox import Outbox, row_of
from protocol.desired import Ack
from protocol.envelope import Packet, Received, pack, unpack
from protocol.observed import SensorEvent
from protocol.topics import EventTopic

MOST_TURNS = 4
LONGEST_PAUSE_S = 0.005
# A round is killed after up to four turns of the writer and a part of the next: a busy machine gets as far as an idle one.
LAST_ROUND_S = 20.0
FULL = 300
CARD_S = 0.001
# A commit as slow as on a card, so that kills also hit the moment before it: the moment in which an early word would be a lie.
TOPIC = EventTopic("mill", "pi-1", "door")


def opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    return connection


def commit(connection: sqlite3.Connection) -> None:
    time.sleep(CARD_S)
    connection.execute("COMMIT")


def event(stream: str, sequence: int) -> Packet:
    made = pack(TOPIC, SensorEvent(stream, sequence, "pi-1", "door", "opened", "", "boot-1", sequence))
    assert isinstance(made, Packet)
    return made


def take(channel: socket.socket) -> tuple[list[object], bool]:
    """Everything that waits in the channel, and whether the other side is still there."""
    found: list[object] = []
    try:
        while data := channel.recv(65536):
            found.append(pickle.loads(data))
    except BlockingIOError:
        return found, True
    except ConnectionResetError:  # it died with words of ours unread
        return found, False
    return found, False


def write(directory: Path, channel: socket.socket, accepted: int, chances: random.Random, *, is_last: bool) -> None:
    """A turn: take acknowledgements in and new facts, commit, say what was accepted, send."""
    connection = opened(directory / "writer.db")
    connection.execute("BEGIN IMMEDIATE")
    outbox = Outbox(connection)
    commit(connection)
    courier = Courier()
    courier.link_up()
    is_open = True
    while is_open and not (is_last and outbox.size == 0):
        if chances.random() < 0.1:
            courier.link_up()  # a reconnection: everything on its way goes once more
        found, is_open = take(channel)
        acks = [ack for ack in found if isinstance(ack, Ack)]
        connection.execute("BEGIN IMMEDIATE")
        for ack in acks:
            outbox.acknowledge(ack)
        count = 0 if is_last or outbox.size > FULL else chances.randint(1, 20)
        first = outbox.next_sequence
        outbox.add(
            row_of(first + i, event(outbox.stream, first + i), priority=chances.choice((3, 5))) for i in range(count)
        )
        commit(connection)
        os.write(accepted, (outbox.next_sequence - 1).to_bytes(8, "big"))
        base, now_s = outbox.base, time.monotonic()
        for row in courier.due(outbox.outstanding(WINDOW), WINDOW, now_s):
            try:
                channel.send(pickle.dumps(outbox.packet(row, base)))
            except (BlockingIOError, ConnectionError):
                break
            courier.handed(row.sequence, row.sequence, now_s)
        select.select([channel], [], [], 0.002)
    os.write(accepted, (outbox.next_sequence - 1).to_bytes(8, "big"))


def receive(directory: Path, channel: socket.socket) -> None:
    """A turn: take everything in, commit what is new with its effect, and only then acknowledge."""
    connection = opened(directory / "receiver.db")
    connection.execute("CREATE TABLE IF NOT EXISTS intake (stream TEXT PRIMARY KEY, upto INTEGER, beyond TEXT)")
    connection.execute("CREATE TABLE IF NOT EXISTS handled (stream TEXT, sequence INTEGER)")
    intakes = {
        stream: Intake(upto, tuple(json.loads(beyond)))
        for stream, upto, beyond in connection.execute("SELECT * FROM intake").fetchall()
    }
    is_open = True
    while is_open:
        select.select([channel], [], [], 1.0)
        marks = []
        found, is_open = take(channel)
        for packet in found:
            received = unpack(packet)  # type: ignore[arg-type]
            assert isinstance(received, Received)
            assert received.mark is not None
            marks.append(received.mark)
        connection.execute("BEGIN IMMEDIATE")
        for mark in marks:
            intakes[mark.stream], is_new = intakes.get(mark.stream, Intake()).seen(mark)
            if is_new:
                connection.execute("INSERT INTO handled VALUES (?, ?)", (mark.stream, mark.sequence))
        for stream in {mark.stream for mark in marks}:
            kept = intakes[stream]
            connection.execute(
                "INSERT OR REPLACE INTO intake VALUES (?, ?, ?)", (stream, kept.upto, json.dumps(kept.beyond))
            )
        commit(connection)
        for stream in {mark.stream for mark in marks}:
            with contextlib.suppress(BlockingIOError, ConnectionError):
                channel.send(pickle.dumps(intakes[stream].ack(stream)))


def forked(work: object, *arguments: object, **named: object) -> int:
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        work(*arguments, **named)  # type: ignore[operator]
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def wait_turns(told: int, turns: int) -> int:
    """Wait until the writer has said so many times what is accepted; the last it said."""
    last = 0
    for _ in range(turns):
        if not select.select([told], [], [], 1.0)[0]:
            break
        last = int.from_bytes(os.read(told, 8), "big")
    return last


def play_round(directory: Path, told: int, telling: int, chances: random.Random, *, is_last: bool) -> int:
    """One round of life; the highest fact that was accepted in it while somebody looked."""
    writers, receivers = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in (writers, receivers):
        end.setblocking(False)
    receiver = forked(lambda: (writers.close(), receive(directory, receivers)))
    seeded = random.Random(chances.random())
    writer = forked(lambda: (receivers.close(), write(directory, writers, telling, seeded, is_last=is_last)))
    writers.close()
    receivers.close()
    accepted_now = 0
    if is_last:
        signal.alarm(int(LAST_ROUND_S))
    else:
        accepted_now = wait_turns(told, chances.randint(0, MOST_TURNS))
        time.sleep(chances.uniform(0, LONGEST_PAUSE_S))
        if chances.random() < 1 / 2:
            os.kill(receiver, signal.SIGKILL)
            time.sleep(chances.uniform(0, LONGEST_PAUSE_S))
        os.kill(writer, signal.SIGKILL)
    for child in (writer, receiver):
        _, status = os.waitpid(child, 0)
        if os.WIFEXITED(status) and os.WEXITSTATUS(status):
            raise RuntimeError("a process of the mill failed by itself")
    return accepted_now


def main() -> None:
    directory, kills, seed = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    chances = random.Random(seed)
    told, telling = os.pipe()
    os.set_blocking(told, False)
    accepted = 0
    for number in range(kills + 1):
        accepted = max(accepted, play_round(directory, told, telling, chances, is_last=number == kills))
        with contextlib.suppress(BlockingIOError):
            while data := os.read(told, 65536):
                accepted = max(accepted, *(int.from_bytes(data[at : at + 8], "big") for at in range(0, len(data), 8)))
    with opened(directory / "receiver.db") as store:
        (handled,) = store.execute("SELECT count(*) FROM handled").fetchone()
        (distinct, highest) = store.execute("SELECT count(DISTINCT sequence), max(sequence) FROM handled").fetchone()
    with opened(directory / "writer.db") as store:
        (committed,) = store.execute("SELECT next_sequence - 1 FROM outbox_stream").fetchone()
    print(json.dumps({"kills": kills, "accepted": accepted, "committed": committed, "handled": handled,
                      "distinct": distinct, "highest": highest}))  # fmt: skip


if __name__ == "__main__":
    main()
