#!/usr/bin/env bash
# vparticle exec --access: a tool whose user has no permission, and proof that it was refused.
source "$(dirname "$0")/common.sh"

running=photon@0.5.2

for probe in access_probe access_probe_static; do
    for access in full none; do
        "$VPARTICLE" exec --access "$access" --device "$running" -- "$PROBES/$probe" "$access" \
            >out 2>err || { cat out err >&2; fail "$probe $access"; }
        echo "ok: $probe $access"
    done
    read -r _ count <out
    says err "--access none: the tool was refused a device $count times"
done
[ "$count" -gt 20 ] || fail "only $count refusals"

# Without being asked to, nothing changes and nothing is said.
"$VPARTICLE" exec --device "$running" -- "$PROBES/access_probe" full >out 2>err
[ "$(cat out)" = "refused 0" ] || { cat out >&2; fail "full is what there is without --access"; }
[ ! -s err ] || { cat err >&2; fail "words about access that was not taken away"; }
echo "ok: full is the usual"

"$VPARTICLE" exec --access none --device "$running" -- true 2>err
says err "--access none: nothing was refused; the tool tried to use no device"
"$VPARTICLE" exec --access none --device "$running" -- bash -c '[ -w /dev/ttyACM0 ]' 2>err && fail "-w"
says err "refused a device 1 time"
echo "ok: proof"

for probe in libusb_probe libusb_probe_static; do
    "$VPARTICLE" exec --access none --device "$device" -- "$PROBES/$probe" list >out 2>err &&
        fail "$probe has opened the device"
    says err 'open: LIBUSB_ERROR_ACCESS'
    says err 'refused a device 1 time'
    echo "ok: $probe"
done
if command -v lsusb >/dev/null; then
    "$VPARTICLE" exec --access none --device "$device" -- lsusb -v -d 2b04:d006 >out 2>err
    says out 'idVendor           0x2b04'
    says out 'iProduct                2 Photon DFU Mode'
    says err "Couldn't open device, some information will be missing"
    echo "ok: lsusb reads what everybody may read"
fi

# The tool's user does not matter, nor that it is not root who takes the permission away.
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
    cp "$VPARTICLE" vparticle
    cp "$PROBES/access_probe" .
    chmod 755 . vparticle access_probe
    for access in full none; do
        expect "as nobody, $access" setpriv --reuid nobody --regid nogroup --clear-groups \
            ./vparticle exec --access "$access" --device "$running" -- ./access_probe "$access"
    done
fi
