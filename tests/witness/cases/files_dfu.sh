# device: photon@0.5.2,mode=dfu
# All of sysfs below the device: names, kinds, modes and contents; and its nodes.
heading find $device/ -printf '%p %y %m %l\n' | sort
heading grep -r -s --binary-files=text '' $device/ | sort
heading stat -c '%n %F %a %U:%G %t:%T' /dev/bus/usb /dev/bus/usb/001 /dev/bus/usb/001/*
heading ls -l /dev/serial
heading find /sys/bus/usb/devices/usb1/ -maxdepth 1 -printf '%f %y %m %l\n' | sort
heading find /sys/devices/platform/vhci_hcd.0/ -maxdepth 1 -printf '%f %y %m %l\n' | sort
heading find /sys/bus/usb/devices/1-0:1.0/ -maxdepth 1 -printf '%f %y %m %l\n' | sort
