#!/usr/bin/env bash
# The real dfu-util: what it lists, and that what it writes comes back.
source "$(dirname "$0")/common.sh"
command -v dfu-util >/dev/null || skip "dfu-util is not installed"

"$VPARTICLE" exec --device "$device" -- dfu-util -l >list
says list 'Found DFU: [2b04:d006]'
says list 'name="@Internal Flash   /0x08000000/03*016Ka,01*016Kg,01*064Kg,07*128Kg"'
says list 'name="@DCT Flash   /0x00000000/01*016Kg"'
says list 'alt=0'
says list 'alt=1'
echo "ok: both alternates"

# Every sector that DFU can write: 0x08020000 to the end of the flash.
head -c $((0xE0000)) /dev/urandom >image
expect "download and upload, two tools one after the other" \
    "$VPARTICLE" exec --device "$device" -- bash -c \
    'dfu-util -d 2b04:d006 -a 0 -s 0x08020000 -D image >log 2>&1 &&
     dfu-util -d 2b04:d006 -a 0 -s 0x08020000:0xE0000 -U back >>log 2>&1'
expect "the bytes are the same" cmp image back

status=0
"$VPARTICLE" exec --device "$device" -- dfu-util -d 2b04:d006 -a 0 -s 0x08000000 -D image >log 2>&1 ||
    status=$?
[ "$status" = 64 ] || fail "writing to the bootloader: exit status $status instead of dfu-util's 64"
says log 'is not writeable'
echo "ok: the tool's own exit status"

"$VPARTICLE" exec --device "$device" --device "$device" -- dfu-util -l >list
[ "$(grep -c 'Found DFU' list)" = 4 ] || fail "two devices have four alternates"
[ "$(grep -o 'serial="[^"]*"' list | sort -u | wc -l)" = 2 ] || fail "two devices, two serial numbers"
echo "ok: two devices"
