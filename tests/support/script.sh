# Shared by the tests that are shell scripts; source it. It gives a test an empty folder to work in, which
# is gone in the end like all that it started.
set -euo pipefail

: "${VPARTICLE:?the path of the program}"
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

# says FILE TEXT: the file has a line with this text.
says() {
    grep -qF -- "$2" "$1" || { cat "$1" >&2; fail "expected '$2' in $1"; }
}
