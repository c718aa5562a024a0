#!/usr/bin/env bash
# Emulated boards that a real kernel has on its USB, in a guest: between them and what reads real
# boards there is nothing but libusb.
source "$(dirname "$0")/common.sh"
command -v dfu-util >/dev/null || skip "dfu-util is not installed"
"$VPARTICLE" doctor >said || fail "the doctor says that nothing can be run here"
grep -q '^guest host  *ok' said || { cat said >&2; fail "the doctor does not see the guest"; }

cat >job.sh <<'END'
set -e
read_board() {
    rm -f own copy
    "$VPARTICLE" exec --host kernel --device "$1,flash=own" -- "$VPARTICLE" clone -o copy
    cmp own copy
    echo "read: $1"
}
read_board photon@0.5.2,mode=dfu
read_board core@0.6.2,mode=dfu
"$VPARTICLE" exec --host kernel --device electron@2.2.0 -- "$VPARTICLE" test --host hardware \
    --person "$VPARTICLE ctl" --format tap board.yaml
END
cat >board.yaml <<'END'
name: On a board of the kernel's
devices: ["electron@2.2.0"]
steps:
  - reset: {holding: 4000}
  - run: ${vparticle} forge electron/tinker@4 -o t.bin
  - run: dfu-util -d 2b04:d00a -a 0 -s 0x08080000 -D t.bin
  - expect: {usb: 2b04:d00a, modules: {user: 4}}
  - reset: {}
  - expect: {usb: 2b04:c00a}
END
export VPARTICLE
status_is 0 guest run -- bash job.sh
cat said
says said "read: photon@0.5.2,mode=dfu"
says said "read: core@0.6.2,mode=dfu"
says said "ok 1 - board.yaml: On a board of the kernel's"
! grep -q SKIP said || fail "it was skipped"
