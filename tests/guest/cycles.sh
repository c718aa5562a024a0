#!/usr/bin/env bash
# Attach, flash, leave, re-enumerate, detach, many times in one guest: nothing is left behind.
# VPARTICLE_CYCLES says how often.
source "$(dirname "$0")/common.sh"
here=$(cd "$(dirname "$0")" && pwd)

"$VPARTICLE" guest run -- "$here/cycles_inside.sh" "$VPARTICLE" "${VPARTICLE_CYCLES:-10}"
