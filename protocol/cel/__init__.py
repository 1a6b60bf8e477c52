"""Conditions in CEL over one event: `program` asks them, from `tokens` by `syntax` to `parts` over `values`.

Each imports only those that stand after it here. An agent loads none of them before a stack of its own asks in CEL.
"""
