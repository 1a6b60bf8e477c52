"""An image that behaves as OpenFaaS's classic ones do, made by hand: no official one could be pulled where these tests run.

A shell script in place of `fwatchdog`: HTTP on port 8080, a process of `fprocess` for each request, the body on its standard input,
the headers as `Http_*` in its environment, its output as the answer, 500 where it fails; `/_/health`; a lock file in /tmp before it
serves, as the real one writes. One request for each connection, which the classic one allows too.
"""

from __future__ import annotations

from lab.images import Image

ANSWER = r"""#!/bin/sh
answer() {
  printf 'HTTP/1.1 %s\r\nContent-Length: %s\r\nConnection: close\r\n\r\n' "$1" "$(wc -c <"$2")"
  cat "$2"
}
read -r method path version
length=0
while read -r line; do
  line=${line%$(printf '\r')}
  [ -n "$line" ] || break
  name=$(echo "${line%%:*}" | tr 'A-Z-' 'a-z_')
  value=${line#*: }
  [ "$name" = content_length ] && length=$value
  export "Http_$name=$value"
done
body=$(mktemp) output=$(mktemp)
trap 'rm -f "$body" "$output"' EXIT
[ "$path" = /_/health ] && { answer '200 OK' "$body"; exit; }
head -c "$length" >"$body"
if sh -c "$fprocess" <"$body" >"$output"; then answer '200 OK' "$output"
else answer '500 Internal Server Error' "$output"; fi
"""
SERVE = """#!/bin/sh
touch /tmp/.lock || exit 1
exec nc -ll -p 8080 -e /bin/answer
"""


def watchdog(name: str, fprocess: str = "cat") -> Image:
    """An image of a function; `fprocess` is what its Dockerfile would say."""
    files = {"bin/answer": ANSWER, "bin/fwatchdog": SERVE}
    return Image(name, "1", ("fwatchdog",), files=files, environment={"fprocess": fprocess})
