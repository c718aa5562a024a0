# Shared by the tests of the userland host; source it. They get VPARTICLE (the program) and PROBES (the
# folder of the small programs) from CTest.
source "$(dirname "${BASH_SOURCE[0]}")/../support/script.sh"

: "${PROBES:?the folder of the small programs}"
device=photon@erased,mode=dfu

# expect WORDS COMMAND...: the command succeeds, and says so.
expect() {
    local words="$1"
    shift
    "$@" || fail "$words (status $?): $*"
    printf 'ok: %s\n' "$words"
}

# The line-buffered output of a background tool, as a pipe to read lines from.
read_line() {
    local line
    read -r -t 30 line <&"$1" || fail "no line from the tool within 30 s"
    printf '%s' "$line"
}
