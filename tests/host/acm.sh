#!/usr/bin/env bash
# The serial port, with the system calls themselves: each case with a device of its own, by a dynamic
# and by a static program.
source "$(dirname "$0")/common.sh"
source "$(dirname "$0")/acm_common.sh"

for probe in acm_probe acm_probe_static; do
    for case in settings descriptors lines data flow closing cooked unplug drivers crowd; do
        start_device
        expect "$probe $case" with_device "$PROBES/$probe" control "$case"
        stop_device
    done
done
start_device
expect "slow" with_device "$PROBES/acm_probe" control slow
stop_device

start_device
expect "last words" with_device "$PROBES/acm_probe" control last-words
[ "$(tell received)" = bye ] || fail "what was written last did not arrive"
[ "$(tell log)" = "coding 9600 8N1,lines 3,lines 0" ] || fail "the lines at the end"
echo "ok: the tool's end waits for what it wrote"
stop_device
