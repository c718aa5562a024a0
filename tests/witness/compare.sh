#!/usr/bin/env bash
# compare.sh LIST USERLAND KERNEL [CASE]...: compare what run_cases.sh wrote to two folders. Each
# line that only one of the hosts has must be expected by LIST (differences.txt), and everything in
# LIST must show; else the status is 1.
set -euo pipefail

list=$1 userland=$2 kernel=$3
shift 3
[ $# -gt 0 ] || set -- $(cd "$userland" && printf '%s\n' *.status | sed 's/\.status$//')

# What is not the host's doing, or never the same twice:
#   out     how long something took, and when it was
#   trace   the data endpoints: how a stream of bytes is cut into transfers is a matter of luck.
#           The cases compare the bytes.
normalise_out() {
    sed -E -e 's/\b(E: USEC_INITIALIZED=)[0-9]+/\1TIME/'
}

normalise_trace() {
    grep -vE '^[0-9]+ ep[1-9]' || true
}

normalise_status() {
    cat
}

differences() {
    local case kind
    for case in "$@"; do
        for kind in status out trace; do
            [ -e "$userland/$case.$kind" ] || [ -e "$kernel/$case.$kind" ] || continue
            diff <(normalise_$kind <"$userland/$case.$kind") <(normalise_$kind <"$kernel/$case.$kind") |
                sed -nE "s/^</$case $kind userland:/p; s/^>/$case $kind kernel:/p" || true
        done
    done
}

differences "$@" | awk -v list="$list" -v cases=" $* " '
    # The list: NAME CASE EXPRESSION. A case of "*" is any.
    BEGIN {
        while ((getline line <list) > 0) {
            if (line ~ /^ *(#|$)/) continue
            split(line, words)
            name[++count] = words[1]
            of[count] = words[2]
            sub(/^[^ ]+ +[^ ]+ +/, "", line)
            expression[count] = line
        }
    }
    {
        text = $0
        sub(/^[^ ]+ /, "", text)
        for (i = 1; i <= count; i++)
            if ((of[i] == "*" || of[i] == $1) && match(text, "^(" expression[i] ")$")) {
                seen[i]++
                next
            }
        print "not expected: " $0
        failed = 1
    }
    END {
        for (i = 1; i <= count; i++)
            if (!seen[i] && (of[i] == "*" || index(cases, " " of[i] " "))) {
                print "expected, but not there: " name[i] " " of[i] " " expression[i]
                failed = 1
            }
        exit failed
    }'
