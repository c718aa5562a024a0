#!/usr/bin/env bash
# compare.sh itself: it must fail when it should.
set -euo pipefail
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

# fresh: two hosts that agree on one case.
fresh() {
    rm -rf userland kernel
    mkdir userland kernel
    for host in userland kernel; do
        echo 0 >$host/case.status
        printf 'first\nE: USEC_INITIALIZED=%s\nlast\n' $RANDOM >$host/case.out
        printf '1 ep0 in 80 18 ok\n1 ep1 in - 64 ok %s\n' $RANDOM >$host/case.trace
    done
    : >list
    : >documents
}

# ends STATUS [TEXT]: how the comparison ends, and a line that it must print.
ends() {
    local status=0
    "$here/compare.sh" list userland kernel documents >said 2>&1 || status=$?
    [ "$status" = "$1" ] && { [ $# = 1 ] || grep -qxF -- "$2" said; } && return
    echo "FAILED: status $status instead of $1; wanted: ${2-}"
    cat said
    exit 1
}

# documented NAME...
documented() {
    printf '| `other` | of another table |\n\n| name | kernel |\n| --- | --- |\n' >documents
    printf '| `%s` | a |\n' "$@" >>documents
}

fresh
ends 0

fresh && echo more >>kernel/case.out
ends 1 'not expected: case out kernel: more'
fresh && printf '\0\377\nmore\n' | tee -a userland/case.out >>kernel/case.out && echo more >>kernel/case.out
ends 1 'not expected: case out kernel: more'
fresh && echo 1 >userland/case.status
ends 1 'not expected: case status userland: 1'
fresh && echo '1 ep0 in 80 9 ok' >>userland/case.trace
ends 1 'not expected: case trace userland: 1 ep0 in 80 9 ok'
fresh && rm kernel/case.out
ends 1 'not expected: case out userland: first'
fresh && rm kernel/*
ends 1 'not expected: case status userland: 0'
fresh && rm userland/* kernel/*
ends 1 'no case was run'

fresh && echo more >>kernel/case.out && echo 'name case out kernel: mo+re' >list && documented name
ends 0
fresh && echo 'name case out kernel: more' >list && documented name
ends 1 'expected, but not there: name case out kernel: more'
fresh && echo more >>userland/case.out && echo 'name case out kernel: more' >list && documented name
ends 1 'not expected: case out userland: more'
fresh && echo 'more and more' >>kernel/case.out && echo 'name case out kernel: more' >list && documented name
ends 1 'not expected: case out kernel: more and more'
fresh && echo more >>kernel/case.out && echo 'name ca.e out kernel: more' >list && documented name
ends 0
fresh && echo 'name other out kernel: more' >list && documented name
ends 0
fresh && echo more >>kernel/case.out && echo 'name other out kernel: more' >list && documented name
ends 1 'not expected: case out kernel: more'

fresh && echo more >>kernel/case.out && echo 'name case out kernel: more' >list
ends 1 'documents does not explain name'
fresh && documented name
ends 1 'documents explains name, which the list does not have'
echo "ok: compare.sh fails when it should"
