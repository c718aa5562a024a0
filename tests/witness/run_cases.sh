#!/usr/bin/env bash
# run_cases.sh HOST FOLDER [CASE]...: run the cases under a host, userland or kernel, and write for
# each what it said, its exit status and what the device saw to FOLDER/CASE.{out,status,trace}.
#
# A case is a script in cases/ that a tool of its own might be. Its first lines say what it needs:
#   # device: SPEC      this device (several lines: several devices)
#   # device: acm       the device of acm_server, which the case talks to by `tell`
set -euo pipefail

: "${VPARTICLE:?the path of the program}" "${PROBES:?the folder of the small programs}"
host=$1 results=$(realpath "$2")
shift 2
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
[ $# -gt 0 ] || set -- $(cd "$here/cases" && printf '%s\n' *.sh | sed 's/\.sh$//')
work=$(mktemp -d)
server=
trap 'kill $server 2>/dev/null || true; rm -rf "$work"' EXIT

# A new controller numbers buses and devices from the start, as the userland host does. (Linux 6.1 may
# still be waking somebody up about the last device, event_handler() in drivers/usb/usbip/usbip_event.c,
# when the old one goes: on two processors that crashed one run in twenty. The guest has one.)
fresh_bus() {
    local driver=/sys/bus/platform/drivers/vhci_hcd
    [ "$host" = kernel ] || return 0
    echo vhci_hcd.0 >$driver/unbind
    echo vhci_hcd.0 >$driver/bind
}

start_acm_server() {
    exec {output}< <(exec "$PROBES/acm_server" usbip control)
    server=$!
    read -r -t 30 _ <&"$output"
}

# run CASE: in a folder of its own, where `results` is for what must survive.
run() {
    local script=$here/cases/$1.sh devices=() spec status=0
    mkdir "$work/$1"
    cd "$work/$1"
    while read -r spec; do
        devices+=(--device "$spec")
    done < <(sed -n 's/^# device: //p' "$script")
    fresh_bus
    if [ "${devices[*]}" = "--device acm" ]; then
        start_acm_server
        devices=(--connect unix:usbip)
    else
        devices+=(--trace "$results/$1.trace")
    fi
    LC_ALL=C TZ=UTC timeout -k 5 150 "$VPARTICLE" exec --host "$host" "${devices[@]}" -- \
        bash -c '. "$1"; . "$2"' "$1" "$here/common.sh" "$script" \
        >"$results/$1.out" 2>&1 </dev/null || status=$?
    echo "$status" >"$results/$1.status"
    if [ -n "$server" ]; then
        kill "$server"
        wait "$server" 2>/dev/null || true
        server=
        exec {output}<&-
    fi
}

for case in "$@"; do
    start=${EPOCHREALTIME/./}
    run "$case"
    printf '%s %s: %d ms, status %s\n' "$host" "$case" $(((${EPOCHREALTIME/./} - start) / 1000)) \
        "$(cat "$results/$case.status")"
done
