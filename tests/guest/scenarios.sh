#!/usr/bin/env bash
# The scenarios of chart and tools that need nothing but dfu-util, sb or usbip, unchanged, with the real
# kernel. (Those with particle-cli pass there, too; but Node.js takes its time on an emulated processor.)
source "$(dirname "$0")/common.sh"
root=$(cd "$(dirname "$0")/../.." && pwd)

mapfile -t wanted < <(cd "$root" && grep -lE 'dfu-util|\bsb\b|usbip' scenarios/{chart,tools}/*.yaml |
    xargs grep -LE '^needs:.*particle')
[ ${#wanted[@]} -gt 10 ] || fail "only ${#wanted[@]} scenarios are left"
cd "$root"
"$VPARTICLE" test --host guest --format tap "${wanted[@]}"
