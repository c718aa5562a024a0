#!/usr/bin/env bash
# A job in the guest: its status, streams, environment, signals, and what it leaves.
source "$(dirname "$0")/common.sh"
guest=("$VPARTICLE" guest run)

status_is 0 guest run -- true
status_is 1 guest run -- false
status_is 127 guest run -- no-such-program
says said 'no-such-program: no such program'
touch plain
status_is 126 guest run -- ./plain
says said './plain cannot be executed'
status_is 143 guest run -- sh -c 'kill -TERM $$'
status_is 2 guest run
status_is 2 guest run --share /no/such/folder -- true
status_is 2 guest run --share / -- true
status_is 2 guest walk
echo "ok: exit statuses"

# 1 MiB through a job and back, and what it says besides.
head -c 1048576 /dev/urandom >bytes
"${guest[@]}" -- sh -c 'tee copy; echo "besides" >&2' <bytes >back 2>errors
cmp bytes back || fail "standard input and output"
cmp bytes copy || fail "a file in the share"
[ "$(cat errors)" = besides ] || fail "standard error"
"${guest[@]}" -- cat </dev/null >back
[ ! -s back ] || fail "an empty standard input"
{ yes || true; } | "${guest[@]}" -- head -n 1 >back
[ "$(cat back)" = y ] || fail "a job that does not read all"
{ timeout 100 "${guest[@]}" -- yes || echo $? >status; } | head -n 1 >back
[ "$(cat back status)" = $'y\n141' ] || fail "a job whose output nobody reads"
echo "ok: streams"

"${guest[@]}" -- sh -c 'for i in $(seq 500); do echo "out $i"; echo "err $i" >&2; done' >both 2>&1
for i in $(seq 500); do printf 'out %s\nerr %s\n' "$i" "$i"; done | cmp - both ||
    fail "output and errors that go to the same file are not in order"
echo "ok: order"

odd=$'a b\n"c\\ $(d)\377'
mkdir "$odd"
(
    cd "$odd"
    umask 027
    ODD=$odd "${guest[@]}" -- sh -c 'printf %s "$ODD" >variable; printf %s "$1" >argument; pwd >where
        umask >mask; date +%s >time; hostname >name' sh "$odd"
)
printf %s "$odd" | cmp - "$odd/variable" || fail "a variable"
printf %s "$odd" | cmp - "$odd/argument" || fail "an argument"
printf '%s\n' "$folder/$odd" | cmp - "$odd/where" || fail "the working directory"
[ "$(cat "$odd/mask")" = 0027 ] || fail "umask"
[ "$(cat "$odd/name")" = guest ] || fail "it did not run in the guest"
(($(date +%s) - $(cat "$odd/time") < 60)) || fail "the guest's clock"
echo "ok: environment"

# What is written elsewhere is lost, and that is said; the share can be elsewhere.
"${guest[@]}" -- sh -c 'echo x >/opt/guest-was-here; echo y >/tmp/guest-was-here' 2>errors
says errors 'lost with it: /opt/guest-was-here; run in that folder or give --share FOLDER'
[ ! -e /opt/guest-was-here ] && [ ! -e /tmp/guest-was-here ] || fail "the guest wrote to the host"
mkdir share
(cd / && "${guest[@]}" --share "$folder/share" -- sh -c 'echo x >"$1"/kept' sh "$folder/share") 2>errors
[ "$(cat share/kept)" = x ] && [ ! -s errors ] || fail "--share"
(cd / && "${guest[@]}" -- pwd >"$folder/where") && [ "$(cat where)" = / ] || fail "without a share"
echo "ok: files"

# A signal is the job's; the second one ends the guest.
mkfifo started
"${guest[@]}" -- bash -c 'trap "exit 5" TERM; echo up; while :; do sleep 0.1; done' >started 2>errors &
job=$!
read -r -t 60 _ <started
kill -TERM "$job"
status=0
wait "$job" || status=$?
[ "$status" = 5 ] || fail "status $status after SIGTERM"
"${guest[@]}" -- bash -c 'trap "" TERM; echo up; while :; do sleep 0.1; done' >started 2>errors &
job=$!
read -r -t 60 _ <started
kill -TERM "$job"
kill -HUP "$job"
status=0
wait "$job" || status=$?
[ "$status" = 143 ] || [ "$status" = 129 ] || fail "status $status after a second signal"
says errors 'the guest was ended by signal'
echo "ok: signals"

"${guest[@]}" -- sh -c 'sleep 1; echo one >one; cat other' >from-one 2>&1 &
job=$!
echo other >other
"${guest[@]}" -- sh -c 'echo two >two; ls /sys/bus/usb/devices/usb1 >/dev/null && cat other' >from-two
wait "$job"
[ "$(cat one two from-one from-two)" = $'one\ntwo\nother\nother' ] || fail "two guests at a time"
echo "ok: two guests"
