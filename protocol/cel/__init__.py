"""Conditions in CEL over one event: `program` asks them, `parts` makes ready each expression, which `syntax` reads from `tokens`.

What there is, is in `functions`, over `times` and plain `values`; patterns are looked for by `matching`, and read by `pattern` over
`chars`. Each imports only those that stand after it here. An agent loads none of them before a stack of its own asks in CEL.
"""
