#!/usr/bin/env bash
# slowhttptest's clients, which send and read as slowly as they may, 10,000 at a time; and a polite client meanwhile.
#
#     slow.sh CLOUD_SERVER
. "$(dirname "$0")/common.sh"

command -v slowhttptest >/dev/null ||
    skip "there is no slowhttptest here; install the Debian package slowhttptest"
start_cloud "$1" 512 20000
api=http://$address

# attack NAME ARGUMENT...: slowhttptest for some seconds, while curl is served within three (the machine is busy), long
# before the others' time is over.
attack() {
    local name=$1 served=0 attacker
    shift
    slowhttptest "$@" -c 10000 -r 3000 -l 6 -p 2 >"$name.log" 2>&1 &
    attacker=$!
    started+=("$attacker")
    while kill -0 "$attacker" 2>/dev/null; do
        curl -sf --max-time 3 "$api/v1/devices" -H "Authorization: Bearer $alice" >answer ||
            { cat "$name.log" >&2; fail "a polite client is not served during $name"; }
        says answer lamp
        served=$((served + 1))
    done
    wait "$attacker" || true
    [ "$served" -gt 5 ] || fail "$name was over before a polite client came"
    grep -q 'Exit status\|slow HTTP test status' "$name.log" || fail "slowhttptest did not run"
}

attack headers -H -i 1 -u "$api/v1/devices"
attack bodies -B -i 1 -s 8192 -u "$api/oauth/token"
attack reading -X -w 1 -y 8 -n 1 -z 32 -u "$api/device-os/0.6.3/photon/photon-system-part1@0.6.3.bin"
echo "passed"
