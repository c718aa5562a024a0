# device: photon@0.5.2
# What the kernel announces when the device goes, and comes back; and what udev says of what comes.
# udev's order is a matter of luck, and what it still finds out about what goes, too.
stdbuf -oL udevadm monitor --kernel --udev --property >events &
monitor=$!
until grep -q 'the kernel' events 2>/dev/null && grep -q 'UDEV - ' events; do sleep 0.05; done
hand unplug
until_gone $device
hand plug
until_there /dev/ttyACM0
for last in 1-1 1-1/1-1:1.0 1-1/1-1:1.1; do
    until grep -q "^UDEV .* bind .*/usb1/$last (usb)" events; do sleep 0.05; done
done
kill $monitor
sed -i -E 's/\[[0-9.]+\]/[TIME]/; s/^(SEQNUM|USEC_INITIALIZED)=.*/\1=N/; s/^DEVLINKS=/DEVLINKS\nlink /; s/ (\/dev)/\nlink \1/2g' events
heading awk 'BEGIN { RS = ""; ORS = "\n\n" } /^KERNEL/' events
heading grep ^UDEV events | sort
heading awk 'BEGIN { RS = ""; ORS = "" } /^UDEV .* (add|bind) / { split($0, line, "\n"); gsub("\n", "\n" line[1] ": "); print $0 "\n" }' events |
    sort
