#!/usr/bin/env bash
# compare.sh LIST USERLAND KERNEL DOCUMENT [CASE]...: compare what run_cases.sh wrote to two folders.
# Each line that only one of the hosts has must be expected by LIST (differences.txt), everything in
# LIST must show, and DOCUMENT (docs/hosts.md) must explain the names in LIST, and no others; else the
# status is 1.
set -euo pipefail
export LC_ALL=C # bytes, whatever they are

list=$1 userland=$2 kernel=$3 document=$4
shift 4
all=$(cd "$userland" && find . -name '*.status' -printf '%f\n' | sed 's/\.status$//' | sort)
[ $# -gt 0 ] || set -- $all
[ $# -gt 0 ] || { echo "no case was run"; exit 1; }

# What is not the host's doing, or never the same twice:
#   out     when something was; the release of the kernel, in the name of its controller
#   trace   the data endpoints: how a stream of bytes is cut into transfers is a matter of luck.
#           The cases compare the bytes.
normalise_out() {
    sed -E -e 's/^(E: USEC_INITIALIZED=)[0-9]+/\1TIME/' \
        -e 's/(Linux(_| |\\x20))[0-9][^ _\\]*((_| |\\x20)vhci_hcd)/\1RELEASE\3/'
}

normalise_trace() {
    grep -vE '^[0-9]+ ep[1-9]' || true
}

normalise_status() {
    cat
}

normalise() {
    if [ -e "$2" ]; then
        "normalise_$1" <"$2"
    fi
}

differences() {
    local case kind
    for case in "$@"; do
        for kind in status out trace; do
            diff --text <(normalise $kind "$userland/$case.$kind") <(normalise $kind "$kernel/$case.$kind") |
                sed -nE "s/^< ?/$case $kind userland: /p; s/^> ?/$case $kind kernel: /p" || true
        done
    done
}

# names FILE: the differences that its table explains, the one with the heading "name".
names() {
    awk '/^\| name \|/ { on = 1 } /^$/ { on = 0 } on && /^\| `/ { gsub("`", ""); print $2 }' "$1" | sort -u
}

failed=0
in_list=$(sed -E '/^ *(#|$)/d; s/ .*//' "$list" | sort -u)
while read -r name; do
    [ -z "$name" ] || { echo "$(basename "$document") does not explain $name"; failed=1; }
done < <(comm -23 <(echo "$in_list") <(names "$document"))
while read -r name; do
    [ -z "$name" ] || {
        echo "$(basename "$document") explains $name, which the list does not have"
        failed=1
    }
done < <(comm -13 <(echo "$in_list") <(names "$document"))

differences "$@" | awk -v list="$list" -v cases="$*" '
    # The list: NAME CASE EXPRESSION.
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
    function is(text, wanted) {
        return match(text, "^(" wanted ")$")
    }
    function was_run(wanted, i, all, total) {
        total = split(cases, all)
        for (i = 1; i <= total; i++)
            if (is(all[i], wanted)) return 1
        return 0
    }
    {
        text = $0
        sub(/^[^ ]+ /, "", text)
        for (i = 1; i <= count; i++)
            if (is($1, of[i]) && is(text, expression[i])) {
                seen[i]++
                next
            }
        print "not expected: " $0
        failed = 1
    }
    END {
        for (i = 1; i <= count; i++)
            if (!seen[i] && was_run(of[i])) {
                print "expected, but not there: " name[i] " " of[i] " " expression[i]
                failed = 1
            }
        exit failed
    }' || failed=1
exit "$failed"
