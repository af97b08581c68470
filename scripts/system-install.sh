#!/usr/bin/env bash
# Installs the real servers that the system tests run against, on Debian 12, as root:
#   NUT, mosquitto, openssl, promtool   with apt
#   Node-RED                            with npm, beside the work tree
#   Home Assistant                      in a Debian chroot: it needs a Python that Debian 12 does not carry
# Running it again repairs what is missing and costs a second when nothing is.
# Where the large two go: $GRIDWARDEN_SYSTEM_DIR, by default /var/cache/gridwarden-system.
set -uo pipefail

readonly HOME_ASSISTANT=2026.11.0
readonly NODE_RED=4.1
readonly DIR=${GRIDWARDEN_SYSTEM_DIR:-/var/cache/gridwarden-system}
readonly CHROOT=$DIR/home-assistant
readonly LOGS=$DIR/logs
readonly KIT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../tests/kit" && pwd)
readonly PACKAGES=(nut-server nut-client mosquitto mosquitto-clients openssl libnss3-tools prometheus debootstrap systemd python3 iproute2 libvirt-clients libvirt-daemon qemu-system-x86 docker.io docker-compose podman podman-compose uidmap busybox-static openssh-server openssh-client sudo tcsh fish libfaketime socat)

say() { printf 'system-install: %s\n' "$*"; }

# One line on the terminal for one failure; the commands' own output is in the log.
failed() {
  say "FAILED: $1; last words: $(grep -v '^[[:space:]]*$' "$LOGS/$2.log" 2>/dev/null | tail -n 1)  (all of it: $LOGS/$2.log)" >&2
  return 1
}

demand_root() {
  [ "$(id -u)" -eq 0 ] && return
  say 'FAILED: not root: cannot install Debian packages, nor make and mount the chroot Home Assistant runs in' >&2
  exit 1
}

one_at_a_time() {
  mkdir -p "$DIR" "$LOGS" || exit 1
  exec 9>"$DIR/lock"
  flock --nonblock 9 && return
  say 'another installation is running; waiting for it'
  flock 9
}

packages_missing() {
  local package
  for package in "${PACKAGES[@]}"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || printf '%s\n' "$package"
  done
}

# The tests start every server themselves, on their own ports: none may be started by its package.
without_starting_services() {
  local policy=/usr/sbin/policy-rc.d ours=no status
  if [ ! -e "$policy" ]; then
    ours=yes
    printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy"
  fi
  "$@"
  status=$?
  [ "$ours" = no ] || rm -f "$policy"
  return "$status"
}

install_packages() {
  local missing
  mapfile -t missing < <(packages_missing)
  [ "${#missing[@]}" -gt 0 ] || return 0
  say "Debian packages: ${missing[*]}"
  {
    apt-get update && DEBIAN_FRONTEND=noninteractive without_starting_services \
      apt-get install --yes --no-install-recommends "${missing[@]}"
  } >"$LOGS/packages.log" 2>&1 9>&- || failed "Debian packages ${missing[*]}" packages
}

install_node_red() {
  [ ! -e "$DIR/node-red/complete" ] || return 0
  say "Node-RED $NODE_RED"
  {
    rm -rf "$DIR/node-red" && mkdir -p "$DIR/node-red" &&
      npm install --prefix "$DIR/node-red" --no-audit --no-fund "node-red@^$NODE_RED" &&
      touch "$DIR/node-red/complete"
  } >"$LOGS/node-red.log" 2>&1 9>&- || failed 'Node-RED' node-red
}

# The mirror this machine itself uses for its release; "forky" is on every full mirror.
debian_mirror() {
  apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' "Codename: $(. /etc/os-release && echo "$VERSION_CODENAME")" | head -n 1
}

in_chroot() { chroot "$CHROOT" env HOME=/root PATH=/root/ha/bin:/usr/bin:/bin "$@"; }

# Mounts do not outlive a reboot, so every run looks. The slave mark keeps an unmount here from reaching the host's own.
mount_chroot() {
  mkdir -p "$CHROOT/proc" "$CHROOT/sys" "$CHROOT/dev" || return
  mountpoint --quiet "$CHROOT/proc" || mount -t proc proc "$CHROOT/proc" || return
  mountpoint --quiet "$CHROOT/sys" || mount -t sysfs sys "$CHROOT/sys" || return
  mountpoint --quiet "$CHROOT/dev" || { mount --rbind /dev "$CHROOT/dev" && mount --make-rslave "$CHROOT/dev"; }
}

# --one-file-system: a /dev that would not unmount must not be deleted through its bind mount.
remove_chroot() {
  local point
  for point in proc sys dev; do
    ! mountpoint --quiet "$CHROOT/$point" || umount --recursive --lazy "$CHROOT/$point" || return
  done
  rm -rf --one-file-system "$CHROOT"
}

make_chroot() {
  local mirror
  mirror=$(debian_mirror)
  [ -n "$mirror" ] || { echo 'no Debian mirror in the apt sources'; return 1; }
  # Debian 12's debootstrap knows no "forky" yet; the script of "sid" fits.
  debootstrap --variant=minbase --include=python3,python3-venv,python3-dev,g++,ca-certificates,libturbojpeg0 \
    forky "$CHROOT" "$mirror" /usr/share/debootstrap/scripts/sid || return
  # The machine's own certificates and pip settings count inside as well.
  cp /etc/ssl/certs/ca-certificates.crt "$CHROOT/etc/ssl/certs/" || return
  [ ! -f /etc/pip.conf ] || cp /etc/pip.conf "$CHROOT/etc/"
}

# Home Assistant's package brings none of its integrations' requirements; left alone it would fetch them at run time.
fill_chroot() {
  in_chroot python3 -m venv /root/ha &&
    in_chroot pip install --quiet uv &&
    in_chroot uv pip install "homeassistant==$HOME_ASSISTANT" &&
    in_chroot python - <"$KIT/home-assistant-requirements.py" >"$CHROOT/root/requirements.txt" &&
    in_chroot uv pip install numpy -r /root/requirements.txt
}

install_home_assistant() {
  if [ "$(cat "$CHROOT/complete" 2>/dev/null)" = "$HOME_ASSISTANT" ]; then
    mount_chroot >"$LOGS/mounts.log" 2>&1 || failed 'mounting the chroot of Home Assistant' mounts
    return
  fi
  say "Home Assistant $HOME_ASSISTANT (about two minutes, 1.7 GB)"
  {
    remove_chroot && make_chroot && mount_chroot && fill_chroot && echo "$HOME_ASSISTANT" >"$CHROOT/complete"
  } >"$LOGS/home-assistant.log" 2>&1 9>&- || failed "Home Assistant $HOME_ASSISTANT" home-assistant
}

main() {
  demand_root
  one_at_a_time
  local status=0
  install_node_red &
  local node_red=$!
  install_packages || status=1
  if command -v debootstrap >/dev/null; then install_home_assistant || status=1; fi
  wait "$node_red" || status=1
  [ "$status" -eq 0 ] && say "all servers are here (Home Assistant and Node-RED in $DIR)"
  return "$status"
}

main
