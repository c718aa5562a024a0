#!/usr/bin/env bash
# exec and test in the guest: real tools, the real kernel, emulated devices.
source "$(dirname "$0")/common.sh"
command -v dfu-util >/dev/null || skip "dfu-util is not installed"
device=photon@erased,mode=dfu

began=$(date +%s%N)
status_is 0 exec --host guest --device "$device" -- dfu-util -l
says said 'Found DFU: [2b04:d006]'
echo "dfu-util -l in the guest took $((($(date +%s%N) - began) / 1000000)) ms"
echo "ok: list"

head -c 100000 /dev/urandom >bytes
status_is 0 exec --host=guest --device "$device" -- sh -c '
    dfu-util -d 2b04:d006 -a 0 -s 0x80A0000 -D bytes >&2 &&
    dfu-util -d 2b04:d006 -a 0 -s 0x80A0000:100000 -U back >&2'
cmp bytes back || fail "what was downloaded is not what was uploaded"
echo "ok: download and upload"

status_is 7 exec --host guest --device "$device" -- sh -c 'exit 7'
status_is 2 exec --host guest --connect 127.0.0.1:3240 -- true
status_is 2 exec --share . --device "$device" -- true
status_is 2 exec --host elsewhere --device "$device" -- true
mkdir share
(cd share && for lost in "--trace ../trace" "--device photon,flash=../image"; do
    status_is 2 exec --host guest --device "$device" $lost -- true
    says said 'would be lost with the guest'
done)
(cd / && "$VPARTICLE" exec --host guest --share "$folder/share" --device "$device" \
    -- sh -c 'echo x >"$1"/kept' sh "$folder/share")
[ "$(cat share/kept)" = x ] || fail "--share"
TMPDIR=$folder status_is 0 exec --host guest --device "$device" -- true # no socket can be made there
echo "ok: statuses and the share"

cat >list.yaml <<'END'
name: List a device
needs: [dfu-util]
devices: ["photon@erased,mode=dfu"]
steps:
  - run: dfu-util -l
    stdout: {contains: [Found DFU]}
END
status=0
"$VPARTICLE" test --host guest --report junit=report.xml list.yaml >said 2>&1 || status=$?
[ "$status" = 0 ] || { cat said >&2; fail "test --host guest: status $status"; }
says said 'ok 1 - list.yaml: List a device'
says report.xml 'List a device'
status_is 2 test --host guest --jobs 2 list.yaml
status_is 2 test --host guest --share share --report junit=report.xml list.yaml
says said 'would be lost with the guest'
echo "ok: scenarios"
