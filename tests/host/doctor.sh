#!/usr/bin/env bash
# `vparticle doctor`: what can be done here, and what no more under a host.
source "$(dirname "$0")/common.sh"

"$VPARTICLE" doctor >log || fail "the userland host runs here, but the doctor says that none does"
says log "userland host      ok"
"$VPARTICLE" exec --device photon -- "$VPARTICLE" doctor >log || true
says log "one cannot run inside another"
says log "1 plugged in, which this user may open"
"$VPARTICLE" exec --device photon --access none -- "$VPARTICLE" doctor >log 2>&1 || true
says log "1 plugged in, of which 1 may not be opened by this user: /dev/bus/usb/001/002"
says log "udevadm trigger"
echo "ok: doctor"
