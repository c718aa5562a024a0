#!/usr/bin/env bash
# As user nobody, without any capability, not even in the bounding set.
source "$(dirname "$0")/common.sh"
[ "$(id -u)" = 0 ] || skip "only root can become nobody"
command -v setpriv >/dev/null || skip "setpriv is not installed"
command -v dfu-util >/dev/null || skip "dfu-util is not installed"

nobody=(setpriv --reuid nobody --regid nogroup --clear-groups --bounding-set -all --inh-caps -all
    --no-new-privs env HOME=/nonexistent)
cp "$VPARTICLE" vparticle
cp "$PROBES/libusb_probe" "$PROBES/libusb_probe_static" "$PROBES/usbfs_probe" .
head -c 131072 /dev/urandom >image
chmod 755 . ./*
chmod 777 .
"${nobody[@]}" ./vparticle exec --device "$device" -- bash -c 'id -un; grep CapBnd /proc/self/status' >who
says who nobody
says who 0000000000000000
"${nobody[@]}" ./vparticle exec --device "$device" -- bash -c \
    'dfu-util -a 0 -s 0x080A0000 -D image && dfu-util -a 0 -s 0x080A0000:131072 -U back' >log 2>&1 ||
    { cat log >&2; fail "dfu-util"; }
expect "dfu-util" cmp image back
expect "usbfs" "${nobody[@]}" ./vparticle exec --device "$device" -- ./usbfs_probe
for probe in libusb_probe libusb_probe_static; do
    expect "$probe" "${nobody[@]}" ./vparticle exec --device photon@0.5.2,mode=dfu -- \
        "./$probe" hotplug
done
