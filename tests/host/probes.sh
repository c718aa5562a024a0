#!/usr/bin/env bash
# The small programs on libusb-1.0, dynamic and static, and on usbfs itself.
source "$(dirname "$0")/common.sh"

for probe in libusb_probe libusb_probe_static; do
    "$VPARTICLE" exec --device "$device" -- "$PROBES/$probe" list >list
    says list '001/002 port 1 speed 2 2b04:d006 30003a000a47343432313031'
    says list '001/001 port 0 speed 3 1d6b:0002 vhci_hcd.0'
    expect "$probe: 1000 transfers" \
        "$VPARTICLE" exec --device "$device" -- "$PROBES/$probe" status 1000
done
if ldd "$PROBES/libusb_probe_static" >linked 2>&1; then
    fail "libusb_probe_static is not static"
fi
for probe in usbfs_probe usbfs_probe_static; do
    expect "$probe" "$VPARTICLE" exec --device "$device" -- bash -c "'$PROBES/$probe' && '$PROBES/$probe' too-many"
    expect "$probe nothing-is-made" "$VPARTICLE" exec --device "$device" -- "$PROBES/$probe" nothing-is-made
    expect "$probe serial" "$VPARTICLE" exec --device photon@0.5.2 -- "$PROBES/$probe" serial
done

# One tool holds the interface, the other sees that.
"$VPARTICLE" exec --device "$device" -- bash -c '
    coproc holder { "$1"/libusb_probe hold; }
    read -r line <&"${holder[0]}"
    [ "$line" = holding ] || exit 1
    "$1"/libusb_probe_static claim
    exec {holder[1]}>&-
    wait
    "$1"/libusb_probe claim' bash "$PROBES" >claims
[ "$(cat claims)" = $'LIBUSB_ERROR_BUSY\nLIBUSB_SUCCESS / LIBUSB_TRANSFER_COMPLETED' ] || { cat claims >&2; fail "claims"; }
echo "ok: two tools at once"
