#!/usr/bin/env bash
# What ends before its time: vparticle, QEMU, a preparation; and a saved state that is damaged.
source "$(dirname "$0")/common.sh"
mkfifo started

"$VPARTICLE" guest run -- sh -c 'echo up; sleep 600' >started &
job=$!
started+=("$job")
read -r -t 60 _ <started
qemu=$(qemu_of "$job")
[ -n "$qemu" ] || fail "there is no QEMU below vparticle"
kill -KILL "$job"
gone "$qemu" || fail "QEMU outlives vparticle"
wait "$job" 2>/dev/null || true
echo "ok: vparticle killed"

"$VPARTICLE" guest run -- sh -c 'echo up; sleep 600' >started 2>errors &
job=$!
started+=("$job")
read -r -t 60 _ <started
kill -KILL "$(qemu_of "$job")"
status=0
wait "$job" || status=$?
[ "$status" = 3 ] || fail "status $status after QEMU was killed"
says errors 'the guest ended without saying how the job did: QEMU was ended by signal 9'
echo "ok: QEMU killed"

status=0
"$VPARTICLE" guest run -- sh -c 'echo b >/proc/sysrq-trigger; sleep 600' >said 2>&1 || status=$?
[ "$status" = 3 ] || { cat said >&2; fail "status $status after the guest reset itself"; }
says said 'the guest ended without saying how the job did'
echo "ok: the guest resets"

# A cache of our own, with the same packages.
usual=${XDG_CACHE_HOME:-$HOME/.cache}/vparticle/guest
export XDG_CACHE_HOME=$folder/cache
own=$XDG_CACHE_HOME/vparticle/guest
mkdir -p "$own"
[ ! -d "$usual/packages" ] || cp -r --reflink=auto "$usual/packages" "$own/"

# prepare_until TEXT: begin, and kill it when it has said this.
prepare_until() {
    local line
    exec {output}< <(exec "$VPARTICLE" guest prepare 2>&1)
    local preparing=$!
    started+=("$preparing")
    while read -r -t 120 line <&"$output"; do
        [[ $line != *"$1"* ]] || break
    done
    [[ $line == *"$1"* ]] || fail "it never said '$1'"
    local i qemu=
    for ((i = 0; i < 100; i++)); do
        qemu=$(qemu_of "$preparing")
        [ -z "$qemu" ] && [ "$2" = qemu ] || break
        sleep 0.1
    done
    kill -KILL "$preparing"
    [ -z "$qemu" ] || gone "$qemu" || fail "QEMU outlives the preparation"
    exec {output}<&-
}

# entries: whole guests in the cache.
entries() { find "$own" -mindepth 1 -maxdepth 1 -regex '.*/[0-9a-f]*' | wc -l; }

prepare_until Unpacking none
[ "$(entries)" = 0 ] || fail "half a guest is in the cache"
prepare_until Booting qemu
[ "$(entries)" = 0 ] || fail "half a guest is in the cache"
echo old >"$own/packages/linux-image-5.10.0-1-amd64_5.10_amd64.deb"
status_is 0 guest prepare
says said 'It is prepared'
[ ! -e "$own/packages/linux-image-5.10.0-1-amd64_5.10_amd64.deb" ] || fail "old packages are kept"
[ "$(entries)" = 1 ] || fail "the guest is not in the cache"
[ -z "$(find "$own" -name 'making-*')" ] || fail "what was begun is still there"
status_is 0 guest prepare
[ ! -s said ] || { cat said >&2; fail "it was prepared again"; }
status_is 0 guest run -- true
echo "ok: preparation killed"

# The next run notices damage, and makes the state anew.
state() { find "$own" -name state; }
printf 'x' | dd of="$(state)" bs=1 seek=30000000 conv=notrunc status=none
status_is 0 guest run -- echo ran
says said 'its saved state is damaged'
says said 'It is prepared'
says said ran
# One that was damaged before its sum was made: QEMU itself refuses it.
printf 'xxxx' | dd of="$(state)" conv=notrunc status=none
printf '%d %s\n' "$(stat -c %s "$(state)")" \
    "$(gzip -1 <"$(state)" | tail -c 8 | od -A n -t x4 -N 4 | tr -d ' ')" >"$(state).sum"
status_is 0 guest run -- echo ran
says said 'QEMU cannot load its saved state'
says said 'It is prepared'
says said ran
echo "ok: damaged state"

# A package that is none, and a PATH without QEMU.
echo nonsense >wrong.deb
status_is 2 guest prepare --kernel wrong.deb
status_is 2 guest prepare --kernel no-such.deb
mkdir bin
status=0
PATH=$folder/bin "$VPARTICLE" guest run -- /bin/true >said 2>&1 || status=$?
[ "$status" = 0 ] || fail "QEMU in /usr/bin is not found without PATH"
PATH=$folder/bin "$VPARTICLE" guest prepare --cache "$folder/none" >said 2>&1 || status=$?
[ "$status" = 4 ] || { cat said >&2; fail "status $status without apt"; }
echo "ok: errors"
