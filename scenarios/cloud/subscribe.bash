# subscribe.bash PARTICLE CLOUD TOKEN ID FILE...: flash the files one after the other while `particle subscribe` runs, and show what
# it says. Each file waits until the restart before it has been seen.
set -euo pipefail
particle=$1 cloud=$2 token=$3 id=$4
shift 4

mkfifo events
"$particle" subscribe spark >events 2>&1 &
subscriber=$!
trap 'kill "$subscriber" 2>/dev/null || true' EXIT
exec 3<events

publish() { curl -sSf "$cloud/v1/devices/events" -d access_token="$token" -d name="$1" -d private=true >answer.json; }

# wait_for TEXT: show lines up to the one with that text.
wait_for() {
    while IFS= read -r line <&3; do
        printf '%s\n' "$line"
        case $line in *"$1"*) return ;; esac
    done
    echo "subscribe ended before it said: $1" >&2
    exit 1
}

# Events are not kept: there is nothing to see before the first one comes.
until IFS= read -r -t 0.2 line <&3 && [[ $line == *spark-subscriber-is-there* ]]; do
    publish spark-subscriber-is-there
done

for file in "$@"; do
    "$particle" flash "$id" "$file"
    wait_for '"data":"offline"'
    wait_for '"data":"online"'
done
