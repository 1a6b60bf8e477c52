"""The peer of `tests.bench.warm`: a bare paho bridge, one process, that runs a handler in itself. Run as a program.

`python bridge.py HOST PORT READS WRITES HANDLER`: each message on READS is handed to `handle(event, context)` of the file, and what
that returns is published on WRITES. QoS 1 on both sides, Nagle's algorithm switched off, nothing kept, nothing retried.
"""

from __future__ import annotations

import importlib.util
import json
import socket
import sys
from types import SimpleNamespace
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion


def main(host: str, port: str, reads: str, writes: str, path: str) -> None:
    """Bridge until killed."""
    spec = importlib.util.spec_from_file_location("handler", path)
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def on_message(client: mqtt.Client, _: Any, message: mqtt.MQTTMessage) -> None:
        event = SimpleNamespace(body=message.payload.decode(), data=json.loads(message.payload))
        client.publish(writes, json.dumps(module.handle(event, None)), qos=1)

    client = mqtt.Client(CallbackAPIVersion.VERSION2, "bridge", protocol=mqtt.MQTTv5)
    client.on_message = on_message
    client.on_socket_open = lambda _c, _u, opened: opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # type: ignore[union-attr,call-arg]
    client.connect(host, int(port))
    client.subscribe(reads, qos=1)
    client.loop_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
