#!/usr/bin/env bash
# Builds Dockerfile.armhf and starts the image, on any amd64 or arm64 Debian with root, without pulling an image.
#
#   lab/armhf.sh [CHECKOUT]        (make image-armhf)
#
# The base image is a Debian tree for armhf, made by debootstrap from the mirror that this machine's apt uses, and
# kept in CHECKOUT/.cache/armhf. ARM programs run by qemu-user through the kernel's binfmt_misc. Everything happens
# in a mount and PID namespace of its own, with an own Docker Engine on an own data root: when the script ends,
# however it ends, engine, containers and mounts are gone with it. What the machine sees while we run is a binfmt_misc
# entry and a cgroup of our own name. It lives in lab/, which makes all its parts out of Debian's packages like this.
#
# Needs (Debian): debootstrap qemu-user-static docker.io; the network for apt and PyPI.
# ARMHF_MIRROR and ARMHF_SUITE override where and what the base tree is made from.
set -euo pipefail

readonly SUITE="${ARMHF_SUITE:-bookworm}" # Raspberry Pi OS 12; its Python 3.11 is the oldest that we support
readonly ENGINE_START_S=30                # a cold dockerd needed 3 s on two cores; ten times that is a fault
readonly CGROUP_END_S=10                  # a cgroup can be removed once the last process in it is reaped: an instant
readonly BINFMT=/proc/sys/fs/binfmt_misc
readonly BINFMT_RULE=/usr/lib/binfmt.d/qemu-arm.conf # magic and mask of 32-bit ARM, from qemu-user-static
readonly PLATFORM=linux/arm/v7 BASE_IMAGE=bramble-base:armhf PIP_BASE_IMAGE=bramble-base:armhf-pip IMAGE=bramble-agent:armhf

say() { printf '%s armhf: %s\n' "$(date +%T)" "$*"; }
die() { say "$*" >&2; exit 1; }

require() {
    [ "$(id -u)" -eq 0 ] || die "needs root (mounts, binfmt_misc, a Docker Engine): sudo make image-armhf"
    local missing=()
    command -v debootstrap >/dev/null || missing+=(debootstrap)
    command -v dockerd >/dev/null || missing+=(docker.io)
    [ -e "$BINFMT_RULE" ] || missing+=(qemu-user-static)
    [ "${#missing[@]}" -eq 0 ] || die "missing: apt-get install ${missing[*]}"
}

# The fix_binary flag (F) in Debian's rule opens the interpreter now, so that it is found inside containers too.
emulate_arm() {
    mount -t binfmt_misc binfmt_misc "$BINFMT" || die "this kernel offers no binfmt_misc, so no ARM program can run"
    sed "s/^:qemu-arm:/:$RULE:/" "$BINFMT_RULE" >"$BINFMT/register" || die "binfmt_misc took no entry of ours"
}

# The field that apt fills in is $(SITE), in apt's own notation.
# shellcheck disable=SC2016
mirror() {
    apt-get indextargets --format '$(SITE)' 'Created-By: Packages' "Codename: $SUITE" 'Component: main' | head -n 1
}

# Written under another name first: a tree that was interrupted halfway is never taken for a whole one.
make_base() {
    [ ! -s "$BASE_TAR" ] || { say "base tree: kept from before ($BASE_TAR)"; return; }
    local from="${ARMHF_MIRROR:-$(mirror)}"
    [ -n "$from" ] || die "apt knows no mirror of $SUITE here; name one in ARMHF_MIRROR"
    say "base tree: debootstrap $SUITE for armhf (some minutes, under emulation)"
    debootstrap --arch=armhf --variant=minbase "$SUITE" "$STATE/tree" "$from" >"$STATE/debootstrap.log" 2>&1 ||
        { tail -n 20 "$STATE/debootstrap.log" >&2; die "debootstrap failed"; }
    mkdir -p "$(dirname "$BASE_TAR")"
    tar -C "$STATE/tree" --one-file-system --exclude='./var/cache/apt/archives/*.deb' --exclude='./var/lib/apt/lists/*' \
        --numeric-owner -cf "$BASE_TAR.part" .
    mv "$BASE_TAR.part" "$BASE_TAR"
    rm -rf --one-file-system "$STATE/tree"
}

# Without a bridge and without iptables: the machine's network stays as it is. Containers get the host's or none.
start_engine() {
    dockerd --data-root "$STATE/data" --exec-root "$STATE/exec" --pidfile "$STATE/docker.pid" --host "$DOCKER_HOST" \
        --bridge=none --iptables=false --ip6tables=false \
        --exec-opt native.cgroupdriver=cgroupfs --cgroup-parent "$RULE" >"$STATE/dockerd.log" 2>&1 &
    local deadline=$((SECONDS + ENGINE_START_S))
    until docker version >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$deadline" ] || { tail -n 20 "$STATE/dockerd.log" >&2; die "the Docker Engine did not start"; }
        sleep 0.2
    done
}

# A mirror of PyPI and a private certificate authority are this machine's business: only the stage that runs pip sees
# them, in the place where pip looks anyway; the image that comes out is made from the plain base.
make_pip_base() {
    local index="${PIP_INDEX_URL:-$(python3 -m pip config get global.index-url 2>/dev/null || true)}"
    mkdir "$STATE/pip"
    cp --dereference "${PIP_CERT:-/etc/ssl/certs/ca-certificates.crt}" "$STATE/pip/pip-ca.crt"
    printf '[global]\ncert = /etc/pip-ca.crt\n%s\n' "${index:+index-url = $index}" >"$STATE/pip/pip.conf"
    printf 'FROM %s\nCOPY pip.conf pip-ca.crt /etc/\n' "$BASE_IMAGE" >"$STATE/pip/Dockerfile"
    docker_build --tag "$PIP_BASE_IMAGE" "$STATE/pip"
}

# `docker import` of Docker 20.10 labels every tree with the machine's own architecture, and both builders then refuse it.
# So the image is written by hand, in the form that `docker save` gives.
load_base() {
    local sum
    sum="$(sha256sum "$BASE_TAR" | cut -d' ' -f1)"
    mkdir "$STATE/base"
    ln -s "$BASE_TAR" "$STATE/base/layer.tar"
    printf '{"architecture":"arm","variant":"v7","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
        "$sum" >"$STATE/base/config.json"
    printf '[{"Config":"config.json","RepoTags":["%s"],"Layers":["layer.tar"]}]' "$BASE_IMAGE" >"$STATE/base/manifest.json"
    tar -C "$STATE/base" --dereference -cf - manifest.json config.json layer.tar | docker load --quiet
}

# The classic builder, since Debian 12 packages no buildx; the Dockerfile asks for nothing that only BuildKit has.
docker_build() { DOCKER_BUILDKIT=0 docker build --network=host --platform "$PLATFORM" "$@"; }

build() {
    load_base
    make_pip_base
    docker_build --build-arg "BASE=$BASE_IMAGE" --build-arg "PIP_BASE=$PIP_BASE_IMAGE" \
        --file "$CHECKOUT/Dockerfile.armhf" --tag "$IMAGE" "$CHECKOUT"
}

inside() { docker run --rm --network=none --platform "$PLATFORM" "$@"; }

prove() {
    local machine version
    machine="$(inside --entrypoint uname "$IMAGE" -m)"
    say "uname -m: $machine"
    [ "$machine" = armv7l ] || die "expected armv7l"
    inside --entrypoint /opt/bramble/bin/python "$IMAGE" -c '
import platform, struct
import docker, gpiozero, lgpio, paho.mqtt, prometheus_client
print("imports:", platform.machine(), 8 * struct.calcsize("P"), "bit, Python", platform.python_version(),
      "docker", docker.__version__, "paho", paho.mqtt.__version__)' || die "an import failed"
    version="$(inside "$IMAGE" --version)" || die "bramble-agent --version failed"
    say "bramble-agent --version: $version"
    say "runs as: $(inside --entrypoint id "$IMAGE")"
    say "image: $(docker image ls --format '{{.Repository}}:{{.Tag}} {{.Size}}' "$IMAGE")"
}

# Runs as the first process of its PID namespace, whose end is the end of all others in it, dockerd too.
main() {
    emulate_arm
    make_base
    start_engine
    build
    prove
    say "done in $SECONDS s"
}

# Whatever ends us: first the namespaces with all that lives in them, then the two traces that the kernel keeps.
clean_up() {
    [ -z "${CHILD:-}" ] || { kill -KILL "$CHILD" && wait "$CHILD"; } 2>/dev/null || true
    [ ! -e "$BINFMT/$RULE" ] || echo -1 >"$BINFMT/$RULE"
    local deadline=$((SECONDS + CGROUP_END_S))
    while find /sys/fs/cgroup -depth -type d -path "*/$RULE*" -exec rmdir {} + -print 2>/dev/null | grep -q .; do
        [ "$SECONDS" -lt "$deadline" ] || break
        sleep 0.2
    done
    rm -rf --one-file-system "$STATE"
}

CHECKOUT="$(realpath "${1:-"$(dirname "$0")/.."}")"
STATE="${ARMHF_STATE:-}"
if [ -z "$STATE" ]; then
    require
    STATE="$(mktemp -d /var/tmp/bramble-armhf-XXXXXX)" # not /tmp: a tmpfs is no place for an engine's layers
    RULE="$(basename "$STATE")"
    trap clean_up EXIT
    trap 'exit 130' INT TERM HUP
    ARMHF_STATE="$STATE" unshare --mount --pid --fork --kill-child --mount-proc --propagation private "$0" "$CHECKOUT" &
    CHILD=$!
    wait "$CHILD" # in the background, since bash acts on a signal only between foreground commands
    CHILD=
    exit
fi
readonly BASE_TAR="$CHECKOUT/.cache/armhf/$SUITE.tar"
RULE="$(basename "$STATE")"
export DOCKER_HOST="unix://$STATE/docker.sock" DOCKER_CONFIG="$STATE/docker" # never the person's own logins
main
