#!/usr/bin/env bash
# lsusb in its three forms, udevadm, and what a shell sees.
source "$(dirname "$0")/common.sh"
command -v lsusb >/dev/null || skip "lsusb is not installed"
on() { "$VPARTICLE" exec --device "$device" -- "$@"; }

on lsusb >plain
says plain 'Bus 001 Device 002: ID 2b04:d006 Particle Photon DFU Mode'
says plain 'Bus 001 Device 001: ID 1d6b:0002'
[ "$(wc -l <plain)" = 2 ] || fail "devices that are not ours are shown"
echo "ok: lsusb"

on lsusb -t >tree
says tree 'Class=root_hub, Driver=vhci_hcd/15p, 480M'
says tree '|__ Port 1: Dev 2, If 0'
says tree '12M'
echo "ok: lsusb -t"

on lsusb -v >verbose 2>errors
[ ! -s errors ] || { cat errors >&2; fail "lsusb -v complains"; }
says verbose 'iSerial                 3 30003a000a47343432313031'
says verbose 'iInterface              6 @Internal Flash   /0x08000000/03*016Ka'
says verbose 'wTransferSize                    4096 bytes'
says verbose 'Port 1: 0000.0103 power enable connect'
echo "ok: lsusb -v"

if command -v udevadm >/dev/null; then
    on udevadm info /sys/bus/usb/devices/1-1 >properties
    says properties 'E: ID_SERIAL_SHORT=30003a000a47343432313031'
    says properties 'E: DEVNAME=/dev/bus/usb/001/002'
    on udevadm info --name=/dev/bus/usb/001/002 >properties
    says properties 'P: /devices/platform/vhci_hcd.0/usb1/1-1'
    echo "ok: udevadm"
fi

[ "$(on realpath /sys/bus/usb/devices/1-1)" = /sys/devices/platform/vhci_hcd.0/usb1/1-1 ] ||
    fail "realpath"
[ "$(on stat -c '%F %t:%T' /dev/bus/usb/001/002)" = 'character special file bd:1' ] || fail "stat"
on bash -c 'ls -lR /sys/bus/usb /sys/devices/platform/vhci_hcd.0 /dev/bus/usb' >files 2>errors
[ ! -s errors ] || { cat errors >&2; fail "ls -lR complains"; }
if grep -e '-> /' files; then
    fail "absolute links"
fi
on find -L /sys/bus/usb/devices/1-1 -maxdepth 1 -type l >dangling
[ ! -s dangling ] || { cat dangling >&2; fail "dangling links"; }
[ "$(on cat /proc/self/comm)" = cat ] || fail "files that are not ours"
echo "ok: files"
