# device: electron@0.5.2
for path in $device $device/1-1:1.0 $device/1-1:1.1 /sys/class/tty/ttyACM0; do
    heading known_to_udev $path
done
heading udevadm info -a /sys/class/tty/ttyACM0
heading udevadm info -a $device/1-1:1.1
for query in name path symlink; do
    heading udevadm info -q $query -n /dev/ttyACM0 | tr ' ' '\n' | sort
done
