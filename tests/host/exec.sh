#!/usr/bin/env bash
# vparticle exec itself: exit statuses, signals, descendants, errors, and what it leaves behind.
source "$(dirname "$0")/common.sh"
export TMPDIR=$folder/tmp
mkdir "$TMPDIR"

# status_is STATUS ARGUMENTS...: the exit status of vparticle exec; what it says goes to `said`.
status_is() {
    local wanted=$1 status=0
    shift
    "$VPARTICLE" exec "$@" >said 2>&1 || status=$?
    [ "$status" = "$wanted" ] || { cat said >&2; fail "status $status instead of $wanted: $*"; }
}

status_is 0 --device "$device" -- true
status_is 7 --device "$device" -- bash -c 'exit 7'
status_is 137 --device "$device" -- bash -c 'kill -KILL $$'
status_is 127 --device "$device" -- no-such-program
says said 'no such program'
touch plain
status_is 126 --device "$device" -- ./plain
printf '#!/no/such/interpreter\n' >script
chmod +x script
status_is 127 --device "$device" -- ./script
status_is 2 -- true
status_is 2 --device "$device"
status_is 2 --device nonsense -- true
status_is 2 --connect nonsense -- true
status_is 2 --access some --device "$device" -- true
says said "'--access some': must be full or none"
too_many=()
for ((i = 0; i < 16; i++)); do too_many+=(--device "$device"); done
status_is 2 "${too_many[@]}" -- true
status_is 2 --connect unix:s --trace t -- true
says said "--trace needs --device"
status_is 3 --device "$device" --trace /no/such/folder/t -- true
says said 'cannot write the trace to /no/such/folder/t: No such file'
status_is 3 --connect unix:/no/such/socket -- true
says said "start one with 'vparticle run'"
status_is 126 --device "$device" -- "$VPARTICLE" exec --device "$device" -- true
says said 'cannot be nested'
echo "ok: exit statuses"

printf 'hello' | "$VPARTICLE" exec --device "$device" -- cat >said
[ "$(cat said)" = hello ] || fail "standard input"
"$VPARTICLE" exec --device "$device" -- bash -c '(exec "$1"/libusb_probe list) | cat; exec "$1"/libusb_probe list' \
    bash "$PROBES" >said
[ "$(grep -c 2b04:d006 said)" = 2 ] || fail "children and exec"
echo "ok: standard streams, children, exec"

"$VPARTICLE" exec --device "$device" --device "$device" --trace trace -- "$PROBES/libusb_probe" list >said
[ "$(head -1 trace)" = '1 attached 2b04:d006' ] || { cat trace >&2; fail "the trace's start"; }
says trace '2 ep0 out 0009010000000000 0 ok 0 - SET_CONFIGURATION 1'
echo "ok: --trace"

# A signal to vparticle is the tool's.
exec {tool}< <("$VPARTICLE" exec --device "$device" -- bash -c '
    sleep 60 &
    trap "kill %1; echo caught; exit 5" TERM
    echo "$PPID"
    wait' && echo "status 0" || echo "status $?")
pid=$(read_line "$tool")
kill -TERM "$pid"
[ "$(read_line "$tool")" = caught ] || fail "SIGTERM did not reach the tool"
[ "$(read_line "$tool")" = "status 5" ] || fail "status after SIGTERM"
exec {tool}<&-
echo "ok: signals"

# A descendant that outlives the tool still sees the device; exec ends when it has ended.
"$VPARTICLE" exec --device "$device" -- bash -c '
    mkfifo go
    (read -r _ <go; "$1"/libusb_probe list >late) &
    disown
    (echo >go) & disown
    exit 3' bash "$PROBES" && fail "status 3 was lost" || [ $? = 3 ]
says late 2b04:d006
echo "ok: descendants"

# A running emulator: one exec after the other has the device, and a second one is told why it hasn't.
"$VPARTICLE" run --device "$device" --usbip 127.0.0.1:0 --ready-file ready >emulator.log 2>&1 &
emulator=$!
started=("$emulator")
until [ -s ready ]; do
    kill -0 "$emulator" || { cat emulator.log >&2; fail "the emulator ended"; }
done
mkfifo hold
exec {tool}< <("$VPARTICLE" exec --connect "$(cat ready)" -- "$PROBES/libusb_probe" hold <hold)
exec {holder}>hold
[ "$(read_line "$tool")" = holding ] || fail "--connect"
"$VPARTICLE" exec --connect "$(cat ready)" -- "$PROBES/libusb_probe" list >said 2>&1
says said 'device 1-1 cannot be attached: the device is in use by another host'
grep -q 2b04 said && fail "two hosts have the device"
exec {holder}>&-
read -r -t 30 _ <&"$tool" || true
exec {tool}<&-
"$VPARTICLE" exec --connect "$(cat ready)" -- "$PROBES/libusb_probe" list >said 2>&1
says said '2b04:d006'
kill "$emulator"
wait "$emulator" || true
echo "ok: --connect"

[ -z "$(ls -A "$TMPDIR")" ] || { ls -A "$TMPDIR" >&2; fail "files were left behind"; }
echo "ok: nothing is left behind"
