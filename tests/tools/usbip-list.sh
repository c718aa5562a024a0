#!/usr/bin/env bash
# The real `usbip list` sees two devices of `vparticle run`; then SIGTERM ends the emulator.
#
#     usbip-list.sh VPARTICLE
set -euo pipefail

vparticle=$1
PATH=$PATH:/usr/sbin:/sbin
if ! command -v usbip >/dev/null; then
    echo "skipped: there is no usbip here; install the Debian package usbip"
    exit 77
fi

folder=$(mktemp -d)
emulator=
end() {
    if [ -n "$emulator" ]; then
        kill -KILL "$emulator" 2>/dev/null || true
    fi
    rm -rf "$folder"
}
trap end EXIT

fail() {
    printf 'failed: %s\n' "$1" >&2
    printf '%s\n' "${2:-}" >&2
    exit 1
}

coproc RUN { exec "$vparticle" run --device photon@0.5.2,mode=dfu --device photon@0.6.3 \
    --usbip 127.0.0.1:0 --ready-file "$folder/ready" 2>&1; }
emulator=$RUN_PID
printed=
while read -r -t 30 line <&"${RUN[0]}"; do
    printed+="$line"$'\n'
    [[ $line == 'listening on '* ]] && break
done
[[ $printed == '1-1 photon@0.5.2,mode=dfu mode=dfu'$'\n''1-2 photon@0.6.3 mode=normal'$'\n'* ]] ||
    fail "vparticle run does not tell its devices" "$printed"
port=${printed##*:}
port=${port%$'\n'}

listed=$(usbip --tcp-port "$port" list -r 127.0.0.1 2>&1) || fail "usbip list fails" "$listed"
for expected in '1-1: .*(2b04:d006)' '/sys/devices/platform/vparticle/usb1/1-1' '(fe/01/02)' \
    '1-2: .*(2b04:c006)'; do
    grep -q -- "$expected" <<<"$listed" || fail "usbip list does not show '$expected'" "$listed"
done

[ "$(cat "$folder/ready")" = "127.0.0.1:$port" ] || fail "the ready file is wrong"

kill -TERM "$emulator"
status=0
wait "$emulator" || status=$?
emulator=
[ "$status" -eq 0 ] || fail "vparticle run ends with status $status after SIGTERM"
[ ! -e "$folder/ready" ] || fail "the ready file is still there"
