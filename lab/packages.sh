#!/bin/sh
# Install from Debian what the lab and the tests need, and start none of it: the lab runs private copies of everything.
# A package's own service that was not here before is left stopped and disabled; what was here before is not touched.
set -eu

PACKAGES="mosquitto mosquitto-clients docker.io crun docker-registry busybox-static iproute2 iptables systemd python3-venv"
SERVICES="mosquitto docker docker.socket containerd docker-registry"

missing=""
for package in $PACKAGES; do
  # `install ok installed` also where the package manager holds it back from upgrades.
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
  echo "Missing packages:$missing" >&2
  echo "Installing them needs root. Run: sudo make setup-lab" >&2
  exit 1
fi

present=""
for service in $SERVICES; do
  systemctl is-enabled --quiet "$service" 2>/dev/null && present="$present $service"
done

# Debian starts a service on installation unless this file says no (exit 101); a policy that is here already stays.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' > "$policy"
  chmod 755 "$policy"
  trap 'rm -f "$policy"' EXIT INT TERM
fi

echo "Installing from Debian:$missing"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# shellcheck disable=SC2086
apt-get install -y -qq --no-install-recommends $missing > /dev/null

for service in $SERVICES; do
  case " $present " in
    *" $service "*) ;;
    *) systemctl disable --quiet "$service" 2>/dev/null || true ;;
  esac
done
