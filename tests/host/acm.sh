#!/usr/bin/env bash
# The serial port, with the system calls themselves: each case with a device of its own, by a dynamic
# and by a static program.
source "$(dirname "$0")/common.sh"
source "$(dirname "$0")/acm_common.sh"

for probe in acm_probe acm_probe_static; do
    for case in settings descriptors lines changes data flow flushing closing sent-after-close cooked unplug drivers crowd \
        nothing-is-made; do
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

# wait_state PID STATE: until the process is in a state as /proc shows it.
wait_state() {
    until grep -q "^State:.$2" "/proc/$1/status"; do
        kill -0 "$1" || fail "process $1 has gone"
    done
}

# That the tool has ended, its last descendant too, and that the port is closed is seen in one go.
# The static tool: a sanitizer opens files when a program ends, which a host that is stopped keeps waiting.
mkfifo hold
for case in left-open closed-last; do
    start_device
    exec {tool}< <(with_device "$PROBES/acm_probe_static" control "$case" <hold && echo "status 0" || echo "status $?")
    exec {holder}>hold
    pid=$(read_line "$tool")
    host=$(awk '/^PPid:/ {print $2}' "/proc/$pid/status")
    wait_state "$pid" S
    wait_state "$host" S
    kill -STOP "$host"
    wait_state "$host" T
    exec {holder}>&-
    wait_state "$pid" Z
    kill -CONT "$host"
    [ "$(read_line "$tool")" = "status 0" ] || fail "the tool's status, $case"
    exec {tool}<&-
    echo "ok: $case"
    stop_device
done
