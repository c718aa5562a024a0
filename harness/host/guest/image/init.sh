#!/bin/busybox sh
# The guest's first program, /init of its initrd. It boots as far as it can without knowing the job, and
# waits on the virtio port; its state is saved there. Each run of the guest goes on from that line on.
# It talks to the host in frames (wire/frames.h), but reads one line of text.
b=/bin/busybox
export PATH=/bin
cd /

fail() { # what the host shows; up to 100 characters
    words=$1
    printf "F\\0\\0\\0\\$($b printf %o ${#words})%s" "$words" >&3
    $b sleep 1
    $b poweroff -f
}

$b mount -t proc proc /proc
$b mount -t sysfs sys /sys
$b mount -t devtmpfs dev /dev
while read -r module; do
    $b insmod "/modules/$module" || echo "module $module cannot be loaded"
done </modules/order
$b rm -r /modules

for port in /sys/class/virtio-ports/*; do
    read -r name <"$port/name"
    if [ "$name" = vparticle ]; then
        # Kept open: what the host has written would be lost with the last descriptor.
        exec 3<>"/dev/${port##*/}"
    fi
done

# The root: what the host has, and above it a file system of our own that takes all changes.
$b mount -t tmpfs -o mode=755 changes /changes
$b mkdir /changes/upper /changes/work
exec 4</changes

$b sleep 1 # What the kernel does later in its own time need not be done in each run.
printf 'W\0\0\0\0' >&3
read -r agent <&3
printf 'R\0\0\0\0' >&3

$b mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144,cache=loose,ro root /lower ||
    fail "the guest cannot mount the host's files"
$b mount -t overlay -o lowerdir=/lower,upperdir=/changes/upper,workdir=/changes/work root /root ||
    fail "the guest cannot mount a layer over the host's files"
agent=$(printf '%b.' "$agent") # so that the shell keeps line ends
agent=${agent%.}
[ -x "/root$agent" ] || fail "the guest does not find the program vparticle"
exec $b switch_root /root "$agent" guest-agent
