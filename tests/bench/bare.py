"""The peer of the agent's footprint: the least a Python program with paho is. Connected, subscribed, kept alive by paho's loop.

Started as a file of its own, so that it imports nothing but paho: `python tests/bench/bare.py HOST PORT NAME KEEPALIVE_S`.
Its first word (QoS 1) marks the moment at which the agent would have said its own.
"""

from __future__ import annotations

import sys
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

host, port, name, keepalive_s = sys.argv[1:]


def greet(client: mqtt.Client, *_: Any) -> None:
    """Subscribe and say hello, as paho's documentation shows."""
    client.subscribe(f"bare/{name}/down/#", qos=1)
    client.publish(f"bare/{name}/up/presence", b"online", qos=1, retain=True)


client = mqtt.Client(CallbackAPIVersion.VERSION2, name, protocol=mqtt.MQTTv5)
client.on_connect = greet
client.on_message = lambda *_: None
client.connect(host, int(port), keepalive=int(keepalive_s))
client.loop_forever()
