#!/bin/sh
# scripts/fetch-tools where nothing is to be had, where a part is there already, and wrong command lines.
# $1: the program (not used), $2: the script
set -eu
script=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir -p "$folder/bin" "$folder/tools/bin"

fail() {
    echo "$*"
    cat "$folder/output"
    exit 1
}

# Run the script with an npm of ours; what it says goes to $folder/output.
run() {
    status=0
    PATH="$folder/bin:$PATH" "$script" "$@" >"$folder/output" 2>&1 || status=$?
}

cat >"$folder/bin/npm" <<'EOF'
#!/bin/sh
echo "npm error network: no route to host" >&2
exit 1
EOF
cat >"$folder/bin/node" <<'EOF'
#!/bin/sh
exit 1
EOF
chmod +x "$folder/bin/npm" "$folder/bin/node"

run "$folder/tools"
[ "$status" = 75 ] || fail "no network: exit status $status, not 75"
[ "$(grep -c 'no route to host' "$folder/output")" = 4 ] || fail "one that fails keeps the others back"
[ "$(ls "$folder/tools")" = bin ] || fail "something was left behind"
run "$folder/tools" 9.9.9
[ "$status" = 2 ] || fail "an unknown version: exit status $status, not 2"
grep -q "there are: .*2.16.0" "$folder/output" || fail "it does not say which versions there are"
run --help-me
[ "$status" = 2 ] || fail "an unknown option: exit status $status, not 2"

# What starts is not fetched again; what does not is.
printf '#!/bin/sh\necho 2.16.0\n' >"$folder/tools/bin/particle-2.16.0"
chmod +x "$folder/tools/bin/particle-2.16.0"
run "$folder/tools" 2.16.0
[ "$status" = 0 ] || fail "a tool that is there was not left alone"
[ ! -s "$folder/output" ] || fail "there was nothing to say"
printf '#!/bin/sh\necho broken\n' >"$folder/tools/bin/particle-2.16.0"
run "$folder/tools" 2.16.0
[ "$status" = 75 ] || fail "a broken tool was taken for a good one"
echo "all told"
