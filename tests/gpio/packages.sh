#!/bin/sh
# What `make lab-gpio` needs beside the lab's packages (root): QEMU, a kernel as Debian ships it, and the pin library. Nothing is
# installed outside .cache/gpio but QEMU and three small tools.
set -eu
cd "$(dirname "$0")/../.."
missing=""
for pair in qemu-system-x86_64:qemu-system-x86 busybox:busybox-static cpio:cpio depmod:kmod mosquitto:mosquitto; do
  PATH="$PATH:/usr/sbin:/sbin" command -v "${pair%%:*}" >/dev/null || missing="$missing ${pair#*:}"
done
if [ -n "$missing" ]; then
  echo "Installing$missing ..."
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi
mkdir -p .cache/gpio/kernel .cache/gpio/lgpio
if ! ls .cache/gpio/kernel/boot/vmlinuz-* >/dev/null 2>&1; then
  kernel="$(apt-cache depends linux-image-amd64 | awk '/Depends: linux-image/ {print $2; exit}')"
  echo "Fetching $kernel ..."
  (cd .cache/gpio && apt-get download -qq "$kernel" 2>/dev/null && dpkg -x linux-image-*.deb kernel && rm linux-image-*.deb)
fi
if ! ls .cache/gpio/lgpio/lgpio.py >/dev/null 2>&1; then
  echo "Fetching lgpio ..."
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --target .cache/gpio/lgpio 'lgpio>=0.2.2'
fi
