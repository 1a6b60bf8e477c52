"""What controller, agents and operators say to each other. Pure: bytes and values in, values and bytes out.

A manifest comes down as a `Stack` (`stackfile`); the controller answers with `desired` (assignment, offers, grants, invocations);
a node speaks `observed` (presence, hello, status, events, results, requests, health). Each travels on a topic (`topics`), in its
own way (`delivery`), as bytes (`envelope`). What has no place in a payload or a topic does not belong here.
"""
