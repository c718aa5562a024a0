#!/usr/bin/env bash
# The serial port, with the system calls themselves: each case with a device of its own, by a dynamic
# and by a static program.
source "$(dirname "$0")/common.sh"

# start_device: a fresh device; its sockets are `usbip` and `control`.
start_device() {
    rm -f usbip control
    exec {device_output}< <(exec "$PROBES/acm_server" usbip control)
    started=("$!")
    [ "$(read_line "$device_output")" = ready ] || fail "acm_server does not start"
}

stop_device() {
    kill "${started[@]}"
    exec {device_output}<&-
    started=()
}

# tell COMMAND: to the device, from outside.
tell() {
    python3 -c 'import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect("control")
s.sendall(sys.argv[1].encode())
sys.stdout.write(s.recv(65536).decode())' "$1"
}

for probe in acm_probe acm_probe_static; do
    for case in settings descriptors lines data flow closing cooked unplug drivers crowd; do
        start_device
        expect "$probe $case" "$VPARTICLE" exec --connect unix:usbip -- "$PROBES/$probe" control "$case"
        stop_device
    done
done
start_device
expect "slow" "$VPARTICLE" exec --connect unix:usbip -- "$PROBES/acm_probe" control slow
stop_device

start_device
expect "last words" "$VPARTICLE" exec --connect unix:usbip -- "$PROBES/acm_probe" control last-words
if command -v python3 >/dev/null; then
    [ "$(tell received)" = bye ] || fail "what was written last did not arrive"
    [ "$(tell log)" = "coding 9600 8N1,lines 3,lines 0" ] || fail "the lines at the end"
    echo "ok: the tool's end waits for what it wrote"
fi
stop_device
