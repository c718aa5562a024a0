# device: photon@0.5.2
heading find $device/ -printf '%p %y %m %l\n' | sort
heading grep -r -s --binary-files=text '' $device/ | sort
heading stat -c '%n %F %a %U:%G %t:%T' /dev/bus/usb/001/* /dev/ttyACM0
for name in /dev/serial/by-id/* /dev/serial/by-path/*; do
    printf '%s -> %s\n' "$name" "$(readlink "$name")"
done
for path in /sys/class/tty/ttyACM0 /sys/dev/char/166:0 /sys/bus/usb/drivers/cdc_acm/1-1:1.0; do
    printf '%s -> %s\n' "$path" "$(readlink "$path")"
done
