#!/usr/bin/env bash
# The device re-enumerates while tools run: with libudev, without it, and both at once.
source "$(dirname "$0")/common.sh"
spec=photon@0.5.2,mode=dfu

for probe in libusb_probe libusb_probe_static; do
    expect "$probe: the device leaves" \
        "$VPARTICLE" exec --device "$spec" -- "$PROBES/$probe" hotplug >events
    says events 'left 2b04:d006 at 2'
    says events 'arrived 2b04:c006 at 3'
    echo "ok: $probe sees it leave as d006 and come back as c006"
done

# One makes it leave, two others watch.
"$VPARTICLE" exec --device "$spec" -- bash -c '
    exec {first}< <("$1"/libusb_probe wait-left) {second}< <("$1"/libusb_probe_static wait-left)
    read -r line <&"$first"
    read -r line <&"$second"
    "$1"/libusb_probe hotplug >/dev/null
    cat <&"$first"
    cat <&"$second"' bash "$PROBES" >events
[ "$(grep -c 'left 2b04:d006' events)" = 2 ] || { cat events >&2; fail "two watchers"; }
echo "ok: three tools see it"
