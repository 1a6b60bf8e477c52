"""`bramble`: the operator's words. It speaks MQTT and knows no store."""
