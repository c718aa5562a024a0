#!/bin/sh
# scripts/fetch-firmware where the images are not to be had, and where they are not the right ones.
# $1: the program (not used), $2: the script
set -eu
script=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/bin" "$folder/package"

fail() {
    echo "$*"
    cat "$folder/output"
    exit 1
}

# Run the script with an npm of ours; what it says goes to $folder/output.
run() {
    status=0
    PATH="$folder/bin:$PATH" "$script" "$folder/images" >"$folder/output" 2>&1 || status=$?
}

cat >"$folder/bin/npm" <<'EOF'
#!/bin/sh
echo "npm error network: no route to host" >&2
exit 1
EOF
chmod +x "$folder/bin/npm"
run
[ "$status" = 75 ] || fail "no network: exit status $status, not 75"
grep -q "no route to host" "$folder/output" || fail "npm's own words are not told"
grep -q "is there a network?" "$folder/output" || fail "it does not say that there is no network"

# A package whose images are not the right ones.
cat >"$folder/bin/npm" <<'EOF'
#!/bin/sh
set -e
mkdir -p package/binaries package/updates
awk -F '\t' '!/^#/ && $1 == "1.16.0" {print $2}' "$TABLE" | while read -r file; do
    echo wrong >"$file"
done
tar -czf particle-cli-1.16.0.tgz package
EOF
TABLE=$(dirname "$script")/firmware.tsv
export TABLE
run
[ "$status" = 1 ] || fail "wrong images: exit status $status, not 1"
grep -q "differs from its SHA-256; not used" "$folder/output" || fail "it does not say what is wrong"
[ -z "$(find "$folder/images" -type f)" ] || fail "a wrong image was kept"
echo "both told"
