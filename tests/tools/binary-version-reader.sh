#!/bin/sh
# The parser that Particle's tools use accepts a forged module for every row of the catalogue.
# $1: the program (not used), $2: forged_modules, $3: a folder to keep the npm package in
set -eu
here=$(cd "$(dirname "$0")" && pwd)
modules=$3/binary-version-reader-1.0.1/node_modules
if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
    echo "skipped: node or npm is not installed"
    exit 77
fi
if [ ! -f "$modules/binary-version-reader/main.js" ]; then
    folder=$(dirname "$modules")
    mkdir -p "$folder"
    if ! npm install --prefix "$folder" --no-audit --no-fund --ignore-scripts --loglevel=error \
        --fetch-retries=1 --fetch-timeout=20000 binary-version-reader@1.0.1; then
        echo "skipped: npm cannot fetch binary-version-reader@1.0.1"
        exit 77
    fi
fi
"$2" | node "$here/binary-version-reader.js" "$modules"
