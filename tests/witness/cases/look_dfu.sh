# device: photon@0.5.2,mode=dfu
# What can be seen of a device in DFU mode.
heading lsusb
heading lsusb -t
heading lsusb -v -d 2b04:
heading lsusb -v -s 1:1
for path in usb1 1-0:1.0 1-1 1-1:1.0; do
    heading known_to_udev /sys/bus/usb/devices/$path
done
heading udevadm info -a $device/1-1:1.0
heading udevadm info -q name $device
heading udevadm info -q path -n /dev/bus/usb/001/002
heading find $device/ -printf '%p %y %m %l\n' | sed 's/ $//' | sort
heading grep -r -s --exclude=descriptors '' $device/ | sort
heading od -An -tx1 $device/descriptors
heading stat -c '%n %F %a %U:%G %t:%T' /dev/bus/usb /dev/bus/usb/001 /dev/bus/usb/001/*
heading ls -l /dev/serial
heading find /sys/bus/usb/devices/usb1/ -maxdepth 1 -printf '%f %y %m %l\n' | sed 's/ $//' | sort
heading find /sys/devices/platform/vhci_hcd.0/ -maxdepth 1 -printf '%f %y %m %l\n' | sed 's/ $//' | sort
heading find /sys/bus/usb/devices/1-0:1.0/ -maxdepth 1 -printf '%f %y %m %l\n' | sed 's/ $//' | sort

# The one difference that must always be there: who answers the system calls.
heading grep '^Seccomp:' /proc/self/status
