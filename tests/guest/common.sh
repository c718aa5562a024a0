# Shared by the tests with a guest; source it. They get VPARTICLE (the program) from CTest, and prepare
# the guest in the user's cache if it is not there.
source "$(dirname "${BASH_SOURCE[0]}")/../support/script.sh"

# status_is STATUS ARGUMENTS...: the exit status of vparticle; what it says goes to `said`.
status_is() {
    local wanted=$1 status=0
    shift
    "$VPARTICLE" "$@" >said 2>&1 || status=$?
    [ "$status" = "$wanted" ] || { cat said >&2; fail "status $status instead of $wanted: $*"; }
}

# qemu_of PID: the children of a process that are QEMU.
qemu_of() {
    local child
    for child in $(cat "/proc/$1/task/$1/children" 2>/dev/null); do
        case $(cat "/proc/$child/comm" 2>/dev/null) in qemu*) echo "$child" ;; esac
    done
}

# gone PID: wait until a process is no more, for a minute at most.
gone() {
    local i
    for ((i = 0; i < 600; i++)); do
        kill -0 "$1" 2>/dev/null || return 0
        [ "$(cut -d' ' -f3 "/proc/$1/stat" 2>/dev/null)" = Z ] && return 0
        sleep 0.1
    done
    return 1
}

status=0
"$VPARTICLE" guest prepare >prepared 2>&1 || status=$?
case $status in
0) ;;
4) skip "$(tail -n 1 prepared)" ;;
*) cat prepared >&2 && fail "the guest cannot be prepared (status $status)" ;;
esac
