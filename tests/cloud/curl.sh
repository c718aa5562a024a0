#!/usr/bin/env bash
# curl at the cloud: the ways in which it sends tokens, forms and files.
#
#     curl.sh CLOUD_SERVER
. "$(dirname "$0")/common.sh"

command -v curl >/dev/null || skip "there is no curl here; install the Debian package curl"
start_cloud "$1"
api=http://$address

status 200 "$api/oauth/token" -d grant_type=password -d username=alice -d password=wonder \
    -u particle:particle
says answer '"access_token":"'
status 400 "$api/oauth/token" -d grant_type=password -d username=alice -d password=wrong
says answer invalid_grant

status 401 "$api/v1/devices"
status 401 "$api/v1/devices" -H "Authorization: Bearer $alice$bob"
status 200 "$api/v1/devices" -H "Authorization: Bearer $alice"
says answer '"name":"lamp"'
status 200 "$api/v1/devices?access_token=$bob"
says answer '"name":"crane"'
status 403 "$api/v1/devices/lamp?access_token=$bob"
status 200 -X PUT "$api/v1/devices/lamp" -d name=torch -d "access_token=$alice"
status 200 -X PUT "$api/v1/devices/torch" -F name=lamp -F "access_token=$alice"
status 200 -X PUT "$api/v1/devices/lamp?access_token=$alice" -H 'Content-Type: application/json' \
    -d '{"name":"lamp"}'

mkdir src
echo 'void setup() {}' >src/app.ino
status 200 "$api/v1/binaries?access_token=$alice" -F 'file=@src/app.ino;filename=src/app.ino' \
    -F platform_id=6 -F build_target_version=0.6.3
url=$(sed 's/.*"binary_url":"\([^"]*\)".*/\1/' answer)
status 200 "$api$url?access_token=$alice"
[ "$(stat -c %s answer)" -gt 1000 ] || fail "the binary is too small"
status 404 "$api$url?access_token=$bob"

status 200 "$api/v1/device-os/versions/0.6.3?platform_id=6&access_token=$alice"
says answer 'photon-system-part1@0.6.3.bin'
status 200 "$api/device-os/0.6.3/photon/photon-system-part1@0.6.3.bin"

# A body of unknown length, one that curl announces first, and one that is too large.
head -c 1000000 /dev/zero >zeros.txt
head -c 8000000 /dev/zero >large.bin
status 400 -X PUT "$api/v1/devices/lamp?access_token=$alice" -H 'Transfer-Encoding: chunked' \
    -F file=@zeros.txt
status 400 -X PUT "$api/v1/devices/lamp?access_token=$alice" -H 'Expect: 100-continue' \
    -F file=@zeros.txt
status 413 -X PUT "$api/v1/devices/lamp?access_token=$alice" -F file=@large.bin
status 413 -X PUT "$api/v1/devices/lamp?access_token=$alice" -H 'Transfer-Encoding: chunked' \
    -F file=@large.bin

status 400 --path-as-is "$api/v1/../../../../etc/passwd?access_token=$alice"
status 400 "$api/device-os/0.6.3/photon/%2e%2e"
status 404 "$api/device-os/0.6.3/photon/..%2f..%2f..%2fetc%2fpasswd"
echo "passed"
