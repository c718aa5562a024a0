# device: electron@0.5.2
# What can be seen of a device with a serial port.
heading lsusb -v -d 2b04:
for path in $device $device/1-1:1.0 $device/1-1:1.1 /sys/class/tty/ttyACM0; do
    heading known_to_udev $path
done
heading udevadm info -a /sys/class/tty/ttyACM0
heading udevadm info -a $device/1-1:1.1
for query in name path symlink; do
    heading udevadm info -q $query -n /dev/ttyACM0 | tr ' ' '\n' | sort
done
heading find $device/ -printf '%p %y %m %l\n' | sed 's/ $//' | sort
heading grep -r -s --exclude=descriptors '' $device/ | sort
heading od -An -tx1 $device/descriptors
heading stat -c '%n %F %a %U:%G %t:%T' /dev/bus/usb/001/* /dev/ttyACM0
for name in /dev/serial/by-id/* /dev/serial/by-path/*; do
    printf '%s -> %s\n' "$name" "$(readlink "$name")"
done
for path in /sys/class/tty/ttyACM0 /sys/dev/char/166:0 /sys/bus/usb/drivers/cdc_acm/1-1:1.0; do
    printf '%s -> %s\n' "$path" "$(readlink "$path")"
done
