#!/usr/bin/env bash
# The npm package serialport, as particle-cli and others use it, on the installed node. Those versions
# that come without a compiler; 8 and 9 are within the particle-cli of tests/tools.
source "$(dirname "$0")/common.sh"
source "$(dirname "$0")/acm_common.sh"
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
command -v node >/dev/null || skip "node is not installed"
command -v udevadm >/dev/null || skip "udevadm, which serialport asks, is not installed"
cache=$here/../../.cache/npm

# fetch VERSION: into a folder of its own, complete or not at all.
fetch() {
    local version=$1 folder
    [ -d "$cache/serialport-$version" ] && return
    command -v npm >/dev/null || return
    mkdir -p "$cache"
    folder=$(mktemp -d "$cache/fresh.XXXXXX")
    echo '{"private": true}' >"$folder/package.json"
    if (cd "$folder" && timeout 60 npm install --no-audit --no-fund --no-package-lock --ignore-scripts \
        --fetch-retries=1 --loglevel=error "serialport@$version" >log 2>&1); then
        mv -T "$folder" "$cache/serialport-$version" 2>/dev/null || true
    fi
    rm -rf "$folder"
}

tried=0
for version in 10.5.0 13.0.0; do
    fetch "$version"
    modules=$cache/serialport-$version
    [ -d "$modules" ] || continue
    start_device
    with_device node "$here/serialport.js" "$modules" >said || { cat said >&2; fail "serialport@$version"; }
    {
        echo "1 /dev/ttyACM0 Test & Sons 0123456789abcdef 2b04 c006" \
            "usb-Test___Sons_Serial_Device_0123456789abcdef-if00"
        printf '%s\n' hello true "Error Resource temporarily unavailable Cannot lock port"
    } >wanted
    diff said wanted || fail "serialport@$version"
    # It says break off where it sets the lines.
    log=$(tell log)
    [[ $log == 'coding 9600 8N1,lines 3,'*'lines 0,lines 3,coding 28800 8N1,lines 0,lines 3,coding 14400 8N1,lines 0' ]] ||
        fail "serialport@$version asked for $log"
    stop_device
    echo "ok: serialport@$version"
    tried=$((tried + 1))
done
[ "$tried" -gt 0 ] || skip "npm cannot fetch serialport; is there a network?"
