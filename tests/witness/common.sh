# What the cases share. They run as tools, in an empty folder.
export device=/sys/bus/usb/devices/1-1

# heading COMMAND...: say what comes, do it, and say how it ended if that was not well.
heading() {
    local status=0
    printf '\n== %s\n' "${*//"$PROBES/"/}"
    "$@" || status=$?
    [ "$status" = 0 ] || printf 'status %d\n' "$status"
}

# hand WORDS...: what a hand would do to the device.
hand() {
    "$VPARTICLE" ctl "$@" >/dev/null
}

# tell COMMAND: to acm_server; prints its answer.
tell() {
    "$PROBES/acm_probe" control tell "$1"
}

# asked: what acm_server was asked since the last time, once the port is closed for good.
asked() {
    until [ "$(tell pending)" = 'in 0 out 0 notify 0' ]; do sleep 0.02; done
    tell log
    echo
}

# until_there PATH, until_gone PATH
until_there() {
    for ((tries = 0; tries < 3000; tries++)); do
        [ -e "$1" ] && return
        sleep 0.01
    done
    echo "$1 does not come"
    exit 1
}

until_gone() {
    for ((tries = 0; tries < 3000; tries++)); do
        [ -e "$1" ] || return 0
        sleep 0.01
    done
    echo "$1 does not go"
    exit 1
}

# until_device NUMBER: the device is there with this number, and configured.
until_device() {
    for ((tries = 0; tries < 3000; tries++)); do
        [ "$(cat $device/devnum 2>/dev/null)" = "$1" ] && [ -e $device/1-1:1.0/uevent ] && return
        sleep 0.01
    done
    echo "device $1 does not come"
    exit 1
}

# known_to_udev PATH: all that udev says of a device. Its order is a hash table's.
known_to_udev() {
    udevadm info -q all "$1" | sed 's,^E: DEVLINKS=,E: DEVLINKS\nE: link ,; s, /dev/,\nE: link /dev/,2g' | sort
}
