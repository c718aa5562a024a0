#!/usr/bin/env bash
# A device costs at most 64 KiB of private memory beyond the sectors that were written: compares an
# emulator with 1 device to one with 65. Usage: device-memory.sh VPARTICLE
set -euo pipefail
program=$1
more=64
written=16 # KiB: the bootloader's sector, the only one that an erased chip has written
limit=64

# private_memory COUNT: KiB of private memory of an emulator with so many devices
private_memory() {
    local devices=() i line
    for ((i = 0; i < $1; i++)); do
        devices+=(--device photon@erased,bootloader=1006)
    done
    coproc emulator { exec "$program" run "${devices[@]}" --usbip 127.0.0.1:0; }
    local pid=$emulator_PID
    while read -r line <&"${emulator[0]}" && [[ $line != listening* ]]; do :; done
    awk '/^Private_/ {sum += $2} END {print sum}' "/proc/$pid/smaps_rollup" || exit 1
    kill "$pid"
    wait "$pid" || true
}

one=$(private_memory 1)
many=$(private_memory $((1 + more)))
each=$(((many - one) / more - written))
echo "a device costs $each KiB of private memory beyond its written sector (limit $limit KiB)"
[ "$each" -le "$limit" ]
