# Shared by the tests of the userland host; source it. They get VPARTICLE (the program) and PROBES (the
# folder of the small programs) from CTest.
set -euo pipefail

: "${VPARTICLE:?the path of the program}" "${PROBES:?the folder of the small programs}"
device=photon@erased,mode=dfu
folder=$(mktemp -d)
started=()

cleanup() {
    for pid in "${started[@]}"; do
        kill -KILL "$pid" 2>/dev/null || true
    done
    rm -rf "$folder"
}
trap cleanup EXIT
cd "$folder"

fail() {
    printf 'FAILED: %s\n' "$*" >&2
    exit 1
}

skip() {
    printf 'SKIPPED: %s\n' "$*"
    exit 77
}

# expect WORDS COMMAND...: the command succeeds, and says so.
expect() {
    local words="$1"
    shift
    "$@" || fail "$words (status $?): $*"
    printf 'ok: %s\n' "$words"
}

# says FILE TEXT: the file has a line with this text.
says() {
    grep -qF -- "$2" "$1" || { cat "$1" >&2; fail "expected '$2' in $1"; }
}

# The line-buffered output of a background tool, as a pipe to read lines from.
read_line() {
    local line
    read -r -t 30 line <&"$1" || fail "no line from the tool within 30 s"
    printf '%s' "$line"
}
