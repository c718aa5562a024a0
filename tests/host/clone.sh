#!/usr/bin/env bash
# `vparticle clone` reads a board's flash by libusb; a device that starts from it is the same one.
source "$(dirname "$0")/common.sh"

# clone SPEC PLATFORM [EXTERNAL]: what was read is what is in the flash, and starts as it did.
clone() {
    rm -f own external read read-external
    local device="$1,mode=dfu,flash=own" serial=()
    if [ "${3:-}" ]; then
        device+=",external=external"
        serial=(--external read-external)
    fi
    "$VPARTICLE" exec --device "$device" -- "$VPARTICLE" clone -o read "${serial[@]}" >log 2>&1 ||
        { cat log >&2; fail "$1 cannot be read"; }
    echo "ok: $1 is read"
    says log "from 0x08000000"
    expect "  every byte is the same" cmp own read
    if [ "${3:-}" ]; then
        expect "  and of the serial flash" cmp external read-external
    fi
    "$VPARTICLE" exec --device "$2,flash=read" -- "$VPARTICLE" ctl mode >mode
    says mode "${4:-normal}"
    if [ "$2" != core ]; then
        "$VPARTICLE" inspect read >modules || fail "modules are damaged"
        cmp <("$VPARTICLE" inspect own | tail -n +2) <(tail -n +2 modules) ||
            fail "inspect says something else of the copy"
    fi
}

clone photon@0.5.2 photon
clone photon@2.2.0 photon
clone p1@1.5.0 p1 external
clone electron@0.7.0 electron
clone core@0.6.2 core external

# Nothing to read, or not clear what: said, and no file is made.
status=0
"$VPARTICLE" exec --device photon -- "$VPARTICLE" clone -o none 2>log || status=$?
[ "$status" = 2 ] || fail "a board that runs its system: exit status $status"
says log "hold SETUP, tap RESET"
status=0
"$VPARTICLE" exec --device "$device" --device "$device" -- "$VPARTICLE" clone -o none 2>log || status=$?
[ "$status" = 2 ] || fail "two boards: exit status $status"
says log "--serial SERIAL or --path PATH"
status=0
"$VPARTICLE" exec --access none --device "$device" -- "$VPARTICLE" clone -o none 2>log || status=$?
[ "$status" = 3 ] || fail "no access: exit status $status"
says log "udevadm trigger"
status=0
"$VPARTICLE" exec --device "$device" -- "$VPARTICLE" clone -o none --external x 2>log || status=$?
[ "$status" = 2 ] || fail "a Photon has no serial flash: exit status $status"
[ ! -e none ] || fail "there is a file of a clone that failed"
expect "one of two boards, by its place" "$VPARTICLE" exec --device "$device" --device electron,mode=dfu -- \
    "$VPARTICLE" clone --path 1-2 -o second
expect "by its ids" "$VPARTICLE" exec --device "$device" --device electron,mode=dfu -- \
    "$VPARTICLE" clone --usb 2b04:d00a -o third
cmp second third || fail "not the same board"

# dfu-util reads the same.
if command -v dfu-util >/dev/null; then
    "$VPARTICLE" exec --device photon@0.6.3,mode=dfu -- sh -c '
        "$0" clone -o ours && dfu-util -d 2b04:d006 -a 0 -s 0x08000000:0x100000 -U theirs' \
        "$VPARTICLE" >log 2>&1 || { cat log >&2; fail "dfu-util cannot read after us"; }
    expect "dfu-util reads the same bytes" cmp ours theirs
fi
