#!/usr/bin/env bash
# What a device is asked, and what tools are told, in the real kernel's order.
source "$(dirname "$0")/common.sh"

# words FILE: the requests of a trace in words, one a line, from the first SET_INTERFACE on.
words() {
    sed -n '/ SET_INTERFACE 1 /,$p' "$1" | sed -E 's/^1 ep0 (in|out) [0-9a-f]+ ([0-9]+) [a-z]+ [0-9]+ [^ ]+ /\2 /'
}

"$VPARTICLE" exec --device photon@0.5.2,mode=dfu --trace trace -- "$PROBES/usbfs_probe" >said
words trace | head -8 >asked
cat >wanted <<'TEXT'
0 SET_INTERFACE 1 at 0
255 GET_DESCRIPTOR string 7
0 SET_INTERFACE 0 at 0
64 GET_DESCRIPTOR device 0
18 GET_DESCRIPTOR device 0
36 GET_DESCRIPTOR configuration 0
255 GET_DESCRIPTOR string 3
0 SET_CONFIGURATION 1
TEXT
diff asked wanted || fail "a setting that is selected the first time, and a reset"
echo "ok: a setting gets its name, and a reset makes sure of the device"

if command -v dfu-util >/dev/null; then
    "$VPARTICLE" exec --device photon@0.5.2,mode=dfu --trace trace -- \
        dfu-util -a 1 -s 0x00000000:256 -U settings >said 2>&1 || { cat said >&2; fail "dfu-util -a 1"; }
    words trace | tail -1 >asked
    [ "$(cat asked)" = '0 SET_INTERFACE 0 at 0' ] || { cat trace >&2; fail "an interface that is released"; }
    echo "ok: an interface that is released has its first setting again"
fi

command -v udevadm >/dev/null || skip "udevadm is not installed; the rest is well"
"$VPARTICLE" exec --device photon@0.5.2 -- bash -c '
    exec {events}< <(exec stdbuf -oL udevadm monitor --kernel)
    monitor=$!
    for _ in 1 2 3; do read -r -t 30 _ <&"$events"; done
    "$0" ctl unplug && "$0" ctl plug
    for _ in $(seq 13); do
        read -r -t 30 _ action path _ <&"$events"
        echo "$action ${path#/devices/platform/vhci_hcd.0/usb1/}"
    done
    kill "$monitor"' "$VPARTICLE" >said
cat >wanted <<'TEXT'
remove 1-1/1-1:1.0/tty/ttyACM0
unbind 1-1/1-1:1.1
unbind 1-1/1-1:1.0
remove 1-1/1-1:1.0
remove 1-1/1-1:1.1
unbind 1-1
remove 1-1
add 1-1
add 1-1/1-1:1.0
add 1-1/1-1:1.0/tty/ttyACM0
bind 1-1/1-1:1.0
add 1-1/1-1:1.1
bind 1-1/1-1:1.1
TEXT
diff said wanted || fail "events"
echo "ok: events"
