#!/bin/bash
# In the guest: attach, flash, leave, re-enumerate, detach, COUNT times; then nothing may be left of it.
# Usage: cycles_inside.sh VPARTICLE COUNT
set -euo pipefail
vparticle=$1 count=$2
export TMPDIR=/run/cycles
mkdir -p "$TMPDIR"
cd /run

# What a cycle could leave behind, of devices, ports, processes and files.
inventory() {
    udevadm settle
    echo '[ports in use]'
    awk '$1 == "hs" && $3 != "004"' /sys/devices/platform/vhci_hcd.0/status*
    echo '[devices]'
    ls /sys/bus/usb/devices
    echo '[nodes]'
    find /dev -path '/dev/bus/usb*' -o -path '/dev/serial*' -o -name 'ttyACM*' | sort
    echo '[records of udev]'
    find /run/udev/data -name 'c189:*' -o -name 'c166:*' -o -name '+usb:*' | sort
    echo '[processes]'
    # Workers of udevd, and of the kernel, come and go as they like; and we are here ourselves.
    for process in /proc/[0-9]*; do
        read -r name 2>/dev/null <"$process/comm" && printf '%s\n' "$name"
    done | sed -E '/^(kworker|\(udev-worker\)|cycles_inside|sed|sort)/d' | sort
    echo '[files]'
    find "$TMPDIR" | sort
}

# Flash a small application, leave, and see the running system come up.
flash() {
    dfu-util -d 2b04:d006 -a 0 -s 0x080A0000:leave -D app.bin >dfu-util.log 2>&1 || { cat dfu-util.log; exit 1; }
    for _ in $(seq 500); do
        [ ! -c /dev/ttyACM0 ] || exit 0
        sleep 0.05
    done
    echo "no serial port after the leave"
    exit 1
}
export -f flash

"$vparticle" forge photon/tinker@2 -o app.bin
# The first one makes what later ones find: folders of nodes, files that stay open.
"$vparticle" exec --host kernel --device photon@0.5.2,mode=dfu -- bash -c flash
inventory >before.list
for ((i = 1; i <= count; i++)); do
    "$vparticle" exec --host kernel --device photon@0.5.2,mode=dfu -- bash -c flash || {
        echo "cycle $i failed with status $?"
        exit 1
    }
done
inventory >after.list
diff before.list after.list || {
    echo "left behind after $count cycles"
    exit 1
}
if dmesg | grep -E 'BUG:|WARNING:|Oops|hung task|blocked for more'; then
    echo "the kernel complains after $count cycles"
    exit 1
fi
echo "$count cycles, and nothing is left behind"
