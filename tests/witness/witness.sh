#!/usr/bin/env bash
# witness.sh FOLDER: run all cases under the userland host and against the real kernel, in one guest,
# and compare. What each said is left in FOLDER. Status 77: skipped, with the reason.
set -euo pipefail

: "${VPARTICLE:?the path of the program}" "${PROBES:?the folder of the small programs}"
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
results=$1
rm -rf "$results"
mkdir -p "$results/userland" "$results/kernel"
results=$(realpath "$results")
for tool in lsusb dfu-util udevadm; do
    command -v "$tool" >/dev/null || { echo "SKIPPED: $tool is not installed"; exit 77; }
done
[ -e /lib/udev/rules.d/71-seat.rules ] || { echo "SKIPPED: systemd's rules for udev are not installed"; exit 77; }
status=0
"$VPARTICLE" guest prepare >"$results/prepare.log" 2>&1 || status=$?
case $status in
0) ;;
4) echo "SKIPPED: $(tail -n 1 "$results/prepare.log")" && exit 77 ;;
*) cat "$results/prepare.log" && echo "FAILED: the guest cannot be prepared" && exit 1 ;;
esac

start=$SECONDS
"$VPARTICLE" guest run --share "$results" -- \
    "$here/run_cases.sh" kernel "$results/kernel" >"$results/kernel.log" 2>&1 &
guest=$!
"$here/run_cases.sh" userland "$results/userland"
status=0
wait "$guest" || status=$?
cat "$results/kernel.log"
[ "$status" = 0 ] || { echo "FAILED: the guest ended with status $status"; exit 1; }
echo "all cases under both hosts: $((SECONDS - start)) s"

"$here/compare.sh" "$here/differences.txt" "$results/userland" "$results/kernel" \
    "$here/../../docs/hosts.md"
echo "ok: no difference but those of docs/hosts.md"
