# Shared by the tests of the serial port; source it after common.sh.

# start_device: a fresh device of acm_server; its sockets are `usbip` and `control`.
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

# with_device COMMAND...: run it so that it sees the device.
with_device() {
    "$VPARTICLE" exec --connect unix:usbip -- "$@"
}

# tell COMMAND: to the device; prints its answer.
tell() {
    "$PROBES/acm_probe" control tell "$1"
}
