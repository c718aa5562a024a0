# Shared by the tests of the cloud with tools; source it. start_cloud sets address, alice and bob.
VPARTICLE=${VPARTICLE:-none}
. "$(dirname "${BASH_SOURCE[0]}")/../support/script.sh"

# start_cloud PROGRAM [CONNECTIONS [TIMEOUT]]
start_cloud() {
    mkfifo cloud-input
    "$@" <cloud-input >cloud-output 2>cloud-log &
    started+=("$!")
    exec {cloud_input}>cloud-input
    local i
    for ((i = 0; i < 500; i++)); do
        grep -q '^address=' cloud-output && break
        sleep 0.02
    done
    address=$(sed -n 's/^address=//p' cloud-output)
    alice=$(sed -n 's/^alice=//p' cloud-output)
    bob=$(sed -n 's/^bob=//p' cloud-output)
    [ -n "$address" ] || { cat cloud-log >&2; fail "the cloud does not start"; }
}

# status NUMBER CURL-ARGUMENT...: curl gets this status; its answer is in the file "answer".
status() {
    local wanted=$1 got
    shift
    got=$(curl -s -o answer -w '%{http_code}' --max-time 20 "$@") || true
    [ "$got" = "$wanted" ] || { cat answer >&2; fail "curl $*: status $got instead of $wanted"; }
}
