#!/usr/bin/env bash
# The device goes while a transfer is in flight, 20 times: each ends at once, with
# LIBUSB_ERROR_NO_DEVICE, and so does the next one.
source "$(dirname "$0")/common.sh"

for run in $(seq 20); do
    probe=libusb_probe
    [ $((run % 2)) = 0 ] || probe=libusb_probe_static
    "$VPARTICLE" run --device "$device" --usbip "unix:$folder/usbip" --ready-file ready \
        >emulator.log 2>&1 &
    emulator=$!
    started=("$emulator")
    until [ -s ready ]; do
        kill -0 "$emulator" || { cat emulator.log >&2; fail "the emulator ended"; }
    done
    exec {tool}< <("$VPARTICLE" exec --connect "unix:$folder/usbip" -- "$PROBES/$probe" in-flight 2>errors
        echo "status $?")
    line=$(read_line "$tool")
    [ "$line" = "in flight" ] || { cat errors >&2; fail "run $run: $line"; }
    before=${EPOCHREALTIME/./}
    kill -KILL "$emulator"
    line=$(read_line "$tool")
    [ "$line" = "transfer: LIBUSB_ERROR_NO_DEVICE, next one: LIBUSB_ERROR_NO_DEVICE" ] ||
        fail "run $run: $line"
    line=$(read_line "$tool")
    [ "$line" = "status 0" ] || fail "run $run: $line"
    took=$((${EPOCHREALTIME/./} - before))
    [ "$took" -lt 2000000 ] || fail "run $run: it took $took us"
    exec {tool}<&-
    wait "$emulator" 2>/dev/null || true
    started=()
    rm -f ready usbip
done
echo "ok: 20 of 20"
