#!/usr/bin/env bash
# --host hardware, with an emulated board on USB in the place of a real one: the inner program has no
# more of it than libusb shows, and its person is `vparticle ctl`.
source "$(dirname "$0")/common.sh"
command -v dfu-util >/dev/null || skip "dfu-util is not installed"

# on SPEC ARGUMENT...: `vparticle test --host hardware` on that board; its exit status in $status.
on() {
    local board="$1"
    shift
    status=0
    "$VPARTICLE" exec --device "$board" -- "$VPARTICLE" test --host hardware \
        --person "${person-"$VPARTICLE" ctl}" "$@" >log 2>&1 </dev/null || status=$?
}

# ended STATUS TEXT...: how it ended, and what it said.
ended() {
    [ "$status" = "$1" ] || { cat log >&2; fail "exit status $status instead of $1"; }
    local text
    for text in "${@:2}"; do
        says log "$text"
    done
    echo "ok: ${2:-$1}"
}

# steps NAME [SPEC]: a scenario out of standard input.
steps() {
    printf 'name: %s\ndevices: ["%s"]\nsteps:\n' "$1" "${2:-photon@1.5.0,mode=dfu}" >"$1.yaml"
    cat >>"$1.yaml"
}

steps flash <<'END'
  - run: ${vparticle} forge photon/tinker@2 -o t.bin
  - run: dfu-util -d 2b04:d006 -a 0 -s 0x080A0000:leave -D t.bin
    stdout: {contains: [File downloaded successfully]}
  - expect: {mode: normal, usb: 2b04:c006, led: cyan breathe}
  - press: {milliseconds: 4000}
  - expect: {mode: listening}
  - reset: {holding: 4000}
  - expect: {mode: dfu, usb: 2b04:d006, modules: {bootloader: 501, user: 2}}
  - plug: out
  - expect: {usb: none}
  - plug: in
  - power: cycle
  - expect: {usb: 2b04:c006}
  - expect: {modules: {user: 2}, flash: [{part: system-part1, unchanged: true}]}
END
on photon@1.5.0 flash.yaml
ended 0 "ok 1 - flash.yaml: flash" \
    "# on the photon at 1-1, serial number 30003a000a47343432313031" \
    "# line 7: mode normal: not checked on hardware: its system runs, but USB does not say in which mode" \
    "# line 7: LED cyan breathe: not checked on hardware: USB does not show the light" \
    "# line 9: mode listening: not checked on hardware"
[ "$(grep -c '^# ' log)" = 4 ] || fail "there are other notes"

# What is not as expected fails.
steps version <<'END'
  - expect: {modules: {user: 9}}
END
on photon@1.5.0,mode=dfu version.yaml
ended 1 'expected: "user version 9"' 'found: "version 6"'
steps changed <<'END'
  - run: sh -c 'head -c 4096 /dev/zero >z; dfu-util -d 2b04:d006 -a 0 -s 0x080C0000 -D z'
  - expect: {flash: [{at: 0x080C0000, size: 4096, unchanged: true}]}
END
on photon@1.5.0,mode=dfu changed.yaml
ended 1 '4096 of 4096 bytes differ; at 0x080c0000 there is 00, not ff'
steps usb photon@1.5.0 <<'END'
  - expect: {usb: 2b04:d006}
END
on photon@1.5.0,mode=dfu usb.yaml
ended 1 'found: "2b04:c006"'

# What a real board cannot do, or does not hold, is skipped before anything begins.
steps fault <<'END'
  - fault: {kind: serial-drop}
END
on photon@1.5.0 fault.yaml
ended 0 "# SKIP not on hardware: line 4: a real board's serial port has no faults to set"
steps kill <<'END'
  - run: 'true'
    kill_after: {writes: 1}
END
on photon@1.5.0 kill.yaml
ended 0 "# SKIP not on hardware: line 4: nobody can count"
steps access <<'END'
  - run: 'true'
    access: none
END
on photon@1.5.0 access.yaml
ended 0 "# SKIP not on hardware: line 4: the right to use"
steps light <<'END'
  - expect: {led: yellow blink}
END
on photon@1.5.0 light.yaml
ended 0 "# SKIP nothing that it expects can be checked on hardware" "LED yellow blink: not checked"
on photon@2.2.0 version.yaml
ended 0 "has version 501 in the slot bootloader; the board has version 1006. Flash that first"
on electron version.yaml
ended 0 "# SKIP none of the boards here is the photon: electron at 1-1"
status=0
"$VPARTICLE" exec --device photon@1.5.0 --device photon@1.5.0 -- "$VPARTICLE" test --host hardware \
    --person false version.yaml >log 2>&1 || status=$?
ended 3 "which one? Say --serial SERIAL"

steps identity photon@1.5.0,id=30003a000a47343432313039 <<'END'
  - expect: {usb: 2b04:c006}
END
on photon@1.5.0 identity.yaml
ended 0 "# SKIP it begins with the device id 30003a000a47343432313039, and the board has 30003a000a47343432313031"
on photon@1.5.0,id=30003a000a47343432313039 identity.yaml
ended 0 "ok 1 - identity.yaml: identity"

# First states.
steps safe photon@1.5.0,mode=safe <<'END'
  - expect: {usb: 2b04:c006, modules: {user: 6}}
END
on photon@1.5.0 safe.yaml
ended 0 "ok 1 - safe.yaml: safe"
steps core core@0.6.2 <<'END'
  - expect: {usb: "1d50:607d"}
END
on core@0.6.2,mode=dfu core.yaml
ended 0 "ok 1 - core.yaml: core" "# whether the board holds core@0.6.2: not checked on hardware"

# Nobody who presses buttons.
person=false on photon@1.5.0 version.yaml
ended 3 "'false reset 4000' failed (exit status 1)"
status=0
"$VPARTICLE" test --host hardware version.yaml >log 2>&1 </dev/null || status=$?
ended 2 "standard input is no terminal"

# A tool alone.
"$VPARTICLE" exec --device "$device" -- "$VPARTICLE" exec --host hardware -- dfu-util -l >log ||
    fail "exec --host hardware"
says log "Found DFU: [2b04:d006]"
status=0
"$VPARTICLE" exec --device "$device" -- "$VPARTICLE" exec --host hardware --serial 4711 -- \
    dfu-util -l >log 2>&1 || status=$?
ended 2 "none of the boards here is the one that is meant"
