"""An image that behaves as OpenFaaS's classic ones do, made by hand: no official one could be pulled where these tests run.

A shell script in place of `fwatchdog`: HTTP on port 8080; a process of the words of `fprocess` for each request, without a shell,
with the body on its standard input and the headers as `Http_*` in its environment; all that it says is the answer, and where it
fails 500, with its exit status in front of that; `/_/health`, which is 503 without the lock file in /tmp that it writes before it
serves. So does the real one, built from its sources, but that it keeps connections open.
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
if [ "$path" = /_/health ]; then
  if [ -e /tmp/.lock ]; then answer '200 OK' "$body"; else answer '503 Service Unavailable' "$body"; fi
  exit
fi
head -c "$length" >"$body"
$fprocess <"$body" >"$output" 2>&1
status=$?
[ $status = 0 ] && { answer '200 OK' "$output"; exit; }
echo "exit status $status" | cat - "$output" >"$body"
answer '500 Internal Server Error' "$body"
"""
SERVE = """#!/bin/sh
touch /tmp/.lock || exit 1
exec nc -ll -p 8080 -e /bin/answer
"""


def watchdog(name: str, handler: str, fprocess: str = "cat") -> Image:
    """An image of a function with a script as /bin/handler; `fprocess` is what its Dockerfile would say."""
    files = {"bin/answer": ANSWER, "bin/fwatchdog": SERVE, "bin/handler": handler}
    return Image(name, "1", ("fwatchdog",), files=files, environment={"fprocess": fprocess})
